"""How domains are used, once they are proven: as default, over https, for sending domains, for subaccounts."""

from typing import Any

import pytest

from helpers.registries import (
    StubCheck,
    absent,
    at_once,
    hourly,
    make_tables,
    open_registry,
    pass_time,
    row,
    works,
    wrong,
)
from linkwrap import DomainError, OptionError
from linkwrap.domains import DomainRegistry, Evidence

HOST = "click.acme.test"
OTHER = "news.acme.test"


@pytest.fixture
def domains(database_url: str, stub: StubCheck) -> Any:
    """An empty registry."""
    with open_registry(database_url, check=stub) as domains:
        make_tables(domains)
        yield domains


def verified(domains: DomainRegistry, host: str, account: str = "acme", **options: Any) -> str:
    """Add a host and have it verified."""
    domains.add(host, account=account, **options)
    assert domains.check(host, account=account).verified
    return host


def defaults(domains: DomainRegistry) -> set[str]:
    """The hosts that are a default."""
    return {domain.host for domain in domains.domains() if domain.default}


def brought_to(state: str, domains: DomainRegistry, stub: StubCheck, url: str) -> None:
    """Bring a new domain to a state."""
    domains.add(HOST, account="acme")
    ways: dict[str, list[Evidence]] = {
        "pending": [absent()],
        "invalid": [wrong()],
        "propagating": [works(ownership=False)],
        "verified": [works(https=True)],
        "suspended": [works(https=True), wrong()],
        "lapsed": [works(https=True), wrong()],
    }
    for evidence in ways[state]:
        stub.say(HOST, evidence)
        domains.check(HOST)
        pass_time(url, 25 * 3600)
    if state == "lapsed":
        hourly(domains, url, HOST, 25)
    assert domains.domain(HOST).state == state


UNVERIFIED = ["pending", "invalid", "propagating", "suspended", "lapsed"]


@pytest.mark.parametrize("state", UNVERIFIED)
def test_only_verified_domains_become_default(
    domains: DomainRegistry, stub: StubCheck, database_url: str, state: str
) -> None:
    """Any other is refused, with its state, and may be told not to be one."""
    brought_to(state, domains, stub, database_url)
    with pytest.raises(DomainError, match=f"{HOST} is {state}, and only a verified domain can be the default"):
        domains.set_default(HOST)
    assert not domains.set_default(HOST, False).default
    assert "default" not in {change.kind for change in domains.changes()}


def test_default_replaces_the_former(domains: DomainRegistry) -> None:
    """There is one at a time, the history has both, and one may be taken back."""
    for host in (verified(domains, HOST), verified(domains, OTHER)):
        last = domains.changes()[-1].id
        domain = domains.set_default(host)
        assert domain.default
        assert domain == domains.domain(host)
        assert defaults(domains) == {host}
        assert domains.account("acme").tracking_domain().host == host
    assert [(change.host, change.kind, change.state, change.value) for change in domains.changes(after=last)] == [
        (HOST, "default", "verified", False),
        (OTHER, "default", "verified", True),
    ]
    domains.set_default(HOST, False)
    assert defaults(domains) == {OTHER}
    domains.set_default(OTHER, False)
    assert defaults(domains) == set()
    assert domains.account("acme").tracking_domain().host == "spgo.io"


def test_defaults_of_other_scopes_are_untouched(domains: DomainRegistry) -> None:
    """Another account, a subaccount and the account itself have a default each."""
    verified(domains, HOST)
    verified(domains, OTHER, subaccount="shop")
    verified(domains, "blog.acme.test", subaccount="blog")
    verified(domains, "click.bolt.test", account="bolt")
    verified(domains, "news.bolt.test", account="bolt", subaccount="shop")
    everyone = {domain.host for domain in domains.domains()}
    for host in everyone:
        domains.set_default(host)
    assert defaults(domains) == everyone
    verified(domains, "shop.acme.test", subaccount="shop")
    domains.set_default("shop.acme.test")
    assert defaults(domains) == everyone - {OTHER} | {"shop.acme.test"}


def test_suspended_default_is_replaced(domains: DomainRegistry, stub: StubCheck) -> None:
    """A default that is suspended stays one, unless another takes its place."""
    verified(domains, HOST)
    verified(domains, OTHER)
    domains.set_default(HOST)
    stub.say(HOST, wrong())
    domains.check(HOST)
    assert defaults(domains) == {HOST}
    assert domains.account("acme").tracking_domain().host == "spgo.io"
    domains.set_default(OTHER)
    assert defaults(domains) == {OTHER}
    assert domains.account("acme").tracking_domain().host == OTHER


def test_defaults_set_at_once(database_url: str, stub: StubCheck) -> None:
    """However many are set at one moment, one is the default at the end, and the history says which."""
    with open_registry(database_url, check=stub) as domains:
        hosts = [verified(domains, f"click{number}.acme.test") for number in range(6)]
        domains.set_default(hosts[0])
        for _ in range(5):
            results = at_once(*[lambda host=host: domains.set_default(host) for host in hosts[1:]])
            refused = [result for result in results if isinstance(result, BaseException)]
            assert all(isinstance(error, DomainError) and "concurrently: retry" in str(error) for error in refused)
            assert len(refused) < 5
            now: set[str] = set()
            for change in domains.changes():
                if change.kind == "default":
                    now = now | {change.host} if change.value is True else now - {change.host}
            assert defaults(domains) == now
            assert len(now) == 1


@pytest.mark.parametrize("value", ["yes", None, 2])
@pytest.mark.parametrize("method", ["set_default", "set_secure"])
def test_settings_that_are_no_yes_or_no(domains: DomainRegistry, stub: StubCheck, method: str, value: Any) -> None:
    """They are refused as what they are."""
    stub.say(HOST, works(https=True))
    verified(domains, HOST)
    with pytest.raises(TypeError, match=f"{method.removeprefix('set_')} must be bool, not "):
        getattr(domains, method)(HOST, value)


def test_secure_needs_a_proof(domains: DomainRegistry, stub: StubCheck) -> None:
    """Links become https only after a check saw a valid certificate; back to http is always possible."""
    verified(domains, HOST)
    domains.set_default(HOST)
    assert not domains.domain(HOST).secure
    complaint = f"the last check of {HOST} saw no valid certificate: get one, then check again"
    with pytest.raises(DomainError, match=complaint):
        domains.set_secure(HOST)
    stub.say(HOST, works(https=True))
    domains.check(HOST)
    assert (domains.domain(HOST).certificate_valid, domains.domain(HOST).secure) == (True, False)
    assert domains.set_secure(HOST).secure
    assert domains.account("acme").tracking_domain().origin == f"https://{HOST}"
    last = domains.changes()[-1].id
    assert domains.set_secure(HOST).secure
    assert domains.changes(after=last) == []
    assert not domains.set_secure(HOST, False).secure
    assert domains.account("acme").tracking_domain().origin == f"http://{HOST}"
    stub.say(HOST, works())
    domains.check(HOST)
    with pytest.raises(DomainError, match=complaint):
        domains.set_secure(HOST)


def test_secure_from_the_first_proof(domains: DomainRegistry, stub: StubCheck) -> None:
    """Who has a certificate when verified gets https at once."""
    stub.say(HOST, works(https=True))
    verified(domains, HOST)
    domains.set_default(HOST)
    assert domains.account("acme").tracking_domain().origin == f"https://{HOST}"


@pytest.mark.parametrize("state", ["suspended", "lapsed"])
def test_secure_needs_a_proof_of_the_last_check(
    domains: DomainRegistry, stub: StubCheck, database_url: str, state: str
) -> None:
    """A certificate that an earlier check saw, before the host led elsewhere, is none."""
    brought_to(state, domains, stub, database_url)
    domains.set_secure(HOST, False)
    with pytest.raises(DomainError, match="saw no valid certificate"):
        domains.set_secure(HOST)


def test_secure_is_kept_by_later_checks(domains: DomainRegistry, stub: StubCheck) -> None:
    """A check says what is there, and does not change what was chosen."""
    stub.say(HOST, works(https=True))
    verified(domains, HOST)
    domains.set_secure(HOST, False)
    assert domains.check(HOST).verified
    assert not domains.domain(HOST).secure


def test_change_of_the_scheme_is_in_the_history(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """A domain that comes back without a certificate is http from then on, and the history says so."""
    brought_to("lapsed", domains, stub, database_url)
    assert domains.domain(HOST).secure
    stub.say(HOST, works())
    domains.check(HOST)
    pass_time(database_url, 60)
    domains.check(HOST)
    assert domains.domain(HOST).verified
    assert not domains.domain(HOST).secure
    assert ("secure", "verified", False) in [(change.kind, change.state, change.value) for change in domains.changes()]


def test_link_and_unlink(domains: DomainRegistry) -> None:
    """Mail from a linked sending domain goes out on the domain; other mail does not."""
    verified(domains, HOST)
    domains.assign(HOST, "acme.test")
    domain = domains.assign(HOST, "Shop.ACME.test.")
    assert domain.sending_domains == ("acme.test", "shop.acme.test")
    assert domains.assign(HOST, "acme.test").sending_domains == domain.sending_domains
    account = domains.account("acme")
    assert account.tracking_domain(sending_domain="acme.test").host == HOST
    assert account.tracking_domain(sending_domain="mail.acme.test").host == "spgo.io"
    assert domains.unassign(HOST, "ACME.test").sending_domains == ("shop.acme.test",)
    assert domains.account("acme").tracking_domain(sending_domain="acme.test").host == "spgo.io"
    with pytest.raises(DomainError, match=f"acme.test is not assigned to {HOST}"):
        domains.unassign(HOST, "acme.test")
    assert [(change.kind, change.value) for change in domains.changes(after=2)] == [
        ("assigned", "acme.test"),
        ("assigned", "shop.acme.test"),
        ("unassigned", "acme.test"),
    ]


def test_link_before_it_is_verified(domains: DomainRegistry, stub: StubCheck) -> None:
    """A link takes effect as soon as the domain is verified."""
    domains.add(HOST, account="acme")
    domains.assign(HOST, "acme.test")
    assert domains.account("acme").tracking_domain(sending_domain="acme.test").host == "spgo.io"
    domains.check(HOST)
    assert domains.account("acme").tracking_domain(sending_domain="acme.test").host == HOST


@pytest.mark.parametrize(
    ("sender", "complaint"),
    [
        ("", "not a DNS host name"),
        ("acme", "not a DNS host name"),
        ("192.0.2.1", "not a DNS host name"),
        ("mailer@acme.test", "is an email address: give the part after the @"),
        ("https://acme.test", "is a URL: give the host alone"),
        ("*.acme.test", "is a wildcard: add each host by itself"),
        (None, "sending_domain must be str, not None"),
        (5, "sending_domain must be str, not int"),
    ],
)
def test_senders_that_are_no_host(domains: DomainRegistry, sender: Any, complaint: str) -> None:
    """They are refused, and nothing is stored."""
    domains.add(HOST, account="acme")
    for method in (domains.assign, domains.unassign):
        with pytest.raises(DomainError if isinstance(sender, str) else TypeError, match=complaint):
            method(HOST, sender)
    assert domains.domain(HOST).sending_domains == ()


def test_sender_linked_elsewhere(domains: DomainRegistry) -> None:
    """A sending domain leads to one domain of an account, and to one of each other account."""
    domains.add(HOST, account="acme")
    domains.add(OTHER, account="acme", subaccount="shop")
    domains.add("click.bolt.test", account="bolt")
    domains.assign(HOST, "acme.test")
    with pytest.raises(DomainError, match=f"acme.test is assigned to {HOST} already: unassign it there first"):
        domains.assign(OTHER, "acme.test")
    with pytest.raises(DomainError, match=f"acme.test is not assigned to {OTHER}"):
        domains.unassign(OTHER, "acme.test")
    assert domains.assign("click.bolt.test", "acme.test").sending_domains == ("acme.test",)
    domains.unassign(HOST, "acme.test")
    assert domains.assign(OTHER, "acme.test").sending_domains == ("acme.test",)


def test_sender_linked_twice_at_once(database_url: str) -> None:
    """Of two links of one sending domain that are made at one moment, one stays."""
    with open_registry(database_url) as domains:
        for host in (HOST, OTHER):
            domains.add(host, account="acme")
        for number in range(10):
            sender = f"mail{number}.acme.test"
            results = at_once(
                *[lambda host=host, sender=sender: domains.assign(host, sender) for host in (HOST, OTHER)]
            )
            refused = [result for result in results if isinstance(result, BaseException)]
            assert len(refused) == 1
            assert isinstance(refused[0], DomainError)
        linked = [sender for domain in domains.domains() for sender in domain.sending_domains]
        assert sorted(linked) == [f"mail{number}.acme.test" for number in range(10)]
        assert len(domains.changes()) == 12


def test_removal_unlinks(domains: DomainRegistry) -> None:
    """A removed domain is linked to nothing, is no default, and its senders may be linked anew."""
    verified(domains, HOST)
    verified(domains, OTHER)
    domains.set_default(HOST)
    domains.assign(HOST, "acme.test")
    domains.remove(HOST)
    assert domains.account("acme").tracking_domain(sending_domain="acme.test").host == "spgo.io"
    assert domains.set_default(OTHER).default
    assert domains.assign(OTHER, "acme.test").sending_domains == ("acme.test",)
    again = domains.add(HOST, account="acme").domain
    assert (again.default, again.sending_domains, again.ownership_verified, again.secure) == (False, (), False, False)


def test_removal_leaves_the_links_of_others(domains: DomainRegistry) -> None:
    """Another claimant of the same host keeps its own."""
    for account in ("acme", "bolt"):
        domains.add(HOST, account=account)
        domains.assign(HOST, "acme.test", account=account)
    domains.remove(HOST, account="acme")
    assert domains.domain(HOST).account_id == "bolt"
    assert domains.domain(HOST).sending_domains == ("acme.test",)


def test_settings_are_of_the_account_that_is_named(domains: DomainRegistry) -> None:
    """A claimant cannot change the domain of the owner, nor the owner that of a claimant."""
    domains.add(HOST, account="bolt")
    verified(domains, HOST)
    with pytest.raises(DomainError, match="is pending"):
        domains.set_default(HOST, account="bolt")
    domains.assign(HOST, "bolt.test", account="bolt")
    assert domains.domain(HOST).account_id == "acme"
    assert domains.domain(HOST).sending_domains == ()
    domains.remove(HOST, account="bolt")
    assert domains.domain(HOST).verified


def test_precedence(domains: DomainRegistry, stub: StubCheck) -> None:
    """The account picks: what is asked for, the sender's, the subaccount's default, the account's, the target."""
    names = {"default": None, "linked": None, "asked": None, "shop": "shop", "shoplinked": "shop", "blog": "blog"}
    hosts = {name: f"{name}.acme.test" for name in names}
    for name, subaccount in names.items():
        verified(domains, hosts[name], subaccount=subaccount)
    for name in ("default", "shop", "blog"):
        domains.set_default(hosts[name])
    domains.assign(hosts["linked"], "acme.test")
    domains.assign(hosts["shoplinked"], "shop.test")

    def picks(*arguments: str | None) -> str:
        return domains.account("acme").tracking_domain(*arguments).host.partition(".")[0]

    assert picks(hosts["asked"], "acme.test", "shop") == "asked"
    assert picks(None, "acme.test", "shop") == "linked"
    assert picks(None, "shop.test", "shop") == "shoplinked"
    assert picks(None, "shop.test", "blog") == "blog"
    assert picks(None, "shop.test") == "default"
    assert picks(None, None, "shop") == "shop"
    assert picks(None, None, "nobody") == "default"
    assert picks() == "default"
    with pytest.raises(DomainError, match="has no tracking domain"):
        picks(hosts["shop"])
    for name, then in (("shop", "default"), ("default", "spgo")):
        stub.say(hosts[name], wrong(hosts[name]))
        domains.check(hosts[name])
        assert picks(None, None, "shop") == then
    stub.say(hosts["linked"], wrong(hosts["linked"]))
    domains.check(hosts["linked"])
    assert picks(None, "acme.test", "blog") == "blog"
    assert domains.account("bolt").tracking_domain(None, "acme.test", "blog").host == "spgo.io"


def test_settings_of_one_domain_at_once(database_url: str, stub: StubCheck) -> None:
    """Changes to one domain from several threads do not undo each other."""
    stub.say(HOST, works(https=True))
    with open_registry(database_url, check=stub) as domains:
        verified(domains, HOST)
        domains.set_secure(HOST, False)
        senders = [f"mail{number}.acme.test" for number in range(6)]
        results = at_once(
            lambda: domains.set_default(HOST),
            lambda: domains.set_secure(HOST),
            *[lambda sender=sender: domains.assign(HOST, sender) for sender in senders],
        )
        assert [result for result in results if isinstance(result, BaseException)] == []
        domain = domains.domain(HOST)
        assert (domain.default, domain.secure, domain.sending_domains) == (True, True, tuple(senders))
        assert domain.verified
        assert [change.kind for change in domains.changes()][:4] == ["added", "state", "secure", "secure"]
        assert len(domains.changes()) == 4 + 8
    assert row(database_url, HOST)["lease"] is None


def test_wrong_account_is_our_error(domains: DomainRegistry) -> None:
    """An account of the wrong kind is an error of ours."""
    domains.add(HOST, account="acme")
    for account, error in ((5, TypeError), ("nobody", DomainError), ("", OptionError)):
        with pytest.raises(error):
            domains.set_default(HOST, account=account)  # type: ignore[arg-type]

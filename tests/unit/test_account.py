"""Tracking domains, and which of them a message's links go to."""

import pickle
from collections.abc import Iterable
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from linkwrap.account import DEFAULT_TRACKING_DOMAIN, Account, TrackingDomain
from linkwrap.errors import DomainError


def test_a_host_alone_is_a_tracking_domain() -> None:
    """A tracking domain is https, unverified, no default and the account's own where nothing else is said."""
    domain = TrackingDomain("click.acme.com")
    assert domain == TrackingDomain(
        "click.acme.com",
        secure=True,
        port=None,
        verified=False,
        default=False,
        subaccount=None,
        sending_domains=(),
        problem=None,
    )


def test_the_systems_default() -> None:
    """The system's default is spgo.io, ready for use."""
    assert DEFAULT_TRACKING_DOMAIN.host == "spgo.io"
    assert DEFAULT_TRACKING_DOMAIN.verified
    assert DEFAULT_TRACKING_DOMAIN.origin == "https://spgo.io"


@pytest.mark.parametrize(
    ("domain", "origin"),
    [
        (TrackingDomain("Click.ACME.com."), "https://click.acme.com"),
        (TrackingDomain("klick.faß.de", secure=False), "http://klick.xn--fa-hia.de"),
        (TrackingDomain("localhost:8080", secure=False), "http://localhost:8080"),
        (TrackingDomain("acme.localhost", port=8443), "https://acme.localhost:8443"),
        (TrackingDomain("click.acme.com:443"), "https://click.acme.com"),
        (TrackingDomain("click.acme.com:80", secure=False), "http://click.acme.com"),
        (TrackingDomain("click.acme.com:80"), "https://click.acme.com:80"),
        (TrackingDomain("click.acme.com:0443", port=443), "https://click.acme.com"),
    ],
)
def test_the_origin_is_what_its_urls_begin_with(domain: TrackingDomain, origin: str) -> None:
    """Scheme, host and port make the origin, without a port that the scheme implies."""
    assert domain.origin == origin


def test_sending_domains_are_kept_like_hosts() -> None:
    """Sending domains come in any spelling and any sequence, and are kept once each, as lower-case A-labels."""
    domain = TrackingDomain("click.acme.com", sending_domains=["Acme.com.", "acme.com", "faß.de"])
    assert domain.sending_domains == ("acme.com", "xn--fa-hia.de")


def test_a_tracking_domain_is_a_value() -> None:
    """A tracking domain cannot be changed, only replaced; equal ones count as one; it can be pickled."""
    domain = TrackingDomain("click.acme.com:8080", sending_domains=["acme.com"])
    with pytest.raises(FrozenInstanceError):
        domain.verified = True  # type: ignore[misc]
    assert replace(domain, verified=True).verified
    assert len({domain, TrackingDomain("CLICK.acme.com", port=8080, sending_domains=("acme.com",))}) == 1
    assert pickle.loads(pickle.dumps(domain)) == domain  # noqa: S301


def test_options_are_keyword_only() -> None:
    """Nothing but the host is given by position."""
    with pytest.raises(TypeError):
        TrackingDomain("click.acme.com", False)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("host", "options", "fault"),
    [
        ("", {}, "it is empty"),
        ("acme", {}, "'acme' is not a DNS host name: it has only one label"),
        ("*.acme.com", {}, "'*.acme.com' is not a DNS host name"),
        ("192.0.2.1:80", {}, "'192.0.2.1' is not a DNS host name: it is an IP address"),
        ("[2001:db8::1]:80", {}, "it is an IP address"),
        ("https://click.acme.com", {}, "not a URL: use 'click.acme.com'"),
        ("click.acme.com/", {}, "not a URL: use 'click.acme.com'"),
        ("//user@click.acme.com/f", {}, "not a URL: use 'click.acme.com'"),
        ("click.acme.com:8080/f", {}, "not a URL: use 'click.acme.com:8080'"),
        ("/f", {}, "not a URL: use 'click.acme.com'"),
        (
            "HTTP://localhost:8080",
            {},
            "not a URL: for http use TrackingDomain('localhost:8080', secure=False, verified=True)",
        ),
        ("click.acme.com:", {}, "'' is not a port"),
        ("click.acme.com:http", {}, "'http' is not a port"),
        ("click.acme.com:٨٠", {}, "'٨٠' is not a port"),
        ("click.acme.com:0", {}, "port must be from 1 to 65535, not 0"),
        ("click.acme.com:65536", {}, "port must be from 1 to 65535, not 65536"),
        ("click.acme.com:80", {"port": 81}, "port is 81, but host says 80"),
        ("click.acme.com", {"port": -1}, "port must be from 1 to 65535, not -1"),
        ("click.acme.com", {"subaccount": ""}, "subaccount must be None or a string that is not empty"),
        ("click.acme.com", {"problem": ""}, "problem must be None or a string that is not empty"),
        ("click.acme.com", {"sending_domains": ["a@acme.com"]}, "'a@acme.com' is not a DNS host name"),
    ],
)
def test_a_faulty_tracking_domain_says_what_is_wrong(host: str, options: dict[str, object], fault: str) -> None:
    """Each fault of a tracking domain has its own words."""
    with pytest.raises(DomainError) as caught:
        TrackingDomain(host, **options)  # type: ignore[arg-type]
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("host", "options", "fault"),
    [
        (None, {}, "host must be str, not None"),
        (b"click.acme.com", {}, "host must be str, not bytes"),
        ("click.acme.com", {"port": "80"}, "port must be int or None, not str"),
        ("click.acme.com", {"port": True}, "port must be int or None, not bool"),
        ("click.acme.com", {"verified": "pending"}, "verified must be bool, not str"),
        ("click.acme.com", {"secure": 1}, "secure must be bool, not int"),
        ("click.acme.com", {"default": None}, "default must be bool, not None"),
        ("click.acme.com", {"subaccount": 7}, "subaccount must be str or None, not int"),
        ("click.acme.com", {"problem": ["suspended"]}, "problem must be str or None, not list"),
        ("click.acme.com", {"sending_domains": "acme.com"}, "sending_domains must be a sequence of domains, not str"),
        ("click.acme.com", {"sending_domains": None}, "sending_domains must be a sequence of domains, not None"),
        ("click.acme.com", {"sending_domains": ["acme.com", None]}, "sending_domains[1] must be str, not None"),
        ("click.acme.com", {"verifed": True}, "unexpected keyword argument 'verifed'"),
    ],
)
def test_wrong_types_in_a_tracking_domain_are_type_errors(host: str, options: dict[str, object], fault: str) -> None:
    """A wrong type is named with the argument, what it must be and what it is."""
    with pytest.raises(TypeError) as caught:
        TrackingDomain(host, **options)  # type: ignore[arg-type]
    assert fault in str(caught.value)


def test_one_message_lists_every_fault_of_a_tracking_domain() -> None:
    """All faults are said at once, with the host that they are about; one wrong type makes them a TypeError."""
    with pytest.raises(DomainError) as plain:
        TrackingDomain("a_b.acme.com:x", port=0, subaccount="", sending_domains=["acme"])
    for part in ("a_b.acme.com:x", "'x' is not a port", "'a_b' is not", "port must be", "subaccount", "'acme'"):
        assert part in str(plain.value)
    with pytest.raises(TypeError) as caught:
        TrackingDomain("a_b.acme.com:x", verified="no", subaccount="", sending_domains=["acme"])  # type: ignore[arg-type]
    message = str(caught.value)
    for part in ("a_b.acme.com:x", "'x' is not a port", "'a_b' is not", "verified", "subaccount", "'acme'"):
        assert part in message


def test_an_account_is_a_value() -> None:
    """An account takes its domains as any sequence, cannot be changed, has a hash and can be pickled."""
    domains = [TrackingDomain("click.acme.com", verified=True, default=True)]
    account = Account("acme", domains)
    domains.clear()
    assert account.domains == (TrackingDomain("click.acme.com", verified=True, default=True),)
    with pytest.raises(FrozenInstanceError):
        account.id = "other"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(account))  # noqa: S301
    assert (again, hash(again), again.tracking_domain()) == (account, hash(account), account.domains[0])
    assert repr(account) == f"Account(id='acme', domains={account.domains!r})"


@pytest.mark.parametrize(
    ("domains", "fault"),
    [
        ([TrackingDomain("a.com"), TrackingDomain("A.com:8080", subaccount="s")], "two domains have the host 'a.com'"),
        (
            [TrackingDomain("a.com", default=True), TrackingDomain("b.com", default=True)],
            "two domains are the default of the account",
        ),
        (
            [TrackingDomain(host, default=True, subaccount="s") for host in ("a.com", "b.com")],
            "two domains are the default of subaccount 's'",
        ),
        (
            [
                TrackingDomain("a.com", sending_domains=["acme.com"]),
                TrackingDomain("b.com", subaccount="s", sending_domains=["Acme.com"]),
            ],
            "'acme.com' is assigned to two domains",
        ),
    ],
)
def test_an_account_refuses_domains_that_contradict_each_other(domains: list[TrackingDomain], fault: str) -> None:
    """Hosts, defaults and assignments are unique in an account."""
    with pytest.raises(DomainError, match="acme") as caught:
        Account("acme", domains)
    assert fault in str(caught.value)


def test_one_message_lists_every_fault_of_an_account() -> None:
    """All faults of an account are said at once."""
    domain = TrackingDomain("a.com", default=True, sending_domains=["acme.com"])
    with pytest.raises(DomainError) as caught:
        Account("", [domain, domain])
    for part in ("id must be", "the host 'a.com'", "'acme.com' is assigned", "default of the account"):
        assert part in str(caught.value)


def test_each_subaccount_has_a_default_of_its_own() -> None:
    """The account and each of its subaccounts may have one default each."""
    domains = [TrackingDomain(f"{name}.com", default=True, verified=True, subaccount=name) for name in ("a", "b")]
    account = Account("acme", [*domains, TrackingDomain("own.com", default=True, verified=True)])
    assert account.tracking_domain(subaccount="a").host == "a.com"
    assert account.tracking_domain(subaccount="b").host == "b.com"
    assert account.tracking_domain(subaccount="c").host == "own.com"
    assert account.tracking_domain().host == "own.com"


@pytest.mark.parametrize(
    ("id", "options", "fault"),
    [
        (5, {}, "id must be str, not int"),
        ("acme", {"domains": ["a.com"]}, "domains[0] must be TrackingDomain, not str"),
        ("acme", {"domains": "a.com"}, "domains must be a sequence of TrackingDomain, not str"),
        ("acme", {"domains": None}, "domains must be a sequence of TrackingDomain, not None"),
        ("acme", {"domains": TrackingDomain("a.com")}, "must be a sequence of TrackingDomain, not TrackingDomain"),
        ("acme", {"fallback": None}, "fallback must be TrackingDomain, not None"),
        ("acme", {"fallback": "spgo.io"}, "fallback must be TrackingDomain, not str"),
        ("acme", {"fallback": {"host": "spgo.io"}}, "fallback must be TrackingDomain, not dict"),
        ("acme", {"default": "a.com"}, "unexpected keyword argument 'default'"),
    ],
)
def test_wrong_types_in_an_account_are_type_errors(id: str, options: dict[str, object], fault: str) -> None:  # noqa: A002
    """A wrong type is named, and with it everything else that is wrong with the account."""
    with pytest.raises(TypeError) as caught:
        Account(id, **options)  # type: ignore[arg-type]
    assert fault in str(caught.value)


@pytest.mark.parametrize("name", ["requested", "sending_domain", "subaccount"])
@pytest.mark.parametrize("value", [5, b"acme.com", ["acme.com"], DEFAULT_TRACKING_DOMAIN])
def test_wrong_types_in_a_request_are_type_errors(name: str, value: object) -> None:
    """What is neither text nor None is the caller's mistake, at every step."""
    with pytest.raises(TypeError, match=f"{name} must be str or None, not {type(value).__name__}"):
        ACME.tracking_domain(**{name: value})  # type: ignore[arg-type]


ASSIGNED = TrackingDomain("assigned.acme.com", verified=True, sending_domains=["acme.com"])
DEFAULT = TrackingDomain("default.acme.com", verified=True, default=True)
SUBACCOUNTS = TrackingDomain("sub.acme.com", verified=True, default=True, subaccount="s")
OTHER = TrackingDomain("other.acme.com:8443", verified=True)
ACME = Account("acme", [ASSIGNED, DEFAULT, SUBACCOUNTS, OTHER])


def test_the_order_of_precedence() -> None:
    """Requested, assigned, subaccount's default, account's default, system's default: the first there is serves."""
    assert ACME.tracking_domain("other.acme.com", "acme.com", "s") == OTHER
    assert ACME.tracking_domain(None, "acme.com", "s") == ASSIGNED
    assert ACME.tracking_domain(None, "elsewhere.com", "s") == SUBACCOUNTS
    assert ACME.tracking_domain(None, "elsewhere.com", None) == DEFAULT
    assert Account("acme", [ASSIGNED, OTHER]).tracking_domain() == DEFAULT_TRACKING_DOMAIN
    assert Account("acme").tracking_domain() == DEFAULT_TRACKING_DOMAIN


@pytest.mark.parametrize("sending_domain", ["ACME.com", "acme.com."])
def test_a_sending_domain_may_be_spelled_in_any_way(sending_domain: str) -> None:
    """The From address's domain is compared as a host name."""
    assert ACME.tracking_domain(sending_domain=sending_domain) == ASSIGNED


@pytest.mark.parametrize("sending_domain", ["", "news.acme.com", "[192.0.2.1]", "a@acme.com", "acme.com\n"])
def test_other_sending_domains_are_assigned_to_nothing(sending_domain: str) -> None:
    """A From address without a usable domain costs the message its tracking domain, not its sending."""
    assert ACME.tracking_domain(sending_domain=sending_domain) == DEFAULT


@pytest.mark.parametrize("requested", ["other.acme.com", "OTHER.acme.com.", "other.acme.com:8443"])
def test_a_requested_domain_may_be_spelled_in_any_way(requested: str) -> None:
    """A requested domain is compared as a host name, its port only where one is said."""
    assert ACME.tracking_domain(requested) == OTHER


@pytest.mark.parametrize(
    "requested", ["", "x.acme.com", "spgo.io", "other.acme.com:80", "assigned.acme.com:443", "https://other.acme.com"]
)
def test_a_requested_domain_that_is_unknown_is_refused(requested: str) -> None:
    """A request is met or refused, never replaced by another domain."""
    with pytest.raises(DomainError) as caught:
        ACME.tracking_domain(requested, "acme.com")
    assert repr(requested) in str(caught.value)


def test_a_requested_domain_that_is_not_verified_is_refused() -> None:
    """A request for an unverified domain says that this is what is missing."""
    account = Account("acme", [TrackingDomain("click.acme.com", default=True), DEFAULT_TRACKING_DOMAIN])
    with pytest.raises(DomainError, match=r"'click\.acme\.com' is not verified"):
        account.tracking_domain("click.acme.com")
    assert account.tracking_domain() == DEFAULT_TRACKING_DOMAIN


def test_a_requested_domain_with_a_problem_says_it() -> None:
    """The registry knows why a domain cannot be used, and the sender is told; it stays the account's own affair."""
    problem = "suspended since 2026-11-30T10:00:00Z, because the CNAME leads elsewhere"
    suspended = TrackingDomain("click.acme.com", problem=problem, sending_domains=["acme.com"])
    account = Account("acme", [suspended, TrackingDomain("s.acme.com", subaccount="s", problem=problem)])
    with pytest.raises(DomainError) as caught:
        account.tracking_domain("click.acme.com")
    assert str(caught.value) == f"the tracking domain 'click.acme.com' cannot be used: {problem}"
    with pytest.raises(DomainError, match=r"has no tracking domain 's\.acme\.com'"):
        account.tracking_domain("s.acme.com")
    assert account.tracking_domain(sending_domain="acme.com") == DEFAULT_TRACKING_DOMAIN


def test_the_problem_is_part_of_the_value_and_counts_only_while_unverified() -> None:
    """A problem survives pickling, and does not stop a domain that is verified."""
    domain = TrackingDomain("click.acme.com", problem="pending")
    assert pickle.loads(pickle.dumps(domain)) == domain != TrackingDomain("click.acme.com")  # noqa: S301
    verified = replace(domain, verified=True)
    assert Account("acme", [verified]).tracking_domain("click.acme.com") == verified


def test_unverified_domains_are_passed_over() -> None:
    """Until a domain is verified, mail goes out on the next one in order."""
    domains = [replace(ASSIGNED, verified=False), replace(SUBACCOUNTS, verified=False), DEFAULT]
    assert Account("acme", domains).tracking_domain(None, "acme.com", "s") == DEFAULT


def test_a_subaccounts_domain_serves_only_that_subaccount() -> None:
    """Neither by request, nor by assignment, nor as default does a subaccount's domain serve anyone else."""
    domain = TrackingDomain("s.com", verified=True, default=True, subaccount="s", sending_domains=["from-s.com"])
    account = Account("acme", [domain])
    assert account.tracking_domain("s.com", subaccount="s") == domain
    assert account.tracking_domain(None, "from-s.com", "s") == domain
    for subaccount in (None, "t"):
        assert account.tracking_domain(None, "from-s.com", subaccount) == DEFAULT_TRACKING_DOMAIN
        with pytest.raises(DomainError, match=r"has no tracking domain 's\.com'"):
            account.tracking_domain("s.com", subaccount=subaccount)


OWN = TrackingDomain("links.operator.example", secure=False, port=8080, verified=True)


def test_a_message_that_no_domain_serves_goes_out_on_the_fallback() -> None:
    """An operator's own default takes the place of the system's, at the last step and at no other."""
    account = Account("acme", [ASSIGNED, OTHER], fallback=OWN)
    assert account.tracking_domain() == OWN
    assert account.tracking_domain(sending_domain="elsewhere.com", subaccount="s") == OWN
    assert account.tracking_domain(sending_domain="acme.com") == ASSIGNED
    assert account.tracking_domain("other.acme.com") == OTHER
    assert replace(account, domains=[DEFAULT]).tracking_domain() == DEFAULT
    assert Account("acme", fallback=OWN).tracking_domain() == OWN


def test_unverified_domains_are_passed_over_for_the_fallback() -> None:
    """Until its own domains are verified, an account's mail goes out on the fallback."""
    domains = [replace(domain, verified=False) for domain in (ASSIGNED, DEFAULT, SUBACCOUNTS)]
    assert Account("acme", domains, fallback=OWN).tracking_domain(None, "acme.com", "s") == OWN


def test_without_a_fallback_it_is_the_systems_default() -> None:
    """Nothing else has to be said."""
    assert Account("acme").fallback == DEFAULT_TRACKING_DOMAIN
    assert Account("acme") == Account("acme", fallback=DEFAULT_TRACKING_DOMAIN)


def test_the_fallback_cannot_be_requested() -> None:
    """It is no domain of the account's: a request for it is refused like that for another's."""
    with pytest.raises(DomainError, match=r"has no tracking domain 'links\.operator\.example'"):
        Account("acme", [DEFAULT], fallback=OWN).tracking_domain("links.operator.example")


def test_the_fallback_is_part_of_the_value() -> None:
    """Accounts with other fallbacks differ, the fallback survives pickling, and is given by name only."""
    account = Account("acme", [OTHER], fallback=OWN)
    assert account != Account("acme", [OTHER])
    again = pickle.loads(pickle.dumps(account))  # noqa: S301
    assert (again, again.tracking_domain()) == (account, OWN)
    assert repr(account) == f"Account(id='acme', domains={account.domains!r})"
    with pytest.raises(FrozenInstanceError):
        account.fallback = DEFAULT  # type: ignore[misc]
    with pytest.raises(TypeError):
        Account("acme", [OTHER], OWN)  # type: ignore[misc]


def test_a_fallback_must_be_a_verified_domain() -> None:
    """Mail would go out on dead links otherwise; the fault is said with the others."""
    with pytest.raises(DomainError) as caught:
        Account("", fallback=replace(OWN, verified=False))
    assert "fallback must be a verified TrackingDomain, and 'links.operator.example' is not" in str(caught.value)
    assert "id must be" in str(caught.value)


SUBACCOUNT = st.sampled_from([None, "s", "t"])
SENDERS = ["x.com", "y.com"]
DOMAINS = st.lists(
    st.builds(
        TrackingDomain,
        st.sampled_from([f"{letter}.acme.com" for letter in "abcde"]),
        verified=st.booleans(),
        default=st.booleans(),
        subaccount=SUBACCOUNT,
        sending_domains=st.lists(st.sampled_from(SENDERS), max_size=2),
    ),
    max_size=5,
)


def rules(
    domains: Iterable[TrackingDomain],
    requested: str | None,
    sending_domain: str | None,
    subaccount: str | None,
    fallback: TrackingDomain,
) -> str | None:
    """The host that serves a message by a plain table of the rules; None where the request is refused."""
    serving = [domain for domain in domains if domain.subaccount is None or domain.subaccount == subaccount]
    verified = [domain for domain in serving if domain.verified]
    table = [
        [domain for domain in verified if sending_domain in domain.sending_domains],
        [domain for domain in verified if domain.default and domain.subaccount == subaccount],
        [domain for domain in verified if domain.default and domain.subaccount is None],
        [fallback],
    ]
    if requested is not None:
        table = [[domain for domain in verified if domain.host == requested]]
    return next((row[0].host for row in table if row), None)


@given(
    DOMAINS,
    st.sampled_from([None, None, "a.acme.com", "b.acme.com", "z.acme.com"]),
    st.sampled_from([None, *SENDERS]),
    SUBACCOUNT,
    st.sampled_from([DEFAULT_TRACKING_DOMAIN, OWN]),
)
@example([ASSIGNED, DEFAULT, SUBACCOUNTS], None, "acme.com", "s", OWN)
def test_the_choice_follows_the_table_of_rules(
    domains: list[TrackingDomain],
    requested: str | None,
    sending_domain: str | None,
    subaccount: str | None,
    fallback: TrackingDomain,
) -> None:
    """For any domains, fallback and message, the domain is the one that the rules' table gives."""
    try:
        account = Account("acme", domains, fallback=fallback)
    except DomainError:
        assume(False)
    expected = rules(domains, requested, sending_domain, subaccount, fallback)
    if expected is None:
        with pytest.raises(DomainError):
            account.tracking_domain(requested, sending_domain, subaccount)
    else:
        chosen = account.tracking_domain(requested, sending_domain, subaccount)
        assert chosen.host == expected
        assert chosen.verified
        assert chosen.subaccount in (None, subaccount)


@given(DOMAINS)
def test_what_an_account_refuses_is_what_contradicts(domains: list[TrackingDomain]) -> None:
    """An account is refused exactly where a host, a default or a sending domain is there twice."""
    hosts = [domain.host for domain in domains]
    links = [name for domain in domains for name in domain.sending_domains]
    defaults = [domain.subaccount for domain in domains if domain.default]
    if all(len(set(names)) == len(names) for names in (hosts, links, defaults)):
        assert Account("acme", domains).domains == tuple(domains)
    else:
        with pytest.raises(DomainError):
            Account("acme", domains)

"""What users of the registry see: domains that are asked for, looked up, checked and removed, and their history."""

import asyncio
import gc
import logging
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, make_url, text

from helpers.registries import (
    Clock,
    StubCheck,
    absent,
    at_once,
    hourly,
    make_tables,
    open_registry,
    pass_time,
    sql,
    works,
    wrong,
)
from linkwrap import DomainError, LinkWrapError, OptionError, TrackingDomain
from linkwrap.domains import Change, DomainRegistry, NoRegistry
from linkwrap.domains.cache import KEPT_FOR

HOST = "click.acme.test"


@pytest.fixture
def domains(database_url: str, stub: StubCheck) -> Any:
    """An empty registry."""
    with open_registry(database_url, check=stub) as domains:
        make_tables(domains)
        yield domains


def kinds(changes: list[Change]) -> list[tuple[str, str | None, str | None, bool | str | None]]:
    """Kind, states before and after, and value of each change."""
    return [(change.kind, change.previous_state, change.state, change.value) for change in changes]


@pytest.mark.parametrize("scheme", ["sqlite", "postgresql"])
def test_databases_that_cannot_be_used(tmp_path: Path, scheme: str) -> None:
    """The error is ours, one sentence, and has no password."""
    file = tmp_path / "domains.db"
    file.write_bytes(b"hunter2, which is no database" * 100)
    url = f"sqlite:///{file}" if scheme == "sqlite" else "postgresql+psycopg://user:hunter2@127.0.0.1:9/domains"
    with open_registry(url) as domains, pytest.raises(LinkWrapError, match="database cannot be used: ") as error:
        domains.domains()
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


def test_target_that_is_not_marked_verified(tmp_path: Path) -> None:
    """A target that no mail could fall back to is refused when it is given, not when mail is sent."""
    try:
        domains = open_registry(f"sqlite:///{tmp_path / 'x.db'}", cname_target=TrackingDomain("links.example.com"))
    except LinkWrapError:
        return
    with domains:
        assert domains.account("acme").tracking_domain().host == "links.example.com"


def test_add(domains: DomainRegistry) -> None:
    """A new domain is pending, due at once, and comes with the records to create, in words and as zone lines."""
    request = domains.add(HOST, account="acme")
    domain = request.domain
    assert (domain.host, domain.account_id, domain.subaccount, domain.state) == (HOST, "acme", None, "pending")
    assert not any(
        (
            domain.ownership_verified,
            domain.secure,
            domain.certificate_valid,
            domain.default,
            domain.ownership_trusted,
            domain.verified,
        )
    )
    assert domain.added_at == domain.next_check == domain.since
    assert abs(domain.added_at - datetime.now(UTC)) < timedelta(seconds=5)
    assert str(request).splitlines() == [
        f"CNAME record: name {HOST}, value spgo.io",
        f"TXT record: name _linkwrap.{HOST}, value {domain.challenge}",
    ]
    assert request.zone_lines == (
        f"{HOST}. 300 IN CNAME spgo.io.",
        f'_linkwrap.{HOST}. 300 IN TXT "{domain.challenge}"',
    )
    assert domains.request(HOST) == request
    assert domains.domain(HOST) == domain
    assert domain.challenge not in repr(domain)


@pytest.mark.parametrize(
    ("options", "types"),
    [
        ({}, ["CNAME", "TXT"]),
        ({"ownership_trusted": True}, ["CNAME"]),
        ({"method": "http"}, ["TXT"]),
        ({"method": "http", "ownership_trusted": True}, []),
    ],
)
def test_records_by_options(domains: DomainRegistry, options: dict[str, Any], types: list[str]) -> None:
    """Who is ownership_trusted for needs no TXT record, and who is behind a CDN no CNAME."""
    request = domains.add(HOST, account="acme", **options)
    assert [record.type for record in request.records] == types
    assert [line.split()[3] for line in request.zone_lines] == types


def test_own_target(database_url: str) -> None:
    """The target of the CNAME is the registry's, and what mail falls back to."""
    target = TrackingDomain("links.example.com", secure=False, verified=True)
    with open_registry(database_url, cname_target=target) as domains:
        domains.add("first.acme.test", account="acme")
        assert domains.cname_target == target
        assert domains.add(HOST, account="acme").records[0].value == "links.example.com"
        assert domains.account("acme").tracking_domain() == target
        with pytest.raises(DomainError, match=r"'links\.example\.com' is the CNAME target"):
            domains.add("links.example.com", account="acme")


def test_target_is_kept(database_url: str, stub: StubCheck) -> None:
    """It is that of the first use, need not be given again, and is the same however it is spelled."""
    with open_registry(database_url, cname_target="links.example.com", check=stub) as domains:
        domains.add(HOST, account="acme")
    for options in (
        {"cname_target": None},
        {"cname_target": None, "create": False},
        {"cname_target": "LINKS.Example.com."},
    ):
        with open_registry(database_url, **options, check=stub) as domains:
            assert domains.cname_target == TrackingDomain("links.example.com", verified=True)
            assert domains.request(HOST).records[0].value == "links.example.com"
            assert domains.account("acme").tracking_domain().host == "links.example.com"
            with pytest.raises(DomainError, match=r"overlaps with the CNAME target 'links\.example\.com'"):
                domains.add("click.links.example.com", account="acme")
            assert domains.check(HOST).domain.host == HOST
    with open_registry(database_url, cname_target=None, check=stub) as domains:
        assert domains.add("news.acme.test", account="acme").records[0].value == "links.example.com"
        assert domains.add("click.spgo.io", account="acme").domain.host == "click.spgo.io"


@pytest.mark.parametrize(("kept", "given"), [("spgo.io", "links.example.com"), ("links.example.com", "spgo.io")])
def test_another_target_is_refused(database_url: str, stub: StubCheck, kept: str, given: str) -> None:
    """The customers' records lead to the first one: what depends on it is refused, and nothing changes."""
    with open_registry(database_url, cname_target=kept, check=stub) as domains:
        domains.add(HOST, account="acme")
        before = domains.domains(), domains.changes()
    with open_registry(database_url, cname_target=given, check=stub) as domains:
        calls: list[Any] = [
            lambda: domains.cname_target,
            lambda: domains.request(HOST),
            lambda: domains.account("acme"),
        ]
        calls += [lambda: domains.add("news.acme.test", account="acme"), lambda: domains.check(HOST), domains.check_due]
        for call in calls:
            with pytest.raises(
                OptionError,
                match=f"the CNAME target of this registry is {kept}, not {given}: leave it out",
            ):
                call()
    assert stub.asked == []
    with open_registry(database_url, cname_target=None, check=stub) as domains:
        assert domains.cname_target.host == kept
        assert (domains.domains(), domains.changes()) == before


def test_first_use_at_once_with_two_targets(database_url: str) -> None:
    """Of two targets that are given at one moment, one is kept, and the other refused."""
    targets = ["links.example.com", "spgo.io"] * 2
    registries = [open_registry(database_url, cname_target=target) for target in targets]
    results = at_once(*[lambda n=n: registries[n].add(f"click{n}.acme.test", account=f"account{n}") for n in range(4)])
    kept = open_registry(database_url, cname_target=None, create=False)
    refused = [isinstance(result, OptionError) for result in results]
    assert refused == [target != kept.cname_target.host for target in targets]
    assert len(kept.domains()) == 2
    for each in (*registries, kept):
        each.close()


def test_checks_need_keys(database_url: str) -> None:
    """All else does without them."""
    with open_registry(database_url, keys=None) as domains:
        domains.add(HOST, account="acme")
        for call in (lambda: domains.check(HOST), domains.check_due):
            with pytest.raises(OptionError, match="a check needs the keys of the redirect server"):
                call()
        assert len(domains.account("acme").domains) == 1
        domains.assign(HOST, "acme.test")
        assert domains.domain(HOST).checked_at is None
        domains.remove(HOST)


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("", "empty"),
        ("acme", "only one label"),
        ("192.0.2.1", "IP address"),
        ("::1", "IP address"),
        ("*.acme.test", "wildcard"),
        ("https://click.acme.test/", "is a URL"),
        ("click.acme.test:8080", "port"),
        ("_dmarc.acme.test", "letters, digits"),
        ("click..acme.test", "a label is empty"),
        ("a" * 64 + ".acme.test", "1 to 63"),
        (".".join(["a" * 61] * 4), "the TXT record needs the rest"),
        ("localhost", "reader's own machine"),
        ("spgo.io", "is the CNAME target"),
        ("SPGO.IO.", "is the CNAME target"),
        ("click.spgo.io", "overlaps with the CNAME target 'spgo.io'"),
    ],
)
def test_hosts_that_cannot_be_added(domains: DomainRegistry, host: Any, complaint: str) -> None:
    """Each is refused in a sentence, and nothing is stored."""
    with pytest.raises(DomainError, match=complaint):
        domains.add(host, account="acme")
    assert domains.domains() == domains.changes() == []


@pytest.mark.parametrize(("host", "kind"), [(None, "None"), (b"click.acme.test", "bytes"), (7, "int")])
def test_hosts_of_another_type(domains: DomainRegistry, host: Any, kind: str) -> None:
    """They are refused wherever a host is given, and nothing is stored."""
    calls: list[Any] = [domains.domain, domains.request, domains.check, domains.remove, domains.set_default]
    calls += [
        domains.set_secure,
        lambda host: domains.assign(host, "acme.test"),
        lambda host: domains.add(host, account="a"),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=f"^host must be str, not {kind}$"):
            call(host)
    assert domains.domains() == domains.changes() == []


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"account": ""}, OptionError, "account must be 1 to 100 printable bytes of UTF-8, not ''"),
        ({"account": None}, TypeError, "account must be str, not None"),
        ({"account": "a" * 5000}, OptionError, "account must be 1 to 100 printable bytes of UTF-8, not 'aaa"),
        ({"subaccount": ""}, OptionError, "subaccount must be 1 to 100 printable bytes"),
        ({"subaccount": 7}, TypeError, "subaccount must be str, not int"),
        ({"method": "txt"}, OptionError, "method must be 'cname' or 'http', not 'txt'"),
        ({"method": None}, TypeError, "method must be str, not None"),
        ({"ownership_trusted": "yes"}, TypeError, "ownership_trusted must be bool, not str"),
        (
            {"method": "txt", "subaccount": 7},
            TypeError,
            "method must be 'cname' or 'http', not 'txt'; subaccount must be str",
        ),
    ],
)
def test_wrong_values(domains: DomainRegistry, options: dict[str, Any], error: type[Exception], complaint: str) -> None:
    """A wrong type is a TypeError, a value that cannot be used an OptionError; all faults are in one message."""
    with pytest.raises(error, match=complaint):
        domains.add(**{"host": HOST, "account": "acme"} | options)


def test_strings_of_other_classes(domains: DomainRegistry) -> None:
    """A string of a class of its own, such as Django's or an enumeration's, is a string."""

    class Text(str):
        __slots__ = ()

    domains.add(Text(HOST), account=Text("acme"), method=Text("http"))  # type: ignore[arg-type]
    assert [domain.host for domain in domains.domains(account=Text("acme"), state=Text("pending"))] == [HOST]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["ac\0me", "ac\ud800me"], ids=["NUL", "surrogate"])
@pytest.mark.parametrize("where", ["account", "subaccount"])
def test_names_that_a_database_cannot_keep(domains: DomainRegistry, where: str, text: str) -> None:
    """They are refused as what they are, the same in both databases, and do not pass for a broken database."""
    with pytest.raises(OptionError):
        domains.add(**{"account": "acme", "host": HOST} | {where: text})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spelled", "kept"),
    [
        ("CLICK.Acme.TEST", "click.acme.test"),
        ("click.acme.test.", "click.acme.test"),
        ("klick.müller.test", "klick.xn--mller-kva.test"),
        ("klick.MÜLLER.test", "klick.xn--mller-kva.test"),
    ],
)
def test_spellings(domains: DomainRegistry, spelled: str, kept: str) -> None:
    """Case, a trailing dot and international names are the same host everywhere."""
    assert domains.add(spelled, account="acme", ownership_trusted=True).domain.host == kept
    for spelling in (spelled, kept, kept.upper(), f"{kept}."):
        assert domains.domain(spelling).host == kept
        assert domains.check(spelling).domain.host == kept
        assert [change.host for change in domains.changes(host=spelling)] == [kept, kept]
        with pytest.raises(DomainError, match=r"has .* already"):
            domains.add(spelling, account="acme")
    domains.assign(spelled, "MÜLLER.test")
    assert domains.domain(kept).sending_domains == ("xn--mller-kva.test",)
    assert domains.set_default(spelled).default
    assert domains.account("acme").tracking_domain().host == kept
    assert domains.account("acme").tracking_domain(requested=spelled).host == kept
    domains.remove(spelled)
    assert domains.domains() == []


def test_added_already(domains: DomainRegistry) -> None:
    """The same account cannot add a host twice, and is told of its state."""
    domains.add(HOST, account="acme")
    with pytest.raises(DomainError, match=f"account 'acme' has {HOST} already: it is pending"):
        domains.add(HOST, account="acme", ownership_trusted=True)
    assert not domains.domain(HOST).ownership_trusted


def test_added_twice_at_once(database_url: str) -> None:
    """Of several calls that add the same at one moment, one succeeds, and the others are told."""
    registries = [open_registry(database_url) for _ in range(4)]
    for each in registries:
        make_tables(each)
        each.domains()
    results = at_once(*[lambda each=each: each.add(HOST, account="acme") for each in registries])
    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 3
    assert all(isinstance(error, DomainError) and "already" in str(error) for error in refused)
    assert len(registries[0].changes()) == 1
    for each in registries:
        each.close()


def test_unknown_host(domains: DomainRegistry) -> None:
    """Each method says that there is no such domain."""
    domains.add(HOST, account="acme")
    calls: list[Any] = [domains.domain, domains.request, domains.check, domains.remove, domains.set_default]
    calls += [domains.set_secure, lambda host, **rest: domains.assign(host, "acme.test", **rest)]
    calls += [lambda host, **rest: domains.unassign(host, "acme.test", **rest)]
    for call in calls:
        with pytest.raises(DomainError, match=r"there is no domain 'news\.acme\.test' in the registry: add it first"):
            call("news.acme.test")
        with pytest.raises(DomainError, match=r"there is no domain 'click\.acme\.test' of account 'evil'"):
            call(HOST, account="evil")
        with pytest.raises(DomainError, match="not a DNS host name"):
            call("not a host")


def test_several_claimants(domains: DomainRegistry, stub: StubCheck) -> None:
    """Where nobody has proven a host, the account has to be named; once somebody has, it is theirs that is meant."""
    for account in ("acme", "evil"):
        domains.add(HOST, account=account)
    calls: list[Any] = [domains.domain, domains.request, domains.check, domains.remove, domains.set_default]
    for call in calls:
        with pytest.raises(
            DomainError, match=f"2 accounts claim {HOST}, none with verified ownership: say which account"
        ):
            call(HOST)
    assert domains.domain(HOST, account="evil").account_id == "evil"
    assert domains.check(HOST, account="evil").domain.account_id == "evil"
    assert domains.domain(HOST).account_id == "evil"
    assert domains.domain(HOST, account="acme").account_id == "acme"
    assert [domain.account_id for domain in domains.domains()] == ["acme", "evil"]
    domains.remove(HOST)
    assert domains.domain(HOST).account_id == "acme"


def test_domains(domains: DomainRegistry, stub: StubCheck) -> None:
    """All, or those of an account or in a state, ordered by host."""
    stub.say("c.acme.test", absent("c.acme.test"))
    for account, host in (("acme", "c.acme.test"), ("acme", "a.acme.test"), ("bolt", "b.bolt.test")):
        domains.add(host, account=account)
        domains.assign(host, f"mail.{host}", account=account)
        domains.check(host)
    assert [domain.host for domain in domains.domains()] == ["a.acme.test", "b.bolt.test", "c.acme.test"]
    assert [domain.host for domain in domains.domains(account="acme")] == ["a.acme.test", "c.acme.test"]
    assert [domain.host for domain in domains.domains(state="verified")] == ["a.acme.test", "b.bolt.test"]
    assert [domain.host for domain in domains.domains(account="acme", state="pending")] == ["c.acme.test"]
    assert domains.domains(account="nobody") == []
    assert {domain.host: domain.sending_domains for domain in domains.domains()} == {
        host: (f"mail.{host}",) for host in ("a.acme.test", "b.bolt.test", "c.acme.test")
    }


def test_verify(domains: DomainRegistry, stub: StubCheck) -> None:
    """The result is returned, and what was seen is stored."""
    domains.add(HOST, account="acme")
    stub.say(HOST, absent())
    result = domains.check(HOST)
    assert (result.previous_state, result.domain.state, result.verified) == ("pending", "pending", False)
    assert result.advice == (f"create a CNAME record for {HOST} with the value spgo.io",)
    assert domains.domain(HOST) == result.domain
    assert result.domain.evidence["advice"] == list(result.advice)
    stub.say(HOST, works(https=True))
    again = domains.check(HOST)
    assert (again.previous_state, again.domain.state) == ("pending", "verified")
    domain = domains.domain(HOST)
    assert (domain.ownership_verified, domain.secure, domain.certificate_valid) == (True, True, True)
    assert domain.next_check - domain.checked_at > timedelta(days=6)


def test_history(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """Each change is kept with its time and evidence, also once the domain is removed."""
    domains.add(HOST, account="acme", subaccount="shop")
    domains.check(HOST)
    domains.set_default(HOST)
    domains.assign(HOST, "acme.test")
    stub.say(HOST, works(https=True))
    domains.check(HOST)  # no change of the state
    domains.set_secure(HOST)
    stub.say(HOST, wrong())
    domains.check(HOST)
    domains.unassign(HOST, "acme.test")
    domains.set_default(HOST, False)
    domains.remove(HOST)
    domains.add("click.bolt.test", account="bolt")
    history = domains.changes(host=HOST)
    assert kinds(history) == [
        ("added", None, "pending", None),
        ("state", "pending", "verified", None),
        ("default", "verified", "verified", True),
        ("assigned", "verified", "verified", "acme.test"),
        ("secure", "verified", "verified", True),
        ("state", "verified", "suspended", None),
        ("unassigned", "suspended", "suspended", "acme.test"),
        ("default", "suspended", "suspended", False),
        ("removed", "suspended", None, None),
    ]
    assert {(change.account_id, change.subaccount) for change in history} == {("acme", "shop")}
    assert [change.evidence is not None for change in history] == [change.kind == "state" for change in history]
    assert [change.at for change in history] == sorted(change.at for change in history)
    assert history == domains.changes(account="acme")
    assert kinds(domains.changes(account="bolt")) == [("added", None, "pending", None)]
    with open_registry(database_url, check=stub) as another:
        assert another.changes(host=HOST) == history
    for line in (
        "acme click.acme.test: state pending → verified",
        "assigned acme.test",
        "default true",
        "removed suspended",
    ):
        assert any(line in str(change) for change in history)


def test_history_is_resumed(domains: DomainRegistry) -> None:
    """Read in pieces, each behind the last one seen, it is what it is as a whole."""
    for number in range(7):
        domains.add(f"click{number}.acme.test", account="acme")
    whole = domains.changes()
    assert [change.id for change in whole] == list(range(1, 8))
    last, read = 0, []
    while piece := domains.changes(after=last, limit=3):
        assert len(piece) <= 3
        read += piece
        last = piece[-1].id
    assert read == whole
    assert domains.changes(after=7) == []
    domains.remove("click3.acme.test")
    assert kinds(domains.changes(after=last)) == [("removed", "pending", None, None)]
    assert domains.changes(limit=0) == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": -1}, OptionError),
        ({"limit": "3"}, TypeError),
        ({"after": "1"}, TypeError),
        ({"after": 2**70}, OptionError),
    ],
)
def test_history_asked_for_wrongly(domains: DomainRegistry, options: dict[str, Any], error: type[Exception]) -> None:
    """Numbers that are none are an error of ours, the same in both databases."""
    domains.add(HOST, account="acme")
    with pytest.raises(error, match=r"must be (int|a whole number)"):
        domains.changes(**options)


def test_account_is_kept_for_a_minute(database_url: str, stub: StubCheck) -> None:
    """An account is read once a minute; a change through the same registry is seen at once, through another later."""
    clock = Clock()
    options = {"check": stub, "clock": clock}
    with open_registry(database_url, **options) as here, open_registry(database_url, **options) as there:
        make_tables(here)
        assert here.account("acme") is here.account("acme")
        here.add(HOST, account="acme")
        assert [domain.host for domain in here.account("acme").domains] == [HOST]
        here.check(HOST)
        here.set_default(HOST)
        assert here.account("acme").tracking_domain().host == HOST
        assert there.account("acme").tracking_domain().host == HOST
        stub.say(HOST, wrong())
        pass_time(database_url, 8 * 86400)
        here.check_due()
        assert here.account("acme").tracking_domain().host == "spgo.io"
        for seconds, host in ((KEPT_FOR - 1, HOST), (0.5, HOST), (0.5, "spgo.io")):
            clock.advance(seconds)
            assert there.account("acme").tracking_domain().host == host
        here.remove(HOST)
        assert here.account("acme").domains == ()


@contextmanager
def away(url: str, registry: DomainRegistry) -> Iterator[None]:
    """A time in which a database cannot be reached."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        registry.close()
        path, kept = Path(str(parsed.database)), Path(f"{parsed.database}-kept")
        path.rename(kept)
        path.mkdir()
        yield
        path.rmdir()
        kept.rename(path)
        return
    server = parsed.set(database="postgres").render_as_string(hide_password=False)
    with sql(server) as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {parsed.database} ALLOW_CONNECTIONS false")
        ends = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(ends, {"name": parsed.database})
    yield
    with sql(server) as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {parsed.database} ALLOW_CONNECTIONS true")


def test_account_while_the_database_is_away(
    database_url: str, stub: StubCheck, caplog: pytest.LogCaptureFixture
) -> None:
    """Mail goes out on what was read before, and that is logged once a minute; what was never read is an error."""
    clock = Clock()
    with open_registry(database_url, check=stub, clock=clock) as domains:
        domains.add(HOST, account="acme")
        domains.check(HOST)
        domains.set_default(HOST)
        account = domains.account("acme")
        clock.advance(KEPT_FOR)
        with away(database_url, domains):
            for minutes in range(1, 4):
                assert domains.account("acme") is account
                assert domains.account("acme").tracking_domain().host == HOST
                assert len(caplog.records) == minutes
                for _ in range(2):
                    with pytest.raises(LinkWrapError, match="the registry's database cannot be used: "):
                        domains.account("bolt")
                clock.advance(KEPT_FOR)
            for call in (domains.domains, domains.changes, lambda: domains.check(HOST), domains.check_due):
                with pytest.raises(LinkWrapError, match="the registry's database cannot be used: "):
                    call()
        sentences = {(record.levelname, record.getMessage().split(": ")[0]) for record in caplog.records}
        assert sentences == {("WARNING", "a stale entry is used for the account 'acme'")}
        assert all("\n" not in record.getMessage() for record in caplog.records)
        domains.remove(HOST)
        assert domains.account("acme").domains == ()
        assert domains.account("bolt").domains == ()


@pytest.mark.parametrize("account", ["", None, 5, b"acme", "a" * 101, "é" * 51, "ac\0me", "ac\nme", "ac\ud800me"])
def test_account_without_an_id(domains: DomainRegistry, account: Any) -> None:
    """A value that cannot be an account's id is an error wherever one is given, the same in both databases."""
    domains.add(HOST, account="acme")
    calls: list[Any] = [domains.domain, domains.request, domains.check, domains.remove, domains.set_default]
    calls += [domains.set_secure, lambda host, **rest: domains.assign(host, "acme.test", **rest)]
    calls += [lambda host, **rest: domains.unassign(host, "acme.test", **rest)]
    calls += [lambda _, **rest: domains.domains(**rest), lambda host, **rest: domains.changes(host=host, **rest)]
    before = domains.domains(), domains.changes()
    wanted = "1 to 100 printable bytes of UTF-8" if isinstance(account, str) else "str, not "
    error = OptionError if isinstance(account, str) else TypeError
    with pytest.raises(error, match=f"^account_id must be {wanted}"):
        domains.account(account)
    for call in calls if account is not None else []:  # None is for all
        with pytest.raises(error, match=f"^account must be {wanted}"):
            call(HOST, account=account)
    assert (domains.domains(), domains.changes()) == before


@pytest.mark.parametrize("account", ["a" * 100, "é" * 50, "ac me", "Ünïcode/…"])
def test_account_ids(domains: DomainRegistry, account: str) -> None:
    """All that is printable may be one."""
    domains.add(HOST, account=account, subaccount=account)
    assert domains.domain(HOST, account=account).subaccount == account
    assert [domain.host for domain in domains.account(account).domains] == [HOST]
    assert [change.account_id for change in domains.changes(account=account)] == [account]


@pytest.mark.parametrize("state", ["", "Verified", "removed"])
def test_unknown_state(domains: DomainRegistry, state: Any) -> None:
    """The message says which states there are."""
    with pytest.raises(OptionError, match=f"state must be 'pending' or .*'lapsed', not '{state}'"):
        domains.domains(state=state)
    with pytest.raises(TypeError, match="state must be str, not int"):
        domains.domains(state=5)  # type: ignore[arg-type]


def test_unverified_domains_are_passed_over(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """An account's mail goes on its domain only while that is verified; asked for by name, the reason is said."""
    domains.add(HOST, account="acme")
    assert domains.account("acme").tracking_domain().host == "spgo.io"
    with pytest.raises(DomainError, match="cannot be used: pending since 20"):
        domains.account("acme").tracking_domain(requested=HOST)
    domains.check(HOST)
    domains.set_default(HOST)
    assert domains.account("acme").tracking_domain().origin == f"http://{HOST}"
    stub.say(HOST, wrong())
    domains.check(HOST)
    assert domains.domain(HOST).state == "suspended"
    assert domains.domain(HOST).default
    assert domains.account("acme").tracking_domain().host == "spgo.io"
    stub.say(HOST, works())
    domains.check(HOST)
    pass_time(database_url, 60)
    domains.check(HOST)
    assert domains.account("acme").tracking_domain().host == HOST


@pytest.mark.parametrize(
    ("evidence", "state", "why"),
    [
        ([], "pending", ""),
        ([absent()], "pending", f": create a CNAME record for {HOST} with the value spgo.io"),
        ([wrong()], "invalid", f": {HOST} has an address (192.0.2.99) in place of a CNAME: create "),
        ([works(ownership=False)], "propagating", ": ownership is not verified yet: create a TXT record for "),
        ([works(), absent()], "suspended", f": create a CNAME record for {HOST} with the value spgo.io"),
        ([works(), wrong()], "suspended", f": {HOST} has an address (192.0.2.99) in place of a CNAME: create "),
    ],
)
def test_requested_domain_that_is_not_verified(
    domains: DomainRegistry, stub: StubCheck, evidence: list[Any], state: str, why: str
) -> None:
    """The error says its state, since when, and why."""
    domains.add(HOST, account="acme")
    for found in evidence:
        stub.say(HOST, found)
        domains.check(HOST)
    domain = domains.domain(HOST)
    with pytest.raises(DomainError) as error:
        domains.account("acme").tracking_domain(requested=HOST)
    since = f"{domain.since:%Y-%m-%d %H:%M:%S UTC}"
    assert str(error.value).startswith(f"the tracking domain '{HOST}' cannot be used: {state} since {since}{why}")


def test_on_change(database_url: str, stub: StubCheck) -> None:
    """It is called with each change in order, once that is stored and can be read by others."""
    told: list[Change] = []
    with open_registry(database_url, check=stub) as reader:

        def tell(change: Change) -> None:
            assert change in reader.changes()
            told.append(change)

        with open_registry(database_url, on_change=tell, check=stub) as domains:
            domains.add(HOST, account="acme")
            domains.add("news.acme.test", account="acme")
            domains.check(HOST)
            domains.check_due()
            domains.set_default(HOST)
            domains.set_default("news.acme.test")
            domains.set_default("news.acme.test")
            with pytest.raises(DomainError):
                domains.set_secure(HOST)
            domains.remove(HOST)
        assert told == reader.changes()
        assert kinds(told)[4:] == [
            ("default", "verified", "verified", True),
            ("default", "verified", "verified", False),
            ("default", "verified", "verified", True),
            ("removed", "verified", None, None),
        ]


def test_on_change_that_reads_the_account(database_url: str, stub: StubCheck) -> None:
    """Who is told may use the registry, and sees the account as it is then."""
    seen: list[int] = []
    with open_registry(
        database_url,
        check=stub,
        on_change=lambda change: seen.append(len(domains.account(change.account_id).domains)),
    ) as domains:
        domains.add(HOST, account="acme")
        domains.check(HOST)
        domains.remove(HOST)
    assert seen == [1, 1, 0]


def test_on_change_that_raises(database_url: str, stub: StubCheck, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with the number to go on from, and nothing else happens."""

    def fail(change: Change) -> None:
        raise ValueError(f"mail server says no to {change.id}")

    with open_registry(database_url, on_change=fail, check=stub) as domains, caplog.at_level(logging.ERROR, "linkwrap"):
        domains.add(HOST, account="acme")
        assert domains.check(HOST).verified
        domains.add("news.acme.test", account="acme")
        assert [result.verified for result in domains.check_due()] == [True]
        domains.remove(HOST)
        assert len(domains.changes()) == 5
    assert [record.getMessage() for record in caplog.records] == [
        f"on_change raised for change {number}: changes(after={number - 1}) returns it" for number in range(1, 6)
    ]


def test_on_change_of_many_checks(database_url: str, stub: StubCheck) -> None:
    """Checks that end at once are told one after the other, each once."""
    told: list[int] = []
    busy = threading.Lock()

    def tell(change: Change) -> None:
        assert busy.acquire(blocking=False)
        if change.kind == "state":
            told.append(change.id)
        busy.release()

    with open_registry(database_url, on_change=tell, check=stub) as domains:
        for number in range(30):
            domains.add(f"click{number}.acme.test", account="acme")
        assert len(domains.check_due()) == 30
        assert sorted(told) == [change.id for change in domains.changes(after=30)]


def test_on_change_in_the_order_of_the_changes(database_url: str, stub: StubCheck) -> None:
    """Changes of checks that end at once are told in their order, however long telling takes."""
    told: list[int] = []

    def tell(change: Change) -> None:
        time.sleep(0.02 if change.id % 2 else 0)
        told.append(change.id)

    with open_registry(database_url, check=stub, on_change=tell) as domains:
        for number in range(12):
            domains.add(f"click{number}.acme.test", account="acme")
        assert len(domains.check_due(concurrency=12)) == 12
    assert told == list(range(1, 25))


def test_check_where_an_event_loop_runs(domains: DomainRegistry, stub: StubCheck) -> None:
    """A coroutine that calls it is told what to do instead, and that works."""
    domains.add(HOST, account="acme")

    async def wrongly() -> None:
        domains.check(HOST)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(OptionError, match="an event loop is running: use acheck or acheck_due") as error:
            asyncio.run(wrongly())
        del error
        gc.collect()
    assert [str(warning.message) for warning in warned] == []  # such as of a coroutine that was never awaited
    assert domains.domain(HOST).checked_at is None

    async def rightly() -> None:
        assert (await domains.acheck(HOST)).verified
        assert await domains.acheck_due() == []
        assert (await asyncio.to_thread(domains.check, HOST)).verified
        assert await asyncio.to_thread(domains.check_due) == []

    for _ in range(2):  # each with a loop of its own
        asyncio.run(rightly())


def test_checks_of_one_event_loop(database_url: str, stub: StubCheck) -> None:
    """Many at once are each done once, told in the order of their changes, and do not hold up the loop."""
    told: list[int] = []
    hosts = [f"click{number}.acme.test" for number in range(20)]
    with open_registry(database_url, check=stub, on_change=lambda change: told.append(change.id)) as domains:
        for host in hosts:
            domains.add(host, account="acme")

        async def run() -> int:
            turns = 0
            checks = asyncio.gather(*(domains.acheck(host) for host in hosts))
            while not checks.done():
                await asyncio.sleep(0)
                turns += 1
            results = await checks
            assert [(result.domain.host, result.state) for result in results] == [(host, "verified") for host in hosts]
            assert await domains.acheck_due() == []
            return turns

        stub.hook = lambda _: asyncio.sleep(0.01)
        assert asyncio.run(run()) > len(hosts)
        assert told == [change.id for change in domains.changes()]
        assert Counter(domain.host for domain in stub.asked) == Counter(hosts)


@pytest.mark.parametrize("due", [True, False], ids=["acheck_due", "acheck"])
def test_cancelled_check(domains: DomainRegistry, stub: StubCheck, due: bool) -> None:
    """The lease is given back: others may check at once."""
    domains.add(HOST, account="acme")

    async def run() -> None:
        begun = asyncio.Event()

        async def wait(_: object) -> None:
            begun.set()
            await asyncio.sleep(3600)

        stub.hook = wait
        checking = asyncio.create_task(domains.acheck_due() if due else domains.acheck(HOST))  # type: ignore[arg-type]
        await begun.wait()
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
        stub.hook = None
        assert (await domains.acheck(HOST)).verified

    asyncio.run(run())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"concurrency": 0}, OptionError),
        ({"concurrency": True}, TypeError),
        ({"concurrency": "2"}, TypeError),
        ({"limit": -1}, OptionError),
        ({"limit": 1.5}, TypeError),
    ],
)
def test_wrong_numbers(domains: DomainRegistry, options: dict[str, Any], error: type[Exception]) -> None:
    """They are refused."""
    with pytest.raises(error, match=r"must be (int|a whole number)"):
        domains.check_due(**options)


def test_limit(domains: DomainRegistry, stub: StubCheck) -> None:
    """At most so many are checked, those that are due for the longest first."""
    for number in range(5):
        domains.add(f"click{number}.acme.test", account="acme")
    assert domains.check_due(limit=0) == []
    assert {result.domain.host for result in domains.check_due(limit=2)} == {"click0.acme.test", "click1.acme.test"}
    assert len(domains.check_due(limit=10, concurrency=1)) == 3
    assert domains.check_due() == []
    assert len(stub.asked) == 5


def test_concurrency(domains: DomainRegistry, stub: StubCheck) -> None:
    """So many checks run at once and no more."""
    running, most = 0, 0

    async def count(_: object) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        until = time.monotonic() + 60
        while most < 3 and time.monotonic() < until:  # others are begun meanwhile
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        running -= 1

    stub.hook = count
    for number in range(12):
        domains.add(f"click{number}.acme.test", account="acme")
    assert len(domains.check_due(concurrency=3)) == 12
    assert most == 3


def test_lapsed_domain_is_added_anew(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """Its account may add it again, with another challenge, and another may now too."""
    first = domains.add(HOST, account="acme", ownership_trusted=True).domain
    domains.check(HOST)
    stub.say(HOST, wrong())
    hourly(domains, database_url, HOST, 25)
    lapsed = domains.domain(HOST)
    assert (lapsed.state, lapsed.ownership_verified, lapsed.ownership_trusted) == ("lapsed", False, False)
    second = domains.add(HOST, account="acme").domain
    assert (second.state, second.challenge != first.challenge) == ("pending", True)
    domains.add(HOST, account="bolt")
    assert len(domains.domains()) == 2


def test_close(database_url: str) -> None:
    """No connection is left, and the object may be used again all the same."""
    with open_registry(database_url) as domains:
        domains.add(HOST, account="acme")
    if "postgresql" in database_url:
        with sql(database_url) as connection:
            others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            until = time.monotonic() + 60  # a server takes a moment to see that a connection was closed
            while found := connection.exec_driver_sql(others).all():
                assert time.monotonic() < until, found
                connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
                time.sleep(0.02)
    domains.close()
    assert domains.domain(HOST).host == HOST
    domains.close()


def test_a_registry_is_made_with_a_cname_target_alone(database_url: str, stub: StubCheck) -> None:
    """None is assumed, and the error says how to give it; no read makes tables, even with one."""
    with open_registry(database_url, cname_target=None, check=stub) as domains:
        for make in (lambda: domains.add(HOST, account="acme"), domains.check_due):
            with pytest.raises(OptionError, match=r"^a new registry needs the host .*, cname_target='links\.example"):
                make()
    for target in (None, "spgo.io"):
        with open_registry(database_url, cname_target=target, check=stub) as domains:
            reads: list[Any] = [domains.domains, domains.changes, lambda: domains.cname_target]
            reads += [lambda: domains.account("acme"), lambda: domains.domain(HOST), lambda: domains.remove(HOST)]
            for read in reads:
                with pytest.raises(NoRegistry, match=r"^there is no registry yet in this database: check its URL$"):
                    read()
    with sql(database_url) as connection:
        assert inspect(connection).get_table_names() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda domains: domains.add(5, account=5, method=5),
            "account must be str, not int; method must be str, not int; host must be str, not int",
        ),
        (
            lambda domains: domains.assign("a b", 5, account=5),
            "account must be str, not int; 'a b' .*; sending_domain must be str, not int",
        ),
        (lambda domains: domains.assign("nope.acme.com", 5), "sending_domain must be str, not int"),
        (lambda domains: domains.unassign(5, 5), "host must be str, not int; sending_domain must be str, not int"),
        (lambda domains: domains.check(5), "host must be str, not int"),
        (lambda domains: domains.set_secure(5, None), "secure must be bool, not None; host must be str, not int"),
        (lambda domains: domains.changes(host=5, after="x"), "after must be int, not str; host must be str, not int"),
    ],
)
def test_all_faults_of_a_call(database_url: str, call: Any, message: str) -> None:
    """They are in one message, a TypeError if one is a wrong type, before anything else is looked at."""
    with open_registry(database_url, keys=None) as domains, pytest.raises(TypeError, match=f"^{message}$"):
        call(domains)


def test_check_that_is_not_one(database_url: str) -> None:
    """A `check` that is not async, or does not return evidence, is an error that says so."""

    async def none(_: object) -> None:
        """Return no evidence."""

    for function, message in (
        (lambda _: works(), "check must be an async function"),
        (none, "check must return Evidence, not None"),
    ):
        with open_registry(database_url, check=function) as domains:
            make_tables(domains)
            if not domains.domains():
                domains.add(HOST, account="acme")
            with pytest.raises(TypeError, match=f"^{message}$"):
                domains.check(HOST)

"""Checks and changes that happen at once: one check of a domain at a time, and nothing of them is lost."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from helpers.postgres import Postgres
from helpers.registries import Clock, StubCheck, absent, at_once, open_registry, pass_time, row, sql, works, wrong
from linkwrap import DomainError, LinkWrapError, OptionError
from linkwrap.domains import Change, DomainRegistry, Network
from linkwrap.domains.model import Domain
from linkwrap.domains.storage import leases, repository
from linkwrap.domains.storage.database import Database

HOST = "click.acme.test"


@pytest.fixture
def domains(database_url: str, stub: StubCheck) -> Iterator[DomainRegistry]:
    """A registry with one domain."""
    with open_registry(database_url, check=stub) as domains:
        domains.add(HOST, account="acme")
        yield domains


@pytest.fixture
def database(database_url: str, domains: DomainRegistry) -> Iterator[Database]:
    """The database of the registry, opened anew."""
    database = Database(database_url, "spgo.io", create=True)
    yield database
    database.close()


def leased(url: str, host: str = HOST, account: str = "acme") -> bool:
    """Whether somebody holds a domain's lease, run out or not."""
    found = row(url, host, account)
    assert (found["lease"] is None) == (found["lease_until"] is None)
    return found["lease"] is not None


def due(database: Database) -> leases.Lease | None:
    """The lease of what is due now, for a minute."""
    return leases.lease_due(database, 60, leases.time_of(database))


def during_check(stub: StubCheck, what: Any) -> None:
    """Have something done by another thread in the midst of the next check."""

    async def do(_: object) -> None:
        stub.hook = None
        await asyncio.to_thread(what)

    stub.hook = do


def test_leased_once(database: Database, domains: DomainRegistry, database_url: str) -> None:
    """A domain that is leased is not leased again, due or by hand."""
    held = due(database)
    assert held is not None
    assert held.domain == domains.domain(HOST)
    assert due(database) is None
    with pytest.raises(DomainError, match=rf"{HOST} is being checked: retry in (60|[45]\d) s at the latest"):
        leases.lease(database, HOST, "acme", 60)
    leases.release(database, held)
    assert not leased(database_url)
    again, changes = leases.lease(database, HOST, "acme", 60)
    assert (again.token != held.token, changes) == (True, [])
    assert due(database) is None


def test_leased_once_by_many(database: Database, domains: DomainRegistry) -> None:
    """Of those that ask at one moment, each gets a domain of its own."""
    for number in range(4):
        domains.add(f"click{number}.acme.test", account="acme")
    taken = at_once(*[lambda: due(database) for _ in range(8)])
    assert [result for result in taken if isinstance(result, BaseException)] == []
    hosts = [held.domain.host for held in taken if held]  # type: ignore[union-attr]
    assert len(hosts) == len(set(hosts))
    while held := due(database):  # those passed over, as another was taking them
        hosts.append(held.domain.host)
    assert sorted(hosts) == sorted(domain.host for domain in domains.domains())


def test_due_in_order(database: Database, domains: DomainRegistry, database_url: str) -> None:
    """What is due for the longest comes first; what is not due does not come."""
    for host, seconds in (("b.acme.test", 20), ("c.acme.test", 30), ("d.acme.test", -30)):
        domains.add(host, account="acme")
        pass_time(database_url, seconds, host)
    order = [held.domain.host for held in iter(lambda: due(database), None)]
    assert order == ["c.acme.test", "b.acme.test", HOST]


def test_lease_that_ran_out(database: Database, domains: DomainRegistry, database_url: str) -> None:
    """Another takes it, and the late result of the first is not written, nor a change recorded."""
    first = due(database)
    assert first
    pass_time(database_url, 61)
    before = row(database_url, HOST)
    assert leases.write(database, first, works(), "spgo.io") is None
    assert row(database_url, HOST) == before
    second = due(database)
    assert second
    assert leases.write(database, first, works(), "spgo.io") is None
    leases.release(database, first)  # is not its to give back
    assert leased(database_url)
    written = leases.write(database, second, absent(), "spgo.io")
    assert written
    result, changes = written
    assert result.domain == domains.domain(HOST)
    assert (result.domain.state, changes) == ("pending", [])
    assert leases.write(database, first, works(), "spgo.io") is None
    assert leases.write(database, second, works(), "spgo.io") is None
    assert domains.domain(HOST) == result.domain
    assert [change.kind for change in domains.changes()] == ["added"]
    assert not leased(database_url)


def test_check_that_takes_too_long(
    domains: DomainRegistry, stub: StubCheck, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its result is dropped with a warning, or with an error where somebody waits for it."""
    during_check(stub, lambda: pass_time(database_url, 100))
    assert domains.check_due(limit=1) == []
    during_check(stub, lambda: pass_time(database_url, 100))
    with pytest.raises(DomainError, match="was dropped: the domain was removed, or it took too long"):
        domains.check(HOST)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert domains.domain(HOST).state == "pending"
    assert len(domains.changes()) == 1


@pytest.mark.parametrize("again", [False, True], ids=["removed", "removed and added again"])
def test_removed_during_the_check(domains: DomainRegistry, stub: StubCheck, again: bool) -> None:
    """The result is dropped, also where the same account has added the host again by then."""

    def remove() -> None:
        domains.remove(HOST)
        if again:
            domains.add(HOST, account="acme")

    for check in (domains.check_due, lambda: domains.check(HOST)):
        during_check(stub, remove)
        if check == domains.check_due:
            assert domains.check_due(limit=1) == []
        else:
            with pytest.raises(DomainError, match="was dropped"):
                check()
        if again:
            domain = domains.domain(HOST)
            assert (domain.state, domain.checked_at) == ("pending", None)
        else:
            assert domains.domains() == []
            domains.add(HOST, account="acme")
    assert "state" not in {change.kind for change in domains.changes()}


def test_lease_of_a_domain_that_changed_meanwhile(domains: DomainRegistry, stub: StubCheck) -> None:
    """What is checked is the claim as it is when it is leased: one added again does not inherit ownership."""
    domains.check(HOST)
    assert domains.domain(HOST).ownership_verified
    domains.assign(HOST, "acme.test")
    domains.check(HOST)
    domains.remove(HOST)
    challenge = domains.add(HOST, account="acme").domain.challenge
    domains.check(HOST)
    seen = [(domain.ownership_verified, domain.sending_domains) for domain in stub.asked]
    assert seen == [(False, ()), (True, ("acme.test",)), (False, ())]
    assert stub.asked[-1].challenge == challenge


def test_removed_before_the_check(database: Database, domains: DomainRegistry) -> None:
    """A domain that is gone is not leased."""
    domains.remove(HOST)
    with pytest.raises(DomainError, match=r"there is no domain 'click\.acme\.test' of account 'acme' in the registry"):
        leases.lease(database, HOST, "acme", 60)


def test_settings_during_the_check(domains: DomainRegistry, stub: StubCheck) -> None:
    """What is changed while a check runs is there after its result is written, and the result is too."""
    stub.say(HOST, works(https=True))
    domains.check(HOST)
    domains.assign(HOST, "old.acme.test")

    def change() -> None:
        domains.set_default(HOST)
        domains.set_secure(HOST, False)
        domains.assign(HOST, "acme.test")
        domains.unassign(HOST, "old.acme.test")

    during_check(stub, change)
    result = domains.check(HOST)
    domain = domains.domain(HOST)
    assert result.domain == domain
    assert (domain.default, domain.secure, domain.sending_domains) == (True, False, ("acme.test",))
    assert domain.checked_at
    assert domain.checked_at > domains.changes()[-1].at
    assert domain.verified


def test_replaced_default_during_the_check(domains: DomainRegistry, stub: StubCheck) -> None:
    """A domain whose place as default another took does not get it back from a check."""
    domains.check(HOST)
    domains.set_default(HOST)
    domains.add("news.acme.test", account="acme")
    domains.check("news.acme.test")
    during_check(stub, lambda: domains.set_default("news.acme.test"))
    domains.check(HOST)
    assert [domain.host for domain in domains.domains() if domain.default] == ["news.acme.test"]


def test_settings_and_results_at_once(domains: DomainRegistry, stub: StubCheck) -> None:
    """Checks that end while settings change, over and over: neither undoes the other."""
    stub.say(HOST, works(https=True))
    domains.check(HOST)
    senders = [f"mail{number}.acme.test" for number in range(12)]

    def change() -> None:
        for number, sender in enumerate(senders):
            domains.set_secure(HOST, bool(number % 2))
            domains.set_default(HOST, bool(number % 2))
            domains.assign(HOST, sender)

    def check() -> int:
        return len([domains.check(HOST) for _ in range(12)])

    assert at_once(change, check) == [None, 12]
    domain = domains.domain(HOST)
    assert (domain.secure, domain.default, domain.sending_domains) == (True, True, tuple(sorted(senders)))
    kinds = [change.kind for change in domains.changes()]
    assert kinds.count("assigned") == 12
    assert kinds.count("secure") == 1 + 12  # the first by the check
    assert kinds.count("default") == 11


def test_verify_while_it_is_checked(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """Who asks by hand is told that a check runs, and when it is over at the latest."""
    errors: list[str] = []

    def again() -> None:
        with open_registry(database_url, check=stub) as others:
            for registry in (domains, others):
                with pytest.raises(DomainError) as error:
                    registry.check(HOST)
                errors.append(str(error.value))
            assert others.check_due() == []

    during_check(stub, again)
    assert domains.check(HOST).verified
    assert len(errors) == 2
    assert all(error.startswith(f"{HOST} is being checked: retry in ") for error in errors)
    assert len(stub.asked) == 1


def test_given_up_domain_is_watched_again(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """A check by hand of a domain that is not checked by itself any more makes it so."""
    stub.say(HOST, absent())
    pass_time(database_url, 50 * 3600)
    assert [result.domain.next_check for result in domains.check_due()] == [None]
    assert domains.check_due() == []
    result = domains.check(HOST)
    assert result.domain.next_check
    assert result.domain.next_check > result.domain.checked_at


@pytest.mark.parametrize("due", [True, False], ids=["check_due", "check"])
def test_ctrl_c(domains: DomainRegistry, stub: StubCheck, database_url: str, due: bool) -> None:
    """Who is interrupted gives its leases back: others check at once."""

    async def interrupt(_: object) -> None:
        if len(stub.asked) == count:
            signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(3600)

    for number in range(3 if due else 0):
        domains.add(f"click{number}.acme.test", account="acme")
    count = len(domains.domains())
    stub.hook = interrupt
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        domains.check_due() if due else domains.check(HOST)
    assert time.monotonic() - begin < 60
    assert not any(leased(database_url, domain.host) for domain in domains.domains())
    stub.hook = None
    assert len(domains.check_due()) == count


@pytest.mark.parametrize("due", [True, False], ids=["check_due", "check"])
def test_cancelled_while_leasing(domains: DomainRegistry, database_url: str, stub: StubCheck, due: bool) -> None:
    """A lease that is taken just when the caller is cancelled is given back too."""

    async def run() -> None:
        with sql(database_url) as connection:  # the lease has to wait for this
            if "postgresql" in database_url:
                connection.execute(text("LOCK TABLE linkwrap_domains IN EXCLUSIVE MODE"))
            else:
                connection.execute(text("UPDATE linkwrap_domains SET replaced_ttl = 0"))
            checking = asyncio.create_task(domains.acheck_due() if due else domains.acheck(HOST))  # type: ignore[arg-type]
            await asyncio.sleep(0.3)
            checking.cancel()
            await asyncio.sleep(0.1)
        with pytest.raises(asyncio.CancelledError):
            await checking

    asyncio.run(run())
    assert stub.asked == []
    assert not leased(database_url)


def test_failing_check_gives_the_lease_back(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """An error of ours in a check by hand is raised, and the domain may be checked again at once."""
    stub.say(HOST, LinkWrapError("the database is gone"))
    with pytest.raises(LinkWrapError, match="the database is gone"):
        domains.check(HOST)
    assert not leased(database_url)
    assert domains.domain(HOST).checked_at is None
    stub.say(HOST, works())
    assert domains.check(HOST).verified


@pytest.mark.parametrize("state", ["pending", "verified", "suspended"])
def test_bug_in_a_check(
    domains: DomainRegistry, stub: StubCheck, database_url: str, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    """It is logged, and stored as what says nothing of the domain; that may be checked again at once."""
    for evidence in {"pending": [], "verified": [works()], "suspended": [works(), wrong()]}[state]:
        stub.say(HOST, evidence)
        domains.check(HOST)
    before = domains.domain(HOST)
    stub.say(HOST, RuntimeError("a bug"))
    result = domains.check(HOST)
    assert (result.previous_state, result.domain.state, result.verified) == (state, state, state == "verified")
    assert result.evidence.offline
    assert result.advice == (result.evidence.error,)
    assert result.evidence.error == "the check failed on this machine (RuntimeError): see the log"
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", f"the check of {HOST} failed")
    assert "RuntimeError: a bug" in str(record.exc_text)
    after = domains.domain(HOST)
    assert after == result.domain
    assert (after.ownership_verified, after.since, after.silent_since) == (
        before.ownership_verified,
        before.since,
        None,
    )
    assert bool(after.contrary_since) == (state == "suspended")
    assert after.checked_at
    assert after.next_check
    assert 59 <= (after.next_check - after.checked_at).total_seconds() <= 3600
    assert not leased(database_url)
    stub.say(HOST, works())
    domains.check(HOST)
    pass_time(database_url, 60)
    assert domains.check(HOST).verified


def test_method_changed_during_the_check(
    domains: DomainRegistry, stub: StubCheck, database_url: str, database: Database
) -> None:
    """Another process that asks for it is told that a check runs, and nothing changes."""
    refused: list[str] = []

    def change() -> None:
        before = row(database_url, HOST)
        with open_registry(database_url, check=stub) as other:
            for method in ("http", "cname"):
                with pytest.raises(DomainError) as error:
                    other.check(HOST, method=method)
                refused.append(str(error.value))
        assert row(database_url, HOST) == before

    during_check(stub, change)
    assert domains.check(HOST).verified
    assert len(refused) == 2
    assert all(f"{HOST} is being checked: retry in " in sentence for sentence in refused)
    assert len(stub.asked) == 1
    assert domains.domain(HOST).method == "cname"
    assert [change.kind for change in domains.changes()] == ["added", "state"]
    result = domains.check(HOST, method="http")
    assert (stub.asked[-1].method, result.domain.method, domains.domain(HOST).method) == ("http",) * 3
    assert [(change.kind, change.value) for change in domains.changes(after=2)] == [("method", "http")]


def test_unknown_method_of_a_check(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """It is refused, nothing is checked, and no lease stays."""
    with pytest.raises(OptionError, match="method must be 'cname' or 'http', not 'txt'"):
        domains.check(HOST, method="txt")  # type: ignore[arg-type]
    assert stub.asked == []
    assert not leased(database_url)


def test_findings_of_the_old_method(database: Database, domains: DomainRegistry, database_url: str) -> None:
    """They are not written to a domain that is verified in another way by then."""
    held = due(database)
    assert held
    with sql(database_url) as connection:
        connection.execute(text("UPDATE linkwrap_domains SET method = 'http'"))
    before = row(database_url, HOST)
    assert leases.write(database, held, works(), "spgo.io") is None
    assert row(database_url, HOST) == before
    assert [change.kind for change in domains.changes()] == ["added"]


def test_new_method_begins_anew(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """What the old method has seen, and since when, is not said of the new one."""
    stub.say(HOST, works(ownership=False))
    domains.check(HOST)
    assert domains.domain(HOST).complete_since
    seen: list[dict[str, Any]] = []
    during_check(stub, lambda: seen.append(row(database_url, HOST)))
    domains.check(HOST, method="http")
    assert [(found["method"], found["complete_since"], found["propagated_at"]) for found in seen] == [
        ("http", None, None)
    ]


def test_told_more_slowly_than_a_lease_holds(
    stub: StubCheck, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is told takes longer than the leases of the checks that wait for it: no result is lost, nor an order."""
    hosts = [f"click{number}.acme.test" for number in range(5)]
    told: list[int] = []
    clock = Clock()

    def tell(change: Change) -> None:
        told.append(change.id)
        if change.kind == "state":
            until = time.monotonic() + 60
            while len(domains.changes()) < 2 * len(hosts):  # the others are written meanwhile
                assert time.monotonic() < until
                time.sleep(0.01)
            clock.advance(25)

    network = Network(deadline=1)  # so a lease holds for 31 s
    with open_registry(database_url, network=network, check=stub, on_change=tell, clock=clock) as domains:
        for host in hosts:
            domains.add(host, account="acme")
        results = domains.check_due()
        assert sorted(result.domain.host for result in results if result.verified) == hosts
        assert told == list(range(1, 11)) == [change.id for change in domains.changes()]
    assert caplog.records == []


def test_check_put_off_too_far(database: Database, domains: DomainRegistry, database_url: str) -> None:
    """A next check further off than any is put was made by a wrong clock: the domain is due."""
    for days, taken in ((8, False), (9, True), (40_000, True)):
        with sql(database_url) as connection:
            later = {"later": time.time() + days * 86400}
            connection.execute(text("UPDATE linkwrap_domains SET next_check = :later"), later)
        held = due(database)
        assert (held is not None) == taken
        if held:
            leases.release(database, held)


def test_lease_by_a_wrong_clock(
    database: Database, domains: DomainRegistry, database_url: str, stub: StubCheck
) -> None:
    """A lease that holds for longer than any is none, for due checks and for those by hand."""
    for days, taken in ((7, False), (9, True), (40_000, True)):
        with sql(database_url) as connection:
            later = {"later": time.time() + days * 86400}
            connection.execute(text("UPDATE linkwrap_domains SET lease = 'x', lease_until = :later"), later)
        held = due(database)
        assert (held is not None) == taken
        with sql(database_url) as connection:
            connection.execute(text("UPDATE linkwrap_domains SET lease = 'x', lease_until = :later"), later)
        if taken:
            assert domains.check(HOST).verified
            pass_time(database_url, 8 * 86400)
        else:
            with pytest.raises(DomainError, match="is being checked"):
                domains.check(HOST)


@pytest.mark.parametrize("moment", ["before a lease", "before the result"])
def test_database_that_fails_in_a_round(
    domains: DomainRegistry, database_url: str, stub: StubCheck, moment: str
) -> None:
    """It is the same error as elsewhere, which `except LinkWrapError` catches."""

    def fail(_: object = None) -> None:
        with sql(database_url) as connection:
            connection.execute(text("ALTER TABLE linkwrap_domains RENAME TO gone"))

    if moment == "before a lease":
        fail()
    else:
        stub.hook = fail
    with pytest.raises(LinkWrapError, match=r"the registry's database cannot be used: .*linkwrap_domains"):
        domains.check_due()


def test_two_accounts_prove_one_host_at_once(database_url: str, stub: StubCheck) -> None:
    """One owns it, the other is told that it is taken, and no error comes of it."""
    with open_registry(database_url, check=stub) as here, open_registry(database_url, check=stub) as there:
        for number in range(8):
            host = f"click{number}.acme.test"
            here.add(host, account="acme")
            there.add(host, account="evil")
            barrier = threading.Barrier(2)
            stub.hook = lambda _, barrier=barrier: asyncio.to_thread(barrier.wait, 20)
            results = at_once(
                lambda host=host: here.check(host, account="acme"),
                lambda host=host: there.check(host, account="evil"),
            )
            assert [result for result in results if isinstance(result, BaseException)] == []
            assert sorted(result.domain.state for result in results) == ["propagating", "verified"]  # type: ignore[union-attr]
            [loser] = [result for result in results if not result.verified]  # type: ignore[union-attr]
            assert any("belongs to another account" in sentence for sentence in loser.advice)
            owners = [domain for domain in here.domains() if domain.host == host and domain.ownership_verified]
            assert len(owners) == 1
            assert here.domain(host) == owners[0]
            assert [change.account_id for change in here.changes(host=host) if change.state == "verified"] == [
                owners[0].account_id
            ]


def test_two_accounts_between_look_and_ownership(database: Database, domains: DomainRegistry) -> None:
    """The second account has looked whether the host is taken when the first verifies ownership: only one has it."""
    domains.add(HOST, account="evil")
    first, _ = leases.lease(database, HOST, "acme", 60)
    second, _ = leases.lease(database, HOST, "evil", 60)
    results = at_once(
        lambda: leases.write(database, first, works(), "spgo.io"),
        lambda: leases.write(database, second, works(), "spgo.io"),
    )
    assert [result for result in results if not isinstance(result, tuple)] == []
    assert sorted(domain.state for domain in domains.domains()) == ["propagating", "verified"]
    assert len([change for change in domains.changes() if change.kind == "state"]) == 2
    with pytest.raises(IntegrityError), database.write() as connection:  # the database would refuse it
        connection.execute(text("UPDATE linkwrap_domains SET ownership_verified = true"))


def record(connection: Any, domain: Domain, sender: str) -> int:
    """Store a change in a transaction; return its number."""
    [change] = repository.save(connection, domain, replace(domain, sending_domains=(sender,)))
    return change.id


def test_changes_wait_for_the_one_before(database: Database, domains: DomainRegistry) -> None:
    """A change that is not committed yet keeps the next from getting a number: readers never pass one over."""
    domain, order = domains.domain(HOST), []

    def second() -> None:
        with database.write() as connection:
            order.append(record(connection, domain, "second.test"))

    thread = threading.Thread(target=second)
    with database.write() as connection:
        order.append(record(connection, domain, "first.test"))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert len(order) == 1
        assert domains.changes(after=1) == []
    thread.join(20)
    assert order == [2, 3]
    assert [(change.id, change.value) for change in domains.changes(after=1)] == [(2, "first.test"), (3, "second.test")]


def test_failed_change_leaves_no_gap(database: Database, domains: DomainRegistry) -> None:
    """A change that is rolled back gives its number to the next."""
    domain = domains.domain(HOST)

    def fail() -> None:
        with database.write() as connection:
            record(connection, domain, "lost.test")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    domains.assign(HOST, "acme.test")
    assert [(change.id, change.value) for change in domains.changes(after=1)] == [(2, "acme.test")]


def test_reader_that_follows_misses_none(database_url: str, domains: DomainRegistry) -> None:
    """While many threads write, who reads on behind the last change it saw sees each, in order, once."""
    writers = [open_registry(database_url) for _ in range(6)]
    done = threading.Event()

    def write(number: int) -> None:
        writer = writers[number]
        for turn in range(12):
            host = f"click{number}-{turn}.acme.test"
            writer.add(host, account=f"account{number}", ownership_trusted=True)
            writer.assign(host, f"mail{turn}.acme.test")
            if turn % 3 == 0:
                writer.remove(host)

    def follow() -> list[Change]:
        seen: list[Change] = []
        with open_registry(database_url) as reader:
            while True:
                ending = done.is_set()
                seen += (new := reader.changes(after=seen[-1].id if seen else 0, limit=7))
                if ending and not new:
                    return seen

    followers: list[Any] = []
    threads = [threading.Thread(target=lambda: followers.append(follow())) for _ in range(2)]
    for thread in threads:
        thread.start()
    results = at_once(*[lambda number=number: write(number) for number in range(6)])
    done.set()
    for thread in threads:
        thread.join(30)
    assert results == [None] * 6
    everything = domains.changes(limit=10_000)
    count = 1 + 6 * (12 + 12 + 2 * 4)  # what is removed is unlinked too
    assert [change.id for change in everything] == list(range(1, count + 1))
    assert followers == [everything, everything]
    for writer in writers:
        writer.close()


def test_isolation_of_another_level(postgres: Postgres, stub: StubCheck) -> None:
    """A PostgreSQL database whose transactions are isolated more strictly than usual does as well."""
    database_url = postgres.new_database()
    with sql(database_url) as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"))
    with open_registry(database_url, check=stub) as domains:
        results = at_once(*[lambda n=n: domains.add(f"click{n}.acme.test", account="acme") for n in range(8)])
        assert [repr(result) for result in results if isinstance(result, BaseException)] == []
        assert len(domains.check_due()) == 8


def test_lease_is_as_long_as_a_check_and_more(stub: StubCheck, database_url: str) -> None:
    """It holds for the network's deadline and half a minute."""
    with open_registry(database_url, network=Network(deadline=7), check=stub, clock=Clock()) as domains:
        domains.add(HOST, account="acme")
        found: dict[str, Any] = {}

        during_check(stub, lambda: found.update(until=row(database_url, HOST)["lease_until"]))
        result = domains.check(HOST)
        assert result.domain.checked_at
        assert found["until"] - result.domain.checked_at.timestamp() == pytest.approx(37)


def test_suspension_is_told_once(domains: DomainRegistry, stub: StubCheck, database_url: str) -> None:
    """A state that stays is no change, however often it is seen."""
    domains.check(HOST)
    stub.say(HOST, wrong())
    for _ in range(3):
        domains.check(HOST)
        pass_time(database_url, 3600)
    states = [(change.previous_state, change.state) for change in domains.changes() if change.kind == "state"]
    assert states == [("pending", "verified"), ("verified", "suspended")]

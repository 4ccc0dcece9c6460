"""What the tests of the registry share: checks that ask nobody, time that has passed, and processes that check.

stub = StubCheck()
registry = open_registry(url, check=stub)
stub.say("click.acme.test", works(https=True))
registry.check("click.acme.test")
pass_time(url, 3600)
"""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Double, Engine, create_engine, event, func, select, text, type_coerce
from sqlalchemy.pool import NullPool

from linkwrap import LinkWrapError, SigningKeys
from linkwrap.domains import (
    DnsResolverAnswer,
    Domain,
    DomainRegistry,
    Evidence,
    Hop,
    Network,
    Probe,
    ServerAnswer,
    Trace,
)
from linkwrap.domains.model import new_domain
from linkwrap.domains.storage import repository
from linkwrap.domains.storage.database import Database, now
from linkwrap.domains.storage.tables import DOMAINS

T = TypeVar("T")

KEYS = SigningKeys("the key of the tests on the registry")
CNAME_TARGET = "spgo.io"
NETWORK = Network(dns_resolvers=["127.0.0.1:9"])
"""How a check would ask; the tests with a `StubCheck` send nothing there."""

DIALECTS = ("sqlite", "postgresql")

TIMES = (
    "since added_at checked_at next_check watched_since complete_since propagated_at contrary_since silent_since "
    "stale_until lease_until"
).split()


class StubCheck:
    """The `check` of a registry: returns the evidence that a test has set for a host, `works` if none.

    `hook` is called, or awaited, with each domain first; `asked` are the domains in the order of their checks.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Evidence | Exception] = {}
        self.hook: Callable[[Domain], Any] | None = None
        self.asked: list[Domain] = []

    def say(self, host: str, answer: Evidence | Exception) -> None:
        """Set what the checks of a host return from now on; an exception is raised."""
        self.answers[host] = answer

    async def __call__(self, domain: Domain) -> Evidence:
        """One check."""
        self.asked.append(domain)
        if self.hook and asyncio.iscoroutine(waiting := self.hook(domain)):
            await waiting
        answer = self.answers.get(domain.host) or works(domain.host)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    """The `clock` of a registry: stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def open_registry(url: str, **options: Any) -> DomainRegistry:
    """A registry whose checks reach nothing."""
    return DomainRegistry(url, **{"keys": KEYS, "network": NETWORK, "cname_target": CNAME_TARGET} | options)


def make_tables(registry: DomainRegistry) -> None:
    """Make the tables, as the first `add` does."""
    registry._database.prepare(create=True)


def _trace(host: str, *answers: ServerAnswer) -> Trace:
    return Trace((Hop(host, host.partition(".")[2], answers, 0),), CNAME_TARGET)


def works(host: str = "click.acme.test", *, https: bool = False, ownership: bool = True) -> Evidence:
    """All is there: the CNAME, ownership, the redirect server over http, and over https if it is to be."""
    detail = f"CNAME {CNAME_TARGET} (TTL 0)"
    return Evidence(
        cname=_trace(host, ServerAnswer("ns1.servers.test", "192.0.2.1", "alias", (CNAME_TARGET,), 0, detail)),
        ownership=None if ownership else _trace(f"_linkwrap.{host}", _no_records()),
        ownership_verified=ownership,
        dns_resolvers=(DnsResolverAnswer("192.0.2.53", True, True, f"leads to {CNAME_TARGET}"),),
        http=Probe("http", "confirmed", "the redirect server answers", "192.0.2.80"),
        https=Probe("https", "confirmed" if https else "invalid-certificate", "said by the tests", "192.0.2.80"),
    )


def absent(host: str = "click.acme.test") -> Evidence:
    """There is no record."""
    return Evidence(cname=_trace(host, _no_records()), ownership_verified=False)


def wrong(host: str = "click.acme.test") -> Evidence:
    """The record leads elsewhere, to an address where nothing answers."""
    other = ServerAnswer("ns1.servers.test", "192.0.2.1", "records", ("192.0.2.99",), 0, "A 192.0.2.99 (TTL 0)")
    return Evidence(cname=_trace(host, other), ownership_verified=True)


def _no_records() -> ServerAnswer:
    return ServerAnswer("ns1.servers.test", "192.0.2.1", "no-records", (), 0, "the name does not exist")


@contextmanager
def sql(url: str) -> Iterator[Connection]:
    """A transaction in a database, past the registry."""
    with engine(url).begin() as connection:
        yield connection


def engine(url: str) -> Engine:
    """An engine that keeps no connection."""
    made = create_engine(url, poolclass=NullPool)
    if url.startswith("sqlite"):

        @event.listens_for(made, "connect")
        def patient(connection: Any, _: object) -> None:
            connection.execute("PRAGMA busy_timeout = 20000")

    return made


def earlier(seconds: float) -> Any:
    """The statement that lets time pass: what was at a time was so many seconds earlier."""
    return DOMAINS.update().values({name: type_coerce(DOMAINS.c[name], Double) - seconds for name in TIMES})


def pass_time(url: str, seconds: float, host: str | None = None) -> None:
    """Let time pass for a host, or for all."""
    statement = earlier(seconds)
    with sql(url) as connection:
        connection.execute(statement if host is None else statement.where(DOMAINS.c.host == host))


def hourly(registry: DomainRegistry, url: str, host: str, hours: int, account: str | None = None) -> None:
    """Check a host now and each hour from then on, as happens to one with something against it."""
    registry.check(host, account=account)
    for _ in range(hours):
        pass_time(url, 3600)
        registry.check(host, account=account)


def row(url: str, host: str, account: str = "acme") -> dict[str, Any]:
    """A domain's row."""
    statement = text("SELECT * FROM linkwrap_domains WHERE host = :host AND account_id = :account")
    with sql(url) as connection:
        return dict(connection.execute(statement, {"host": host, "account": account}).one()._mapping)


def at_once(*works: Callable[[], T]) -> list[T | BaseException]:
    """What functions return or raise that begin at one moment, each in a thread."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait(60)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
        return [future.exception() or future.result() for future in futures]


def seed(url: str, hosts: Iterable[str], account: str = "acme") -> None:
    """Add hosts in one transaction, with trusted ownership."""
    database = Database(url, CNAME_TARGET, create=True)
    with database.write(create=True) as connection:
        at = now(connection)
        for host in hosts:
            options = {"account_id": account, "subaccount": None, "method": "cname", "ownership_trusted": True}
            repository.add(connection, new_domain(host, at=at, **options))
    database.close()


class Log:
    """A file that processes append lines to; each is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, *words: object) -> None:
        """Append one line."""
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{json.dumps([str(word) for word in words])}\n".encode())
        os.close(file)

    def read(self) -> list[list[str]]:
        """The words of each line."""
        lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]


@cache
def processes() -> Any:
    """The context of processes that are forked from one with this module: to import it takes each a second."""
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "psycopg", *(f"sqlalchemy.dialects.{kind}" for kind in DIALECTS)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # before Python 3.13 it hands on no path
        forkserver.ensure_running()
    return context


def open_at_once(url: str, barrier: Any, log: Log) -> None:
    """A process that opens a database when the others do."""
    registry = open_registry(url)
    barrier.wait(60)
    try:
        registry.add(f"click{os.getpid()}.acme.test", account="acme")
        log.write("opened", os.getpid())
    except Exception as error:
        log.write("failed", repr(error))
    registry.close()


def check_due(url: str, barrier: Any, go: Any, log: Log, *, hangs: bool = False, ms: float = 4) -> None:
    """A process that checks what is due, from `go` on, until nothing is left, not even what another one holds.

    One that hangs does not wait for `go`, and hangs in its checks after the first few; it is meant to be killed.
    """
    done = 0

    async def check(domain: Domain) -> Evidence:
        nonlocal done
        done += 1
        log.write("begins", os.getpid(), domain.host)
        if hangs and done > 5:
            log.write("hangs", os.getpid(), domain.host)
            await asyncio.sleep(3600)
        await asyncio.sleep(ms / 1000)
        number = int(domain.host.partition(".")[0].removeprefix("click"))
        return wrong(domain.host) if domain.in_use and number % 2 else works(domain.host)

    signal.alarm(300)  # whatever happens to the tests
    network = Network(deadline=300)
    tell = partial(log.write, "told")
    with open_registry(url, network=network, check=check, on_change=lambda change: tell(change.id)) as registry:
        barrier.wait(120)
        if not hangs:
            go.wait(120)
        log.write("starts", os.getpid())
        while True:
            for result in registry.check_due(concurrency=4):
                log.write("checked", os.getpid(), result.domain.host)
            with sql(url) as connection:
                due = select(func.count()).where(DOMAINS.c.next_check <= now(connection))
                if not connection.execute(due).scalar_one():
                    break
            threading.Event().wait(0.1)
        log.write("ends", os.getpid())


def check_and_die(url: str, host: str) -> None:
    """A process that checks one domain that is due; the check of a host kills it."""

    async def check(domain: Domain) -> Evidence:
        if domain.host == host:
            os._exit(9)
        return works(domain.host)

    signal.alarm(100)
    with open_registry(url, check=check) as registry:
        registry.check_due(limit=1)


def hold_write(url: str, writing: Any, end: Any) -> None:
    """A process that is in the midst of a transaction until it is told to end."""
    signal.alarm(100)
    database = Database(url, CNAME_TARGET, create=False)
    with database.write() as connection:
        [domain] = repository.find(connection, lock=True)
        repository.assign(connection, domain, "acme.test")
        writing.set()
        end.wait(90)
    database.close()


def become_nobody() -> None:
    """Go on as a user who may write nothing."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def read_only(url: str) -> None:
    """A process of a user who may write nothing: it reads a registry, and cannot add to it."""
    become_nobody()
    with open_registry(url, create=False) as registry:
        for _ in range(2):
            assert [domain.host for domain in registry.domains()] == ["click.acme.test"]
        assert registry.cname_target.host == CNAME_TARGET
        assert len(registry.account("acme").domains) == 1
        assert [change.kind for change in registry.changes()] == ["added"]
        with pytest.raises(LinkWrapError, match=r"^the registry can only be read here, not written to: "):
            registry.add("news.acme.test", account="acme")


def unusable(url: str, complaint: str) -> None:
    """A process of a user who may write nothing, and cannot use a registry."""
    become_nobody()
    with pytest.raises(LinkWrapError, match=complaint), open_registry(url) as registry:
        registry.domains()

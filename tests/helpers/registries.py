"""What the tests of the registry share: checks that ask nobody, time that has passed, and processes that check.

examiner = Examiner()
monkeypatch.setattr("linkwrap.domains.checker.examine", examiner)
registry = open_registry(url)
examiner.say("click.acme.test", works(https=True))
registry.verify("click.acme.test")
pass_time(url, 3600)
"""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from linkwrap import LinkWrapError, SigningKeys
from linkwrap.domains import (
    DomainRegistry,
    Findings,
    Hop,
    Network,
    Proof,
    ResolverAnswer,
    ServerAnswer,
    Trace,
    checker,
    store,
)
from linkwrap.domains.claims import add, new_domain
from linkwrap.domains.database import Database, moment, now
from linkwrap.domains.domain import Domain
from linkwrap.domains.schema import DOMAINS
from linkwrap.domains.settings import link

T = TypeVar("T")

KEYS = SigningKeys("the key of the tests on the registry")
TARGET = "spgo.io"
NETWORK = Network(resolvers=["127.0.0.1:9"])
"""Where a check would ask; the tests with an `Examiner` send nothing there."""

TIMES = (
    "since added_at checked_at next_check watched_since seen_since settled_at contrary_since silent_since stale_until "
    "lease_until"
).split()


def open_registry(url: str, **options: Any) -> DomainRegistry:
    """A registry whose checks reach nothing."""
    return DomainRegistry(url, **{"keys": KEYS, "network": NETWORK} | options)


def _trace(host: str, *answers: ServerAnswer) -> Trace:
    return Trace((Hop(host, host.partition(".")[2], answers, 0),), TARGET)


def works(host: str = "click.acme.test", *, https: bool = False, proven: bool = True) -> Findings:
    """All is there: the chain, the owner, the redirector over http, and over https if it is to be."""
    detail = f"CNAME {TARGET} (TTL 0)"
    return Findings(
        _trace(host, ServerAnswer("ns1.servers.test", "192.0.2.1", "alias", (TARGET,), 0, detail)),
        None if proven else _trace(f"_linkwrap.{host}", _nothing()),
        proven,
        (ResolverAnswer("192.0.2.53", answered=True, chain=True, detail=f"leads to {TARGET}"),),
        Proof("http", "proven", "the redirector answers", "192.0.2.80"),
        Proof("https", "proven" if https else "certificate", "said by the tests", "192.0.2.80"),
    )


def absent(host: str = "click.acme.test") -> Findings:
    """There is no record."""
    return Findings(_trace(host, _nothing()), None, False)


def wrong(host: str = "click.acme.test") -> Findings:
    """The record leads elsewhere, to where there is nothing."""
    other = ServerAnswer("ns1.servers.test", "192.0.2.1", "value", ("192.0.2.99",), 0, "A 192.0.2.99 (TTL 0)")
    return Findings(_trace(host, other), None, True)


def _nothing() -> ServerAnswer:
    return ServerAnswer("ns1.servers.test", "192.0.2.1", "nothing", (), 0, "there is no such name")


class Examiner:
    """Stands in for `linkwrap.domains.checker.examine`: says of each host what it was told to, `works` if nothing.

    `before` is called, or awaited, with each domain first; `asked` are the domains in the order of their checks.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Findings | Exception] = {}
        self.before: Callable[[Domain], Any] | None = None
        self.asked: list[Domain] = []

    def say(self, host: str, answer: Findings | Exception) -> None:
        """What the checks of a host find, from now on; an exception is raised."""
        self.answers[host] = answer

    async def __call__(self, domain: Domain, target: str, keys: SigningKeys, network: Network, _: object) -> Findings:
        """One check."""
        self.asked.append(domain)
        if self.before and asyncio.iscoroutine(waiting := self.before(domain)):
            await waiting
        answer = self.answers.get(domain.host) or works(domain.host)
        if isinstance(answer, Exception):
            raise answer
        return answer


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


def pass_time(url: str, seconds: float, host: str | None = None) -> None:
    """Let time pass for a host, or for all: what was at a time was so many seconds earlier."""
    earlier = DOMAINS.update().values({name: DOMAINS.c[name] - seconds for name in TIMES})
    with sql(url) as connection:
        connection.execute(earlier if host is None else earlier.where(DOMAINS.c.host == host))


def hourly(registry: DomainRegistry, url: str, host: str, hours: int, account: str | None = None) -> None:
    """Check a host now and each hour from then on, as happens to one with something against it."""
    registry.verify(host, account=account)
    for _ in range(hours):
        pass_time(url, 3600)
        registry.verify(host, account=account)


def row(url: str, host: str, account: str = "acme") -> dict[str, Any]:
    """A domain's row."""
    statement = text("SELECT * FROM linkwrap_domains WHERE host = :host AND account_id = :account")
    with sql(url) as connection:
        return dict(connection.execute(statement, {"host": host, "account": account}).one()._mapping)


def at_once(*works: Callable[[], T]) -> list[T | BaseException]:
    """What functions return or raise that begin at one moment, each in a thread."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait(20)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
        return [future.exception() or future.result() for future in futures]


def seed(url: str, hosts: Iterable[str], account: str = "acme") -> None:
    """Add hosts in one transaction, vouched for."""
    database = Database(url, TARGET, create=True)
    with database.write() as connection:
        at = now(connection)
        for host in hosts:
            domain = new_domain(account, host, TARGET, subaccount=None, method="cname", vouched=True, at=moment(at))
            add(connection, domain)
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


def open_at_once(url: str, barrier: Any, log: Log) -> None:
    """A process that opens a database when the others do."""
    registry = open_registry(url)
    barrier.wait(60)
    try:
        registry.add("acme", f"click{os.getpid()}.acme.test")
        log.write("opened", os.getpid())
    except Exception as error:
        log.write("failed", repr(error))
    registry.close()


def check_due(url: str, barrier: Any, log: Log, *, hangs: bool = False, lease: float = 60.0, ms: float = 4) -> None:
    """A process that checks what is due until nothing is left, not even what another one holds.

    One that hangs does so in its checks after the first few; it is meant to be killed.
    """
    done = 0

    async def examine(domain: Domain, *_: object) -> Findings:
        nonlocal done
        done += 1
        log.write("begins", os.getpid(), domain.host)
        if hangs and done > 5:
            log.write("hangs", os.getpid(), domain.host)
            await asyncio.sleep(3600)
        await asyncio.sleep(ms / 1000)
        number = int(domain.host.partition(".")[0].removeprefix("click"))
        return wrong(domain.host) if domain.in_use and number % 2 else works(domain.host)

    signal.alarm(100)  # whatever happens to the tests
    checker.examine = examine
    checker._MARGIN = lease / 2
    network = Network(resolvers=["127.0.0.1:9"], deadline=lease / 2)
    with open_registry(url, network=network, on_change=lambda change: log.write("told", change.id)) as registry:
        barrier.wait(60)
        log.write("starts", os.getpid())
        while True:
            for verification in registry.verify_due(concurrency=4):
                log.write("checked", os.getpid(), verification.domain.host)
            with sql(url) as connection:
                at = now(connection)
                due = connection.execute(
                    text("SELECT count(*) FROM linkwrap_domains WHERE next_check <= :now"), {"now": at}
                ).scalar_one()
            if not due:
                break
            threading.Event().wait(0.1)
        log.write("ends", os.getpid())


def check_and_die(url: str, host: str) -> None:
    """A process that checks one domain that is due; the check of a host kills it."""

    async def examine(domain: Domain, *_: object) -> Findings:
        if domain.host == host:
            os._exit(9)
        return works(domain.host)

    signal.alarm(100)
    checker.examine = examine
    with open_registry(url) as registry:
        registry.verify_due(limit=1)


def hold_write(url: str, writing: Any, end: Any) -> None:
    """A process that is in the midst of a transaction until it is told to end."""
    signal.alarm(100)
    database = Database(url, TARGET, create=False)
    with database.write() as connection:
        [domain] = store.find(connection, lock=True)
        link(connection, domain, "acme.test")
        writing.set()
        end.wait(90)
    database.close()


def read_only(url: str, readable: bool) -> None:
    """A process of a user who may write nothing: it reads a registry, where that can be, and cannot add to it."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    with open_registry(url, create=False) as registry:
        if readable:
            assert [domain.host for domain in registry.domains()] == ["click.acme.test"]
            assert registry.target.host == TARGET
            assert len(registry.account("acme").domains) == 1
            assert [change.what for change in registry.changes()] == ["added"]
        with pytest.raises(LinkWrapError, match=r"^the registry's database cannot be used: [^\n]*$"):
            registry.add("acme", "news.acme.test")

"""Eight processes that check many domains: each once a round, and what a killed one held is taken up again."""

import asyncio
import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from helpers.effort import count
from helpers.registries import (
    Log,
    StubCheck,
    check_and_die,
    check_due,
    hold_write,
    make_tables,
    open_registry,
    pass_time,
    processes,
    read_only,
    seed,
    sql,
    unusable,
    works,
)
from linkwrap.domains.storage.database import now
from linkwrap.domains.storage.tables import DOMAINS as TABLE

WORKERS, CONCURRENCY = 8, 4
DOMAINS = count(150, ci=500, endurance=500)


def hosts_of(number: int) -> list[str]:
    """So many hosts."""
    return [f"click{each}.acme.test" for each in range(number)]


@contextmanager
def at_work(url: str, log: Log, *, hanging: int = 0, **options: Any) -> Iterator[tuple[list[Any], Any]]:
    """Processes that check what is due, until they end; some of them hang, and the others wait for an event."""
    context = processes()
    barrier, go = context.Barrier(WORKERS), context.Event()
    if not hanging:
        go.set()
    workers = [
        context.Process(target=check_due, args=(url, barrier, go, log), kwargs={"hangs": number < hanging, **options})
        for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    try:
        yield workers, go
        for worker in workers:
            worker.join(200)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
                worker.join()


def due(url: str) -> set[str]:
    """The hosts that are due, leased or not."""
    with sql(url) as connection:
        return set(connection.execute(select(TABLE.c.host).where(TABLE.c.next_check <= now(connection))).scalars())


def pass_lease(url: str) -> None:
    """Let all leases run out."""
    with sql(url) as connection:
        connection.execute(TABLE.update().where(TABLE.c.lease.is_not(None)).values(lease_until=TABLE.c.next_check))


def states(url: str) -> Counter[str]:
    """How many domains are in a state; none is leased, and all are to be checked later."""
    with sql(url) as connection:
        rows = connection.execute(text("SELECT state, lease, next_check, checked_at FROM linkwrap_domains")).all()
    assert [row for row in rows if row.lease is not None] == []
    assert [row for row in rows if not row.next_check > time.time()] == []
    return Counter(row.state for row in rows)


def test_each_is_checked_once_a_round(database_url: str, tmp_path: Path) -> None:
    """Two rounds: in the second, some processes are killed in the midst of their checks."""
    hosts = hosts_of(DOMAINS)
    seed(database_url, hosts)
    log = Log(tmp_path / "first")
    with at_work(database_url, log) as (workers, _):
        pass
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    lines = log.read()
    begun = Counter(words[2] for words in lines if words[0] == "begins")
    assert begun == Counter(hosts)
    assert Counter(words[2] for words in lines if words[0] == "checked") == begun
    assert len({words[1] for words in lines if words[0] == "begins"}) > 1
    assert states(database_url) == {"verified": DOMAINS}
    with open_registry(database_url) as registry:
        make_tables(registry)
        changes = registry.changes(limit=10_000)
    assert [change.id for change in changes] == list(range(1, 2 * DOMAINS + 1))
    verified = [(change.host, change.previous_state, change.state) for change in changes[DOMAINS:]]
    assert sorted(verified) == sorted((host, "pending", "verified") for host in hosts)
    assert sorted(int(words[1]) for words in lines if words[0] == "told") == [change.id for change in changes[DOMAINS:]]

    pass_time(database_url, 8 * 86400)
    log, killed = Log(tmp_path / "second"), 3
    with at_work(database_url, log, hanging=killed) as (workers, go):
        until = time.monotonic() + 100
        while len(hung := {words[2] for words in log.read() if words[0] == "hangs"}) < killed * CONCURRENCY:
            assert time.monotonic() < until, "they do not hang"
            time.sleep(0.02)
        for worker in workers[:killed]:
            worker.kill()
            worker.join()
        with sql(database_url) as connection:
            held = TABLE.c.lease.is_not(None)
            assert set(connection.execute(select(TABLE.c.host).where(held)).scalars()) == hung
            go.set()
        while (left := due(database_url)) != hung:
            assert time.monotonic() < until, left
            time.sleep(0.1)
        pass_lease(database_url)
    assert [worker.exitcode for worker in workers] == [-9] * killed + [0] * (WORKERS - killed)
    lines = log.read()
    begun = Counter(words[2] for words in lines if words[0] == "begins")
    # Twice is checked what hung, and nothing else.
    assert begun == Counter(hosts) + Counter(hung)
    odd = [host for number, host in enumerate(hosts) if number % 2]
    assert states(database_url) == {"suspended": len(odd), "verified": DOMAINS - len(odd)}
    with open_registry(database_url) as registry:
        changes = registry.changes(after=2 * DOMAINS, limit=10_000)
    assert [change.id for change in changes] == list(range(2 * DOMAINS + 1, 2 * DOMAINS + len(odd) + 1))
    assert sorted((change.host, change.previous_state, change.state) for change in changes) == sorted(
        (host, "verified", "suspended") for host in odd
    )


def test_one_round_while_settings_change(database_url: str, tmp_path: Path) -> None:
    """What an operator changes while processes write results is kept."""
    hosts = hosts_of(120)
    kept, removed = hosts[:60], hosts[60:]
    seed(database_url, hosts)
    log = Log(tmp_path / "log")
    with at_work(database_url, log, ms=20), open_registry(database_url) as registry:
        while not any(words[0] == "starts" for words in log.read()):
            time.sleep(0.01)
        for host, other in zip(kept, removed, strict=True):
            registry.assign(host, f"mail.{host}")
            registry.remove(other)
    with open_registry(database_url) as registry:
        make_tables(registry)
        domains = registry.domains()
        changes = registry.changes(limit=10_000)
    assert [domain.host for domain in domains] == sorted(kept)
    assert all(domain.sending_domains == (f"mail.{domain.host}",) and domain.verified for domain in domains)
    assert [change.id for change in changes] == list(range(1, len(changes) + 1))
    verified = Counter(change.host for change in changes if (change.kind, change.state) == ("state", "verified"))
    assert set(verified.values()) == {1}
    assert set(kept) <= set(verified)
    # Nothing is told of a host after its removal.
    last = {change.host: change.kind for change in changes}
    assert {host for host, what in last.items() if what == "removed"} == set(removed)


def test_error_in_one_check(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, stops no other check, and is not tried again at once."""
    stub, hosts = StubCheck(), hosts_of(10)
    stub.say(hosts[3], ZeroDivisionError("a bug"))
    seed(database_url, hosts)
    with open_registry(database_url, check=stub) as registry, caplog.at_level(logging.ERROR, "linkwrap"):
        make_tables(registry)
        results = {result.domain.host: result for result in registry.check_due(concurrency=2)}
        assert registry.check_due() == []
        assert set(results) == {*hosts}
        assert {host for host, result in results.items() if not result.verified} == {hosts[3]}
        assert (results[hosts[3]].previous_state, results[hosts[3]].domain.state) == ("pending", "pending")
        assert "ZeroDivisionError" in results[hosts[3]].evidence.error
        assert registry.domain(hosts[3]) == results[hosts[3]].domain
        assert Counter(domain.host for domain in stub.asked) == Counter(hosts)
        [record] = caplog.records
        assert record.getMessage() == f"the check of {hosts[3]} failed"
        assert "ZeroDivisionError: a bug" in str(record.exc_text)
        pass_time(database_url, 61)
        stub.say(hosts[3], works(hosts[3]))
        assert [result.domain.host for result in registry.check_due(limit=1)] == [hosts[3]]


def test_errors_do_not_keep_others_waiting(database_url: str) -> None:
    """Domains whose checks fail each time do not stand in front of those that are due, where rounds have a limit."""
    stub, hosts = StubCheck(), hosts_of(6)
    with open_registry(database_url, check=stub) as registry:
        for host in hosts:
            registry.add(host, account="acme")
        for host in hosts[:3]:
            stub.say(host, ZeroDivisionError("a bug"))
        for _ in range(4):  # a minute each
            registry.check_due(limit=3)
            pass_time(database_url, 60)
        assert {domain.host for domain in registry.domains(state="verified")} == set(hosts[3:])


def test_process_that_is_slow(database_url: str) -> None:
    """While a round goes on, what comes to be due is left to the next one, so that each comes to an end."""
    stub, hosts = StubCheck(), hosts_of(3)

    async def one_more(_: object) -> None:
        if len(stub.asked) < len(hosts):
            await asyncio.sleep(0.02)
            await asyncio.to_thread(registry.add, hosts[len(stub.asked)], account="acme")

    stub.hook = one_more
    with open_registry(database_url, check=stub) as registry:
        registry.add(hosts[0], account="acme")
        for host in hosts:
            assert [result.domain.host for result in registry.check_due(concurrency=1)] == [host]
        assert registry.check_due(concurrency=1) == []


def test_check_that_kills_its_process(database_url: str, tmp_path: Path) -> None:
    """A domain whose check takes its process with it, each time, keeps no other waiting."""
    hosts = hosts_of(4)
    with open_registry(database_url) as registry:
        for host in hosts:
            registry.add(host, account="acme", ownership_trusted=True)
        context = processes()
        for _ in range(len(hosts)):
            worker = context.Process(target=check_and_die, args=(database_url, hosts[0]))
            worker.start()
            worker.join(120)
            assert worker.exitcode in (0, 9)
            pass_time(database_url, 100)  # what it held has run out
        assert {domain.host for domain in registry.domains(state="verified")} == set(hosts[1:])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of Python 3.12, where there are threads
def test_forked_processes(database_url: str, tmp_path: Path) -> None:
    """A registry that was used before its process forked works in all of them, each with connections of its own."""
    log = Log(tmp_path / "log")
    children: list[int] = []
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
        for _ in range(4):
            child = os.fork()
            if not child:
                use_in_child(registry, log)
            children.append(child)
            assert len(registry.domains(account="acme")) == 1
        for turn in range(20):
            registry.add(f"click{turn}.parent.test", account="parent")
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        assert log.read() == [["done"]] * 4
        assert Counter(domain.account_id for domain in registry.domains()) == {
            "acme": 1,
            "parent": 20,
            **{f"child{child}": 20 for child in children},
        }
        assert [change.id for change in registry.changes()] == list(range(1, 102))


def use_in_child(registry: Any, log: Log) -> None:
    """Write and read in a forked process, which ends here and now."""
    try:
        signal.alarm(60)
        for turn in range(20):
            host, account = f"click{turn}.child{os.getpid()}.test", f"child{os.getpid()}"
            registry.add(host, account=account)
            assert registry.domain(host).account_id == account
        log.write("done")
    except BaseException as error:
        log.write(repr(error))
    finally:
        os._exit(0)


def test_readers_do_not_wait(database_url: str) -> None:
    """While another process is in the midst of writing, all that reads goes on, also in one that has just begun."""
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
    context = processes()
    writing, end = context.Event(), context.Event()
    writer = context.Process(target=hold_write, args=(database_url, writing, end))
    writer.start()
    try:
        assert writing.wait(60)
        for create in (True, False):
            begin = time.monotonic()
            with open_registry(database_url, create=create, keys=None) as registry:
                assert registry.cname_target.host == "spgo.io"
                assert [domain.host for domain in registry.domains()] == ["click.acme.test"]
                assert registry.domain("click.acme.test").sending_domains == ()
                assert len(registry.request("click.acme.test").records) == 2
                assert len(registry.account("acme").domains) == 1
                assert [change.kind for change in registry.changes()] == ["added"]
            assert time.monotonic() - begin < 25
    finally:
        end.set()
        writer.join(60)
    assert writer.exitcode == 0
    with open_registry(database_url) as registry:
        assert registry.domain("click.acme.test").sending_domains == ("acme.test",)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("folder_mode", [0o777, 0o755], ids=["folder writable", "folder not writable"])
@pytest.mark.parametrize("busy", [False, True], ids=["nobody has it open", "somebody has it open"])
def test_file_that_may_only_be_read(folder_mode: int, busy: bool) -> None:
    """Who may not write a SQLite file, as on a read-only mount, may read it, and is told what cannot be done."""
    with tempfile.TemporaryDirectory(prefix="linkwrap-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        url = f"sqlite:///{folder / 'domains.db'}"
        with open_registry(url) as registry:
            registry.add("click.acme.test", account="acme")
            registry.close()
            (folder / "domains.db").chmod(0o444)
            folder.chmod(folder_mode if os.geteuid() == 0 else folder_mode & 0o555)
            if busy:
                assert len(registry.domains()) == 1
            worker = multiprocessing.get_context("fork").Process(target=read_only, args=(url,))
            worker.start()
            worker.join(120)
            folder.chmod(0o755)
    assert worker.exitcode == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "the registry cannot be created: .* cannot be written to"),
        (
            ["domains.db", "domains.db-wal"],
            "domains.db cannot be opened in a read-only folder while domains.db-wal",
        ),
        (["broken"], "the registry's database cannot be used: file is not a database"),
    ],
    ids=["no file", "changes in the log", "another file"],
)
def test_read_only_folder_that_cannot_be_used(files: list[str], complaint: str) -> None:
    """The error says what to do; a log that is left over holds changes that would be missing."""
    with tempfile.TemporaryDirectory(prefix="linkwrap-", dir="/tmp") as name:
        source, folder = Path(name) / "source", Path(name) / "copy"
        source.mkdir()
        folder.mkdir()
        Path(name).chmod(0o755)
        with open_registry(f"sqlite:///{source / 'domains.db'}") as registry:
            registry.add("click.acme.test", account="acme")
            (source / "broken").write_bytes(b"no database" * 1000)
            for file in files:  # as a backup of a running registry has them
                shutil.copy(source / file, folder / file)
        path = folder / (files[0] if files else "domains.db")
        folder.chmod(0o555)
        arguments = (f"sqlite:///{path}", complaint)
        worker = multiprocessing.get_context("fork").Process(target=unusable, args=arguments)
        worker.start()
        worker.join(120)
        folder.chmod(0o755)
    assert worker.exitcode == 0

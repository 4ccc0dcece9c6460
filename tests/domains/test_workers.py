"""Eight processes that check five hundred domains: each once a round, and what a killed one held is taken up again."""

import asyncio
import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from linkwrap.domains import checker
from registries import Examiner, Log, check_due, open_registry, pass_time, seed, sql, works

WORKERS, DOMAINS = 8, 500
HOSTS = [f"click{number}.acme.test" for number in range(DOMAINS)]


@contextmanager
def at_work(url: str, log: Log, *, hanging: int = 0, **options: Any) -> Iterator[list[Any]]:
    """Processes that check what is due, until they end; some of them hang."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(WORKERS)
    workers = [
        context.Process(target=check_due, args=(url, barrier, log), kwargs={"hangs": number < hanging, **options})
        for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    try:
        yield workers
        for worker in workers:
            worker.join(60)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
                worker.join()


def states(url: str) -> Counter[str]:
    """How many domains are in a state; none is leased, and all are to be checked later."""
    with sql(url) as connection:
        rows = connection.execute(text("SELECT state, lease, next_check, checked_at FROM linkwrap_domains")).all()
    assert [row for row in rows if row.lease is not None] == []
    assert [row for row in rows if not row.next_check > time.time()] == []
    return Counter(row.state for row in rows)


def test_each_is_checked_once_a_round(database_url: str, tmp_path: Path) -> None:
    """Two rounds: in the second, some processes are killed in the midst of their checks."""
    seed(database_url, HOSTS)
    log = Log(tmp_path / "first")
    with at_work(database_url, log) as workers:
        pass
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    lines = log.read()
    begun = Counter(words[2] for words in lines if words[0] == "begins")
    assert begun == Counter(HOSTS)
    assert Counter(words[2] for words in lines if words[0] == "checked") == begun
    assert len({words[1] for words in lines if words[0] == "begins"}) > 1
    assert states(database_url) == {"verified": DOMAINS}
    with open_registry(database_url) as registry:
        changes = registry.changes(limit=10_000)
    assert [change.id for change in changes] == list(range(1, 2 * DOMAINS + 1))
    verified = [(change.host, change.old, change.new) for change in changes[DOMAINS:]]
    assert sorted(verified) == sorted((host, "pending", "verified") for host in HOSTS)
    assert sorted(int(words[1]) for words in lines if words[0] == "told") == [change.id for change in changes[DOMAINS:]]

    pass_time(database_url, 8 * 86400)
    log, killed = Log(tmp_path / "second"), 3
    with at_work(database_url, log, hanging=killed, lease=4.0) as workers:
        until = time.monotonic() + 40
        while len({words[1] for words in log.read() if words[0] == "hangs"}) < killed:
            assert time.monotonic() < until, "they do not hang"
            time.sleep(0.02)
        for worker in workers[:killed]:
            worker.kill()
    assert [worker.exitcode for worker in workers] == [-9] * killed + [0] * (WORKERS - killed)
    lines = log.read()
    begun = Counter(words[2] for words in lines if words[0] == "begins")
    hung = {words[2] for words in lines if words[0] == "hangs"}
    dead = {str(worker.pid) for worker in workers[:killed]}
    in_dead = {words[2] for words in lines if words[0] == "begins" and words[1] in dead}
    assert hung
    assert set(begun) == set(HOSTS)
    # Twice is checked what hung, or was about to be written when its process was killed, and nothing else.
    assert hung <= {host for host, times in begun.items() if times == 2} <= in_dead
    assert max(begun.values()) == 2
    odd = [host for number, host in enumerate(HOSTS) if number % 2]
    assert states(database_url) == {"suspended": len(odd), "verified": DOMAINS - len(odd)}
    with open_registry(database_url) as registry:
        changes = registry.changes(after=2 * DOMAINS, limit=10_000)
    assert [change.id for change in changes] == list(range(2 * DOMAINS + 1, 2 * DOMAINS + len(odd) + 1))
    assert sorted((change.host, change.old, change.new) for change in changes) == sorted(
        (host, "verified", "suspended") for host in odd
    )


def test_one_round_while_settings_change(database_url: str, tmp_path: Path) -> None:
    """What an operator changes while processes write results is kept."""
    hosts = HOSTS[:120]
    seed(database_url, hosts)
    log = Log(tmp_path / "log")
    with at_work(database_url, log, ms=20), open_registry(database_url) as registry:
        while not any(words[0] == "starts" for words in log.read()):
            time.sleep(0.01)
        for host in hosts[:60]:
            registry.link(host, f"mail.{host}")
            registry.remove(hosts[60 + hosts.index(host)])
    with open_registry(database_url) as registry:
        domains = registry.domains()
        changes = registry.changes(limit=10_000)
    assert [domain.host for domain in domains] == sorted(hosts[:60])
    assert all(domain.sending_domains == (f"mail.{domain.host}",) and domain.verified for domain in domains)
    assert [change.id for change in changes] == list(range(1, len(changes) + 1))
    verified = Counter(change.host for change in changes if change.new == "verified")
    assert set(verified.values()) == {1}
    assert set(hosts[:60]) <= set(verified)
    # Nothing is told of a host after its removal.
    last = {change.host: change.what for change in changes}
    assert {host for host, what in last.items() if what == "removed"} == set(hosts[60:])


def test_error_in_one_check(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, stops no other check, and is not tried again at once."""
    examiner = Examiner()
    monkeypatch.setattr(checker, "examine", examiner)
    hosts = HOSTS[:10]
    examiner.say(hosts[3], ZeroDivisionError("a bug"))
    seed(database_url, hosts)
    with open_registry(database_url) as registry, caplog.at_level(logging.ERROR, "linkwrap"):
        results = registry.verify_due(concurrency=2)
        assert registry.verify_due() == []
        assert {result.domain.host for result in results} == {*hosts} - {hosts[3]}
        assert Counter(domain.host for domain in examiner.asked) == Counter(hosts)
        [record] = caplog.records
        assert record.getMessage() == f"the check of {hosts[3]} failed"
        assert "ZeroDivisionError: a bug" in str(record.exc_text)
        pass_time(database_url, 51)
        examiner.say(hosts[3], works(hosts[3]))
        assert [result.domain.host for result in registry.verify_due(limit=1)] == [hosts[3]]


def test_errors_do_not_keep_others_waiting(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Domains whose checks fail each time do not stand in front of those that are due, where rounds have a limit."""
    examiner = Examiner()
    monkeypatch.setattr(checker, "examine", examiner)
    hosts = HOSTS[:6]
    with open_registry(database_url) as registry:
        for host in hosts:
            registry.add("acme", host)
        for host in hosts[:3]:
            examiner.say(host, ZeroDivisionError("a bug"))
        for _ in range(4):  # a minute each
            registry.verify_due(limit=3)
            pass_time(database_url, 60)
        assert {domain.host for domain in registry.domains(state="verified")} == set(hosts[3:])


def test_process_that_is_slow(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a round goes on, what comes to be due is taken up by it."""
    examiner = Examiner()
    monkeypatch.setattr(checker, "examine", examiner)
    hosts = HOSTS[:3]

    async def one_more(_: object) -> None:
        if len(examiner.asked) < len(hosts):
            await asyncio.to_thread(registry.add, "acme", hosts[len(examiner.asked)])

    examiner.before = one_more
    with open_registry(database_url) as registry:
        registry.add("acme", hosts[0])
        assert len(registry.verify_due(concurrency=1)) == 3

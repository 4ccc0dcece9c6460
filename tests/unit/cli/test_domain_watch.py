"""`linkwrap domain watch`: every change and result is told, and Ctrl-C or SIGTERM ends it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from linkwrap.domains import Change, DomainRegistry
from linkwrap.errors import LinkWrapError

Run = Callable[..., Result]

HOST = "click.acme.test"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
pytestmark = pytest.mark.usefixtures("registry")

# Checks that take long, in a process of their own.
SLOW = """
import asyncio
from functools import partial
from linkwrap import domains

async def check(domain):
    print("checking", flush=True)
    await asyncio.sleep(600)

domains.DomainRegistry = partial(domains.DomainRegistry, check=check)
from linkwrap.cli import main
main()
"""
# A wait between two rounds that tells when it begins.
WAITING = """
import time
from linkwrap.cli import main

def sleep(seconds, sleep=time.sleep):
    print("waiting", flush=True)
    sleep(600)

time.sleep = sleep
main()
"""


def lines_of(result: Result) -> list[str]:
    """What a round printed, that went well."""
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def add(run: Run, *hosts: str) -> None:
    """Add hosts that need no TXT record."""
    for host in hosts:
        assert run("domain", "add", host, "--account", "acme", "--ownership-trusted").exit_code == 0


def test_one_round(run: Run, checks: Any) -> None:
    """A round checks what is due, prints each change and then each result, and the next has nothing to do."""
    add(run, HOST, "go.acme.test")
    checks.works(HOST)
    checks.leads("go.acme.test", None)
    change, scheme, *results = lines_of(run("domain", "watch", "--once"))
    assert re.fullmatch(rf"{TIME} acme click\.acme\.test: state pending → verified", change)
    assert re.fullmatch(rf"{TIME} acme click\.acme\.test: secure true", scheme)
    assert sorted(re.sub(TIME, "", line) for line in results) == [
        " acme click.acme.test: checked, verified",
        " acme go.acme.test: checked, pending; to do: create a CNAME record for go.acme.test with the value spgo.io",
    ]
    assert lines_of(run("domain", "watch", "--once")) == []


def test_json_lines(run: Run, checks: Any) -> None:
    """With --json each change and each result is an object on a line of its own."""
    add(run, HOST)
    checks.works(HOST)
    first, second, third = map(json.loads, lines_of(run("domain", "watch", "--once", "--json")))
    assert [list(line) for line in (first, second, third)] == [["change"], ["change"], ["result"]]
    change, result = first["change"], third["result"]
    assert (change["kind"], change["host"], change["id"]) == ("state", HOST, 2)
    assert (change["previous_state"], change["state"], change["value"]) == ("pending", "verified", None)
    assert change["evidence"]["https"]["status"] == "confirmed"
    assert (second["change"]["kind"], second["change"]["value"]) == ("secure", True)
    assert (result["domain"]["host"], result["verified"]) == (HOST, True)
    assert result["evidence"]["cname"]["status"] == "complete"


def test_many_at_a_time(run: Run, checks: Any) -> None:
    """A round checks all that are due, however few at a time, each once."""
    hosts = sorted(f"click{number}.acme.test" for number in range(12))
    add(run, *hosts)
    for host in hosts:
        checks.works(host)
    found = [json.loads(line) for line in lines_of(run("domain", "watch", "--once", "--json", "--concurrency", "1"))]
    results = [line["result"]["domain"]["host"] for line in found if "result" in line]
    changes = [line["change"]["host"] for line in found if "change" in line and line["change"]["kind"] == "state"]
    assert sorted(results) == sorted(changes) == hosts


def test_after(run: Run, checks: Any) -> None:
    """With --after, it prints all changes behind a number, so that a notifier goes on where it stopped."""
    add(run, HOST)
    run("domain", "assign", HOST, "mail.acme.test")
    checks.works(HOST)
    found = [json.loads(line) for line in lines_of(run("domain", "watch", "--once", "--json", "--after", "1"))]
    assert [line["change"]["id"] for line in found if "change" in line] == [2, 3, 4]
    assert [line["change"]["kind"] for line in found if "change" in line] == ["assigned", "state", "secure"]
    assert [list(line) for line in found[3:]] == [["result"]]
    assert lines_of(run("domain", "watch", "--once", "--after", "4")) == []
    assert len(lines_of(run("domain", "watch", "--once", "--after", "0"))) == 4


def test_long_history(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No change is left out if there are more than `changes` returns unasked."""
    add(run, HOST)
    with DomainRegistry(os.environ["LINKWRAP_REGISTRY"]) as registry:
        [change] = registry.changes()
    history = [replace(change, id=number) for number in range(1, 2502)]

    def changes(_: object, *, after: int = 0, limit: int = 1000, **__: object) -> list[Change]:
        return [change for change in history if change.id > after][:limit]

    monkeypatch.setattr(DomainRegistry, "changes", changes)
    monkeypatch.setattr(DomainRegistry, "check_due", lambda *_, **__: [])
    assert len(lines_of(run("domain", "watch", "--once", "--after", "1"))) == 2500
    assert run("domain", "show", HOST).stdout.count(": added pending") == 2501


def test_rounds(run: Run, checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds follow one another; a database that is away in between is told, and asked again."""
    add(run, HOST)
    checks.works(HOST)
    rounds = iter(["away", "back", "end"])
    check_due = DomainRegistry.check_due

    def sleep(seconds: float) -> None:
        assert seconds == 7
        state = next(rounds)
        if state == "end":
            raise KeyboardInterrupt

        def fail(*_: object, **__: object) -> None:
            raise LinkWrapError("the registry's database cannot be used: it went away")

        monkeypatch.setattr(DomainRegistry, "check_due", fail if state == "away" else check_due)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(DomainRegistry, "check_due", lambda *_, **__: [])
    result = run("domain", "watch", "--every", "7")
    assert result.exit_code == 130
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.split("\n")[0] == (
        "Warning: the registry's database cannot be used: it went away: trying again in 7 s"
    )


def test_first_round_that_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be used from the first on ends it, in one line."""

    def fail(*_: object, **__: object) -> None:
        raise LinkWrapError("the registry's database cannot be used: S")

    monkeypatch.setattr(DomainRegistry, "check_due", fail)
    result = run("domain", "watch")
    assert (result.exit_code, result.output) == (1, "Error: the registry's database cannot be used: S\n")


@contextmanager
def start(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process of its own, gone at the end whatever happens."""
    command = [*arguments, "domain", "watch", "--after", "0", "--dns-resolver", "192.0.2.53"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


ENDS = pytest.mark.parametrize(
    ("end", "status", "told"),
    [(signal.SIGINT, 130, b"Error: interrupted"), (signal.SIGTERM, 143, b"Error: terminated")],
)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@ENDS
def test_interrupted_while_waiting(run: Run, checks: Any, end: signal.Signals, status: int, told: bytes) -> None:
    """Ctrl-C while nothing is due ends it without a traceback, and what was printed stays."""
    add(run, HOST)
    checks.works(HOST)
    run("domain", "check", HOST)
    with start(sys.executable, "-c", WAITING) as process:
        assert b"added pending" in process.stdout.readline()  # type: ignore[union-attr]
        assert b"pending \xe2\x86\x92 verified" in process.stdout.readline()  # type: ignore[union-attr]
        assert b"secure true" in process.stdout.readline()  # type: ignore[union-attr]
        assert process.stdout.readline() == b"waiting\n"  # type: ignore[union-attr]
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (status, b"", told)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@ENDS
def test_interrupted_while_checking(run: Run, checks: Any, end: signal.Signals, status: int, told: bytes) -> None:
    """Ctrl-C in the middle of a check gives the domain back, so that it can be checked at once."""
    add(run, HOST)
    with start(sys.executable, "-c", SLOW) as process:
        assert b"added pending" in process.stdout.readline()  # type: ignore[union-attr]
        assert process.stdout.readline() == b"checking\n"  # type: ignore[union-attr]
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (status, b"", told)
    checks.works(HOST)
    assert run("domain", "check", HOST).exit_code == 0


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_terminated_in_the_background(run: Run, checks: Any) -> None:
    """SIGTERM ends one that a shell has started with &, where Ctrl-C is ignored, and the domains are given back."""
    hosts = [f"click{number}.acme.test" for number in range(5)]
    add(run, *hosts)
    with start("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", SLOW) as process:
        lines = [process.stdout.readline() for _ in range(10)]  # type: ignore[union-attr]
        assert lines[5:] == [b"checking\n"] * 5
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (143, b"", b"Error: terminated")
    for host in hosts:
        checks.works(host)
        assert run("domain", "check", host).exit_code == 0


@pytest.mark.parametrize("end", [signal.SIG_DFL, signal.SIG_IGN])
@pytest.mark.parametrize("interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_signals_are_as_before(run: Run, end: Any, interrupt: Any) -> None:
    """When it is done, SIGTERM and Ctrl-C do what they did, and where one was ignored it stays so."""
    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGINT: signal.signal(signal.SIGINT, interrupt),
    }
    try:
        lines_of(run("domain", "watch", "--once"))
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == (end, interrupt)
        assert os.name != "posix" or signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_interrupted_while_the_database_is_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends it also where the changes cannot be read at that moment."""
    changes = DomainRegistry.changes

    def interrupted(*_: object, **__: object) -> None:
        monkeypatch.setattr(DomainRegistry, "changes", fail)
        raise KeyboardInterrupt

    def fail(*_: object, **__: object) -> None:
        raise LinkWrapError("the registry's database cannot be used: it went away")

    monkeypatch.setattr(time, "sleep", lambda _: monkeypatch.setattr(DomainRegistry, "check_due", interrupted))
    monkeypatch.setattr(DomainRegistry, "changes", changes)
    result = run("domain", "watch", "--after", "0")
    assert (result.exit_code, result.stderr.strip()) == (130, "Error: interrupted")


def test_reader_that_goes_away(run: Run, checks: Any, execute: Callable[..., Any]) -> None:
    """A broken pipe, as under head, ends it without a word."""
    add(run, HOST)
    end, begin = os.pipe()
    os.close(end)
    try:
        done = execute("domain", "watch", "--after", "0", "--dns-resolver", "192.0.2.53", stdout=begin)
    finally:
        os.close(begin)
    assert (done.returncode, done.stderr) == (1, b"")

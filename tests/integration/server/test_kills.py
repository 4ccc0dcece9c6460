"""Processes that store events: killed under load, four at once, on a disk that is full or can only be read."""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.effort import count
from helpers.events import an_event
from helpers.processes import program
from helpers.writers import a_writer, imported, once, stored, until
from linkwrap.server.store import Store

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def start(store: Path, fallback: Path, first: int, events: int) -> "subprocess.Popen[bytes]":
    """Start a process that submits events."""
    command = [sys.executable, "-m", "helpers.submitter", str(store), str(fallback), str(first), str(events)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT)


def answered(lines: bytes, sign: str) -> list[int]:
    """The events whose answers are whole lines that begin with a sign."""
    return [int(line[1:]) for line in lines.decode().split("\n")[:-1] if line[0] == sign]


def test_a_process_that_is_killed(tmp_path: Path) -> None:
    """Every event that was answered as stored is in the store, once; and the next process goes on with the file."""
    store, fallback = tmp_path / "events.db", tmp_path / "fallback.jsonl"
    told: list[int] = []
    for attempt in range(count(5, ci=10, endurance=100)):
        process = start(store, fallback, attempt * 10**6, 10**6)
        assert process.stdout is not None
        wanted = random.Random(attempt).randrange(200, 3000)  # noqa: S311
        lines = b""
        while lines.count(b"\n") < wanted and (piece := process.stdout.read1(65536)):
            lines += piece
        process.kill()
        lines += process.stdout.read()
        process.stdout.close()
        assert process.wait() < 0  # it was killed, and had not ended
        assert answered(lines, "-") == []
        told += answered(lines, "+")
        assert len(told) >= 200 * (attempt + 1)
    found = Counter(stored(store))
    assert set(found.values()) == {1}
    assert [number for number in told if number not in found] == []
    assert found.total() - len(told) < 100 * (attempt + 1)  # no more than what was on its way


def test_four_processes_on_one_store(tmp_path: Path) -> None:
    """They make the file together, and each event is stored once or, rarely, in the fallback."""
    store = tmp_path / "events.db"
    events = count(1000, ci=3000, endurance=50_000)
    fallbacks = [tmp_path / f"{number}.jsonl" for number in range(4)]
    processes = [start(store, fallback, number * 10**6, events) for number, fallback in enumerate(fallbacks)]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    expected = [number * 10**6 + event for number in range(4) for event in range(events)]
    told = [number for lines in outputs for number in answered(lines, "+")]
    refused = [number for lines in outputs for number in answered(lines, "-")]
    assert sorted(told + refused) == expected
    assert set(told) <= set(stored(store))
    for fallback in fallbacks:
        imported(store, fallback)
    assert Counter(stored(store)) == once(expected)


def test_four_processes_whose_store_is_deleted(tmp_path: Path) -> None:
    """All of them notice, one new file is made, and no event that was answered is lost or there twice."""
    store = tmp_path / "events.db"
    fallbacks = [tmp_path / f"{number}.jsonl" for number in range(4)]
    events = count(1500, ci=5000, endurance=50_000)
    processes = [start(store, fallback, number * 10**6, events) for number, fallback in enumerate(fallbacks)]
    head = b""
    assert processes[0].stdout is not None
    while head.count(b"\n") < 500:
        head += processes[0].stdout.read1(65536)
    store.unlink()
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    outputs[0] = head + outputs[0]
    assert [process.returncode for process in processes] == [0] * 4
    for fallback in fallbacks:
        imported(store, fallback)
    told = {number for lines in outputs for sign in "+-" for number in answered(lines, sign)}
    found = Counter(stored(store))
    assert len(told) == 4 * events
    assert set(found.values()) == {1}
    assert told - set(found) == set()


def test_erasing_under_load(tmp_path: Path) -> None:
    """What is erased while events are stored is gone, and all others stay; nobody has to stop for it."""
    store, fallback = tmp_path / "events.db", tmp_path / "fallback.jsonl"
    with Store(store, create=True) as opened:
        opened.add(an_event(10**6 + number, rcpt_meta={"rcpt": f"gone-{number % 7}"}) for number in range(700))
        process = start(store, fallback, 0, events := count(5000, ci=10_000, endurance=200_000))
        for name in range(6):
            assert opened.delete(where=("rcpt", f"gone-{name}")) == 100
        output = process.communicate(timeout=600)[0]
        assert process.returncode == 0
        assert {number for sign in "+-" for number in answered(output, sign)} == set(range(events))
        assert opened.stats(where=("rcpt", "gone-6")).events == 100
        assert opened.delete(where=("rcpt", "gone-6")) == 100
    assert b"gone-" not in b"".join(file.read_bytes() for file in tmp_path.glob("events.db*"))
    assert imported(store, fallback) == once(range(events))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system on Linux")
    mount, umount = program("mount", "mount"), program("umount", "mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("file systems cannot be mounted here, not even by root")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full(small_disk: Path, tmp_path: Path) -> None:
    """Events go to the fallback until there is room again; an import then completes the store."""
    path, fallback = small_disk / "events.db", tmp_path / "fallback.jsonl"
    (small_disk / "filler").write_bytes(bytes(1_500_000))

    async def test() -> int:
        number = 0
        async with a_writer(path, fallback) as writer:
            while writer.fault is None:
                await asyncio.gather(*[writer.submit(an_event(number + more)) for more in range(20)])
                number += 20
            assert "the disk is full" in writer.fault
            assert await writer.submit(an_event(number)) is False
            (small_disk / "filler").unlink()
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert await writer.submit(an_event(number + 1)) is True
        return number + 2

    total = asyncio.run(test())
    assert len(stored(path)) < total
    assert imported(path, fallback) == once(range(total))


def test_a_disk_that_can_only_be_read_for_a_while(small_disk: Path, tmp_path: Path) -> None:
    """As a file system is after an error of its disk: the circuit opens, and closes once it can be written again."""
    path, fallback = small_disk / "events.db", tmp_path / "fallback.jsonl"
    mount = program("mount", "mount")

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert await writer.submit(an_event(0)) is True
        subprocess.run([mount, "-o", "remount,ro", str(small_disk)], check=True)
        async with a_writer(path, fallback) as writer:
            assert "can only be read" in str(writer.fault) or "cannot be" in str(writer.fault)
            assert await writer.submit(an_event(1)) is False
            subprocess.run([mount, "-o", "remount,rw", str(small_disk)], check=True)
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert await writer.submit(an_event(2)) is True

    asyncio.run(test())
    assert stored(path) == [0, 2]
    assert imported(path, fallback) == once(range(3))

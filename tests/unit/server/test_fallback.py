"""The fallback: one line an event, never a wait for whoever puts one in, and what is lost is told."""

import io
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.events import an_event
from helpers.processes import wait
from linkwrap.events import Event
from linkwrap.server import fallback as module
from linkwrap.server.fallback import Fallback
from linkwrap.server.lines import read_lines
from linkwrap.server.store import StoreError


def events_of(content: bytes) -> list[int]:
    """The numbers of the events in some lines."""
    found = [event for event in read_lines(io.BytesIO(content)) if isinstance(event, Event)]
    return [event.timestamp - 1_760_000_000 for event in found]


def lost_of(content: bytes) -> int:
    """How many events the lines say are lost."""
    lines = [json.loads(line) for line in content.splitlines() if line]
    return sum(line["events"] for line in lines if line["linkwrap"] == "lost")


def test_a_file(tmp_path: Path) -> None:
    """It is for its owner alone, what is in it stays, and each event is one line."""
    path = tmp_path / "events.jsonl"
    for start in (0, 300):
        fallback = Fallback(path)
        assert all(fallback.put(an_event(number)) for number in range(start, start + 300))
        assert fallback.close() is True
        assert (fallback.written, fallback.lost) == (300, 0)
    assert events_of(path.read_bytes()) == list(range(600))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_moved_away(tmp_path: Path) -> None:
    """The next events are in a new file, as logrotate expects."""
    path = tmp_path / "events.jsonl"
    fallback = Fallback(path)
    fallback.put(an_event(1))
    wait(lambda: fallback.written == 1, "the event was not written")
    path.rename(tmp_path / "events.1")
    fallback.put(an_event(2))
    assert fallback.close() is True
    assert (events_of((tmp_path / "events.1").read_bytes()), events_of(path.read_bytes())) == ([1], [2])


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It is told at the start, in one sentence."""
    with pytest.raises(StoreError, match=r"the fallback .* cannot be written: "):
        Fallback(tmp_path)


def test_a_file_that_cannot_be_written_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events wait until it can; a line that was written in part is written again, behind its rest."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    path = tmp_path / "events.jsonl"
    fallback = Fallback(path)
    write, failures = os.write, [OSError(28, "No space left on device")] * 3

    def full(descriptor: int, piece: bytes) -> int:
        if failures:
            write(descriptor, piece[:40])
            raise failures.pop()
        return write(descriptor, piece)

    monkeypatch.setattr(os, "write", full)
    for number in range(20):
        fallback.put(an_event(number))
    assert fallback.close(30) is True
    assert sorted({*events_of(path.read_bytes())}) == list(range(20))
    assert (fallback.written, fallback.lost) == (20, 0)


BLOCKED = """
import sys, time
from helpers.events import an_event
from linkwrap.server.fallback import Fallback
fallback = Fallback(max_queue=100)
taken = sum(fallback.put(an_event(number)) for number in range(2000))
print(taken, fallback.lost, flush=True)  # all puts have come back, though nobody has read a byte
sys.stdin.readline()
print(fallback.close(30), fallback.written, fallback.lost, flush=True)
"""


def test_a_pipe_that_nobody_reads() -> None:
    """Nobody waits for it; what has no room is lost, and is told on the same way once it is read again."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None
    taken, lost = map(int, process.stdout.readline().split())
    assert taken + lost == 2000
    assert lost > 1000
    out, err = process.communicate(b"go\n")
    assert out.decode().split() == ["True", str(taken), str(lost)]
    assert len(events_of(err)) == taken
    assert lost_of(err) == lost


CLOSED = """
from helpers.events import an_event
from linkwrap.server.fallback import Fallback
fallback = Fallback()
for number in range(500):
    fallback.put(an_event(number))
print(fallback.close(0.2), fallback.written + fallback.lost)
"""


def test_the_end_does_not_wait_for_a_pipe_that_nobody_reads() -> None:
    """Closing has an end, what is left is counted as lost, and the process ends."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-c", CLOSED]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, env=environment, timeout=60, check=True)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.stdout.split() == [b"False", b"500"]


def test_an_event_that_is_no_json(tmp_path: Path) -> None:
    """It is lost alone, and told."""
    path = tmp_path / "events.jsonl"
    fallback = Fallback(path)
    assert fallback.put(an_event(1, rcpt_meta={"rcpt": {1, 2}})) is False
    assert fallback.put(an_event(2)) is True
    assert fallback.close() is True
    assert (events_of(path.read_bytes()), lost_of(path.read_bytes()), fallback.lost) == ([2], 1, 1)
    assert fallback.put(an_event(3)) is False


def test_an_event_that_stands_for_more_and_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a line now and then, of all its requests, and one in the end; there is room for others meanwhile."""
    monkeypatch.setattr(module, "_COUNT_SECONDS", 0.05)
    path = tmp_path / "events.jsonl"
    fallback = Fallback(path, max_queue=2)
    for repeated in range(2, 1000):
        assert fallback.put(an_event(1, repeated=repeated)) is True
    wait(lambda: fallback.written == 1, "no line was written")
    assert fallback.put(an_event(1, repeated=1000)) is True
    assert fallback.put(an_event(2, repeated=5)) is True
    assert fallback.close() is True
    found = [event for event in read_lines(io.BytesIO(path.read_bytes())) if isinstance(event, Event)]
    assert found[-2:] == [an_event(1, repeated=1000), an_event(2, repeated=5)]
    assert len(found) < 20
    assert fallback.put(an_event(1, repeated=1001)) is False


def test_counts_while_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take each other's place in the queue, and the highest is written in the end."""
    monkeypatch.setattr(module, "_COUNT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    folder = tmp_path / "folder"
    folder.mkdir()
    fallback = Fallback(folder / "events.jsonl", max_queue=3)
    (folder / "events.jsonl").unlink()
    folder.rename(tmp_path / "away")
    for repeated in range(2, 200):
        assert fallback.put(an_event(1, repeated=repeated)) is True
        time.sleep(0.003)
    (tmp_path / "away").rename(folder)
    assert fallback.close() is True
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    assert len(lines) < 10
    assert b'"repeated": 199' in lines[-1]

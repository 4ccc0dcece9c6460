"""The recorder: a program without a loop gets its answer once the event is stored, in each of its processes."""

import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from helpers.events import an_event
from helpers.paths import TESTS
from helpers.writers import FOREVER, imported, once, stored
from linkwrap import OptionError
from linkwrap.server.recorder import Recorder
from linkwrap.server.store import Store
from linkwrap.server.writer import Writer


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No busy machine reaches the limits; the test that is about them sets its own."""
    monkeypatch.setattr("linkwrap.server.recorder.Writer", partial(Writer, limit_seconds=FOREVER))
    monkeypatch.setattr("linkwrap.server.recorder._LATEST_SECONDS", FOREVER)


def run(folder: Path, program: str) -> str:
    """Run a program in a folder, and return what it prints; it must end by itself, with status 0."""
    paths = [str(TESTS), *filter(None, sys.path)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONWARNINGS": "error,ignore::DeprecationWarning",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_recorded_events_are_there_at_once(tmp_path: Path) -> None:
    """Whoever reads the file after `record` has returned finds the event; what is closed opens again."""
    path = tmp_path / "events.db"
    with Recorder(path) as recorder:
        assert not path.exists()
        assert recorder.record(an_event(0)) is True
        assert stored(path) == [0]
        assert recorder.record(an_event(0)) is True
    assert recorder.record(an_event(1)) is True
    recorder.close()
    recorder.close()
    assert stored(path) == [0, 1]


def test_threads_share_it(tmp_path: Path) -> None:
    """One writer and one connection, whichever threads come first."""
    others = [thread.name for thread in threading.enumerate()].count("linkwrap-writer")
    with Recorder(tmp_path / "events.db") as recorder, ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda number: recorder.record(an_event(number)), range(400)))
        assert [thread.name for thread in threading.enumerate()].count("linkwrap-writer") == others + 1
    assert sorted(stored(tmp_path / "events.db")) == list(range(400))


def test_what_is_not_stored_is_in_the_fallback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A store in a folder that is missing: the caller goes on, and an import has the events later."""
    store, fallback = tmp_path / "missing" / "events.db", tmp_path / "fallback.jsonl"
    with Recorder(store, fallback=fallback) as recorder:
        assert [recorder.record(an_event(number)) for number in range(3)] == [False] * 3
    assert "events are not stored: " in caplog.text
    store.parent.mkdir()
    assert imported(store, fallback) == once(range(3))


def test_store_that_hangs_holds_no_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit does not return: after the limit the event is in the fallback, and later ones go there at once."""
    monkeypatch.setattr("linkwrap.server.recorder.Writer", partial(Writer, limit_seconds=0.1))
    go = threading.Event()
    add_rows = Store.add_rows

    def hang(self: Store, rows: Any) -> int:
        assert go.wait(60)
        return add_rows(self, rows)

    monkeypatch.setattr(Store, "add_rows", hang)
    fallback = tmp_path / "fallback.jsonl"
    with Recorder(tmp_path / "events.db", fallback=fallback) as recorder:
        assert [recorder.record(an_event(number)) for number in range(3)] == [False] * 3
        go.set()
    assert imported(tmp_path / "events.db", fallback) == once(range(3))


def test_fallback_that_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error takes its place, so that no event is lost."""
    with Recorder(tmp_path / "no" / "events.db", fallback=tmp_path / "no" / "file") as recorder:
        assert recorder.record(an_event(7)) is False
    assert '{"linkwrap": "not-stored", "event": ' in capfd.readouterr().err


def test_nothing_is_raised_for_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """The reader gets the redirect whatever fails; the log says by its type what did."""

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("can't start new thread for https://secret.test/")

    monkeypatch.setattr("linkwrap.server.recorder.Writer", fail)
    caplog.set_level(logging.ERROR, "linkwrap")
    assert Recorder(tmp_path / "events.db").record(an_event(1)) is False
    assert [record.getMessage() for record in caplog.records] == [
        "an event may be lost: storing it failed with RuntimeError"
    ]


def test_wrong_arguments(tmp_path: Path) -> None:
    """Faults of the program are raised, all at once."""
    with pytest.raises(TypeError, match="path must be a path, not int; fallback must be a path or None, not int"):
        Recorder(1, fallback=2)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="durability must be one of process, power"):
        Recorder(tmp_path, durability="memory")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="event must be an Event, not dict"):
        Recorder(tmp_path).record({})  # type: ignore[arg-type]


PROGRAM = """
from functools import partial

from helpers.events import an_event
from linkwrap.server import recorder
from linkwrap.server.recorder import Recorder

recorder.Writer, recorder._LATEST_SECONDS = partial(recorder.Writer, limit_seconds=600), 600
recorder = Recorder("events.db", fallback="fallback.jsonl")
"""


def test_end_of_a_program(tmp_path: Path) -> None:
    """Nothing has to be closed: what was recorded is stored, and nothing is left beside the file."""
    run(tmp_path, PROGRAM + "assert recorder.record(an_event(1))")
    assert stored(tmp_path / "events.db") == [1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.db", "fallback.jsonl"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("before", ["", "recorder.record(an_event(0))"], ids=["preloaded", "in use"])
def test_forked_processes_have_a_store_of_their_own(tmp_path: Path, before: str) -> None:
    """A server that loads the application and forks, twice over; the parent goes on too."""
    program = f"""{PROGRAM}
import os

{before}
for number in range(1, 5):
    if (child := os.fork()) == 0:
        if (grandchild := os.fork()) != 0:
            assert os.waitpid(grandchild, 0)[1] == 0
        recorder.record(an_event(number + 10 * (grandchild == 0)))
        raise SystemExit
    assert os.waitpid(child, 0)[1] == 0
recorder.record(an_event(5))
"""
    run(tmp_path, program)
    expected = [1, 2, 3, 4, 5, 11, 12, 13, 14] + [0] * bool(before)
    # One of several processes may find the store locked for longer than it waits.
    assert imported(tmp_path / "events.db", tmp_path / "fallback.jsonl") == once(expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_outlives_its_parents_store(tmp_path: Path) -> None:
    """The parent closes the store, and another program opens and closes it: what the child records stays there."""
    program = f"""{PROGRAM}
import os
import pathlib
import time
from linkwrap.server.store import Store

recorder.record(an_event(1))
if (child := os.fork()) == 0:
    recorder.record(an_event(2))
    pathlib.Path("begun").touch()
    while not pathlib.Path("closed").exists():
        time.sleep(0.01)
    recorder.record(an_event(3))
    raise SystemExit
while not pathlib.Path("begun").exists():
    time.sleep(0.01)
recorder.close()
Store("events.db").close()
pathlib.Path("closed").touch()
assert os.waitpid(child, 0)[1] == 0
"""
    run(tmp_path, program)
    assert imported(tmp_path / "events.db", tmp_path / "fallback.jsonl") == once([1, 2, 3])


def test_only_the_standard_library(tmp_path: Path) -> None:
    """A WSGI application needs no package of the extra `server`."""
    loaded = run(tmp_path, PROGRAM + "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))")
    assert not {"starlette", "anyio", "granian", "sqlalchemy"} & set(loaded.split())

"""The writer: an event is stored before its future is true; if it is not, the reader waits for nothing.

No test here depends on the machine's speed: where a commit has to take long, the test itself holds it.
"""

import asyncio
import logging
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from helpers.events import an_event
from helpers.writers import FOREVER, a_writer, imported, once, stored, until
from linkwrap.events import Event
from linkwrap.server.fallback import Fallback
from linkwrap.server.store import Store
from linkwrap.server.writer import COMMIT_BUCKETS, Writer

Paths = tuple[Path, Path]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Where store and fallback are."""
    (tmp_path / "store").mkdir()
    return tmp_path / "store" / "events.db", tmp_path / "fallback.jsonl"


async def submit(writer: Writer, numbers: Iterable[int]) -> list[bool]:
    """Submit events at once, and return what their futures say."""
    return await asyncio.gather(*[writer.submit(an_event(number)) for number in numbers])


class Held(Store):
    """A store whose commits wait until the test lets them go on."""

    go = threading.Event()
    begun = threading.Event()

    def add_rows(self, rows: Any) -> int:
        """Wait, and store."""
        Held.begun.set()
        assert Held.go.wait(60)
        return super().add_rows(rows)


@pytest.fixture
def held() -> type[Held]:
    """A store that holds its commits from the start."""
    Held.go, Held.begun = threading.Event(), threading.Event()
    return Held


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test in a loop."""
    asyncio.run(asyncio.wait_for(test(), 120))  # type: ignore[arg-type]


def test_events_are_stored_in_order(paths: Paths) -> None:
    """Each future is true once the event is there, for whoever reads the file then."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert await submit(writer, [0]) == [True]
            assert stored(path) == [0]
            assert all(await submit(writer, range(1, 1000)))
            assert stored(path) == list(range(1000))
            metrics = writer.metrics
            assert (metrics.stored, metrics.not_stored, metrics.opened, writer.queue_length) == (1000, 0, 0, 0)
            assert len(metrics.commits) == len(COMMIT_BUCKETS) + 1
            assert 2 <= sum(metrics.commits) < 1000  # groups, not single events
            assert writer.fault is None

    run(test)
    assert fallback.read_bytes() == b""


def test_an_event_twice_is_stored_once(paths: Paths) -> None:
    """Both futures are true: it is stored."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert await submit(writer, [1, 1, 2]) == [True] * 3
            assert writer.metrics.stored == 2

    run(test)
    assert stored(path) == [1, 2]


def test_closing_stores_what_waits(paths: Paths) -> None:
    """Nothing that was submitted before is left out; what comes later goes to the fallback."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            futures = [writer.submit(an_event(number)) for number in range(700)]
            await writer.close()
            assert all([await future for future in futures])
            assert await submit(writer, [700]) == [False]

    run(test)
    assert stored(path) == list(range(700))
    assert imported(path, fallback) == once(range(701))


def test_a_reader_who_goes_away(paths: Paths) -> None:
    """The event of a request that was cancelled is stored all the same."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            writer.submit(an_event(1)).cancel()
            assert await submit(writer, [2]) == [True]

    run(test)
    assert stored(path) == [1, 2]


def test_a_store_that_is_locked(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    """Another program holds the write lock: readers are answered, events go to the fallback, until it lets go."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            await submit(writer, range(10))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert await submit(writer, range(10, 20)) == [False] * 10
                assert "is in use by another program" in str(writer.fault)
                future = writer.submit(an_event(20))
                assert future.done()  # at once: the circuit is open
                assert future.result() is False
                await asyncio.sleep(0.1)  # it is tried again meanwhile, in vain
                assert writer.fault is not None
                other.execute("COMMIT")
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert await submit(writer, range(21, 30)) == [True] * 9
            assert (writer.metrics.opened, writer.metrics.not_stored, writer.metrics.stored) == (1, 11, 19)

    with caplog.at_level(logging.WARNING, "linkwrap"):
        run(test)
    assert stored(path) == [*range(10), *range(21, 30)]
    assert imported(path, fallback) == once(range(30))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "r-1" not in caplog.text


LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(600)
"""


def test_a_program_that_is_killed_with_its_lock(paths: Paths) -> None:
    """The store is opened anew, and all that was in its log is still there, though nobody had copied it."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(10)))
            command = [sys.executable, "-c", LOCK, str(path)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
                assert other.stdout is not None
                assert other.stdout.readline() == b"locked\n"
                assert await submit(writer, [10]) == [False]
                other.kill()
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert await submit(writer, [11]) == [True]

    run(test)
    assert stored(path) == [*range(10), 11]
    assert imported(path, fallback) == once(range(12))


def test_a_commit_that_takes_too_long(paths: Paths, held: type[Held]) -> None:
    """Whoever waits is answered while it goes on; what it stores in the end is not stored twice by an import."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback, open_store=held, limit_seconds=0.05) as writer:
            first = writer.submit(an_event(1))
            await until(held.begun.is_set, "no commit began")
            second = writer.submit(an_event(2))
            assert (await first, await second) == (False, False)
            assert not held.go.is_set()
            assert "takes over 50 ms" in str(writer.fault)
            assert writer.submit(an_event(3)).done()
            held.go.set()
            await until(lambda: writer.metrics.stored == 1, "the group was not stored in the end")

    run(test)
    assert stored(path) == [1]
    assert imported(path, fallback) == once([1, 2, 3])


def test_a_queue_that_is_full(paths: Paths, held: type[Held]) -> None:
    """One event more is not stored, at once; the others are, and the circuit stays closed."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback, open_store=held, max_queue=3) as writer:
            futures = [writer.submit(an_event(0))]
            await until(held.begun.is_set, "no commit began")
            futures += [writer.submit(an_event(number)) for number in (1, 2, 3)]
            over = writer.submit(an_event(4))
            assert (over.done(), over.result()) == (True, False)
            assert (writer.queue_length, writer.fault) == (4, None)
            held.go.set()
            assert all([await future for future in futures])

    run(test)
    assert stored(path) == [0, 1, 2, 3]
    assert imported(path, fallback) == once(range(5))


def test_one_event_that_no_store_takes(paths: Paths, held: type[Held]) -> None:
    """It keeps no other event of its group out."""
    path, fallback = paths
    wrong = an_event(5, rcpt_meta={"rcpt": {1, 2}})
    odd = an_event(6, timestamp=2**70)

    async def test() -> None:
        async with a_writer(path, fallback, open_store=held) as writer:
            futures = [writer.submit(an_event(0))]
            await until(held.begun.is_set, "no commit began")
            futures += [writer.submit(event) for event in (an_event(1), wrong, an_event(2), odd, an_event(3))]
            held.go.set()
            assert [await future for future in futures] == [True, True, False, True, False, True]
            assert (writer.fault, writer.metrics.stored, writer.metrics.not_stored) == (None, 4, 2)

    run(test)
    assert stored(path) == [0, 1, 2, 3]


def test_a_store_that_was_deleted(paths: Paths) -> None:
    """All that was in it is in the new file, each event once, also those that the old one got last."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(1000)))
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink()
            assert await submit(writer, [1000]) == [False]
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert await submit(writer, [1001]) == [True]
            await until(lambda: writer.metrics.saved == 1000, "the events were not saved")
            assert writer.metrics.opened == 1

    run(test)
    assert imported(path, fallback) == once(range(1002))


def test_a_store_whose_file_alone_was_deleted(paths: Paths) -> None:
    """Its log and shared memory, which are left, do not get into the new file's way."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(300)))
            path.unlink()
            # Nobody clicks, and it is noticed all the same.
            await until(lambda: writer.metrics.saved == 300, "the events were not saved")
            assert all(await submit(writer, range(300, 600)))

    run(test)
    assert imported(path, fallback) == once(range(600))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_store_that_was_replaced(paths: Paths) -> None:
    """A back-up was put in its place: it gets what it has not."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(100)))
            with Store(path) as store:
                store.backup(path.parent / "backup.db")
            assert all(await submit(writer, range(100, 200)))
            (path.parent / "backup.db").rename(path)
            await until(lambda: writer.metrics.saved == 100, "the events were not saved")
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert all(await submit(writer, range(200, 300)))

    run(test)
    assert imported(path, fallback) == once(range(300))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_folder_that_was_deleted_and_made_again(paths: Paths) -> None:
    """What was stored waits in the open connection until there is a place for it."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(50)))
            shutil.rmtree(path.parent)
            assert await submit(writer, [50]) == [False]
            await until(lambda: "its folder does not exist" in str(writer.fault), "no folder, and no fault")
            path.parent.mkdir()
            await until(lambda: writer.metrics.saved == 50, "the events were not saved")

    run(test)
    assert imported(path, fallback) == once(range(51))


def test_a_folder_that_stays_away(paths: Paths) -> None:
    """In the end, all that was stored is in the fallback."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(700)))
            shutil.rmtree(path.parent)

    run(test)
    path.parent.mkdir()
    assert imported(path, fallback) == once(range(700))


def test_a_store_that_was_deleted_just_before_the_end(paths: Paths) -> None:
    """It is made anew, with all that was stored."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert all(await submit(writer, range(700)))
            path.unlink()

    run(test)
    assert imported(path, fallback) == once(range(700))


@pytest.mark.parametrize("content", [None, b"no database " * 1000])
def test_a_store_that_cannot_be_opened_at_the_start(paths: Paths, content: bytes | None) -> None:
    """Readers are answered from the first on, and storing begins as soon as it can."""
    path, fallback = paths
    path.mkdir() if content is None else path.write_bytes(content)

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            assert str(path) in str(writer.fault)
            assert await submit(writer, range(5)) == [False] * 5
            path.rmdir() if content is None else path.unlink()
            await until(lambda: writer.fault is None, "the circuit did not close")
            assert await submit(writer, range(5, 10)) == [True] * 5

    run(test)
    assert imported(path, fallback) == once(range(10))


def test_power(paths: Paths) -> None:
    """The durability that waits for the disk stores the same."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback, durability="power") as writer:
            assert all(await submit(writer, range(100)))

    run(test)
    assert stored(path) == list(range(100))


def test_the_log_is_copied_meanwhile(paths: Paths) -> None:
    """Under load the file itself gets the events, without anybody's asking."""
    path, fallback = paths

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            size = path.stat().st_size
            assert all(await submit(writer, range(500)))
            await until(lambda: path.stat().st_size > size + 100_000, "there was no checkpoint")

    run(test)


def test_a_store_that_hangs_does_not_hold_the_end_up(paths: Paths, held: type[Held]) -> None:
    """Closing has an end, and what was not stored is in the fallback."""
    path, fallback = paths

    async def test() -> None:
        lines = Fallback(fallback)
        writer = Writer(path, lines, open_store=held, limit_seconds=FOREVER)
        future = writer.submit(an_event(1))
        await until(held.begun.is_set, "no commit began")
        later = writer.submit(an_event(2))
        await writer.close(0.05)
        assert (future.result(), later.result()) == (False, False)
        assert lines.close() is True
        held.go.set()
        await asyncio.to_thread(writer._thread.join)

    run(test)
    assert imported(path, fallback) == once([1, 2])


def test_the_events_are_whole(paths: Paths) -> None:
    """Each field of an event is stored as it is."""
    path, fallback = paths
    events: list[Event] = [
        an_event(1, target_link_name="Bücher\U0001f4da", rcpt_meta={"a": [1, {"b": None}], "ü": 1.5}),
        an_event(2, type="open", target_link_url=None, target_link_name=None, target_link_part=None, ip_address=None),
        an_event(3, anonymous=True, expired=True, target_link_index=None, visitor="scanner", visitor_reasons=()),
    ]

    async def test() -> None:
        async with a_writer(path, fallback) as writer:
            await asyncio.gather(*map(writer.submit, events))

    run(test)
    with Store(path) as store:
        assert [found.event for found in store.events()] == events

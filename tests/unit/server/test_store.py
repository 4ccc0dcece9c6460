"""The store: what is stored is found, once, in order, by time, account and metadata; and erased without a trace."""

import io
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from helpers.events import an_event
from linkwrap.errors import OptionError
from linkwrap.events import FIELDS, Event
from linkwrap.server.store import MAX_GROUP, Store, StoreError

EVENTS = [an_event(number) for number in range(10)]
START = EVENTS[0].timestamp


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store with ten events, of ten recipients and a second account."""
    with Store(path, create=True) as opened:
        opened.add(EVENTS)
        opened.add([an_event(10, account_id="other", rcpt_meta={"rcpt": "r-1", "n": 42, "vip": True, "x": [1]})])
        yield opened


def numbers(store: Store, **conditions: Any) -> list[int]:
    """The events that are found, by the seconds since the first."""
    return [found.event.timestamp - START for found in store.events(**conditions)]


def test_events_come_back_as_they_were(store: Store) -> None:
    """In the order in which they were stored, each with a higher number than the one before."""
    found = list(store.events())
    assert [stored.event for stored in found][:10] == EVENTS
    assert [stored.seq for stored in found] == list(range(1, 12))
    assert found[0].judged_at is None


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"after": 8}, [8, 9, 10]),
        ({"since": START + 3, "until": START + 5}, [3, 4]),
        ({"account_id": "other"}, [10]),
        ({"account_id": "nobody"}, []),
        ({"where": ("rcpt", "r-1")}, [1, 10]),
        ({"where": ("rcpt", "r-1"), "account_id": "acme"}, [1]),
        ({"where": ("n", "42")}, [10]),
        ({"event_type": "open"}, []),
        ({"event_type": "click", "since": START + 9, "account_id": "acme"}, [9]),
        ({"where": ("vip", "true")}, [10]),
        ({"where": ("rcpt", "r-%")}, []),
        ({"where": ('r"cpt', "' OR 1=1 --")}, []),
        ({"where": ("campaign_id", "c-7"), "since": START + 9}, [9]),
    ],
)
def test_reading(store: Store, conditions: dict[str, Any], expected: list[int]) -> None:
    """By cursor, time, account, and one pair of metadata, whose value is compared as text."""
    assert numbers(store, **conditions) == expected
    assert store.stats(**{key: value for key, value in conditions.items() if key != "after"}).events >= len(expected)


def test_the_newest(store: Store) -> None:
    """The cursor behind which the last events are, of all or of those that are meant; at the end if there is none."""
    assert numbers(store, after=store.before_newest(2)) == [9, 10]
    assert numbers(store, after=store.before_newest(2, account_id="acme"), account_id="acme") == [8, 9]
    assert numbers(store, after=store.before_newest(100)) == list(range(11))
    assert store.before_newest(0) == store.before_newest(5, account_id="nobody") == store.last_seq()


def test_stats_by_account(store: Store) -> None:
    """The same id in two accounts is two messages and two recipients; without an id there is none to count."""
    same = {"rcpt": "r-same", "message_id": 7}
    store.add([an_event(100 + number, rcpt_meta=same) for number in range(3)])
    store.add([an_event(110, rcpt_meta=same, account_id="fir"), an_event(111, rcpt_meta={"rcpt": None})])
    stats = store.stats(since=START + 100)
    assert (stats.events, stats.messages, stats.recipients) == (5, 2, 2)


def test_an_event_id_is_stored_once(store: Store) -> None:
    """The same event, and one with the same id in one group, are no new ones; numbers go on growing."""
    assert store.add([EVENTS[3], an_event(20), an_event(20)]) == 1
    [found] = store.events(after=11)
    assert found.event == an_event(20)


def test_more_than_a_group(store: Store) -> None:
    """Any number of events is stored."""
    assert store.add(an_event(number) for number in range(100, 100 + 3 * MAX_GROUP + 1)) == 3 * MAX_GROUP + 1
    assert store.stats().events == 11 + 3 * MAX_GROUP + 1


def test_numbers_are_not_used_again(store: Store, path: Path) -> None:
    """Whoever has read up to the last event finds those that come after it was erased."""
    assert store.delete(before=START + 100) == 11
    store.add([an_event(500)])
    assert [found.seq for found in store.events(after=11)] == [12]


def test_anyone_can_read_it_with_sql(store: Store, path: Path) -> None:
    """The table has a column for each field, in their order, and `machine`."""
    store.add([an_event(30, visitor="scanner")])
    with closing(sqlite3.connect(path)) as connection:
        names = [found[1] for found in connection.execute("PRAGMA table_xinfo(events)")]
        assert names == ["seq", *FIELDS, "judged_at", "machine"]
        query = "SELECT machine, count(*), max(rcpt_meta ->> 'rcpt') FROM events GROUP BY machine ORDER BY machine"
        assert connection.execute(query).fetchall() == [(0, 11, "r-9"), (1, 1, "r-30")]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_stats(store: Store) -> None:
    """Counts by type and visitor, and the times between which they are."""
    store.add([an_event(50, type="open", visitor="image-proxy")])
    stats = store.stats().as_dict()
    assert 4096 < stats.pop("bytes_used") < stats.pop("bytes_on_disk")
    assert stats == {
        "events": 12,
        "by_type": {"click": 11, "open": 1},
        "by_visitor": {"person": 11, "image-proxy": 1},
        "by_day": {"2025-10-09": {"click": 11, "open": 1}},
        "messages": 0,
        "recipients": 12,
        "first_timestamp": START,
        "last_timestamp": START + 50,
    }
    assert store.stats(account_id="nobody").first_timestamp is None


def test_an_export_is_an_import(store: Store, tmp_path: Path) -> None:
    """Lines of JSON in ASCII, which another store takes, each event once."""
    store.add([an_event(60, target_link_name="Bücher\U0001f4da")])
    lines = io.BytesIO()
    assert store.export(lines, since=START + 8) == 4
    assert lines.getvalue().isascii()
    assert [json.loads(line)["timestamp"] - START for line in lines.getvalue().splitlines()] == [8, 9, 10, 60]
    with Store(tmp_path / "other.db", create=True) as other:
        for stored, duplicates in [(4, 0), (0, 4)]:
            lines.seek(0)
            done = other.import_lines(lines)
            assert (done.stored, done.duplicates, done.unreadable, done.other) == (stored, duplicates, 0, 0)
        assert [found.event for found in other.events()] == [found.event for found in store.events(since=START + 8)]


def test_a_backup_is_a_store(store: Store, tmp_path: Path) -> None:
    """It has what is stored, is for its owner alone, and replaces nothing."""
    target = tmp_path / "backup.db"
    store.backup(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    store.add([an_event(80)])
    with Store(target) as copy:
        assert numbers(copy) == list(range(11))
        copy.add([an_event(81)])
    with pytest.raises(StoreError, match=r"cannot be written to .*: File exists"):
        store.backup(target)


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_the_files_are_for_their_owner_alone(store: Store, path: Path) -> None:
    """The file, its log and its shared memory, whatever the process's umask."""
    files = sorted(path.parent.iterdir())
    assert len(files) == 3
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3


def test_durability(path: Path) -> None:
    """Any other word than the two is refused."""
    with Store(path, create=True, durability="power") as store:
        assert store.add(EVENTS) == 10
    with pytest.raises(OptionError, match="durability must be one of process, power"):
        Store(path, durability="disk")  # type: ignore[arg-type]


def test_judged_events(store: Store, path: Path) -> None:
    """Whoever judges an event later can say when, and it goes with the row."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET judged_at = 5, visitor = 'scanner' WHERE seq = 2")
    found = next(store.events(after=1))
    assert (found.judged_at, found.event.machine) == (5, True)


def test_a_value_that_no_row_takes_is_a_type_error(store: Store) -> None:
    """An event that somebody built with a wrong type is refused without harm."""
    wrong = Event(**{**{name: getattr(EVENTS[0], name) for name in FIELDS}, "event_id": "x", "timestamp": object()})
    with pytest.raises(TypeError, match="a type that the store does not take"):
        store.add([wrong])
    assert store.add([an_event(90)]) == 1

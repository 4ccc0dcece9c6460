"""Erasing: what is too old or too much, and what somebody asked to have forgotten, which does not come back."""

import asyncio
import io
import json
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from helpers.events import an_event
from helpers.writers import a_writer, until
from linkwrap.errors import OptionError
from linkwrap.events import Event
from linkwrap.server.store import Store, StoreError, row

START = an_event(0).timestamp
NOW = int(time.time())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is, in a folder of its own."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store with ten events, of ten recipients, and one of a second account."""
    with Store(path, create=True) as opened:
        opened.add(map(an_event, range(10)))
        opened.add([an_event(10, account_id="other", rcpt_meta={"rcpt": "r-1", "n": 42, "vip": True})])
        yield opened


def numbers(store: Store, **conditions: Any) -> list[int]:
    """The events that are found, by the seconds since the first."""
    return [found.event.timestamp - START for found in store.events(**conditions)]


def contents(folder: Path) -> bytes:
    """All bytes of all files of a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


@pytest.mark.parametrize("seed", range(3))
def test_what_is_erased_is_in_no_byte(tmp_path: Path, seed: int) -> None:
    """Neither in the file nor in the log, also where SQLite has moved rows between pages, and left copies behind."""
    folder = tmp_path / "store"
    folder.mkdir()
    some = random.Random(seed)  # noqa: S311
    ids = [f"rcpt-{number:02}" for number in range(40)]
    with Store(folder / "events.db", create=True) as store:

        def add(start: int, count: int, names: list[str]) -> None:
            store.add(
                an_event(number, rcpt_meta={"rcpt": some.choice(names)}, user_agent="A" * some.choice([10, 100, 400]))
                for number in range(start, start + count)
            )

        add(0, 3000, ids)
        for number, erased in enumerate(ids[:-5], 1):
            assert store.delete(where=("rcpt", erased)) > 0
            left = contents(folder)
            assert [name for name in ids[:number] if name.encode() in left] == []
            add(3000 + 20 * number, 20, ids[number:])
        assert 300 < store.stats().events < 1200
        assert ids[-1].encode() in contents(folder)


def test_an_id_that_names_others_too(store: Store) -> None:
    """Only the rows with this very value are erased; a short value needs no search in vain."""
    store.add([an_event(70, rcpt_meta={"rcpt": "1"}), an_event(71, rcpt_meta={"rcpt": "11", "other": "1"})])
    assert store.delete(where=("rcpt", "1")) == 1
    assert numbers(store, since=START + 70) == [71]


def test_deleting_by_time_and_account(store: Store) -> None:
    """Both conditions count."""
    assert store.delete(before=START + 11, account_id="other") == 1
    assert store.delete(before=START + 2) == 2
    assert numbers(store) == list(range(2, 10))


def test_deleting_needs_a_condition(store: Store) -> None:
    """Nobody empties the store by leaving something out."""
    with pytest.raises(OptionError, match="say which events"):
        store.delete(account_id="acme")
    assert store.stats().events == 11


def test_a_reader_keeps_the_log(store: Store, path: Path) -> None:
    """While another program reads, what was erased is still in the log: that is told, and deleting again ends it."""
    quick = Store(path, wait_seconds=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, quick:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        with pytest.raises(StoreError, match="another program is reading it: delete again"):
            quick.delete(where=("rcpt", "r-1"))
        reader.execute("COMMIT")
        assert quick.delete(where=("rcpt", "r-1")) == 0
    assert b'"r-1"' not in contents(path.parent)


def test_pruning_by_age(store: Store) -> None:
    """What is older than that many seconds is erased."""
    assert store.prune(now=START + 100, keep_seconds=95) == 5
    assert numbers(store) == [5, 6, 7, 8, 9, 10]
    assert store.prune(now=START + 399 * 86_400) == 0


def test_pruning_by_size(store: Store) -> None:
    """The oldest are erased while the rest takes more bytes; the file does not grow again for as many new ones."""
    store.add(an_event(number) for number in range(100, 3000))
    size = store.stats().bytes_used
    pruned = store.prune(now=START, keep_bytes=size // 2)
    left = numbers(store, account_id="acme")
    assert len(left) == 2910 - pruned
    assert size // 3 < store.stats().bytes_used <= size // 2
    assert left == list(range(3000 - len(left), 3000))
    store.add(an_event(number) for number in range(3000, 3000 + pruned // 2))
    assert store.stats().bytes_used <= size
    assert store.prune(now=START, keep_bytes=0) > 0
    assert numbers(store) == []


def test_the_size_is_shared_out(store: Store) -> None:
    """Whoever takes more than their share loses their oldest; small accounts keep all, however old."""
    some = random.Random(1)  # noqa: S311
    accounts = [
        name for name, count in {"flood": 4000, "large": 1500, "small": 150, "old": 20}.items() for _ in range(count)
    ]
    old = [an_event(number, account_id="old") for number in range(100, 120)]
    some.shuffle(accounts)
    store.add(old)
    store.add(an_event(1000 + number, account_id=name) for number, name in enumerate(accounts))
    before = {name: numbers(store, account_id=name) for name in ("flood", "large", "small", "old", "acme", "other")}
    limit = store.stats().bytes_used // 2
    store.prune(now=START, keep_bytes=limit)
    assert limit // 2 < store.stats().bytes_used <= limit
    after = {name: numbers(store, account_id=name) for name in before}
    for name in ("small", "old", "acme", "other"):
        assert after[name] == before[name]
    for name in ("flood", "large"):
        assert after[name] == before[name][-len(after[name]) :]
    assert len(after["flood"]) == pytest.approx(len(after["large"]), abs=250)


def an_old(number: int, **changes: Any) -> Event:
    """An event of r-1 whose message was sent long ago."""
    return an_event(number, **{"rcpt_meta": {"rcpt": "r-1"}, **changes})


LATE = {
    "one that was on its way": an_old(100),
    "a click after it, on an old mail": an_old(101, timestamp=NOW + 500),
    "one before it, by a clock that is wrong": an_old(102, sent_at=NOW + 500),
    "a wish of before": an_old(105, type="list_unsubscribe"),
    "with other metadata too": an_old(103, rcpt_meta={"campaign_id": "c-9", "rcpt": "r-1"}),
    "of another account": an_old(104, account_id="other"),
}
OTHERS = {
    "another recipient": an_old(110, rcpt_meta={"rcpt": "r-11"}),
    "another key": an_old(111, rcpt_meta={"message_id": "r-1"}),
    "the value within": an_old(112, rcpt_meta={"rcpt": ["r-1"]}),
    "no metadata": an_old(113, rcpt_meta={}),
    "a wish to unsubscribe": an_old(115, timestamp=NOW + 500, type="list_unsubscribe"),
    "a mail that was sent later": an_old(114, timestamp=NOW + 500, sent_at=NOW + 500),
}


def test_what_is_not_stored_any_more(store: Store, path: Path) -> None:
    """Late events of messages sent until then are left out, and counted; all others are stored."""
    with Store(path) as open_before:
        assert store.delete(where=("rcpt", "r-1")) == 2
        assert open_before.add_rows(map(row, LATE.values())) == (0, len(LATE))
        assert b'"r-1"' not in contents(path.parent)
        assert open_before.add_rows(map(row, OTHERS.values())) == (len(OTHERS), 0)
    assert b'"r-1"' in contents(path.parent)


def test_an_erasure_of_one_account_or_before_a_time(store: Store) -> None:
    """Only what it means is left out later: the same id of another account, and a later time, are stored."""
    assert store.delete(where=("rcpt", "r-1"), account_id="acme", before=START + 500) == 1
    assert store.add([an_old(20)]) == 0
    assert store.add([an_old(21, account_id="other"), an_old(500), an_old(22)]) == 2
    assert [(one.account_id, one.before) for one in store.erasures()] == [("acme", START + 500)]


@pytest.mark.parametrize(
    ("key", "text", "value"), [("n", "42", 42), ("vip", "true", True), ("x", "1.5", 1.5), ("Bücher", "ä📚", "ä📚")]
)
def test_values_are_compared_as_when_they_are_erased(store: Store, key: str, text: str, value: Any) -> None:
    """Numbers and truth by their text, as `where` has them."""
    found = [an_event(200 + number, rcpt_meta={key: value}) for number in range(2)]
    store.add(found[:1])
    assert store.delete(where=(key, text)) >= 1
    assert store.add(found) == 0
    assert store.add([an_event(210, rcpt_meta={key: [value]})]) == 1


def test_an_erasure_holds_no_id(store: Store, path: Path) -> None:
    """What is noted is a hash with a key of this store's own."""
    store.delete(where=("rcpt", "r-1"))
    store.delete(where=("rcpt", "r-2"))
    first, second = store.erasures()
    assert (second.seq, first.account_id, first.before) == (first.seq + 1, None, None)
    assert abs(first.at - time.time()) < 60
    assert list(store.erasures(first.seq)) == [second]
    with Store(path.parent / "other.db", create=True) as other:
        other.delete(where=("rcpt", "r-1"))
        assert next(other.erasures()).hash != first.hash


def test_a_back_up_that_is_restored(store: Store, path: Path, tmp_path: Path) -> None:
    """What was asked for since it was made is erased from it, once, and does not come later either."""
    backup, lines = tmp_path / "backup.db", io.BytesIO()
    store.delete(where=("rcpt", "r-2"))
    store.backup(backup)
    store.delete(where=("rcpt", "r-1"))
    assert store.export_erasures(lines) == 2
    with Store(backup) as restored:
        assert restored.add([an_event(2)]) == 0
        for new in (1, 0):
            lines.seek(0)
            done = restored.import_lines(lines)
            assert (done.stored, done.erasures, done.unreadable) == (0, new, 0)
        assert numbers(restored) == [0, *range(3, 10)]
        assert restored.add([an_old(30), an_event(2)]) == 0
        restored.delete(where=("rcpt", "r-3"))
    left = b"".join(file.read_bytes() for file in tmp_path.glob("backup.db*"))
    assert [name for name in (b'"r-1"', b'"r-2"', b'"r-3"') if name in left] == []
    assert b'"r-4"' in left


def test_erasures_of_a_store_that_is_gone(store: Store, path: Path) -> None:
    """A new store with a key of its own takes them, and goes on to erase."""
    lines = io.BytesIO()
    store.delete(where=("rcpt", "r-1"))
    store.export_erasures(lines)
    lines.seek(0)
    with Store(path.parent / "other.db", create=True) as other:
        other.add(map(an_event, range(5)))
        other.delete(where=("rcpt", "r-3"))
        assert other.import_lines(lines).erasures == 1
        assert other.add([an_old(40), an_event(3), an_event(5)]) == 1
        assert numbers(other) == [0, 2, 4, 5]
        assert other.delete(where=("rcpt", "r-5")) == 1
        assert other.add([an_event(5)]) == 0


@pytest.mark.parametrize(
    "change", [("hash", "x"), ("keys", ["0"]), ("keys", 5), ("before", "1"), ("at", -1), ("account_id", 5)]
)
def test_an_erasure_that_cannot_be_read(store: Store, change: tuple[str, Any]) -> None:
    """It is told as a line that cannot be read, and changes nothing."""
    lines = io.BytesIO()
    store.delete(where=("rcpt", "r-1"))
    store.export_erasures(lines)
    values = json.loads(lines.getvalue())
    with Store(store.path.parent / "other.db", create=True) as other:
        done = other.import_lines(io.BytesIO(json.dumps(values | dict([change])).encode()))
        assert (done.unreadable, done.erasures) == (1, 0)
        assert list(other.erasures()) == other.erasure_keys() == []


def test_a_store_that_is_deleted_under_the_writer(store: Store, path: Path, tmp_path: Path) -> None:
    """The new file knows what was asked to be erased from the old one."""
    store.delete(where=("rcpt", "r-1"))

    async def test() -> None:
        async with a_writer(path, tmp_path / "fallback.jsonl") as writer:
            assert await writer.submit(an_old(50)) is True
            path.unlink()
            await until(lambda: writer.metrics.saved == 9, "what the old file had was not copied")
            assert await writer.submit(an_old(51)) is True
            assert await writer.submit(an_event(52)) is True
            assert writer.metrics.erased == 2

    asyncio.run(test())
    with Store(path) as new:
        assert sorted(numbers(new)) == [0, *range(2, 10), 52]
        assert new.delete(where=("rcpt", "r-52")) == 1

"""The store of events: one SQLite file on a local disk, which anyone may read with SQL.

Rows are in the table `events`, a column for each field of `Event`. `seq` only grows, in the order in which events were
stored, so that whoever has read up to a number finds all later events behind it. An event id is stored once.

A `Store` is one connection and has no threads; `linkwrap.server.writer` writes with one. Reads are short: a long one
would keep the write-ahead log from being emptied.
"""

import contextlib
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from operator import attrgetter
from typing import Any, BinaryIO, Final, TypedDict, Unpack

from ..errors import OptionError
from ..events import FIELDS, Event, EventType
from ._database import COLUMNS, MAX_GROUP, Database, Durability, Row
from ._files import Identity, StoreError, size
from .lines import Imported, export_line, read_lines

__all__ = ["KEEP_SECONDS", "MAX_GROUP", "Conditions", "Durability", "Stats", "Store", "StoreError", "StoredEvent"]

KEEP_SECONDS: Final = 400 * 86_400
"""Seconds that an event is kept, unless said otherwise."""
_NAMES: Final = ", ".join(COLUMNS)
_VALUES: Final = f"({', '.join('?' * len(COLUMNS))})"
# One statement is one transaction that takes the write lock at once, as BEGIN IMMEDIATE does. It gives up Python's lock
# once for a whole group: with a statement for each row, a busy thread could come in between each two.
_INSERT: Final = tuple(
    f"INSERT OR IGNORE INTO events ({_NAMES}) VALUES {', '.join([_VALUES] * count)}"  # noqa: S608
    for count in range(MAX_GROUP + 1)
)
_PAIR: Final = (
    "EXISTS (SELECT 1 FROM json_each(rcpt_meta) WHERE key = ? AND "
    "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END = ?)"
)
# Two accounts may have the same ids.
_DISTINCT: Final = "count(DISTINCT CASE WHEN {0} IS NOT NULL THEN json_array(account_id, {0}) END)"
_IDS: Final = ", ".join(_DISTINCT.format(f"json_extract(rcpt_meta, '$.{key}')") for key in ("message_id", "rcpt"))
_PAGE: Final = 1000
_SHORT: Final = 5  # bytes of a value with its quotes: of 3 characters
_DELETED_AT_ONCE: Final = 200  # by one statement: other writers do not wait for long

Pair = tuple[str, str]

_scanned: dict[Identity, int] = {}
"""Descriptors that stay open: to close one would end the locks that SQLite holds on the file (POSIX, `fcntl`)."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the store.

    Attributes:
        seq: Its number; the next events have higher ones.
        event: The event.
        judged_at: When its visitor was judged with what else happened to the message, in seconds since 1970; or None.
    """

    seq: int
    event: Event
    judged_at: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return `seq`, the fields of the event and `judged_at`, ready for JSON."""
        return {"seq": self.seq, **self.event.as_dict(), "judged_at": self.judged_at}


@dataclass(frozen=True, slots=True)
class Stats:
    """How many events there are.

    Attributes:
        events: All of them.
        by_type: By type.
        by_visitor: By visitor.
        by_day: By day (UTC, "2026-11-30"), the first day first, and by type.
        messages: How many messages they are about, by account and `message_id` of the metadata, where it has one.
        recipients: How many recipients they are about, by account and `rcpt`, where the metadata has one.
        first_timestamp: The time of the oldest, in seconds since 1970.
        last_timestamp: The time of the newest.
        bytes_used: Bytes of the file in use, by all events of the store.
        bytes_on_disk: Bytes of the file and its write-ahead log.
    """

    events: int
    by_type: dict[str, int]
    by_visitor: dict[str, int]
    by_day: dict[str, dict[str, int]]
    messages: int
    recipients: int
    first_timestamp: int | None
    last_timestamp: int | None
    bytes_used: int
    bytes_on_disk: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


class Conditions(TypedDict, total=False):
    """The keyword arguments that say which events are meant; `Store.events` explains them."""

    since: int | None
    until: int | None
    account_id: str | None
    event_type: EventType | None
    where: Pair | None


class Store(Database):
    """The events in the file; `Database` says how it is opened. Close it, or use it in a `with` statement."""

    # Writing

    def add(self, events: Iterable[Event]) -> int:
        """Store events, and return how many are new: an event id is stored once. Each `MAX_GROUP` is a transaction.

        Raises:
            StoreError: They cannot be stored; those of the groups before are.
        """
        return self.add_rows(map(row, events))

    def add_rows(self, rows: Iterable[Row]) -> int:
        """Store what `row` and `rows` return, like `add`."""
        added = 0
        rows = iter(rows)
        while group := list(islice(rows, MAX_GROUP)):
            # The driver counts the rows that were really inserted.
            added += self._execute(_INSERT[len(group)], [*chain.from_iterable(group)])[1]
        return added

    def write_probe(self, timestamp: int) -> None:
        """Write a row that is no event, to see whether the store can be written.

        Raises:
            StoreError: It cannot.
        """
        self._run("INSERT OR REPLACE INTO state VALUES ('probe', ?)", (timestamp,))

    def import_lines(self, stream: BinaryIO) -> Imported:
        """Store the events of a file's lines: of an export, or of a log with events that were not stored.

        Raises:
            StoreError: They cannot be stored; what came before is, so that the same import can be done again.
        """
        counts = {"unreadable": 0, "other": 0}

        def events() -> Iterator[Event]:
            for found in read_lines(stream):
                if isinstance(found, Event):
                    yield found
                else:
                    counts[found] += 1

        stored = total = 0
        source = events()
        while group := list(islice(source, MAX_GROUP)):
            stored += self.add(group)
            total += len(group)
        return Imported(stored, total - stored, **counts)

    # Reading

    def events(
        self,
        *,
        after: int = 0,
        since: int | None = None,
        until: int | None = None,
        account_id: str | None = None,
        event_type: EventType | None = None,
        where: Pair | None = None,
    ) -> Iterator[StoredEvent]:
        """Yield events in the order in which they were stored.

        Args:
            after: Only those with a higher `seq`.
            since: Only those of this time or later, in seconds since 1970.
            until: Only those before this time.
            account_id: Only those of this account.
            event_type: Only those of this type.
            where: Only those with this key and value in their metadata, such as `("rcpt", "r-42")`.

        Raises:
            StoreError: They cannot be read.
        """
        conditions, values = _conditions(since, until, account_id, event_type, where)
        statement = f"SELECT seq, {_NAMES} FROM events WHERE seq > ? {conditions} ORDER BY seq LIMIT {_PAGE}"  # noqa: S608
        while page := self._run(statement, (after, *values)):
            for found in page:
                yield self._event(found)
            after = page[-1][0]

    def last_seq(self) -> int:
        """Return the `seq` of the event that was stored last; 0 if there is none."""
        [(last,)] = self._run("SELECT coalesce(max(seq), 0) FROM events")
        return int(last)

    def before_newest(self, count: int, **meant: Unpack[Conditions]) -> int:
        """Return the `seq` behind which `events` finds the last `count` events, or all; the rest is as for `events`."""
        last = self.last_seq()
        conditions, values = _conditions(**meant)
        newest = f"SELECT seq FROM events WHERE seq <= ? {conditions} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        [(first,)] = self._run(f"SELECT min(seq) FROM ({newest})", (last, *values, count))  # noqa: S608
        return last if first is None else int(first) - 1

    def rows(self, after: int, count: int) -> list[Row]:
        """Return up to `count` rows behind a `seq`: each begins with its own, and the rest is for `add_rows`."""
        statement = f"SELECT seq, {_NAMES} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
        return self._run(statement, (after, count))

    def stats(self, **meant: Unpack[Conditions]) -> Stats:
        """Return how many events there are; the arguments are those of `events`."""
        conditions, values = _conditions(**meant)
        rows = self._run(
            "SELECT date(timestamp, 'unixepoch'), type, visitor, count(*), min(timestamp), max(timestamp) "  # noqa: S608
            f"FROM events WHERE 1 {conditions} GROUP BY 1, 2, 3 ORDER BY 1",
            values,
        )
        by_type, by_visitor = Counter[str](), Counter[str]()
        by_day: dict[str, Counter[str]] = {}
        for day, kind, visitor, count, _, _ in rows:
            for counts, name in ((by_type, kind), (by_visitor, visitor), (by_day.setdefault(day, Counter()), kind)):
                counts[name] += count
        [(messages, recipients)] = self._run(f"SELECT {_IDS} FROM events WHERE 1 {conditions}", values)  # noqa: S608
        return Stats(
            events=by_type.total(),
            by_type=dict(by_type),
            by_visitor=dict(by_visitor),
            by_day={day: dict(counts) for day, counts in by_day.items()},
            messages=messages,
            recipients=recipients,
            first_timestamp=min((found[4] for found in rows), default=None),
            last_timestamp=max((found[5] for found in rows), default=None),
            bytes_used=self._bytes_used(),
            bytes_on_disk=size(self.path),
        )

    def export(self, stream: BinaryIO, *, after: int = 0, **meant: Unpack[Conditions]) -> int:
        """Write events as lines of JSON, and return how many; the arguments are those of `events`."""
        count = 0
        for found in self.events(after=after, **meant):
            stream.write(export_line(found.event))
            count += 1
        return count

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the store into a new file, readable by its owner alone, while it is in use.

        Raises:
            StoreError: There is such a file already, or it cannot be written.
        """
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise StoreError(f"the back-up cannot be written to {os.fspath(path)!r}: {error.strerror}") from None
        try:
            # In one step: SQLite begins anew when another process has written between two.
            with contextlib.closing(sqlite3.connect(path)) as target:
                self._connection.backup(target)
        except sqlite3.Error as error:
            os.unlink(path)
            raise StoreError(f"the back-up cannot be written to {os.fspath(path)!r}: {error}") from None

    # Erasing

    def delete(self, *, before: int | None = None, where: Pair | None = None, account_id: str | None = None) -> int:
        """Erase events, and return how many. Their content is then in no byte of the store's files.

        With `where`, the file is searched for the value afterwards, and rewritten if it is still there: that is rare,
        but no other writer can store events meanwhile. Lines of a fallback, exports and back-ups are not the store's.

        Args:
            before: Those before this time, in seconds since 1970.
            where: Those with this key and value in their metadata.
            account_id: Only those of this account.

        Raises:
            OptionError: Neither a time nor metadata is given.
            StoreError: They cannot be erased, or not from the write-ahead log: another program is reading it.
        """
        if before is None and where is None:
            raise OptionError("say which events are deleted: before a time, or with a pair of metadata")
        conditions, values = _conditions(until=before, account_id=account_id, where=where)
        count = self._delete(conditions, values)
        self._empty_log()
        if where is not None and self._has_rest(where):
            # SQLite moves rows between pages, and may leave a copy behind in what is no longer used of one.
            self._run("VACUUM")
            self._empty_log()
        return count

    def prune(self, *, now: int, keep_seconds: int = KEEP_SECONDS, keep_bytes: int | None = None) -> int:
        """Erase events that are too old, then the oldest while the rest takes too many bytes; return how many.

        The file keeps its size: later events take the room.
        """
        count = self._delete(*_conditions(until=now - keep_seconds))
        while keep_bytes is not None and self._bytes_used() > keep_bytes:
            oldest = self._run("SELECT seq FROM events ORDER BY timestamp, seq LIMIT ?", (_DELETED_AT_ONCE,))
            if not oldest:
                break
            count += self._delete_rows([seq for (seq,) in oldest])
        return count

    def _delete(self, conditions: str, values: Sequence[object]) -> int:
        count = after = 0
        statement = f"SELECT seq FROM events WHERE seq > ? {conditions} ORDER BY seq LIMIT {_DELETED_AT_ONCE}"  # noqa: S608
        while page := self._run(statement, (after, *values)):
            count += self._delete_rows([seq for (seq,) in page])
            after = page[-1][0]
        return count

    def _delete_rows(self, numbers: list[int]) -> int:
        return self._execute(f"DELETE FROM events WHERE seq IN ({', '.join('?' * len(numbers))})", numbers)[1]  # noqa: S608

    def _empty_log(self) -> None:
        if not self._until(lambda: self.checkpoint(truncate=True)):
            raise StoreError(
                f"events were deleted, but the write-ahead log of {str(self.path)!r} still has them, since another "
                "program is reading it: delete again once that has ended"
            )

    def _has_rest(self, pair: Pair) -> bool:
        """Whether the file still has the pair's value, though no row has; also if it cannot be told."""
        key, value = (json.dumps(text, ensure_ascii=False).encode() for text in pair)
        # A copy may be overwritten in part, so its quotes are not looked for, unless every file has such a value.
        needle = value[1:-1] if len(value) > _SHORT else key + b":" + value
        found = re.compile(
            # Another recipient's longer value, or the value anywhere else.
            rb"""[:,\[{]"(?P<whole>[^"\x00-\x1f]{0,80}%b[^"\x00-\x1f]{0,80})"[]:,}]|(?P<part>%b)"""
            % (2 * (re.escape(needle),))
        )
        if self.identity not in _scanned:
            _scanned[self.identity] = os.open(self.path, os.O_RDONLY)
        descriptor = _scanned[self.identity]
        position, rest = 0, b""
        while piece := os.pread(descriptor, 1 << 20, position):
            piece, position = rest + piece, position + len(piece)
            if needle in piece and any(hit["part"] or hit["whole"] == needle for hit in found.finditer(piece)):
                return True
            rest = piece[-len(needle) - 200 :]
        return False

    def _event(self, found: Row) -> StoredEvent:
        values = dict(zip(("seq", *COLUMNS), found, strict=True))
        seq, judged_at = values.pop("seq"), values.pop("judged_at")
        try:
            for name in ("rcpt_meta", "visitor_reasons"):
                values[name] = json.loads(values[name])
            for name in ("expired", "anonymous"):
                values[name] = bool(values[name])
            return StoredEvent(seq, Event.from_dict(values), judged_at)
        except (OptionError, TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"row {seq} of the store {str(self.path)!r} is no event: {error}") from None


_fields: Final = attrgetter(*FIELDS)
_META: Final = FIELDS.index("rcpt_meta")
_REASONS: Final = FIELDS.index("visitor_reasons")
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row(event: Event) -> Row:
    """Return the values of an event's row, for `Store.add_rows`."""
    values = [*_fields(event), None]
    values[_META] = _encode(values[_META])
    values[_REASONS] = _encode(values[_REASONS]) if values[_REASONS] else "[]"
    return tuple(values)


def _conditions(
    since: int | None = None,
    until: int | None = None,
    account_id: str | None = None,
    event_type: EventType | None = None,
    where: Pair | None = None,
) -> tuple[str, list[object]]:
    """Return what to write behind WHERE, beginning with AND, and its values."""
    conditions, values = "", list[object]()
    for condition, value in (
        ("timestamp >= ?", since),
        ("timestamp < ?", until),
        ("account_id = ?", account_id),
        ("type = ?", event_type),
    ):
        if value is not None:
            conditions, values = f"{conditions} AND {condition}", [*values, value]
    if where is not None:
        conditions, values = f"{conditions} AND {_PAIR}", [*values, *where]
    return conditions, values

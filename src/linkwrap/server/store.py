"""The store of events: one SQLite file on a local disk, which anyone may read with SQL.

Rows are in the table `events`, a column for each field of `Event`. `seq` only grows, in the order in which events were
stored, so that whoever has read up to a number finds all later events behind it. An event id is stored once.

A `Store` is one connection and has no threads; `linkwrap.server.writer` writes with one. Reads are short: a long one
would keep the write-ahead log from being emptied.
"""

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Any, BinaryIO, Final, Unpack

from ..errors import OptionError
from ..events import Event, EventType
from ._database import COLUMNS, MAX_GROUP, Durability, Row
from ._erasing import KEEP_SECONDS, ErasingDatabase
from ._files import StoreError, size
from ._rows import Conditions, Pair, as_sql, row
from .lines import Erasure, Imported, erasure_line, export_line, read_lines

__all__ = [
    "KEEP_SECONDS",
    "MAX_GROUP",
    "Conditions",
    "Durability",
    "Erasure",
    "Stats",
    "Store",
    "StoreError",
    "StoredEvent",
    "row",
]

_NAMES: Final = ", ".join(COLUMNS)
_VALUES: Final = f"({', '.join('?' * len(COLUMNS))})"
# One statement is one transaction that takes the write lock at once, as BEGIN IMMEDIATE does. It gives up Python's lock
# once for a whole group: with a statement for each row, a busy thread could come in between each two.
# It stores nothing if it was not looked whether the last erasure means one of the events. An event that comes again has
# the same fields, and `repeated` may have grown.
_INSERT: Final = tuple(
    f"INSERT OR IGNORE INTO events ({_NAMES}) SELECT * FROM (VALUES {', '.join([_VALUES] * count)}) "  # noqa: S608
    "WHERE ? = (SELECT coalesce(max(seq), 0) FROM erasures) "
    "ON CONFLICT (event_id) DO UPDATE SET repeated = excluded.repeated WHERE excluded.repeated > events.repeated"
    for count in range(MAX_GROUP + 1)
)
# Two accounts may have the same ids.
_DISTINCT: Final = "count(DISTINCT CASE WHEN {0} IS NOT NULL THEN json_array(account_id, {0}) END)"
_IDS: Final = ", ".join(_DISTINCT.format(f"json_extract(rcpt_meta, '$.{key}')") for key in ("message_id", "rcpt"))
_PAGE: Final = 1000


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
    """How many events there are. One that stands for several requests (`Event.repeated`) counts as so many.

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


class Store(ErasingDatabase):
    """The events in the file; `Database` says how it is opened. Close it, or use it in a `with` statement."""

    # Writing

    def add(self, events: Iterable[Event]) -> int:
        """Store events, and return how many are new: an event id is stored once. Each `MAX_GROUP` is a transaction.

        Of an event that comes again, the higher `repeated` stays; if it has grown, the event counts as new. What was
        asked to be erased is left out.

        Raises:
            StoreError: They cannot be stored; those of the groups before are.
        """
        return self.add_rows(map(row, events))[0]

    def add_rows(self, rows: Iterable[Row]) -> tuple[int, int]:
        """Store what `row` and `rows` return, like `add`; return how many are new, and how many were left out."""
        added = erased = 0
        rows = iter(rows)
        while group := list(islice(rows, MAX_GROUP)):
            while True:
                known = self._known
                meant = self._erased(group) if known else set()
                kept = [found for number, found in enumerate(group) if number not in meant]
                # The driver counts the rows that were really inserted or changed.
                count = self._execute(_INSERT[len(kept)], [*chain.from_iterable(kept), known])[1] if kept else 0
                if count == len(kept) or known == (last := self._last_erasure()):
                    break
                self._known = last
            added, erased = added + count, erased + len(meant)
        return added, erased

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
        erasures = 0

        def events() -> Iterator[Event]:
            nonlocal erasures
            for found in read_lines(stream):
                if isinstance(found, Event):
                    yield found
                elif isinstance(found, tuple):
                    erasures += self.take_erasures([found[0]], found[1])
                else:
                    counts[found] += 1

        stored = erased = total = 0
        source = events()
        while group := list(islice(source, MAX_GROUP)):
            new, left_out = self.add_rows(map(row, group))
            stored, erased, total = stored + new, erased + left_out, total + len(group)
        if erasures:
            self.apply_erasures()
        return Imported(stored, total - stored - erased, erased, erasures, **counts)

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
        conditions, values = as_sql(since, until, account_id, event_type, where)
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
        conditions, values = as_sql(**meant)
        newest = f"SELECT seq FROM events WHERE seq <= ? {conditions} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        [(first,)] = self._run(f"SELECT min(seq) FROM ({newest})", (last, *values, count))  # noqa: S608
        return last if first is None else int(first) - 1

    def rows(self, after: int, count: int) -> list[Row]:
        """Return up to `count` rows behind a `seq`: each begins with its own, and the rest is for `add_rows`."""
        statement = f"SELECT seq, {_NAMES} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
        return self._run(statement, (after, count))

    def stats(self, **meant: Unpack[Conditions]) -> Stats:
        """Return how many events there are; the arguments are those of `events`."""
        conditions, values = as_sql(**meant)
        rows = self._run(
            "SELECT date(timestamp, 'unixepoch'), type, visitor, sum(repeated), min(timestamp), max(timestamp) "  # noqa: S608
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

    def export_erasures(self, stream: BinaryIO) -> int:
        """Write what was asked to be erased as lines of JSON, with the keys of the hashes, and return how many."""
        keys, count = self.erasure_keys(), 0
        for erasure in self.erasures():
            stream.write(erasure_line(erasure, keys))
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

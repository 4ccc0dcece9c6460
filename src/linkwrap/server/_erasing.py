"""Erasing events: those that are too old or too many, and those that somebody asked to have forgotten.

What somebody asked for is noted in the table `erasures`, as a keyed hash of the pair of metadata: the key is random and
in the table `state`. So it holds for events that come later too: from a fallback or an export, from a back-up, and from
a click on an old mail.
"""

import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ..errors import OptionError
from ._database import COLUMNS, Database, Row
from ._files import Identity, StoreError
from ._rows import TEXT, Pair, as_sql
from .lines import Erasure

KEEP_SECONDS: Final = 400 * 86_400
"""Seconds that an event is kept, unless said otherwise."""
_SHORT: Final = 5  # bytes of a value with its quotes: of 3 characters
_DELETED_AT_ONCE: Final = 200  # by one statement: other writers do not wait for long
_KEY: Final = "erasure-key "  # a store that took erasures of another one has more than one
_LAST: Final = "SELECT coalesce(max(seq), 0) FROM erasures"
_NAMES: Final = [*COLUMNS]
_META, _ACCOUNT, _TYPE, _TIMESTAMP, _SENT_AT = map(
    _NAMES.index, ("rcpt_meta", "account_id", "type", "timestamp", "sent_at")
)
_PAIRS: Final = (  # an event that is no JSON has none
    f"SELECT a.key, p.key, {TEXT.replace('type', 'p.type').replace('value', 'p.value')} "  # noqa: S608
    "FROM json_each(?) AS a, json_each(CASE WHEN json_valid(a.value) THEN a.value ELSE '{}' END) AS p"
)
# What an event takes of the file, beside a share of what all have in common.
_BYTES: Final = "200 + length(rcpt_meta) + coalesce(length(target_link_url), 0) + coalesce(length(user_agent), 0)"

_scanned: dict[Identity, int] = {}
"""Descriptors that stay open: to close one would end the locks that SQLite holds on the file (POSIX, `fcntl`)."""


class ErasingDatabase(Database):
    """The events that are erased, and what is known about them. `Store` adds the rest."""

    _known = 0  # erasures that were looked at: the number of the last

    def delete(self, *, before: int | None = None, where: Pair | None = None, account_id: str | None = None) -> int:
        """Erase events, and return how many. Their content is then in no byte of the store's files.

        With `where`, this is noted, as a keyed hash: with `before`, earlier events that are meant are not stored any
        more. Without it, those of messages sent until now are not, whenever they come, but for one-click unsubscribes.

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
        if where is not None:
            # First: from here on, no other writer stores what is meant.
            self._record([Erasure(0, account_id, _hash(self._own_key(), where), before, int(time.time()))])
        count = self._delete(*as_sql(until=before, account_id=account_id, where=where))
        self._empty_log()
        if where is not None and self._has_rest(where):
            # SQLite moves rows between pages, and may leave a copy behind in what is no longer used of one.
            self._run("VACUUM")
            self._empty_log()
        return count

    def prune(self, *, now: int, keep_seconds: int | None = KEEP_SECONDS, keep_bytes: int | None = None) -> int:
        """Erase events that are too old, then of accounts with more than their share the oldest; return how many.

        The share is what an account may have at most for all to take `keep_bytes` together: an account with less keeps
        all of its events. The file keeps its size: later events take the room. None of either is no bound.
        """
        count, old = 0, "SELECT seq, repeated FROM events WHERE timestamp < ? ORDER BY timestamp LIMIT ?"
        while keep_seconds is not None and (page := self._run(old, (now - keep_seconds, _DELETED_AT_ONCE))):
            count += self._delete_rows(page)
        while keep_bytes is not None and (used := self._bytes_used()) > keep_bytes:
            sizes: dict[str, int] = dict(self._run(f"SELECT account_id, sum({_BYTES}) FROM events GROUP BY 1"))  # noqa: S608
            if not sizes:
                break
            share = _share(list(sizes.values()), int(sum(sizes.values()) * keep_bytes / used))
            for account, size in sizes.items():
                if size > share:
                    count += self._delete_oldest(account, size - share)
        return count

    def sinks(self) -> int:
        """Return how many sinks events of this store are forwarded to; they keep what they were given."""
        if not self._run("SELECT 1 FROM sqlite_master WHERE name = 'sinks'"):
            return 0
        return int(self._run("SELECT count(*) FROM sinks")[0][0])

    # What was asked for

    def erasures(self, after: int = 0) -> Iterator[Erasure]:
        """Yield what was asked to be erased by metadata, in the order in which it was; `after` is a `seq`."""
        for found in self._run(
            "SELECT seq, account_id, hash, before, at FROM erasures WHERE seq > ? ORDER BY 1", (after,)
        ):
            yield Erasure(*found)

    def erasure_keys(self) -> list[str]:
        """Return the keys of the hashes, in hexadecimal digits."""
        query = "SELECT value FROM state WHERE name >= ? AND name < ? ORDER BY name"
        return [value for (value,) in self._run(query, (_KEY, f"{_KEY}~"))]

    def take_erasures(self, erasures: Iterable[Erasure], keys: Iterable[str]) -> int:
        """Note what was asked for at another store, and return how much of it is new; `apply_erasures` erases it."""
        for key in keys:
            self._run("INSERT OR IGNORE INTO state VALUES (?, ?)", (f"{_KEY}{key}", key))
        return self._record(erasures)

    def apply_erasures(self) -> int:
        """Erase what is stored of what was asked to be erased, and return how many events; for a restored back-up."""
        self._known = self._last_erasure()
        count = after = 0
        query = f"SELECT seq, repeated, {', '.join(_NAMES)} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
        while self._known and (page := self._run(query, (after, _DELETED_AT_ONCE))):
            meant = self._erased([found[2:] for found in page])
            count += self._delete_rows([page[number] for number in sorted(meant)])
            after = page[-1][0]
        if count:
            # The values are not known, so the file cannot be searched for what is left of them.
            self._run("VACUUM")
            self._empty_log()
        return count

    def _own_key(self) -> str:
        if not self.erasure_keys():
            key = secrets.token_hex(32)
            self._run("INSERT OR IGNORE INTO state VALUES (?, ?)", (f"{_KEY}{key}", key))
        return self.erasure_keys()[0]

    def _record(self, erasures: Iterable[Erasure]) -> int:
        query = (
            "INSERT INTO erasures (account_id, hash, before, at) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM "
            "erasures WHERE account_id IS ?1 AND hash = ?2 AND before IS ?3 AND at = ?4)"
        )
        return sum(self._execute(query, (one.account_id, one.hash, one.before, one.at))[1] for one in erasures)

    def _last_erasure(self) -> int:
        [(last,)] = self._run(_LAST)
        return int(last)

    def _erased(self, rows: Sequence[Row]) -> set[int]:
        """Return which rows are not to be stored, by their places."""
        pairs = self._run(_PAIRS, (json.dumps([found[_META] for found in rows], ensure_ascii=False),))
        keys = self.erasure_keys()
        hashes = [
            (number, _hash(key, (name, text))) for number, name, text in pairs if text is not None for key in keys
        ]
        query = "SELECT hash, account_id, before, at FROM erasures WHERE hash IN (SELECT value FROM json_each(?))"
        found: dict[str, list[Row]] = {}
        for erasure in self._run(query, (json.dumps([hashed for _, hashed in hashes]),)):
            found.setdefault(erasure[0], []).append(erasure[1:])
        return {
            number
            for number, hashed in hashes
            for account, before, at in found.get(hashed, ())
            if account in (None, rows[number][_ACCOUNT]) and _is_meant(rows[number], before, at)
        }

    # Rows, and what is left of them

    def _delete(self, meant: str, values: Sequence[object]) -> int:
        count = after = 0
        statement = f"SELECT seq, repeated FROM events WHERE seq > ? {meant} ORDER BY seq LIMIT {_DELETED_AT_ONCE}"  # noqa: S608
        while page := self._run(statement, (after, *values)):
            count += self._delete_rows(page)
            after = page[-1][0]
        return count

    def _delete_oldest(self, account_id: str, size: int) -> int:
        count, at = 0, (-1, 0)
        statement = (
            f"SELECT seq, repeated, {_BYTES}, timestamp FROM events "  # noqa: S608
            "WHERE account_id = ? AND (timestamp, seq) > (?, ?) ORDER BY timestamp, seq LIMIT ?"
        )
        while size > 0 and (page := self._run(statement, (account_id, *at, _DELETED_AT_ONCE))):
            at = (page[-1][3], page[-1][0])
            count += self._delete_rows(page)
            size -= sum(found[2] for found in page)
        return count

    def _delete_rows(self, rows: list[Row]) -> int:
        """Delete rows, each given by its `seq` and `repeated` in front, and return how many requests they stand for."""
        if rows:
            marks = ", ".join("?" * len(rows))
            self._run(f"DELETE FROM events WHERE seq IN ({marks})", [found[0] for found in rows])  # noqa: S608
        return sum(found[1] for found in rows)

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


def _is_meant(found: Row, before: int | None, at: int) -> bool:
    timestamp: int = found[_TIMESTAMP]
    if before is not None:
        return timestamp < before
    if found[_TYPE] == "list_unsubscribe":  # the reader's wish, which must reach whoever sends the mail
        return timestamp <= at
    return bool(min(timestamp, found[_SENT_AT]) <= at)


def _hash(key: str, pair: Pair) -> str:
    return hmac.digest(bytes.fromhex(key), json.dumps(pair).encode(), "sha256").hex()


def _share(sizes: list[int], total: int) -> int:
    """Return the largest number so that the sizes, each cut to it, are no more than `total` together."""
    rest, left = total, len(sizes)
    for size in sorted(sizes):
        if size * left >= rest:
            return rest // left
        rest, left = rest - size, left - 1
    return max(sizes)

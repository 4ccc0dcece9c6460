"""The SQLite file of the store: its tables, how it is opened, and statements that wait for other writers."""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from ..errors import OptionError
from ..events import MACHINES
from ._files import Identity, StoreError, identity, make, refuse_network

Durability = Literal["process", "power"]
Row = tuple[Any, ...]
MAX_GROUP: Final = 64
"""Events that one statement inserts at most."""

_APPLICATION: Final = 0x4C4B5752  # "LKWR", in the header of the file: whose database it is
_VERSION: Final = 1
COLUMNS: Final[dict[str, str]] = {
    "schema": "INTEGER NOT NULL",
    "event_id": "TEXT NOT NULL UNIQUE",
    "type": "TEXT NOT NULL",
    "timestamp": "INTEGER NOT NULL",
    "account_id": "TEXT NOT NULL",
    "tracking_domain": "TEXT NOT NULL",
    "target_link_url": "TEXT",
    "target_link_name": "TEXT",
    "target_link_part": "TEXT",
    "target_link_index": "INTEGER",
    "rcpt_meta": "TEXT NOT NULL",
    "sent_at": "INTEGER NOT NULL",
    "expired": "INTEGER NOT NULL",
    "anonymous": "INTEGER NOT NULL",
    "visitor": "TEXT NOT NULL",
    "visitor_reasons": "TEXT NOT NULL",
    "ip_address": "TEXT",
    "user_agent": "TEXT",
    "repeated": "INTEGER NOT NULL",
    "judged_at": "INTEGER",
}
# Each index costs every insert: by account and by metadata, the rows of a time are looked through.
_TABLES: Final = (
    (
        f"CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, {', '.join(map(' '.join, COLUMNS.items()))}, "
        f"machine INTEGER GENERATED ALWAYS AS (visitor IN {MACHINES!r}) VIRTUAL)"
    ),
    "CREATE INDEX events_timestamp ON events (timestamp)",
    (
        "CREATE TABLE erasures (seq INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT, hash TEXT NOT NULL, "
        "before INTEGER, at INTEGER NOT NULL)"
    ),
    "CREATE INDEX erasures_hash ON erasures (hash)",
    "CREATE TABLE state (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_HEADER: Final = (  # in one statement: another process may be making the tables
    "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), "
    "(SELECT count(*) FROM sqlite_master)"
)
_WAIT_SECONDS: Final = 5.0
_STEP_SECONDS: Final = 0.001

_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_REASONS: Final[dict[int, str]] = {
    sqlite3.SQLITE_NOTADB: "is no database of SQLite: name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a back-up, with the redirect server stopped",
    sqlite3.SQLITE_READONLY: "can only be read: make the file and its folder writable",
    sqlite3.SQLITE_BUSY: "is in use by another program that does not let go of it",
    sqlite3.SQLITE_LOCKED: "is in use by another program that does not let go of it",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check the rights of the file and its folder",
}


class Database:
    """A connection to the file in which events are stored. Close it, or use it in a `with` statement.

    Args:
        path: The file. Its folder must be on a local disk.
        create: Make the file if there is none, readable by its owner alone.
        durability: "process": an event that was stored outlives the processes, killed ones too. "power": it outlives
            the loss of power too, and storing waits for the disk.
        wait_seconds: How long to wait for other writers.
        checkpoints: Leave it to SQLite when the write-ahead log is copied into the file, at the cost of one insert.
        stale: Identities of a write-ahead log and shared memory of another database that may be in the way.

    Raises:
        StoreError: The file is missing (or empty, where `create` is false), damaged, another program's, of a newer
            linkwrap, only readable, a folder, or on a network file system.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        durability: Durability = "process",
        wait_seconds: float = _WAIT_SECONDS,
        checkpoints: bool = True,
        stale: dict[str, Identity] | None = None,
    ) -> None:
        if durability not in get_args(Durability):
            raise OptionError(f"durability must be one of {', '.join(get_args(Durability))}")
        self.path: Final[Path] = Path(os.path.realpath(path))
        self._wait_seconds = wait_seconds
        self.identity: Identity
        try:
            self._connection, self.identity = self._connect(create, stale)
        except sqlite3.Error as error:
            raise self._error(error) from None
        try:
            self._set_up()
            self._run(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
            self._run("PRAGMA secure_delete = ON")
            self._run(f"PRAGMA wal_autocheckpoint = {1000 if checkpoints else 0}")
        except BaseException:
            self._connection.close()
            raise

    def _connect(self, create: bool, stale: dict[str, Identity] | None) -> tuple[sqlite3.Connection, Identity]:
        shown = repr(str(self.path))
        if self.path.is_dir():
            raise StoreError(f"the store cannot be {shown}: it is a folder; name a file in it")
        if not self.path.parent.is_dir():
            raise StoreError(f"the store cannot be {shown}: its folder does not exist")
        refuse_network(self.path)
        if create:
            try:
                make(self.path, stale)
            except OSError as error:
                raise StoreError(f"the store {shown} cannot be made: {error.strerror}") from None
        found = identity(self.path)
        if found is None:
            raise StoreError(f"there is no store {shown}")
        if not create and not self.path.stat().st_size:
            raise StoreError(f"{shown} is empty: it is no store")
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            timeout=0,
            isolation_level=None,
            cached_statements=2 * MAX_GROUP,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA schema_version")  # opens the file
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY:
                connection.close()
                raise
        if identity(self.path) != found:
            connection.close()
            raise StoreError(f"the store {shown} was replaced while it was opened")
        return connection, found

    def _set_up(self) -> None:
        shown = repr(str(self.path))
        if self._is_ours(shown):
            return
        self._run("PRAGMA journal_mode = WAL")
        self._run("BEGIN IMMEDIATE")
        try:
            if not self._is_ours(shown):
                for statement in _TABLES:
                    self._run(statement)
        except BaseException:
            self._connection.rollback()
            raise
        self._run("COMMIT")

    def _is_ours(self, shown: str) -> bool:
        """Whether the file has our tables; False if it is empty."""
        [(application, version, tables)] = self._run(_HEADER)
        if application == version == tables == 0:
            return False
        if application != _APPLICATION:
            raise StoreError(f"{shown} is a database of another program: name another file for the store")
        if version > _VERSION:
            raise StoreError(f"the store {shown} was made by a newer linkwrap: update linkwrap")
        return True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_moved(self) -> bool:
        """Return whether the file was deleted or replaced since it was opened."""
        return identity(self.path) != self.identity

    def checkpoint(self, *, truncate: bool = False) -> bool:
        """Copy the write-ahead log into the file, and return whether all of it was.

        Args:
            truncate: Empty the log too. Writers wait meanwhile, so what can be copied is copied first.
        """
        [(busy, log, copied)] = self._run("PRAGMA wal_checkpoint(PASSIVE)")
        if truncate:
            [(busy, log, copied)] = self._run("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy and log == copied

    def _bytes_used(self) -> int:
        [(pages,)] = self._run("PRAGMA page_count")
        [(free,)] = self._run("PRAGMA freelist_count")
        [(size,)] = self._run("PRAGMA page_size")
        return int((pages - free) * size)

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._execute(statement, values)[0]

    def _execute(self, statement: str, values: Sequence[object] = ()) -> tuple[list[Row], int]:
        """Return the rows of a statement, and how many it changed; wait while another connection is in the way."""
        ends = 0.0
        while True:
            try:
                cursor = self._connection.execute(statement, values)
                return cursor.fetchall(), cursor.rowcount
            except sqlite3.ProgrammingError:
                raise TypeError("a value is of a type that the store does not take") from None
            except sqlite3.Error as error:
                now = time.monotonic()
                ends = ends or now + self._wait_seconds
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY or now >= ends:
                    raise self._error(error) from None
            # SQLite's own waiting takes steps of up to 100 ms, and whoever came last is often served first.
            time.sleep(_STEP_SECONDS)

    def _until(self, done: Callable[[], bool]) -> bool:
        ends = time.monotonic() + self._wait_seconds
        while not done():
            if time.monotonic() >= ends:
                return False
            time.sleep(10 * _STEP_SECONDS)
        return True

    def _error(self, error: sqlite3.Error) -> StoreError:
        shown = repr(str(self.path))
        reason = _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        return StoreError(f"the store {shown} {reason}" if reason else f"the store {shown} cannot be used: {error}")

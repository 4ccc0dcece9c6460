"""The database of a registry: transactions, its clock, and the differences between SQLite and PostgreSQL."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import ref

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from ...errors import LinkWrapError, OptionError
from ..model import NoRegistry
from . import tables
from .tables import MIGRATIONS, SCHEMA, Version

Clock = Callable[[], datetime]

_CLOCKS: Final = {
    # Not the time at which the transaction began: it may have waited for another.
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}
_LOCK: Final = 7812345678901
# Writers share the lock that a migration holds alone.
_SHARED_LOCK: Final = text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
_ONLY_LOCK: Final = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_VERSION: Final = select(SCHEMA.c.version)
_BUSY_SECONDS: Final = 30
_CONNECT_SECONDS: Final = 10


class Database:
    """A database with the registry's tables.

    The first use brings tables of an older release up to date. Reading makes none.

    Args:
        url: An SQLAlchemy URL of SQLite or PostgreSQL.
        cname_target: The CNAME target of the domains, if tables are made; None if it was not given.
        create: Whether tables may be made if there are none.
        clock: Returns the time, in place of the database's clock.
        migrations: The statements that bring older tables up to date.

    Raises:
        OptionError: The URL cannot be used.
        NoRegistry: There is no file, and none may be made.
        LinkWrapError: The database cannot be used.
    """

    def __init__(
        self,
        url: str,
        cname_target: str | None,
        *,
        create: bool,
        clock: Clock | None = None,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        self._engine = _engine(url, clock, create=create)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_forget, ref(self._engine)))
        self._new_cname_target = cname_target
        self._create = create
        self._migrations = migrations
        self._version: Version | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a transaction that changes nothing, and waits for no other."""
        self.prepare()
        with self._begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, create: bool = False) -> Iterator[Connection]:
        """Run a transaction that is committed at the end of the `with` block.

        Raises:
            NoRegistry, OptionError: As `prepare`.
            OptionError: Another release of linkwrap has changed the tables since the first use.
        """
        version = self.prepare(create=create)
        with self._begin(_SHARED_LOCK) as connection:
            found = connection.execute(_VERSION).scalar_one_or_none()
            if found is None:
                raise tables.missing_row()
            if found != version.number:
                raise tables.newer_version(found, version.number)
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def prepare(self, *, create: bool = False) -> Version:
        """Return the version of the tables, brought up to date, or made if `create` and the database allows it.

        Raises:
            NoRegistry: There are no tables, and none may be made.
            OptionError: There are no tables, and no CNAME target was given.
        """
        if self._version is None:
            creates = create and self._create
            newest = len(self._migrations) + 1
            found = None
            if not self._is_missing_file():  # connecting would make it
                with self._begin() as connection:
                    found = tables.find_version(connection, newest)
            if found is None and not creates:
                raise NoRegistry("there is no registry yet in this database: check its URL")
            if found is None and self._new_cname_target is None:
                raise OptionError(
                    "a new registry needs the host that the CNAMEs of all its domains point to: "
                    "DomainRegistry(…, cname_target='links.example.com')"
                )
            if found is None or found.number < newest:
                found = self._upgrade()
            self._version = found
        return self._version

    def _is_missing_file(self) -> bool:
        url = self._engine.url
        return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()

    def _upgrade(self) -> Version:
        if self._engine.dialect.name == "sqlite":
            _use_write_ahead_log(self._engine)
        with self._begin(_ONLY_LOCK) as connection:
            return tables.upgrade(connection, self._new_cname_target, self._migrations)

    @contextmanager
    def _begin(self, lock: Any = None) -> Iterator[Connection]:
        """A transaction; one with a lock writes."""
        with _plain_errors(), self._engine.connect() as connection:
            if lock is None:
                yield connection
                return
            connection = connection.execution_options(linkwrap_writes=True)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(lock)
                yield connection


def now(connection: Connection) -> datetime:
    """Return the time of the database's clock."""
    clock = connection.get_execution_options().get("linkwrap_clock")
    if clock is None:
        return datetime.fromtimestamp(float(connection.execute(_CLOCKS[connection.dialect.name]).scalar_one()), UTC)
    at = clock()
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise TypeError("clock must return an aware datetime, such as datetime.now(UTC)")
    return at.astimezone(UTC)


def _forget(engine: ref[Engine]) -> None:
    """Leave the connections to the parent process after a fork: two processes cannot share them."""
    ours = engine()
    if ours is not None:
        ours.dispose(close=False)


def _engine(url: str, clock: Clock | None, *, create: bool) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in _CLOCKS:
            hint = ": write postgresql+psycopg://…" if name == "postgres" else ""
            raise OptionError(f"the registry's database must be SQLite or PostgreSQL, not {name}{hint}")
        options = _sqlite_options(parsed, create=create) if name == "sqlite" else _postgresql_options(parsed)
        execution_options = {"linkwrap_clock": clock} if clock else {}
        engine = create_engine(parsed, hide_parameters=True, execution_options=execution_options, **options)
    except OptionError:
        raise
    except (ArgumentError, NoSuchModuleError, ValueError):  # ValueError: the port is not a number
        # Not from the cause, which may quote the password.
        hint = "sqlite:///domains.db for a file, or postgresql+psycopg://USER@HOST/NAME"
        raise OptionError(f"the URL must be that of a database, such as {hint}") from None
    except ImportError as error:
        hint = " (psycopg is the driver of postgresql+psycopg://…)" if error.name == "psycopg2" else ""
        raise OptionError(f"the database needs a driver that is not installed: {error.name}{hint}") from None
    if name == "sqlite":
        _take_over_transactions(engine)
    return engine


def _postgresql_options(url: URL) -> dict[str, Any]:
    # The server's default isolation level must not matter, nor that it may have gone away or be stuck.
    options: dict[str, Any] = {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"}
    if url.get_driver_name().startswith("psycopg") and "connect_timeout" not in url.query:
        options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    return options


def _sqlite_options(url: URL, *, create: bool) -> dict[str, Any]:
    if url.query or not url.database or url.database.startswith((":", "file:")):
        raise OptionError("a registry in SQLite must be a file and nothing else, as in sqlite:///domains.db")
    path = Path(url.database)
    if not path.parent.is_dir() or path.is_dir():
        raise OptionError("a registry in SQLite must be a file in a folder that exists")
    if not path.exists():
        if not create:
            raise NoRegistry("there is no registry yet: the file does not exist")
        if not os.access(path.parent, os.W_OK):
            raise LinkWrapError(f"the registry cannot be created: {path.parent} cannot be written to")
    if os.access(path.parent, os.W_OK):
        return {}
    # A connection must not outlive a transaction: the file may be replaced, or written to elsewhere.
    return {"creator": partial(_connect_in_read_only_folder, path), "poolclass": NullPool}


def _connect_in_read_only_folder(path: Path) -> sqlite3.Connection:
    """Connect to a file in a folder where SQLite can create no files of its own.

    If a process has the database open, its files serve this connection too. If there are no such files, or they hold no
    changes, the file is complete and nobody writes to it.
    """
    log = Path(f"{path}-wal")
    uri = path.absolute().as_uri()
    for parameters in ("mode=rw", "mode=ro"):
        try:
            return _connected(f"{uri}?{parameters}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
    if log.exists() and log.stat().st_size:
        raise sqlite3.OperationalError(
            f"{path.name} cannot be opened in a read-only folder while {log.name} holds changes: "
            "open it once where the folder can be written to, or copy both files to such a folder"
        )
    return _connected(f"{uri}?mode=ro&immutable=1")


def _connected(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _take_over_transactions(engine: Engine) -> None:
    """Let a writing transaction of SQLite begin as one, so that what it reads stays true until it writes."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("linkwrap_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_write_ahead_log(engine: Engine) -> None:
    """Let a new file of SQLite use a write-ahead log, so that readers and a writer do not wait for each other.

    The file keeps this setting. SQLite does not wait for other writers here by itself.
    """
    ends = time.monotonic() + _BUSY_SECONDS
    with _plain_errors(), closing(engine.raw_connection()) as connection:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                    raise LinkWrapError(f"the registry's database cannot be used: {error}") from error
                time.sleep(0.02)
            else:
                return


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Raise an error of the database as one sentence, without its URL or a statement's values."""
    try:
        yield
    except IntegrityError:  # for the caller, who wrote
        raise
    except DBAPIError as error:
        if _is_read_only(error.orig):
            raise LinkWrapError(
                "the registry can only be read here, not written to: make its database, and the folder of an SQLite "
                "file, writable"
            ) from error
        reason = str(error.orig).strip().splitlines() or [type(error).__name__]
        raise LinkWrapError(f"the registry's database cannot be used: {reason[0]}") from error
    except SQLAlchemyError as error:
        raise LinkWrapError(f"the registry's database cannot be used: {type(error).__name__}") from error


def _is_read_only(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
    return getattr(error, "sqlstate", None) == "25006"  # of PostgreSQL: a read-only transaction

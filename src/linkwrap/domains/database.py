"""The database of a registry: transactions, its clock, and what is the same in SQLite and PostgreSQL."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from ..errors import LinkWrapError, OptionError
from .schema import upgrade

_CLOCKS: Final = {
    # Not the time at which the transaction began: it may have waited for another.
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}
_LOCK: Final = text("SELECT pg_advisory_xact_lock(7812345678901)")
_BUSY_SECONDS: Final = 30


class Database:
    """A database that holds the registry's tables, made or brought up to date when first used.

    Raises `OptionError` for a URL that cannot be one, and `LinkWrapError` where the database cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._ready = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing."""
        self._prepare()
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at its end."""
        self._prepare()
        with self._begin() as connection:
            yield connection

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        if self._ready:
            return
        with self._begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_LOCK)  # two processes may find it empty at once
            upgrade(connection)
        self._ready = True

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with _told(), self._engine.connect() as connection:
            connection = connection.execution_options(linkwrap_writes=True)
            with connection.begin():
                yield connection


def now(connection: Connection) -> float:
    """Return the database's time, in seconds since 1970."""
    return float(connection.execute(_CLOCKS[connection.dialect.name]).scalar_one())


def moment(seconds: float) -> datetime:
    """Return a time of the database as a value."""
    return datetime.fromtimestamp(seconds, UTC)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in _CLOCKS:
            raise OptionError(f"the registry's database is SQLite or PostgreSQL, not {name}")
        if name == "sqlite" and parsed.database in {None, "", ":memory:"}:
            raise OptionError("a registry in SQLite needs a file, as in sqlite:///domains.db")
        # What a server has as its default must not matter; SQLite knows but one level.
        options = {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"} if name == "postgresql" else {}
        engine = create_engine(parsed, hide_parameters=True, **options)
    except OptionError:
        raise
    except (ArgumentError, NoSuchModuleError, ValueError):  # the last one of a port that is no number
        # Not from the cause, which may quote the password.
        raise OptionError("no database URL: it is like sqlite:///domains.db or postgresql+psycopg://…") from None
    except ImportError as error:
        hint = " (psycopg is that of postgresql+psycopg://…)" if error.name == "psycopg2" else ""
        raise OptionError(f"the database needs a driver that is not installed: {error.name}{hint}") from None
    if name == "sqlite":
        _take_over_transactions(engine)
    return engine


def _take_over_transactions(engine: Engine) -> None:
    """Let a writing transaction of SQLite begin as one, so that what it reads stays true until it writes."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver begins none by itself
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        _use_log(connection)
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("linkwrap_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_log(connection: sqlite3.Connection) -> None:
    """Let readers and a writer not wait for each other; of its own, SQLite does not wait for who is writing here."""
    ends = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def _told() -> Iterator[None]:
    """Tell of a database that cannot be used in one sentence, without its URL or a statement's values."""
    try:
        yield
    except IntegrityError:  # for who wrote to handle
        raise
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines() or [type(error).__name__]
        raise LinkWrapError(f"the registry's database cannot be used: {reason[0]}") from error
    except SQLAlchemyError as error:
        raise LinkWrapError(f"the registry's database cannot be used: {type(error).__name__}") from error

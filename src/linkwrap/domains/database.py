"""The database of a registry: transactions, its clock, and what is the same in SQLite and PostgreSQL."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from weakref import ref

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from ..errors import LinkWrapError, OptionError
from .schema import Version, upgrade, version

_CLOCKS: Final = {
    # Not the time at which the transaction began: it may have waited for another.
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}
_LOCK: Final = text("SELECT pg_advisory_xact_lock(7812345678901)")
_BUSY_SECONDS: Final = 30
_CONNECT_SECONDS: Final = 10


class Database:
    """A database that holds the registry's tables, brought up to date when first used.

    Where there are none yet, `create` says whether they are made, for domains that lead to `target`.
    Raises `OptionError` for a URL that cannot be one, and `LinkWrapError` where the database cannot be used.
    """

    def __init__(self, url: str, target: str, *, create: bool) -> None:
        self._engine = _engine(url, create=create)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_forget, ref(self._engine)))
        self._new_target = target
        self._create = create
        self._version: Version | None = None

    @property
    def target(self) -> str:
        """The host that the CNAMEs of all its domains must point to."""
        return self._prepared().target

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing, and waits for nobody."""
        self._prepared()
        with self._reading() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at its end."""
        self._prepared()
        with self._writing() as connection:
            yield connection

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def _prepared(self) -> Version:
        if self._version is None:
            with self._reading() as connection:
                found = version(connection)
            if found is None and not self._create:
                raise LinkWrapError("there is no registry in this database: is it the right one?")
            if found is None or not found.current:
                found = self._upgraded()
            self._version = found
        return self._version

    def _upgraded(self) -> Version:
        if self._engine.dialect.name == "sqlite":
            _keep_log(self._engine)
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_LOCK)  # two processes may find it empty at once
            return upgrade(connection, self._new_target)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
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


def _forget(engine: ref[Engine]) -> None:
    """Leave the connections to the process that this one was forked from: they cannot be shared."""
    ours = engine()
    if ours is not None:
        ours.dispose(close=False)


def _engine(url: str, *, create: bool) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in _CLOCKS:
            hint = ": write postgresql+psycopg://…" if name == "postgres" else ""
            raise OptionError(f"the registry's database is SQLite or PostgreSQL, not {name}{hint}")
        if name == "sqlite":
            _check_file(parsed, create=create)
        engine = create_engine(parsed, hide_parameters=True, **_options(parsed))
    except OptionError:
        raise
    except (ArgumentError, NoSuchModuleError, ValueError):  # the last one of a port that is no number
        # Not from the cause, which may quote the password.
        hint = "sqlite:///domains.db for a file, or postgresql+psycopg://USER@HOST/NAME"
        raise OptionError(f"that is no URL of a database: it is like {hint}") from None
    except ImportError as error:
        hint = " (psycopg is that of postgresql+psycopg://…)" if error.name == "psycopg2" else ""
        raise OptionError(f"the database needs a driver that is not installed: {error.name}{hint}") from None
    if name == "sqlite":
        _take_over_transactions(engine)
    return engine


def _check_file(url: URL, *, create: bool) -> None:
    if url.query or not url.database or url.database.startswith((":", "file:")):
        raise OptionError("a registry in SQLite needs a file and nothing else, as in sqlite:///domains.db")
    folder = os.path.dirname(url.database) or "."
    if not os.path.isdir(folder) or os.path.isdir(url.database):
        raise OptionError("a registry in SQLite needs a file in a folder that is there")
    if not create and not os.path.exists(url.database):
        raise LinkWrapError("there is no such registry: the file is not there")


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "postgresql":
        return {}
    # What a server has as its default level must not matter, nor that it may have gone away or be stuck.
    options: dict[str, Any] = {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"}
    if url.get_driver_name().startswith("psycopg") and "connect_timeout" not in url.query:
        options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    return options


def _take_over_transactions(engine: Engine) -> None:
    """Let a writing transaction of SQLite begin as one, so that what it reads stays true until it writes."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver begins none by itself
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("linkwrap_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _keep_log(engine: Engine) -> None:
    """Have a new file of SQLite written by way of a log, so that readers and a writer do not wait for each other.

    The file stays so. Of its own, this does not wait for who is writing at the moment.
    """
    ends = time.monotonic() + _BUSY_SECONDS
    with _told(), closing(engine.raw_connection()) as connection:
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

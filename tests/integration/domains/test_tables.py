"""The tables of the registry: made at the first use, brought up to date, and never by half."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Double, Integer, Text, inspect, literal, literal_column, make_url, select, text
from sqlalchemy import table as sql_table

from helpers.registries import (
    Clock,
    Log,
    StubCheck,
    at_once,
    engine,
    make_tables,
    open_at_once,
    open_registry,
    pass_time,
    processes,
    sql,
)
from linkwrap import LinkWrapError, OptionError
from linkwrap.domains import DomainRegistry
from linkwrap.domains.cache import KEPT_FOR
from linkwrap.domains.storage.database import Database
from linkwrap.domains.storage.tables import ASSIGNMENTS, CHANGES, DOMAINS, METADATA, SCHEMA

INDEXES = {
    "linkwrap_domains_owned": ("linkwrap_domains", True),
    "linkwrap_domains_default": ("linkwrap_domains", True),
    "linkwrap_domains_account": ("linkwrap_domains", False),
    "linkwrap_domains_state": ("linkwrap_domains", False),
    "linkwrap_domains_due": ("linkwrap_domains", False),
    "linkwrap_assignments_host": ("linkwrap_assignments", False),
    "linkwrap_changes_host": ("linkwrap_changes", False),
    "linkwrap_changes_account": ("linkwrap_changes", False),
}
EXPRESSION = "ignore:Skipped unsupported reflection of expression-based index"


def opened(url: str) -> None:
    """Use a database once."""
    with open_registry(url) as registry:
        make_tables(registry)
        registry.domains()


def version(url: str) -> int:
    """The version that a database says it has."""
    with sql(url) as connection:
        return connection.execute(text("SELECT version FROM linkwrap_schema")).scalar_one()


def contents(url: str) -> dict[str, list[Any]]:
    """All tables with their columns and rows."""
    found = {}
    with sql(url) as connection:
        for table in sorted(inspect(connection).get_table_names()):
            columns = [column["name"] for column in inspect(connection).get_columns(table)]
            found[table] = [
                columns,
                *sorted(map(tuple, connection.execute(select(literal_column("*")).select_from(sql_table(table))))),
            ]
    return found


def test_fresh_database_gets_the_tables(database_url: str) -> None:
    """The first use makes the tables, at the newest version; making the object does nothing yet."""
    registry = open_registry(database_url)
    assert inspect(engine(database_url)).get_table_names() == []
    registry.add("click.acme.test", account="acme")
    registry.close()
    assert set(inspect(engine(database_url)).get_table_names()) == set(METADATA.tables)
    assert version(database_url) == 1


@pytest.mark.parametrize("table", [SCHEMA, DOMAINS, ASSIGNMENTS, CHANGES], ids=lambda table: table.name)
def test_tables_of_the_database(database_url: str, table: Any) -> None:
    """The columns of the database have the names, types, nullability and key that the code takes for granted."""
    opened(database_url)
    inspector = inspect(engine(database_url))
    found = inspector.get_columns(table.name)
    assert [column["name"] for column in found] == [column.name for column in table.columns]
    assert [column["nullable"] for column in found] == [column.nullable for column in table.columns]
    assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [key.name for key in table.primary_key]
    for column, wanted in zip(found, table.columns, strict=True):
        implementation = getattr(wanted.type, "impl_instance", wanted.type)
        kind = next(kind for kind in (Boolean, Integer, Text, Double) if isinstance(implementation, kind))
        # "DOUBLE PRECISION" is known as such in one database, and as a Float in SQLite.
        assert isinstance(column["type"], kind if kind is not Double else Double.__mro__[1]), column["name"]


@pytest.mark.filterwarnings(EXPRESSION)
def test_indexes(database_url: str) -> None:
    """One owner of a host, one default of a scope, and what due domains, accounts and histories are found by."""
    opened(database_url)
    of_sqlite = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'"
    of_postgresql = "SELECT indexname, tablename, indexdef FROM pg_indexes"
    with sql(database_url) as connection:
        rows = connection.execute(text(of_sqlite if "sqlite" in database_url else of_postgresql)).all()
    ours = {row[0]: (row[1], " UNIQUE " in row[2]) for row in rows if row[0] in INDEXES}
    assert ours == INDEXES
    partial = {row[0] for row in rows if row[2] and re.search(r"\bWHERE\b", row[2])} & set(INDEXES)
    assert partial == {"linkwrap_domains_owned", "linkwrap_domains_default"}


def test_second_opening_does_nothing(database_url: str) -> None:
    """What is there stays as it is."""
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
    before = contents(database_url)
    opened(database_url)
    assert contents(database_url) == before


def test_newer_database_is_refused(database_url: str) -> None:
    """Tables of a release to come are left alone, with a sentence that says what to do."""
    opened(database_url)
    with sql(database_url) as connection:
        connection.execute(text("UPDATE linkwrap_schema SET version = version + 1"))
    before = contents(database_url)
    registry = open_registry(database_url)
    for _ in range(2):
        with pytest.raises(OptionError, match="tables of version 2, and this linkwrap supports version 1: update"):
            registry.add("click.acme.test", account="acme")
    registry.close()
    assert contents(database_url) == before


MORE = (
    "ALTER TABLE linkwrap_domains ADD COLUMN note TEXT",
    "UPDATE linkwrap_domains SET note = 'kept'",
    "CREATE TABLE linkwrap_more (name TEXT NOT NULL PRIMARY KEY)",
)


def migrated(url: str, *migrations: tuple[str, ...]) -> None:
    """Use a database once, as a release with these migrations does."""
    database = Database(url, "spgo.io", create=True, migrations=migrations)
    try:
        database.prepare(create=True)
    finally:
        database.close()


def test_migration(database_url: str) -> None:
    """A database of the release before is brought up to date, and keeps what is in it."""
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
    before = contents(database_url)
    migrated(database_url, MORE)
    assert version(database_url) == 2
    migrated(database_url, MORE)
    with sql(database_url) as connection:
        notes = connection.execute(text("SELECT note FROM linkwrap_domains")).scalars().all()
        assert notes == ["kept"]
        connection.execute(text("ALTER TABLE linkwrap_domains DROP COLUMN note"))
        connection.execute(text("DROP TABLE linkwrap_more"))
        connection.execute(text("UPDATE linkwrap_schema SET version = 1"))
    assert contents(database_url) == before


def test_fresh_database_needs_no_migration(database_url: str) -> None:
    """It has the newest tables at once: those of the metadata, which a migration leads to."""
    migrated(database_url, MORE)
    assert version(database_url) == 2
    assert set(contents(database_url)) == set(METADATA.tables)


def test_failing_migration(database_url: str) -> None:
    """One that fails in its midst leaves the database as it was, and can be repeated."""
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
    before = contents(database_url)
    for _ in range(2):
        with pytest.raises(LinkWrapError, match=r"^the registry's database cannot be used: .*already exists"):
            migrated(database_url, (*MORE, "CREATE TABLE linkwrap_domains (again TEXT)"))
    assert contents(database_url) == before
    migrated(database_url, MORE, ())
    assert version(database_url) == 3


def test_tables_that_a_newer_release_changes_meanwhile(database_url: str, stub: StubCheck) -> None:
    """A registry that is open then writes no more, and says what to do; nothing of a check is lost but its result."""
    with open_registry(database_url, check=stub) as registry:
        registry.add("click.acme.test", account="acme")
        registry.check("click.acme.test")
        registry.set_default("click.acme.test")
        pass_time(database_url, 8 * 86400)
        migrated(database_url, MORE)
        before = contents(database_url)
        writes: list[Callable[[], object]] = [
            lambda: registry.add("news.acme.test", account="acme"),
            lambda: registry.check("click.acme.test"),
            registry.check_due,
            lambda: registry.set_default("click.acme.test", False),
            lambda: registry.assign("click.acme.test", "acme.test"),
            lambda: registry.remove("click.acme.test"),
        ]
        for write in writes:
            with pytest.raises(OptionError, match="tables of version 2, and this linkwrap supports version 1: update"):
                write()
        assert contents(database_url) == before
        assert len(stub.asked) == 1
        assert registry.account("acme").tracking_domain().host == "click.acme.test"


def test_migration_during_a_check(database_url: str, stub: StubCheck) -> None:
    """The result of a check that began before is refused like any other write."""
    with open_registry(database_url, check=stub) as registry:
        registry.add("click.acme.test", account="acme")
        stub.hook = lambda _: asyncio.to_thread(migrated, database_url, MORE)
        with pytest.raises(OptionError, match="tables of version 2, and this linkwrap supports version 1: update"):
            registry.check("click.acme.test")
        assert [change.kind for change in registry.changes()] == ["added"]


def test_migration_waits_for_who_writes(database_url: str) -> None:
    """A transaction that has begun to write ends before the tables change."""
    order: list[str] = []
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
    database = Database(database_url, "spgo.io", create=False)

    def migrate() -> None:
        migrated(database_url, ("ALTER TABLE linkwrap_assignments ADD COLUMN note TEXT",))
        order.append("migrated")

    thread = threading.Thread(target=migrate)
    with database.write() as connection:
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        connection.execute(ASSIGNMENTS.insert().values(account_id="acme", sending_domain="a.test", host="b.test"))
        order.append("written")
    thread.join(60)
    database.close()
    assert order == ["written", "migrated"]


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("evidence", "{", "JSON"),
        ("evidence", "", "JSON"),
        ("evidence", "[1]", "a JSON object"),
        ("evidence", "7", "a JSON object"),
        ("evidence", "[" * 100_000, "JSON"),
        ("contrary_since", 1e300, "a time"),
        ("contrary_since", float("inf"), "a time"),
    ],
    ids=["object", "empty", "list", "number", "deep", "late", "infinite"],
)
def test_values_that_cannot_be_read(
    database_url: str, stub: StubCheck, column: str, value: object, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They are an error of ours; an account that was read before is used, and a check replaces evidence."""
    host, clock = "click.acme.test", Clock()
    with open_registry(database_url, check=stub, clock=clock) as registry:
        for account in ("acme", "bolt"):
            registry.add(f"click.{account}.test", account=account)
        registry.check(host)
        registry.set_default(host)
        assert registry.account("acme").tracking_domain().host == host
        with sql(database_url) as connection:
            connection.execute(DOMAINS.update().values({column: literal(value)}))
        clock.advance(KEPT_FOR)
        assert registry.account("acme").tracking_domain().host == host
        assert "a stale entry is used for the account 'acme': the registry's database holds a value of" in caplog.text
        named = r"click\.acme\.test|click\.bolt\.test"
        message = rf"^the registry's database holds a value of ({named}) .* that should be {kind}: check the domain"
        for call in (lambda: registry.account("bolt"), registry.domains, lambda: registry.domain(host)):
            with pytest.raises(LinkWrapError, match=message):
                call()
        if column == "evidence":
            assert registry.check(host).verified
            assert [result.domain.host for result in registry.check_due()] == ["click.bolt.test"]
            assert len(registry.domains()) == 2
            registry.remove(host)


@pytest.mark.parametrize("value", ["{", "nothing"])
def test_history_that_cannot_be_read(database_url: str, value: str) -> None:
    """Evidence and value of a change are an error of ours too."""
    with open_registry(database_url) as registry:
        registry.add("click.acme.test", account="acme")
        for column in ("evidence", "value"):
            with sql(database_url) as connection:
                connection.execute(CHANGES.update().values({column: literal(value)}))
            with pytest.raises(
                LinkWrapError,
                match=r"the registry's database holds a value of click\.acme\.test \(account .* that should be JSON",
            ):
                registry.changes()


def test_threads_open_at_once(database_url: str) -> None:
    """One registry, first used by several threads at the same moment."""
    with open_registry(database_url) as registry:
        results = at_once(*[lambda n=n: registry.add(f"click{n}.acme.test", account="acme") for n in range(8)])
        assert [result for result in results if isinstance(result, BaseException)] == []
        assert len(registry.domains()) == 8
    assert version(database_url) == 1


def test_processes_open_at_once(database_url: str, tmp_path: Path) -> None:
    """Eight processes find the database empty at the same moment, and all can use it."""
    context, log = processes(), Log(tmp_path / "log")
    barrier = context.Barrier(8)
    workers = [context.Process(target=open_at_once, args=(database_url, barrier, log)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [words[0] for words in log.read()] == ["opened"] * 8, log.read()
    assert len(contents(database_url)["linkwrap_domains"]) == 1 + 8
    assert version(database_url) == 1


def test_opening_waits_for_who_writes(tmp_path: Path) -> None:
    """A SQLite file that another program writes to is waited for, also where it has another journal until then.

    So it is when several processes find a file empty at once: one may hold it just when another switches the journal.
    """
    path = tmp_path / "domains.db"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    end = threading.Timer(0.3, writer.execute, ["COMMIT"])
    end.start()
    try:
        with open_registry(f"sqlite:///{path}") as registry:
            registry.add("click.acme.test", account="acme")
    finally:
        end.join()
        writer.close()


READS: list[Callable[[DomainRegistry], object]] = [
    lambda registry: registry.domains(),
    lambda registry: registry.domain("click.acme.test"),
    lambda registry: registry.request("click.acme.test"),
    lambda registry: registry.account("acme"),
    lambda registry: registry.changes(),
    lambda registry: registry.cname_target,
    lambda registry: registry.check_due(),
    lambda registry: registry.add("click.acme.test", account="acme"),
    lambda registry: registry.remove("click.acme.test"),
]


@pytest.mark.parametrize("foreign", [False, True], ids=["empty", "somebody else's"])
def test_nothing_is_made_where_that_is_not_asked_for(database_url: str, foreign: bool) -> None:
    """A database without a registry is said to be so, and is left as it is, until somebody makes one there."""
    file = Path(str(make_url(database_url).database))
    if "sqlite" in database_url:
        file.touch()
    if foreign:
        with sql(database_url) as connection:
            connection.execute(text("CREATE TABLE theirs (name TEXT)"))
            connection.execute(text("INSERT INTO theirs VALUES ('kept')"))
    before = contents(database_url), file.read_bytes() if file.exists() else None
    with open_registry(database_url, create=False) as registry:
        for read in READS:
            with pytest.raises(LinkWrapError, match=r"^there is no registry yet in this database: check its URL$"):
                read(registry)
        assert (contents(database_url), file.read_bytes() if file.exists() else None) == before
        assert [path.name for path in file.parent.glob("domains.db?*")] == []
        opened(database_url)
        assert registry.domains() == []
    assert set(contents(database_url)) == {*METADATA.tables, *before[0]}


def test_no_file_is_made_where_that_is_not_asked_for(tmp_path: Path) -> None:
    """A file that is not there is said not to be, when the object is made."""
    with pytest.raises(LinkWrapError, match=r"^there is no registry yet: the file does not exist$"):
        open_registry(f"sqlite:///{tmp_path / 'domains.db'}", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE linkwrap_schema (id BIGINT)", "INSERT INTO linkwrap_schema VALUES (7)"],
        ["CREATE TABLE linkwrap_schema (version INTEGER, last_change BIGINT)"],
        ["CREATE TABLE linkwrap_schema (version INTEGER, last_change BIGINT, cname_target TEXT)"],
    ],
    ids=["other columns", "no target", "no row"],
)
def test_foreign_table(database_url: str, statements: list[str], create: bool) -> None:
    """A table of this name that is somebody else's is told in a sentence, and nothing is changed."""
    with sql(database_url) as connection:
        for statement in statements:
            connection.execute(text(statement))
    before = contents(database_url)
    complaint = "the database has another table linkwrap_schema, not the registry's: use another database"
    if "cname_target" in statements[0]:
        complaint = "the table linkwrap_schema has no row, which the registry needs: restore a backup"
    with open_registry(database_url, create=create) as registry:
        for read in READS:
            with pytest.raises(OptionError) as error:
                read(registry)
            assert str(error.value) == complaint
    assert contents(database_url) == before

"""The tables of the registry, and the migrations that bring an older database to them.

The columns of domains and changes are the fields of `Domain` and `Change`: a field is declared there, and nowhere else.
A migration that was released is never changed: a new version of the tables is one more migration.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from types import UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    case,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.types import TypeDecorator, TypeEngine

from ...errors import LinkWrapError, OptionError
from ..model import Change, Domain

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = ()
"""The statements of each migration, valid in SQLite and PostgreSQL: the first one leads from version 1 to version 2."""


class _UtcTime(TypeDecorator[datetime]):
    """A time in UTC, stored in seconds since 1970."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return the seconds of a time."""
        return None if value is None else value.timestamp()

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the time of seconds."""
        try:
            return None if value is None else datetime.fromtimestamp(value, UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            raise UnreadableValue("a time") from None


class _JsonText(TypeDecorator[Any]):
    """A value as JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the JSON of a value."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value of JSON."""
        try:
            return None if value is None else json.loads(value)
        except (TypeError, ValueError, RecursionError):
            raise UnreadableValue("JSON") from None


class _JsonObject(_JsonText):
    """A JSON object."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:
        """Return the object of JSON."""
        found = _JsonText.process_result_value(self, value, dialect)
        if found is not None and not isinstance(found, dict):
            raise UnreadableValue("a JSON object")
        return found


class UnreadableValue(LinkWrapError):
    """A stored value that is not of the kind that its column holds."""

    def __init__(self, kind: str, whose: str = "") -> None:
        super().__init__(
            f"the registry's database holds a value{whose} that should be {kind}: "
            "check the domain again, or restore a backup"
        )
        self.kind = kind


_TYPES: Final[dict[Any, type[TypeEngine[Any]]]] = {
    bool: Boolean,
    int: BigInteger,
    str: Text,
    datetime: _UtcTime,
    dict[str, Any]: _JsonObject,
}


def _columns(value: type, *, key: Sequence[str], without: Sequence[str] = ()) -> list[Column[Any]]:
    """The columns of a dataclass: nullable if a field may be None, JSON for several types, text for a `Literal`."""
    hints = get_type_hints(value)
    columns = []
    for name in (field.name for field in fields(value) if field.name not in without):
        hint = hints[name]
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        kinds = [option for option in options if option is not type(None)]
        column_type = _JsonText if len(kinds) > 1 else _TYPES.get(kinds[0], Text)
        nullable = len(kinds) < len(options)
        columns.append(Column(name, column_type, primary_key=name in key, autoincrement=False, nullable=nullable))
    return columns


METADATA: Final = MetaData()

SCHEMA: Final = Table(
    "linkwrap_schema",
    METADATA,
    Column("version", Integer, nullable=False),
    Column("last_change", BigInteger, nullable=False),
    Column("cname_target", Text, nullable=False),
)
"""One row: the version of the tables, the number of the last change, and the CNAME target of all domains."""

DOMAINS: Final = Table(
    "linkwrap_domains",
    METADATA,
    *_columns(Domain, key=("host", "account_id"), without=("sending_domains",)),
    Column("lease", Text),
    Column("lease_until", _UtcTime),
)
DUE_AT: Final = case((DOMAINS.c.lease_until > DOMAINS.c.next_check, DOMAINS.c.lease_until), else_=DOMAINS.c.next_check)
"""When a domain is due: a lease delays it, also one that has run out without a result, so that others come first."""

ASSIGNMENTS: Final = Table(
    "linkwrap_assignments",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("sending_domain", Text, primary_key=True),
    Column("host", Text, nullable=False),
)
CHANGES: Final = Table("linkwrap_changes", METADATA, *_columns(Change, key=("id",)))

# One account verifies its ownership of a host, and an account and each of its subaccounts have one default.
_owned, _default = DOMAINS.c.ownership_verified, DOMAINS.c.default
Index("linkwrap_domains_owned", DOMAINS.c.host, unique=True, sqlite_where=_owned, postgresql_where=_owned)
Index(
    "linkwrap_domains_default",
    DOMAINS.c.account_id,
    func.coalesce(DOMAINS.c.subaccount, text("''")),
    unique=True,
    sqlite_where=_default,
    postgresql_where=_default,
)
Index("linkwrap_domains_account", DOMAINS.c.account_id, DOMAINS.c.host)
Index("linkwrap_domains_state", DOMAINS.c.state, DOMAINS.c.host, DOMAINS.c.account_id)
Index("linkwrap_domains_due", Grouping(DUE_AT))
Index("linkwrap_assignments_host", ASSIGNMENTS.c.account_id, ASSIGNMENTS.c.host)
Index("linkwrap_changes_host", CHANGES.c.host, CHANGES.c.id)
Index("linkwrap_changes_account", CHANGES.c.account_id, CHANGES.c.id)


def is_domain(host: str, account_id: str) -> Any:
    """Return the condition for a domain's row."""
    return (DOMAINS.c.host == host) & (DOMAINS.c.account_id == account_id)


class Version(NamedTuple):
    """The version of a database's tables, and the CNAME target of its domains."""

    number: int
    cname_target: str


def find_version(connection: Connection, newest: int) -> Version | None:
    """Return the version of a database; None if it has no tables of the registry.

    Raises:
        OptionError: The tables are not the registry's, or newer than `newest`.
    """
    found = inspect(connection)
    if not found.has_table(SCHEMA.name):
        return None
    ours = {column["name"] for column in found.get_columns(SCHEMA.name)} >= set(SCHEMA.c.keys())
    rows = connection.execute(select(SCHEMA.c.version, SCHEMA.c.cname_target).limit(2)).all() if ours else []
    [row] = rows if len(rows) == 1 else [None]
    if ours and not rows:
        raise missing_row()
    if row is None or not (isinstance(row.version, int) and isinstance(row.cname_target, str)):
        raise OptionError(f"the database has another table {SCHEMA.name}, not the registry's: use another database")
    if row.version > newest:
        raise newer_version(row.version, newest)
    return Version(row.version, row.cname_target)


def missing_row() -> OptionError:
    """Return the error for a table that has lost its row."""
    return OptionError(f"the table {SCHEMA.name} has no row, which the registry needs: restore a backup")


def newer_version(found: int, supported: int) -> OptionError:
    """Return the error for tables of a newer release."""
    return OptionError(
        f"the database has tables of version {found}, and this linkwrap supports version {supported}: update linkwrap"
    )


def upgrade(connection: Connection, cname_target: str | None, migrations: Sequence[Sequence[str]]) -> Version:
    """Create the tables, or take the migrations that a database lacks.

    The transaction that this runs in must keep all others out.

    Args:
        connection: A transaction in the database.
        cname_target: The CNAME target, if the tables are created; None if it was not given.
        migrations: As `MIGRATIONS`.

    Raises:
        OptionError: As `find_version`.
    """
    newest = len(migrations) + 1
    has = find_version(connection, newest)
    if has is None:
        assert cname_target is not None, "Database.prepare refuses that"
        METADATA.create_all(connection, checkfirst=False)
        connection.execute(SCHEMA.insert().values(version=newest, last_change=0, cname_target=cname_target))
        return Version(newest, cname_target)
    for statements in migrations[has.number - 1 :]:
        for statement in statements:
            connection.execute(text(statement))
    if has.number < newest:
        connection.execute(SCHEMA.update().values(version=newest))
    return Version(newest, has.cname_target)

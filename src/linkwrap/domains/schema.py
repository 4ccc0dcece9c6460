"""The tables of the registry, and the steps that bring a database to them.

A step that was released is never changed: a new version of the tables is one more step. `DOMAINS`, `LINKS` and
`CHANGES` are what the code asks for, and a test says that the steps lead there.
"""

from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    inspect,
    select,
    text,
)

from ..errors import OptionError

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE linkwrap_domains (
            host TEXT NOT NULL,
            account_id TEXT NOT NULL,
            subaccount TEXT,
            method TEXT NOT NULL,
            vouched BOOLEAN NOT NULL,
            challenge TEXT NOT NULL,
            state TEXT NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            owner BOOLEAN NOT NULL,
            secure BOOLEAN NOT NULL,
            https BOOLEAN NOT NULL,
            is_default BOOLEAN NOT NULL,
            added_at DOUBLE PRECISION NOT NULL,
            checked_at DOUBLE PRECISION,
            next_check DOUBLE PRECISION,
            watched_since DOUBLE PRECISION NOT NULL,
            seen_since DOUBLE PRECISION,
            settled_at DOUBLE PRECISION,
            contrary_since DOUBLE PRECISION,
            silent_since DOUBLE PRECISION,
            replaced_ttl BIGINT NOT NULL,
            stale_until DOUBLE PRECISION,
            evidence TEXT,
            lease TEXT,
            lease_until DOUBLE PRECISION,
            PRIMARY KEY (host, account_id)
        )""",
        # One account owns a host, and an account and each of its subaccounts have one default.
        "CREATE UNIQUE INDEX linkwrap_domains_owner ON linkwrap_domains (host) WHERE owner",
        """CREATE UNIQUE INDEX linkwrap_domains_default ON linkwrap_domains (account_id, coalesce(subaccount, ''))
            WHERE is_default""",
        "CREATE INDEX linkwrap_domains_account ON linkwrap_domains (account_id)",
        "CREATE INDEX linkwrap_domains_due ON linkwrap_domains (next_check)",
        """CREATE TABLE linkwrap_links (
            account_id TEXT NOT NULL,
            sending_domain TEXT NOT NULL,
            host TEXT NOT NULL,
            PRIMARY KEY (account_id, sending_domain)
        )""",
        """CREATE TABLE linkwrap_changes (
            id BIGINT NOT NULL PRIMARY KEY,
            at DOUBLE PRECISION NOT NULL,
            host TEXT NOT NULL,
            account_id TEXT NOT NULL,
            subaccount TEXT,
            what TEXT NOT NULL,
            old TEXT,
            new TEXT,
            evidence TEXT
        )""",
        "CREATE INDEX linkwrap_changes_host ON linkwrap_changes (host, id)",
    ),
)
"""The statements of each step, valid in SQLite and PostgreSQL."""

METADATA: Final = MetaData()

SCHEMA: Final = Table(
    "linkwrap_schema",
    METADATA,
    Column("version", Integer, nullable=False),
    Column("last_change", BigInteger, nullable=False),
    Column("target", Text, nullable=False),
)
"""One row: the number of steps that were taken, that of the last change, and where the CNAMEs of all domains lead."""

DOMAINS: Final = Table(
    "linkwrap_domains",
    METADATA,
    Column("host", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("subaccount", Text),
    Column("method", Text, nullable=False),
    Column("vouched", Boolean, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("owner", Boolean, nullable=False),
    Column("secure", Boolean, nullable=False),
    Column("https", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("added_at", Double, nullable=False),
    Column("checked_at", Double),
    Column("next_check", Double),
    Column("watched_since", Double, nullable=False),
    Column("seen_since", Double),
    Column("settled_at", Double),
    Column("contrary_since", Double),
    Column("silent_since", Double),
    Column("replaced_ttl", BigInteger, nullable=False),
    Column("stale_until", Double),
    Column("evidence", Text),
    Column("lease", Text),
    Column("lease_until", Double),
)
LINKS: Final = Table(
    "linkwrap_links",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("sending_domain", Text, primary_key=True),
    Column("host", Text, nullable=False),
)
CHANGES: Final = Table(
    "linkwrap_changes",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("at", Double, nullable=False),
    Column("host", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("subaccount", Text),
    Column("what", Text, nullable=False),
    Column("old", Text),
    Column("new", Text),
    Column("evidence", Text),
)


class Version(NamedTuple):
    """The tables of a database: the number of steps that were taken, and the target of its domains."""

    steps: int
    target: str

    @property
    def current(self) -> bool:
        """Whether no step is missing."""
        return self.steps == len(STEPS)


def version(connection: Connection) -> Version | None:
    """Return what tables a database has; None where it has none.

    Raises `OptionError` where they are not ours, or a newer release of linkwrap has been at them.
    """
    found = inspect(connection)
    if not found.has_table(SCHEMA.name):
        return None
    ours = {column["name"] for column in found.get_columns(SCHEMA.name)} >= set(SCHEMA.c.keys())
    rows = connection.execute(select(SCHEMA.c.version, SCHEMA.c.target).limit(2)).all() if ours else []
    [row] = rows if len(rows) == 1 else [None]
    if row is None or not (isinstance(row.version, int) and isinstance(row.target, str)):
        raise OptionError(f"the database has a table {SCHEMA.name} that is not this package's: use another database")
    if row.version > len(STEPS):
        raise OptionError(
            f"the database has tables of version {row.version}, and this linkwrap knows {len(STEPS)}: update it"
        )
    return Version(row.version, row.target)


def upgrade(connection: Connection, target: str) -> Version:
    """Take the steps that a database lacks, `target` being that of new tables; return what it has then.

    The transaction that this runs in must keep all others out. Raises `OptionError` as `version` does.
    """
    has = version(connection)
    if has is None:
        SCHEMA.create(connection)
        connection.execute(SCHEMA.insert().values(version=0, last_change=0, target=target))
        has = Version(0, target)
    for step in STEPS[has.steps :]:
        for statement in step:
            connection.execute(text(statement))
    if has.steps < len(STEPS):
        connection.execute(SCHEMA.update().values(version=len(STEPS)))
    return Version(len(STEPS), has.target)

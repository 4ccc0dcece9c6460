"""Domains, assignments and changes as rows. Each function runs within a transaction of the caller's."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, Table, exists, null, select
from sqlalchemy.exc import IntegrityError

from ...errors import DomainError
from ..history import history
from ..model import Change, Domain
from .database import now
from .tables import ASSIGNMENTS, CHANGES, DOMAINS, SCHEMA, UnreadableValue, is_domain

_COLUMNS: Final = [DOMAINS.c[field.name] for field in fields(Domain) if field.name in DOMAINS.c]
_CHANGE_NAMES: Final = tuple(field.name for field in fields(Change))
_change_values = attrgetter(*_CHANGE_NAMES)
_NAMES: Final = [column.name for column in _COLUMNS]
_WITHOUT_EVIDENCE: Final = [null().label(column.name) if column.name == "evidence" else column for column in _COLUMNS]


def domains_query(*conditions: Any) -> Select[Any]:
    """Return the query for the domains that meet conditions on `DOMAINS`, ordered by host and account."""
    return select(*_COLUMNS).where(*conditions).order_by(DOMAINS.c.host, DOMAINS.c.account_id)


def assignments_query(*conditions: Any) -> Select[Any]:
    """Return the query for the assignments of the domains that meet conditions on `DOMAINS`."""
    same = (DOMAINS.c.host == ASSIGNMENTS.c.host) & (DOMAINS.c.account_id == ASSIGNMENTS.c.account_id)
    return select(ASSIGNMENTS).join(DOMAINS, same).where(*conditions).order_by(ASSIGNMENTS.c.sending_domain)


def find(connection: Connection, *conditions: Any, lock: bool = False, evidence: bool = True) -> list[Domain]:
    """Return the domains that meet conditions on `DOMAINS`, ordered by host and account.

    Args:
        connection: The transaction.
        conditions: The conditions.
        lock: Lock the rows until the end of the transaction.
        evidence: Whether the evidence is read; it may be unreadable, and a check replaces it.
    """
    query = domains_query(*conditions)
    if not evidence:
        query = query.with_only_columns(*_WITHOUT_EVIDENCE)
    rows = _rows(connection, query.with_for_update() if lock else query, DOMAINS)
    if not rows:
        return []
    # A statement of its own: a row that was locked after a wait has the assignments of now.
    assigned: dict[tuple[str, str], list[str]] = {}
    for row in connection.execute(assignments_query(*conditions)):
        assigned.setdefault((row.host, row.account_id), []).append(row.sending_domain)
    return [Domain(**row._mapping, sending_domains=tuple(assigned.get((row.host, row.account_id), ()))) for row in rows]


def pick(
    connection: Connection, host: str, account_id: str | None, *, lock: bool = False, evidence: bool = True
) -> Domain:
    """Return the account's domain; without an account the one with verified ownership, or else the only one.

    The other arguments are those of `find`.

    Raises:
        DomainError: There is no such domain, or several and none with verified ownership.
    """
    conditions: list[Any] = [DOMAINS.c.host == host]
    conditions += [] if account_id is None else [DOMAINS.c.account_id == account_id]
    found = find(connection, *conditions, lock=lock, evidence=evidence)
    if not found:
        whose = "" if account_id is None else f" of account {account_id!r}"
        raise DomainError(f"there is no domain {host!r}{whose} in the registry: add it first")
    if len(found) == 1:
        return found[0]
    for domain in found:
        if domain.ownership_verified:
            return domain
    raise DomainError(f"{len(found)} accounts claim {host}, none with verified ownership: say which account")


def add(connection: Connection, domain: Domain) -> list[Change]:
    """Store a new claim, in place of a lapsed one of the same account.

    Raises:
        DomainError: The host belongs to another account, or was added already.
    """
    host, account_id = domain.host, domain.account_id
    changes: list[Change] = []
    for other in find(connection, DOMAINS.c.host == host, lock=True, evidence=False):
        if other.account_id != account_id:
            if other.ownership_verified:
                raise DomainError(f"{host} belongs to another account: it must be removed there first")
        elif other.state == "lapsed":
            changes += save(connection, other, None)
        else:
            raise DomainError(f"account {account_id!r} has {host} already: it is {other.state}")
    try:
        return [*changes, *save(connection, None, domain)]
    except IntegrityError:
        raise DomainError(f"account {account_id!r} has {host} already: it was added concurrently") from None


def set_default(connection: Connection, domain: Domain, default: bool) -> list[Change]:
    """Make a domain the default of its account or subaccount in place of another, or no default.

    Raises:
        DomainError: It is not verified.
    """
    if default and not domain.verified:
        raise DomainError(f"{domain.host} is {domain.state}, and only a verified domain can be the default")
    changes: list[Change] = []
    if default and not domain.default:
        same = DOMAINS.c.subaccount.is_not_distinct_from(domain.subaccount)
        for former in find(connection, DOMAINS.c.account_id == domain.account_id, same, DOMAINS.c.default, lock=True):
            changes += save(connection, former, replace(former, default=False))
    return changes + save(connection, domain, replace(domain, default=default))


def assign(connection: Connection, domain: Domain, sender: str) -> list[Change]:
    """Assign a sending domain, as `read_host` returns it, to a domain of the same account.

    Raises:
        DomainError: The sending domain is assigned to another domain.
    """
    is_sender = (ASSIGNMENTS.c.account_id == domain.account_id) & (ASSIGNMENTS.c.sending_domain == sender)
    host = connection.execute(select(ASSIGNMENTS.c.host).where(is_sender)).scalar_one_or_none()
    if host not in (None, domain.host):
        raise DomainError(f"{sender} is assigned to {host} already: unassign it there first")
    return save(connection, domain, replace(domain, sending_domains=tuple({*domain.sending_domains, sender})))


def unassign(connection: Connection, domain: Domain, sender: str) -> list[Change]:
    """Undo `assign`.

    Raises:
        DomainError: The sending domain is not assigned to the domain.
    """
    if sender not in domain.sending_domains:
        raise DomainError(f"{sender} is not assigned to {domain.host}")
    others = tuple(other for other in domain.sending_domains if other != sender)
    return save(connection, domain, replace(domain, sending_domains=others))


def save(
    connection: Connection, before: Domain | None, after: Domain | None, changes: list[Change] | None = None
) -> list[Change]:
    """Store the difference between two values of a domain, and return the changes.

    Args:
        connection: The transaction.
        before: The stored value; None to insert the domain.
        after: The new value; None to delete the domain.
        changes: The changes, as `lifecycle.history` returns them, if the caller has them.

    Raises:
        IntegrityError: Another transaction has stored what excludes this.
    """
    domain = after or before
    assert domain is not None
    if changes is None:
        changes = history(before, after, domain.since)
    senders_before = set(before.sending_domains if before else ())
    senders = set(after.sending_domains if after else ())
    for gone in senders_before - senders:
        is_sender = (ASSIGNMENTS.c.account_id == domain.account_id) & (ASSIGNMENTS.c.sending_domain == gone)
        connection.execute(ASSIGNMENTS.delete().where(is_sender))
    if after is None:
        connection.execute(DOMAINS.delete().where(is_domain(domain.host, domain.account_id)))
    elif before is None:
        connection.execute(DOMAINS.insert().values({name: getattr(after, name) for name in _NAMES}))
    elif values := {name: new for name in _NAMES if (new := getattr(after, name)) != getattr(before, name)}:
        connection.execute(DOMAINS.update().where(is_domain(domain.host, domain.account_id)).values(values))
    for new in senders - senders_before:
        row = {"account_id": domain.account_id, "sending_domain": new, "host": domain.host}
        connection.execute(ASSIGNMENTS.insert().values(row))
    if not changes:
        return []
    # The last step of a transaction: from here on, other changes wait until it is committed. So changes become visible
    # in the order of their numbers, and a reader who continues after the last one misses none.
    connection.execute(SCHEMA.update().values(last_change=SCHEMA.c.last_change + len(changes)))
    number, at = connection.execute(select(SCHEMA.c.last_change)).scalar_one() - len(changes), now(connection)
    stored, rows = [], []
    for change in changes:
        number += 1
        stored.append(replace(change, id=number, at=at))
        rows.append(dict(zip(_CHANGE_NAMES, _change_values(stored[-1]), strict=True)))
    connection.execute(CHANGES.insert(), rows)
    return stored


def changes(connection: Connection, conditions: Iterable[Any], limit: int) -> list[Change]:
    """Return the changes that meet conditions on `CHANGES`, in their order."""
    rows = _rows(connection, select(CHANGES).where(*conditions).order_by(CHANGES.c.id).limit(limit), CHANGES)
    return [Change(**row._mapping) for row in rows]


def _rows(connection: Connection, query: Select[Any], table: Table) -> Sequence[Row[Any]]:
    """The rows of a query on a table; the error for a value that is unreadable names the domain."""
    try:
        return connection.execute(query).all()
    except UnreadableValue:
        key = list(table.primary_key)
        for row in connection.execute(query.with_only_columns(*{*key, table.c.host, table.c.account_id})):
            try:
                connection.execute(query.where(*(column == row._mapping[column] for column in key))).all()
            except UnreadableValue as found:
                raise UnreadableValue(found.kind, f" of {row.host} (account {row.account_id!r})") from None
        raise


def is_taken(connection: Connection, domain: Domain) -> bool:
    """Tell whether another account has verified its ownership of the host."""
    others = (
        (DOMAINS.c.host == domain.host) & DOMAINS.c.ownership_verified & (DOMAINS.c.account_id != domain.account_id)
    )
    return bool(connection.execute(select(exists().where(others))).scalar_one())

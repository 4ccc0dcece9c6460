"""Domains, links and changes as rows: how they are read and written, within a transaction of the caller's."""

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Row, select, true

from .database import moment, now
from .domain import Change, Domain, What
from .schema import CHANGES, DOMAINS, LINKS, SCHEMA

TIMES: Final = frozenset(
    "since added_at checked_at next_check watched_since seen_since settled_at contrary_since silent_since "
    "stale_until at".split()
)
"""The columns that hold a time, in seconds since 1970."""
# What stands in a row of its own, or under another name.
_ELSEWHERE: Final = {"sending_domains", "default"}
_FEW: Final = 100
_COLUMNS: Final = [field.name for field in fields(Domain) if field.name not in _ELSEWHERE]


def find(connection: Connection, *conditions: Any, lock: bool = False) -> list[Domain]:
    """Return the domains that fulfil conditions on `DOMAINS`, ordered by host and account; `lock` keeps others off."""
    query = select(DOMAINS).where(*conditions).order_by(DOMAINS.c.host, DOMAINS.c.account_id)
    rows = connection.execute(query.with_for_update() if lock else query).all()
    linked: dict[tuple[str, str], list[str]] = {}
    accounts = {row.account_id for row in rows}
    if accounts:
        few = LINKS.c.account_id.in_(accounts) if len(accounts) <= _FEW else true()
        for link in connection.execute(select(LINKS).where(few).order_by(LINKS.c.sending_domain)):
            linked.setdefault((link.host, link.account_id), []).append(link.sending_domain)
    return [_domain(row, linked.get((row.host, row.account_id), ())) for row in rows]


def this(domain: Domain) -> Any:
    """Return the condition that picks a domain's row."""
    return (DOMAINS.c.host == domain.host) & (DOMAINS.c.account_id == domain.account_id)


def insert(connection: Connection, domain: Domain) -> None:
    """Write a new domain; raises `IntegrityError` where its account has it already."""
    connection.execute(DOMAINS.insert().values(_values(domain)))


def update(connection: Connection, domain: Domain) -> None:
    """Write a domain that is there already; its links stay."""
    connection.execute(DOMAINS.update().where(this(domain)).values(_values(domain)))


def delete(connection: Connection, domain: Domain) -> None:
    """Remove a domain and its links."""
    connection.execute(LINKS.delete().where(LINKS.c.account_id == domain.account_id, LINKS.c.host == domain.host))
    connection.execute(DOMAINS.delete().where(this(domain)))


def record(
    connection: Connection,
    domain: Domain,
    what: What,
    old: str | None = None,
    new: str | None = None,
    evidence: dict[str, Any] | None = None,
) -> Change:
    """Write a change, as the last step of a transaction: from here on, other changes wait until it is committed.

    So the numbers appear in their order, and a reader who goes on behind the last one that it saw misses none.
    """
    connection.execute(SCHEMA.update().values(last_change=SCHEMA.c.last_change + 1))
    number = connection.execute(select(SCHEMA.c.last_change)).scalar_one()
    at = now(connection)
    change = Change(
        id=number,
        at=moment(at),
        host=domain.host,
        account_id=domain.account_id,
        subaccount=domain.subaccount,
        what=what,
        old=old,
        new=new,
        evidence=evidence,
    )
    connection.execute(CHANGES.insert().values(_values(change)))
    return change


def changes(connection: Connection, conditions: Iterable[Any], limit: int) -> list[Change]:
    """Return the changes that fulfil conditions on `CHANGES`, in their order."""
    rows = connection.execute(select(CHANGES).where(*conditions).order_by(CHANGES.c.id).limit(limit))
    return [Change(**_read(row._mapping)) for row in rows]


def _domain(row: Row[Any], sending_domains: Iterable[str]) -> Domain:
    values = _read({name: getattr(row, name) for name in _COLUMNS})
    return Domain(**values, default=row.is_default, sending_domains=tuple(sending_domains))


def _read(columns: Any) -> dict[str, Any]:
    values = dict(columns)
    for name, value in values.items():
        if value is not None and name in TIMES:
            values[name] = moment(value)
        elif value is not None and name == "evidence":
            values[name] = json.loads(value)
    return values


def _values(value: Domain | Change) -> dict[str, Any]:
    values: dict[str, Any] = {
        field.name: getattr(value, field.name) for field in fields(value) if field.name not in _ELSEWHERE
    }
    for name, column in values.items():
        if column is not None and name in TIMES:
            values[name] = column.timestamp()
        elif column is not None and name == "evidence":
            values[name] = json.dumps(column, separators=(",", ":"))
    return values | ({"is_default": value.default} if isinstance(value, Domain) else {})

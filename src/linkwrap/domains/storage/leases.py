"""Leases: a lease in a domain's row lets one process at a time check the domain, for some seconds.

A check takes longer than a transaction may, so it runs outside of one. Its result is written only while its lease
holds, and to the row as it is by then. The lease of a process that was killed runs out.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import IntegrityError

from ...errors import DomainError, LinkWrapError
from .. import lifecycle
from ..model import Change, Domain, Method
from ..results import CheckResult, Evidence
from . import repository
from .database import Database, now
from .tables import DOMAINS, DUE_AT, is_domain

_TRIES: Final = 3
_RELEASE: Final = DOMAINS.update().values(lease=None, lease_until=None)
_KEY: Final = (DOMAINS.c.host, DOMAINS.c.account_id)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to check a domain, which had this value when the lease was taken."""

    domain: Domain
    token: str


def lease(
    database: Database, host: str, account_id: str | None, seconds: float, method: Method | None = None
) -> tuple[Lease, list[Change]]:
    """Take the lease of a domain, whether it is due or not.

    Args:
        database: The database.
        host: The host, as it is stored.
        account_id: The account; None for the one that `repository.pick` finds.
        seconds: How long the lease holds.
        method: How the domain is checked from now on; None for the same method as before.

    Returns:
        The lease, and the changes that the method brought.

    Raises:
        DomainError: The domain is being checked, or is not there.
    """
    with database.write() as connection:
        # Evidence may be unreadable: it is only read to be changed.
        domain = repository.pick(connection, host, account_id, lock=True, evidence=method is not None)
        held = _take(connection, domain, now(connection), seconds)
        if method is None:
            return held, []
        after = lifecycle.with_method(domain, method)
        return replace(held, domain=after), repository.save(connection, domain, after)


def lease_due(database: Database, seconds: float, due: datetime) -> Lease | None:
    """Take the lease of the domain that has been due for the longest.

    Args:
        database: The database.
        seconds: How long the lease holds.
        due: The time until which a domain must be due.

    Returns:
        The lease; None if no domain is due.
    """
    with database.write() as connection:
        for query in due_queries(due):
            # A domain that another process leases at this moment is passed over.
            row = connection.execute(query.with_for_update(skip_locked=True)).first()
            if row is not None:
                same = is_domain(row.host, row.account_id)
                [domain] = repository.find(connection, same, evidence=False)
                return _take(connection, domain, now(connection), seconds)
    return None


def due_queries(due: datetime) -> tuple[Select[Any], Select[Any]]:
    """Return two queries for the domain that has been due for the longest; the second is used if the first finds none.

    It finds a check that is further ahead than any should be: the clock was wrong then.
    """
    first = select(*_KEY).order_by(DUE_AT).limit(1)
    return first.where(due >= DUE_AT), first.where(due + lifecycle.LONGEST < DUE_AT)


def time_of(database: Database) -> datetime:
    """Return the time of the database's clock."""
    with database.read() as connection:
        return now(connection)


def release(database: Database, held: Lease) -> None:
    """Give a lease back without a result; the domain stays due."""
    with database.write() as connection:
        connection.execute(_RELEASE.where(DOMAINS.c.lease == held.token))


def write(
    database: Database, held: Lease, evidence: Evidence, cname_target: str
) -> tuple[CheckResult, list[Change]] | None:
    """Store what `lifecycle.finish` makes of a check.

    Returns:
        The result and the changes; None if the lease has run out or the domain has changed, so nothing is stored.
    """
    for _ in range(_TRIES):
        with suppress(IntegrityError):  # another account has just verified its ownership: the next try sees that
            return _write(database, held, evidence, cname_target)
    raise LinkWrapError(f"the check of {held.domain.host} could not be stored: retry")


def _write(
    database: Database, held: Lease, evidence: Evidence, cname_target: str
) -> tuple[CheckResult, list[Change]] | None:
    is_held = DOMAINS.c.lease == held.token
    with database.write() as connection:
        found = repository.find(connection, is_held, lock=True, evidence=False)
        if not found or found[0].method != held.domain.method:
            return None
        [before] = found
        taken, at = repository.is_taken(connection, before), now(connection)
        if not connection.execute(_RELEASE.where(is_held, DOMAINS.c.lease_until > at)).rowcount:
            return None
        after, advice, changes = lifecycle.finish(before, evidence, at, cname_target=cname_target, taken=taken)
        changes = repository.save(connection, before, after, changes)
    return CheckResult(after, before.state, evidence, advice), changes


def _take(connection: Connection, domain: Domain, at: datetime, seconds: float) -> Lease:
    token = secrets.token_hex(16)
    values: dict[str, Any] = {"lease": token, "lease_until": at + timedelta(seconds=seconds)}
    if domain.next_check is None:  # automatic checks had ended, and begin again
        values["watched_since"] = at
    same = is_domain(domain.host, domain.account_id)
    until = DOMAINS.c.lease_until  # further ahead than any check: the clock was wrong then
    free = until.is_(None) | (until <= at) | (until > at + lifecycle.LONGEST)
    if not connection.execute(DOMAINS.update().where(same, free).values(values)).rowcount:
        ends: datetime = connection.execute(select(until).where(same)).scalar_one()
        wait = (ends - at).total_seconds()
        raise DomainError(f"{domain.host} is being checked: retry in {wait:.0f} s at the latest")
    return Lease(domain, token)

"""Who checks a domain: a lease in its row, by the database's clock, that one process holds at a time.

A check takes longer than a transaction may, so it runs outside of one. Its result is written only while its lease
holds, and to the row as it is by then. A process that was killed leaves a lease that runs out.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.exc import IntegrityError

from ..errors import DomainError, LinkWrapError
from . import settings, store
from .advice import advise
from .database import Database, moment, now
from .domain import Change, Domain, Method
from .findings import Findings
from .schema import DOMAINS
from .states import LONGEST, decide
from .verification import Verification

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to check a domain, which was like this when it was taken."""

    domain: Domain
    token: str


def lease(
    database: Database, domain: Domain, seconds: float, method: Method | None = None
) -> tuple[Lease, list[Change]]:
    """Take the lease of a domain, whether it is due or not, to be verified by `method` from now on.

    Raises `DomainError` where it is being checked, or is not there any more.
    """
    with database.write() as connection:
        # As it is now: it may have been removed and added anew since the caller read it.
        found = store.find(connection, store.this(domain), DOMAINS.c.challenge == domain.challenge, lock=True)
        if not found:
            raise DomainError(f"the domain {domain.host} of account {domain.account_id!r} was removed")
        at = now(connection)
        until = connection.execute(select(DOMAINS.c.lease_until).where(store.this(domain))).scalar_one()
        if until is not None and until > at:
            raise DomainError(f"{domain.host} is being checked: try again in {until - at:.0f} s at the latest")
        changed = [] if method is None else settings.set_method(connection, found[0], method)
        return _take(connection, replace(found[0], method=method or found[0].method), at, seconds), changed


def time_of(database: Database) -> float:
    """Return the time of the database's clock."""
    with database.read() as connection:
        return now(connection)


def lease_due(database: Database, seconds: float, due: float) -> Lease | None:
    """Take the lease of the domain that is due for the longest of those that were at a time; None where none is."""
    with database.write() as connection:
        at = now(connection)
        free = or_(DOMAINS.c.lease_until.is_(None), DOMAINS.c.lease_until <= at)
        # A check that was put further off than any is: the clock was wrong then.
        when = (DOMAINS.c.next_check <= due) | (DOMAINS.c.next_check > due + LONGEST.total_seconds())
        query = select(DOMAINS.c.host, DOMAINS.c.account_id).where(when, free)
        # One whose check came to no end has waited since then, so that it never keeps the others waiting. Those that
        # another process takes at this moment are passed over.
        waiting = query.order_by(func.coalesce(DOMAINS.c.lease_until, DOMAINS.c.next_check)).limit(1)
        row = connection.execute(waiting.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        [domain] = store.find(connection, DOMAINS.c.host == row.host, DOMAINS.c.account_id == row.account_id)
        return _take(connection, domain, at, seconds)


def release(database: Database, held: Lease) -> None:
    """Give a lease back without a result; the domain stays due."""
    with database.write() as connection:
        connection.execute(DOMAINS.update().where(_held(held)).values(lease=None, lease_until=None))


def write(database: Database, held: Lease, findings: Findings, target: str) -> tuple[Verification, list[Change]] | None:
    """Write what a check found; return the result and the changes that it brought.

    None where the lease has run out or the domain was removed, so that nothing is written.
    """
    for _ in range(_TRIES):
        with suppress(IntegrityError):  # another account has proven the host since we looked: next time we see it
            return _write(database, held, findings, target)
    raise LinkWrapError(f"the check of {held.domain.host} could not be stored: try again")


def _write(
    database: Database, held: Lease, findings: Findings, target: str
) -> tuple[Verification, list[Change]] | None:
    with database.write() as connection:
        found = store.find(connection, _held(held), lock=True)
        at = now(connection)
        until = connection.execute(select(DOMAINS.c.lease_until).where(_held(held))).scalar_one_or_none()
        if until is None or until <= at or found[0].method != held.domain.method:
            return None
        [before] = found
        others = select(DOMAINS.c.account_id).where(
            DOMAINS.c.host == before.host, DOMAINS.c.owner, DOMAINS.c.account_id != before.account_id
        )
        taken = connection.execute(others).first() is not None
        after = decide(before, findings, moment(at), taken=taken)
        advice = advise(after, findings, target, taken=taken)
        evidence = {**(after.evidence or {}), "advice": list(advice)}
        after = replace(after, evidence=evidence)
        store.update(connection, after)
        connection.execute(DOMAINS.update().where(_held(held)).values(lease=None, lease_until=None))
        changes = []
        if after.state != before.state:
            changes.append(store.record(connection, after, "state", before.state, after.state, evidence))
        if after.secure != before.secure:
            changes.append(store.record(connection, after, "secure", str(before.secure), str(after.secure), evidence))
    return Verification(after, before.state, findings, advice), changes


def _take(connection: Connection, domain: Domain, at: float, seconds: float) -> Lease:
    token = secrets.token_hex(16)
    values: dict[str, Any] = {"lease": token, "lease_until": at + seconds}
    if domain.next_check is None:  # it was given up, and somebody asks for it again
        values["watched_since"] = at
    connection.execute(DOMAINS.update().where(store.this(domain)).values(values))
    return Lease(domain, token)


def _held(held: Lease) -> Any:
    return store.this(held.domain) & (DOMAINS.c.lease == held.token)

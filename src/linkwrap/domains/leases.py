"""Who checks a domain: a lease in its row, by the database's clock, that one process holds at a time.

A check takes longer than a transaction may, so it runs outside of one. Its result is written only while its lease
holds, and to the row as it is by then. A process that was killed leaves a lease that runs out.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, or_, select
from sqlalchemy.exc import IntegrityError

from ..errors import DomainError
from . import store
from .advice import advise
from .check import Findings
from .database import Database, moment
from .domain import Change, Domain
from .schema import DOMAINS
from .states import decide


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to check a domain, which was like this when it was taken."""

    domain: Domain
    token: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a check made of a domain; `change` is None where its state stayed."""

    domain: Domain
    advice: tuple[str, ...]
    change: Change | None


def lease(database: Database, domain: Domain, seconds: float) -> Lease:
    """Take the lease of a domain, whether it is due or not.

    Raises `DomainError` where it is being checked, or is not there any more.
    """
    with database.write() as connection:
        now = database.now(connection)
        row = connection.execute(select(DOMAINS).where(store.this(domain)).with_for_update()).one_or_none()
        if row is None:
            raise DomainError(f"the domain {domain.host} of account {domain.account_id!r} was removed")
        if row.lease_until is not None and row.lease_until > now:
            raise DomainError(
                f"{domain.host} is being checked: try again in {row.lease_until - now:.0f} s at the latest"
            )
        return _take(connection, domain, now, seconds)


def lease_due(database: Database, seconds: float) -> Lease | None:
    """Take the lease of the domain that is due for the longest; None where none is."""
    with database.write() as connection:
        now = database.now(connection)
        free = or_(DOMAINS.c.lease_until.is_(None), DOMAINS.c.lease_until <= now)
        query = select(DOMAINS.c.host, DOMAINS.c.account_id).where(DOMAINS.c.next_check <= now, free)
        # Those that another process takes at this moment are passed over.
        row = connection.execute(
            query.order_by(DOMAINS.c.next_check).limit(1).with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        [domain] = store.find(connection, DOMAINS.c.host == row.host, DOMAINS.c.account_id == row.account_id)
        return _take(connection, domain, now, seconds)


def release(database: Database, held: Lease) -> None:
    """Give a lease back without a result; the domain stays due."""
    with database.write() as connection:
        connection.execute(DOMAINS.update().where(_held(held)).values(lease=None, lease_until=None))


def write(database: Database, held: Lease, findings: Findings, target: str) -> Written | None:
    """Write what a check found; None where the lease has run out or the domain was removed, so that nothing is."""
    try:
        return _write(database, held, findings, target)
    except IntegrityError:
        # Another account has proven the host since we looked; now we see it.
        return _write(database, held, findings, target)


def _write(database: Database, held: Lease, findings: Findings, target: str) -> Written | None:
    with database.write() as connection:
        now = database.now(connection)
        found = store.find(connection, _held(held), DOMAINS.c.lease_until > now, lock=True)
        if not found:
            return None
        [before] = found
        others = select(DOMAINS.c.account_id).where(
            DOMAINS.c.host == before.host, DOMAINS.c.owner, DOMAINS.c.account_id != before.account_id
        )
        taken = connection.execute(others).first() is not None
        after = decide(before, findings, moment(now), taken=taken)
        advice = advise(after, findings, target, taken=taken)
        evidence = {**(after.evidence or {}), "advice": list(advice)}
        after = replace(after, evidence=evidence)
        store.update(connection, after)
        connection.execute(DOMAINS.update().where(_held(held)).values(lease=None, lease_until=None))
        change = None
        if after.state != before.state:
            change = store.record(connection, now, after, "state", before.state, after.state, evidence)
    return Written(after, advice, change)


def _take(connection: Connection, domain: Domain, now: float, seconds: float) -> Lease:
    token = secrets.token_hex(16)
    values: dict[str, Any] = {"lease": token, "lease_until": now + seconds}
    if domain.next_check is None:  # it was given up, and somebody asks for it again
        values["watched_since"] = now
    connection.execute(DOMAINS.update().where(store.this(domain)).values(values))
    return Lease(domain, token)


def _held(held: Lease) -> Any:
    return store.this(held.domain) & (DOMAINS.c.lease == held.token)

"""Domains, changes and results as JSON has them. Times are UTC, as in 2026-11-26T10:00:00Z."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ...domains import Change, DnsRecord, Domain, DomainRegistry, Verification

_FACTS = "host account_id subaccount state since method vouched owner secure https default sending_domains".split()
_TIMES = "added_at checked_at next_check seen_since settled_at contrary_since silent_since".split()


def print_json(value: object, *, line: bool = False) -> None:
    """Print a value as JSON, or as one line of it."""
    click.echo(json.dumps(value, indent=None if line else 2))


def time(moment: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def domain_data(domain: Domain) -> dict[str, Any]:
    """Return what the registry keeps of a domain, without what the last check found."""
    found = {name: getattr(domain, name) for name in [*_FACTS, *_TIMES]}
    found = {name: time(value) if isinstance(value, datetime) else value for name, value in found.items()}
    return found | {"sending_domains": list(domain.sending_domains)}


def record_data(record: DnsRecord) -> dict[str, Any]:
    """Return a DNS record to create."""
    return {
        "name": record.name,
        "type": record.type,
        "value": record.value,
        "ttl": record.ttl,
        "zone_line": record.zone_line,
    }


def change_data(change: Change) -> dict[str, Any]:
    """Return a change."""
    return {
        "id": change.id,
        "at": time(change.at),
        "host": change.host,
        "account_id": change.account_id,
        "subaccount": change.subaccount,
        "what": change.what,
        "old": change.old,
        "new": change.new,
        "evidence": change.evidence,
    }


def verification_data(result: Verification) -> dict[str, Any]:
    """Return what came of a check."""
    domain = result.domain
    return {
        "host": domain.host,
        "account_id": domain.account_id,
        "state": domain.state,
        "before": result.before,
        "verified": result.verified,
        "next_check": domain.next_check and time(domain.next_check),
        "advice": list(result.advice),
        "findings": result.findings.as_dict(),
    }


def all_changes(
    registry: DomainRegistry, after: int = 0, *, host: str | None = None, account: str | None = None
) -> list[Change]:
    """Return the changes behind the one with the number `after`, however many there are."""
    found: list[Change] = []
    while more := registry.changes(after=found[-1].id if found else after, host=host, account=account):
        found += more
    return found

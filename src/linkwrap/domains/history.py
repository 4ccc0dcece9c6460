"""The history of a domain: the changes between two values of it. Nothing does I/O."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from .model import Change, ChangeKind, Domain


def history(
    before: Domain | None, after: Domain | None, at: datetime, *, evidence: dict[str, Any] | None = None
) -> list[Change]:
    """Return the changes between two values of a domain, without their numbers: the registry gives them.

    Args:
        before: The domain before; None if it is added.
        after: The domain after; None if it is removed.
        at: The time of the change.
        evidence: What a check saw, if it made the change.
    """
    if after is None:
        assert before is not None
        changes = [_change(before, "unassigned", at, value=sender) for sender in before.sending_domains]
        if before.default:
            changes.append(_change(before, "default", at, value=False))
        return [*changes, replace(_change(before, "removed", at), state=None)]
    if before is None:
        return [replace(_change(after, "added", at), previous_state=None)]
    changes = []
    if after.state != before.state:
        changes.append(replace(_change(after, "state", at, evidence=evidence), previous_state=before.state))
    settings: tuple[ChangeKind, ...] = ("method", "secure", "default")
    for kind in settings:
        if getattr(before, kind) != getattr(after, kind):
            changes.append(_change(after, kind, at, value=getattr(after, kind), evidence=evidence))
    if before.sending_domains != after.sending_domains:
        for sender in sorted({*before.sending_domains} ^ {*after.sending_domains}):
            kind = "assigned" if sender in after.sending_domains else "unassigned"
            changes.append(_change(after, kind, at, value=sender))
    return changes


def _change(
    domain: Domain,
    kind: ChangeKind,
    at: datetime,
    *,
    value: bool | str | None = None,
    evidence: dict[str, Any] | None = None,
) -> Change:
    return Change(
        id=0,
        at=at,
        host=domain.host,
        account_id=domain.account_id,
        subaccount=domain.subaccount,
        kind=kind,
        previous_state=domain.state,
        state=domain.state,
        value=value,
        evidence=evidence,
    )

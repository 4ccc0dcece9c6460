"""What a check's findings make of a domain: its next state, and when it is looked at again. Nothing here does I/O.

    pending ──▶ propagating ──▶ verified ◀──▶ suspended ──▶ lapsed ──▶ propagating
       └──────▶ invalid ───────────▲

Only definite answers change a state: no answer leaves it, until a domain in use has given none for `SILENT_FOR`.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from .domain import Domain, State
from .findings import Findings

CONTRARY_FOR: Final = timedelta(days=1)
"""How long a domain in use may lead elsewhere before it lapses."""
SILENT_FOR: Final = timedelta(hours=72)
"""How long a domain in use may give no answer before it lapses."""
WATCHED_FOR: Final = timedelta(hours=48)
"""How long a domain that is not verified yet is looked at by itself."""
LONGEST_WAIT: Final = timedelta(hours=48)
"""How long a replaced record is waited out at most; resolvers cap what they keep well below."""
LONGEST: Final = timedelta(days=8)
"""How far off the next check is at most."""

_SOON = timedelta(minutes=1)
_LATE = timedelta(hours=4)
_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)
_GAP = 2 * _HOUR  # how long a time between two checks counts: a domain with something against it is looked at hourly

Reading = Literal["works", "coming", "absent", "wrong", "unanswered", "offline"]


def read(domain: Domain, findings: Findings) -> Reading:
    """Return what the findings say of a domain.

    "works": it leads to the redirector, as it is used or could be. "coming": some of it is there, but not all.
    "absent" and "wrong" are definite and contrary. "unanswered": the domain's own servers did not answer. "offline":
    nothing could be asked from here, which says nothing of the domain.
    """
    verdict = findings.dns.verdict if findings.dns else "complete"
    if findings.offline:
        return "offline"
    if domain.in_use and findings.dns and findings.dns.failure == "no-such-tld" and not findings.dns.hops:
        return "offline"  # a resolver that denies the top-level domain of a host in use is more likely to be at fault
    if verdict == "partial":
        return "coming"
    if verdict == "absent" or verdict == "wrong" or verdict == "unanswered":
        return verdict
    used = findings.used(domain)
    outcome = used.outcome if used else "silent"
    if outcome == "proven":
        return "works"
    if findings.dns and not domain.in_use:
        return "coming"
    if outcome == "silent" or outcome == "unasked":
        return "unanswered"
    return "absent" if outcome == "absent" else "wrong"


def decide(domain: Domain, findings: Findings, now: datetime, *, taken: bool = False) -> Domain:
    """Return the domain as it is after a check. `taken`: another account has proven the host."""
    domain = _possible(domain, now)
    reading = read(domain, findings)
    after = replace(domain, checked_at=now, evidence=findings.as_dict())
    if findings.https is not None or reading != "offline":
        after = replace(after, https=findings.secure)
    # Time in which nothing was learnt counts neither way: the checks that there should have been, and those in vain.
    passed = now - (domain.checked_at or now)
    after = _later(after, max(passed if reading == "offline" else passed - _GAP, timedelta(0)))
    if reading == "offline":
        return replace(after, next_check=_next_check(after, reading, now))
    if domain.in_use:
        after = _in_use(after, findings, reading, now)
    else:
        after = _not_yet(after, findings, reading, now, taken=taken)
    if after.state != domain.state:
        after = replace(after, since=now)
    if domain.in_use or (domain.state == "lapsed" and after.state != "lapsed"):
        after = replace(after, watched_since=now)
    return replace(after, next_check=_next_check(after, reading, now))


def _possible(domain: Domain, now: datetime) -> Domain:
    """The domain with no time that cannot be: the clock may have been wrong when it was stored."""
    begun = ("since", "watched_since", "seen_since", "contrary_since", "silent_since", "checked_at")
    ends = ("settled_at", "stale_until")
    times = {name: (getattr(domain, name), now) for name in begun}
    times |= {name: (getattr(domain, name), now + LONGEST_WAIT) for name in ends}
    late: dict[str, Any] = {name: latest for name, (time, latest) in times.items() if time and time > latest}
    return replace(domain, **late) if late else domain


def _not_yet(domain: Domain, findings: Findings, reading: Reading, now: datetime, *, taken: bool) -> Domain:
    if reading == "unanswered":
        return domain
    if reading in ("absent", "wrong"):
        state: State = "pending" if reading == "absent" else "invalid"
        state = "lapsed" if domain.state == "lapsed" else state
        return replace(_replaced(domain, findings, now), state=state)
    if findings.dns and findings.dns.verdict == "partial":
        return replace(_replaced(domain, findings, now), state="propagating")
    domain = _seen(domain, findings, now)
    if reading != "works" or taken or not (findings.proven and _settled(domain, findings, now)):
        return replace(domain, state="propagating")
    return replace(
        domain,
        state="verified",
        owner=True,
        secure=findings.secure,
        contrary_since=None,
        silent_since=None,
    )


def _in_use(domain: Domain, findings: Findings, reading: Reading, now: datetime) -> Domain:
    if reading == "unanswered":
        silent_since = domain.silent_since or now
        domain = replace(domain, silent_since=silent_since)
        return _lapsed(domain) if now - silent_since >= SILENT_FOR else domain
    domain = replace(domain, silent_since=None)
    if reading in ("absent", "wrong"):
        contrary_since = domain.contrary_since or now
        domain = replace(_replaced(domain, findings, now), contrary_since=contrary_since, state="suspended")
        return _lapsed(domain) if now - contrary_since >= CONTRARY_FOR else domain
    if reading == "coming":  # some readers reach it, but not all: no reason to take it away
        return replace(_replaced(domain, findings, now), contrary_since=None, state="suspended")
    domain = replace(_seen(domain, findings, now), contrary_since=None)
    if domain.state == "suspended" and not _settled(domain, findings, now):
        return domain
    return replace(domain, state="verified")


def _seen(domain: Domain, findings: Findings, now: datetime) -> Domain:
    """The domain when all servers give the chain: until when a resolver may still have what was there before."""
    seen_since = domain.seen_since or now
    seconds = max(domain.replaced_ttl, findings.dns.negative_ttl) if findings.dns else 0
    settled_at = max(seen_since + timedelta(seconds=seconds), domain.stale_until or seen_since)
    return replace(domain, seen_since=seen_since, settled_at=min(settled_at, seen_since + LONGEST_WAIT))


def _settled(domain: Domain, findings: Findings, now: datetime) -> bool:
    """Whether the chain is given everywhere, and nobody can have anything else any more."""
    if findings.dns is not None and findings.dns.unasked:
        return False
    return findings.resolved and domain.settled_at is not None and now >= domain.settled_at


def _replaced(domain: Domain, findings: Findings, now: datetime) -> Domain:
    """The domain when something else than the chain is there, which resolvers keep once it is replaced.

    A resolver may have asked right before this check, when what an earlier check saw may still have been there.
    """
    if findings.dns is None or findings.dns.verdict == "complete":
        return domain  # it is the redirector that is missing, which nobody keeps
    ttl = min(findings.dns.contrary_ttl, int(LONGEST_WAIT.total_seconds()))
    stale_until = max(domain.stale_until or now, now + timedelta(seconds=max(domain.replaced_ttl, ttl)))
    return replace(domain, seen_since=None, settled_at=None, replaced_ttl=ttl, stale_until=stale_until)


def _later(domain: Domain, passed: timedelta) -> Domain:
    """The domain as if what is held against it had begun that much later."""
    return replace(
        domain,
        contrary_since=domain.contrary_since and domain.contrary_since + passed,
        silent_since=domain.silent_since and domain.silent_since + passed,
    )


def _lapsed(domain: Domain) -> Domain:
    """The domain without its proof: its host may have changed hands, so it needs a new one."""
    return replace(
        domain,
        state="lapsed",
        owner=False,
        https=False,
        vouched=False,
        seen_since=None,
        settled_at=None,
        contrary_since=None,
        silent_since=None,
    )


def _next_check(domain: Domain, reading: Reading, now: datetime) -> datetime | None:
    if domain.state == "lapsed" or (domain.state == "verified" and reading == "works"):
        return now + _WEEK * random.uniform(0.9, 1.1)  # noqa: S311
    if domain.in_use:
        settled = domain.settled_at if domain.state == "suspended" else None
        return min(now + _HOUR, max(settled, now + _SOON)) if settled and settled > now else now + _HOUR
    settled = min(domain.settled_at or domain.watched_since, domain.watched_since + LONGEST_WAIT)
    watched_since = max(domain.watched_since, settled)
    if watched_since > now:
        return max(watched_since, now + _SOON)
    if now - watched_since > WATCHED_FOR:
        return None
    return now + min(max((now - max(domain.since, watched_since)) / 3, _SOON), _LATE)

"""The effect of a finished check on a domain: next state, time of the next check, and advice. Nothing does I/O.

    pending ◀─▶ invalid ◀─▶ propagating ──▶ verified ◀─▶ suspended ──▶ lapsed ──▶ propagating

Only definite answers change a state. A domain in use that has given no answer for `SILENT_FOR` lapses.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from .history import history
from .model import IN_USE, TIME, Change, Domain, Method, State, ownership_name
from .results import Caa, Evidence, Probe
from .traces import MAX_HOPS, Trace

CONTRARY_FOR: Final = timedelta(days=1)
"""How long a domain in use may lead elsewhere before it lapses."""
SILENT_FOR: Final = timedelta(hours=72)
"""How long a domain in use may give no answer before it lapses."""
WATCHED_FOR: Final = timedelta(hours=48)
"""How long a domain that is not verified is checked automatically."""
LONGEST_WAIT: Final = timedelta(hours=48)
"""How long the TTL of a replaced record is waited for at most; resolvers cap TTLs well below."""
LONGEST: Final = timedelta(days=8)
"""How far ahead the next check is at most."""

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)
_LONGEST_PAUSE = timedelta(hours=4)  # between the automatic checks of a domain that is not verified
_COUNTED_PAUSE = 2 * _HOUR  # how much of the time between two checks counts against a domain: checks are hourly then

Conclusion = Literal["works", "partial", "absent", "wrong", "unanswered", "offline"]


def finish(
    domain: Domain, evidence: Evidence, now: datetime, *, cname_target: str, taken: bool = False
) -> tuple[Domain, tuple[str, ...], list[Change]]:
    """Return the domain after a check, the advice, and the changes.

    Args:
        domain: The domain as it is in the registry.
        evidence: All that the check saw.
        now: The time of the database's clock.
        cname_target: The host that the CNAME must point to.
        taken: Another account has verified its ownership of the host.
    """
    after = next_domain(domain, evidence, now, taken=taken)
    advice = tuple(advise(after, evidence, cname_target, taken=taken))
    after = replace(after, evidence={**evidence.as_dict(), "advice": list(advice)})
    return after, advice, history(domain, after, now, evidence=after.evidence)


def conclude(domain: Domain, evidence: Evidence) -> Conclusion:
    """Return the conclusion from the evidence.

    - "works": the domain leads to the redirect server, as it is used or could be;
    - "partial": some of it is there, but not all;
    - "absent", "wrong": a definite answer against the domain;
    - "unanswered": the domain's own servers did not answer;
    - "offline": nothing could be asked from here, which says nothing about the domain.
    """
    trace = evidence.cname
    if evidence.offline:
        return "offline"
    if domain.state in IN_USE and trace and trace.failure == "no-such-tld" and not trace.hops:
        return "offline"  # a resolver that denies the top-level domain of a host in use is likely to be wrong
    status = trace.status if trace else "complete"
    if status == "partial" or status == "absent" or status == "wrong" or status == "unanswered":
        return status
    if evidence.at_cname_target_address:
        return "wrong"
    probe = deciding_probe(domain, evidence)
    if probe and probe.status == "confirmed":
        return "works"
    if trace and domain.state not in IN_USE:
        return "partial"
    if probe is None or probe.status in ("no-answer", "not-asked"):
        return "unanswered"
    return "absent" if probe.status == "no-address" else "wrong"


def deciding_probe(domain: Domain, evidence: Evidence) -> Probe | None:
    """Return the probe that decides: that of the links on a domain in use, else the better one."""
    if domain.state in IN_USE:
        redirected = evidence.http is not None and evidence.http.status == "redirected"
        return evidence.https if domain.secure or redirected else evidence.http
    return evidence.https if evidence.secure else evidence.http


def next_domain(domain: Domain, evidence: Evidence, now: datetime, *, taken: bool = False) -> Domain:
    """Return the domain after a check, without its evidence; the arguments are those of `finish`."""
    domain = _without_impossible_times(domain, now)
    conclusion = conclude(domain, evidence)
    after = replace(domain, checked_at=now)
    if evidence.https is not None or conclusion != "offline":
        after = replace(after, certificate_valid=evidence.secure)
    # Time without checks, and with checks that learnt nothing, does not count against the domain.
    passed = now - (domain.checked_at or now)
    after = _forgiven(after, max(passed if conclusion == "offline" else passed - _COUNTED_PAUSE, timedelta(0)))
    if conclusion == "offline":
        return replace(after, next_check=_next_check(after, conclusion, now))
    if domain.state in IN_USE:
        after = _in_use(after, evidence, conclusion, now)
    else:
        after = _not_in_use(after, evidence, conclusion, now, taken=taken)
    if after.state != domain.state:
        after = replace(after, since=now)
    if domain.state in IN_USE or (domain.state == "lapsed" and after.state != "lapsed"):
        after = replace(after, watched_since=now)
    return replace(after, next_check=_next_check(after, conclusion, now))


def _without_impossible_times(domain: Domain, now: datetime) -> Domain:
    """The domain without times that are too late: the clock may have been wrong when they were stored."""
    past = ("since", "watched_since", "complete_since", "contrary_since", "silent_since", "checked_at")
    latest = dict.fromkeys(past, now) | dict.fromkeys(("propagated_at", "stale_until"), now + LONGEST_WAIT)
    late: dict[str, Any] = {
        name: limit for name, limit in latest.items() if (time := getattr(domain, name)) and time > limit
    }
    return replace(domain, **late) if late else domain


def _not_in_use(domain: Domain, evidence: Evidence, conclusion: Conclusion, now: datetime, *, taken: bool) -> Domain:
    if conclusion == "unanswered":
        return domain
    if conclusion in ("absent", "wrong"):
        state: State = "pending" if conclusion == "absent" else "invalid"
        state = "lapsed" if domain.state == "lapsed" else state
        return replace(_with_replaced_record(domain, evidence, now), state=state)
    if evidence.cname and evidence.cname.status == "partial":
        return replace(_with_replaced_record(domain, evidence, now), state="propagating")
    domain = _with_complete_record(domain, evidence, now)
    ready = conclusion == "works" and evidence.ownership_verified and not taken
    if not (ready and _has_propagated(domain, evidence, now)):
        return replace(domain, state="propagating")
    return replace(
        domain,
        state="verified",
        ownership_verified=True,
        secure=evidence.secure,
        contrary_since=None,
        silent_since=None,
    )


def _in_use(domain: Domain, evidence: Evidence, conclusion: Conclusion, now: datetime) -> Domain:
    if conclusion == "unanswered":
        silent_since = domain.silent_since or now
        domain = replace(domain, silent_since=silent_since)
        return _lapsed(domain) if now - silent_since >= SILENT_FOR else domain
    domain = replace(domain, silent_since=None)
    if conclusion in ("absent", "wrong"):
        contrary_since = domain.contrary_since or now
        domain = replace(_with_replaced_record(domain, evidence, now), contrary_since=contrary_since, state="suspended")
        return _lapsed(domain) if now - contrary_since >= CONTRARY_FOR else domain
    if conclusion == "partial":  # some readers reach the redirect server: the domain does not lapse
        return replace(_with_replaced_record(domain, evidence, now), contrary_since=None, state="suspended")
    domain = replace(_with_complete_record(domain, evidence, now), contrary_since=None)
    if domain.state == "suspended" and not _has_propagated(domain, evidence, now):
        return domain
    return replace(domain, state="verified")


def _with_complete_record(domain: Domain, evidence: Evidence, now: datetime) -> Domain:
    """The domain when every server gives the CNAME, with the time until which resolvers may keep what it replaced."""
    complete_since = domain.complete_since or now
    seconds = max(domain.replaced_ttl, evidence.cname.negative_ttl) if evidence.cname else 0
    propagated_at = max(complete_since + timedelta(seconds=seconds), domain.stale_until or complete_since)
    return replace(
        domain, complete_since=complete_since, propagated_at=min(propagated_at, complete_since + LONGEST_WAIT)
    )


def _has_propagated(domain: Domain, evidence: Evidence, now: datetime) -> bool:
    """Whether every server gives the CNAME, and no resolver can have anything else."""
    if evidence.cname is not None and evidence.cname.servers_left_out:
        return False
    return evidence.resolved and domain.propagated_at is not None and now >= domain.propagated_at


def _with_replaced_record(domain: Domain, evidence: Evidence, now: datetime) -> Domain:
    """The domain when something else than the CNAME is there, which resolvers keep after it is replaced.

    A resolver may have asked right before this check, and have the record that an earlier check saw.
    """
    if evidence.cname is None or evidence.cname.status == "complete":
        return domain  # it is the redirect server that is missing, which no resolver keeps
    ttl = min(evidence.cname.contrary_ttl, int(LONGEST_WAIT.total_seconds()))
    stale_until = max(domain.stale_until or now, now + timedelta(seconds=max(domain.replaced_ttl, ttl)))
    return replace(domain, complete_since=None, propagated_at=None, replaced_ttl=ttl, stale_until=stale_until)


def _forgiven(domain: Domain, passed: timedelta) -> Domain:
    """The domain as if what counts against it had begun that much later."""
    return replace(
        domain,
        contrary_since=domain.contrary_since and domain.contrary_since + passed,
        silent_since=domain.silent_since and domain.silent_since + passed,
    )


def _lapsed(domain: Domain) -> Domain:
    """The domain without ownership: its host may belong to somebody else now."""
    return replace(
        domain,
        state="lapsed",
        ownership_verified=False,
        ownership_trusted=False,
        certificate_valid=False,
        complete_since=None,
        propagated_at=None,
        contrary_since=None,
        silent_since=None,
    )


def _next_check(domain: Domain, conclusion: Conclusion, now: datetime) -> datetime | None:
    if domain.state == "lapsed" or (domain.state == "verified" and conclusion == "works"):
        return now + _WEEK * random.uniform(0.9, 1.1)  # noqa: S311
    if domain.state in IN_USE:
        propagated_at = domain.propagated_at if domain.state == "suspended" else None
        if propagated_at and propagated_at > now:
            return min(now + _HOUR, max(propagated_at, now + _MINUTE))
        return now + _HOUR
    propagated_at = min(domain.propagated_at or domain.watched_since, domain.watched_since + LONGEST_WAIT)
    watched_since = max(domain.watched_since, propagated_at)
    if watched_since > now:
        return max(watched_since, now + _MINUTE)
    if now - watched_since > WATCHED_FOR:
        return None
    return now + min(max((now - max(domain.since, watched_since)) / 3, _MINUTE), _LONGEST_PAUSE)


# Settings


def with_method(domain: Domain, method: Method) -> Domain:
    """Return the domain with another method; what the other method saw does not count for this one."""
    if domain.method == method:
        return domain
    return replace(_without_advice(domain), method=method, complete_since=None, propagated_at=None)


def with_secure(domain: Domain, secure: bool, now: datetime) -> Domain:
    """Return the domain with https links, or http links, due for a check at once."""
    if domain.secure == secure:
        return domain
    return replace(_without_advice(domain), secure=secure, next_check=now)


def _without_advice(domain: Domain) -> Domain:
    """The domain without its advice, which may have been followed."""
    return replace(domain, evidence=domain.evidence and {**domain.evidence, "advice": []})


# Advice


def advise(domain: Domain, evidence: Evidence, cname_target: str, *, taken: bool = False) -> Iterator[str]:
    """Yield what to do, the most important first; nothing if the domain is verified and nothing is wrong.

    `domain` is the domain after the check; the other arguments are those of `finish`.
    """
    trace, host = evidence.cname, domain.host
    if trace:
        yield from _advice_on_cname(host, trace, evidence, cname_target)
    if evidence.offline:
        if evidence.error:
            yield evidence.error
        if target := evidence.cname_target_probe:
            if target.status == "other-keys":
                yield _other_keys(cname_target)
            else:
                yield f"the redirect server is not reached at {cname_target} itself ({target}): fix it first"
        return
    if not evidence.ownership_verified and evidence.ownership:
        yield from _advice_on_ownership(domain, evidence.ownership)
    if taken:
        yield f"{host} belongs to another account: it must be removed there before it can be verified here"
    if trace is None or trace.status == "complete":
        until = domain.propagated_at
        waits = until and domain.checked_at and until > domain.checked_at and domain.state != "verified"
        if trace and trace.servers_left_out:
            yield "some name servers were not asked, as they are too many or too slow: use fewer zones on the way"
        if not evidence.resolved:
            for answer in evidence.dns_resolvers:
                if answer.answered and not answer.leads_to_cname_target:
                    yield f"the DNS resolver {answer}: wait until its cache has expired"
                elif not answer.leads_to_cname_target:
                    yield f"the DNS resolver {answer}: find out why, or configure another one"
        elif evidence.ownership_verified and evidence.reached and not taken and waits:
            yield (
                "everything is set up: DNS resolvers may keep the previous record until "
                f"{until:{TIME}}, and the domain is checked again after that"
            )
        if evidence.at_cname_target_address:
            yield _own_address(host, evidence.cname_target_addresses, cname_target)
        yield from _advice_on_probes(domain, evidence)
        if evidence.caa and evidence.authorities:
            yield _advice_on_caa(host, evidence.caa, evidence.authorities, cname_target)
    if domain.state == "lapsed":
        yield f"{host} has lapsed: create the TXT record and let it lead to {cname_target}, or add it again"
    if domain.next_check is None:
        yield "automatic checks have ended: run a check after you change the records"


def _advice_on_cname(host: str, trace: Trace, evidence: Evidence, cname_target: str) -> Iterator[str]:
    create = _create_cname(host, cname_target)
    status = trace.status
    if trace.failure == "no-such-tld" and not trace.hops:
        yield f"{trace.detail}: check the spelling of {host}"
    elif status == "intercepted":
        yield f"{trace.detail}: let this machine reach port 53 of any address, or trust ownership and check by http"
    elif status == "offline":
        yield f"{trace.detail}: check the network and the DNS resolvers of this machine"
    elif trace.at_apex and status == "wrong":
        yield f"{host} is a zone apex, where no CNAME can stand: choose a subdomain, such as click.{host}"
    elif status == "absent" and evidence.misplaced_at:
        yield f"the record stands at {evidence.misplaced_at}: the zone was appended, so enter the name without it"
    elif status == "absent":
        in_zone = len(trace.hops[0].zone.split(".")) > 1
        yield create if in_zone else f"{host} is in no zone: check that its domain is registered"
    elif status == "partial":
        for answer in trace.contrary:
            yield f"{answer}: wait until it has the new record, or ask its operator"
    elif status == "unanswered":
        silent = [hop for hop in trace.hops if not hop.authoritative]
        for hop in silent:
            yield f"no name server of {hop.zone} answers with authority for {hop.name}: ask their operator"
        if not silent:
            yield f"{trace.hops[-1].name} leads to a name that cannot be looked up: {trace.detail}"
    elif status == "wrong":
        yield from _advice_on_wrong_record(trace, evidence, create, cname_target)


def _advice_on_wrong_record(trace: Trace, evidence: Evidence, create: str, cname_target: str) -> Iterator[str]:
    first, last = trace.hops[0], trace.hops[-1]
    if trace.looped:
        yield f"the CNAME records of {first.name} form a loop: point one of them to {cname_target}"
        return
    if len(trace.hops) == MAX_HOPS and last.aliases:
        yield f"more than {len(trace.hops) - 1} CNAME records follow {first.name}: point it to {cname_target}"
        return
    if first.aliases and first.aliases[0] == f"{cname_target}.{first.zone}":
        wrong = first.aliases[0]
        yield f"the record points to {wrong}: the zone was appended to {cname_target}, so end the value with a dot"
    elif first.aliases:
        yield f"the record points to {first.aliases[0]}, it must point to {cname_target}"
    addresses = last.addresses
    shown = ", ".join(addresses[:4])
    own = [address for address in addresses if address in evidence.cname_target_addresses]
    if own:
        yield _own_address(first.name, own, cname_target, last.name)
    elif addresses and not evidence.cname_target_addresses:  # it may be the address of the CNAME target
        yield f"{last.name} has an address ({shown}) in place of a CNAME: {create}"
    elif addresses and evidence.reached:
        yield f"the address of {last.name} ({shown}) belongs to a proxy that leads here: check by http"
    elif addresses and not first.aliases:
        yield (
            f"{last.name} has an address ({shown}) in place of a CNAME: {create}, or if the address belongs to a proxy "
            "or a CDN in front of it, check by http"
        )
    elif last is not first and not addresses:
        yield f"{first.name} leads to {last.name}, which does not exist"


def _advice_on_ownership(domain: Domain, trace: Trace) -> Iterator[str]:
    create = f"create a TXT record for {ownership_name(domain.host)} with the value {domain.challenge}"
    if trace.failure in ("offline", "intercepted"):
        yield trace.detail or trace.failure
    elif any(answer.kind == "records" for hop in trace.hops for answer in hop.authoritative):
        yield f"the TXT record that shows ownership is missing or different on some server: {create}"
    else:
        yield f"ownership is not verified yet: {create}"


def _advice_on_probes(domain: Domain, evidence: Evidence) -> Iterator[str]:
    host, http, https = domain.host, evidence.http, evidence.https
    if http is None or https is None:
        return
    probe, in_use = deciding_probe(domain, evidence), domain.state in IN_USE
    if http.status == "no-address":
        yield f"{host} has no address: let its DNS records, or its CDN, lead to the redirect server"
    elif probe is None or probe.status != "confirmed":
        if "other-keys" in (http.status, https.status):
            yield _other_keys(host)
        for failed in (http, https):
            if failed.status not in ("confirmed", "other-keys"):
                yield f"the redirect server is not reached through {host} by {failed}"
    elif in_use and not domain.secure and http.status == "redirected":
        yield f"links on {host} should be https, as {http}: set it secure"
    elif in_use and not domain.secure and evidence.secure:
        yield f"a valid certificate is there: links on {host} can be https, once it is set secure"
    elif in_use and not domain.secure:
        yield f"links are http: for https the redirect server needs a certificate for {host} ({https})"


def _advice_on_caa(host: str, caa: Caa, authorities: Sequence[str], cname_target: str) -> str:
    forbidden = f"no certificate for {host} can be issued, since the CAA records of {caa.name} say that {caa}"
    if caa.unknown:
        return f"{forbidden}: remove it"
    add = f'add the record {caa.name}. CAA 0 issue "{authorities[0]}"'
    if not f".{host}".endswith(f".{caa.name}"):  # the host's CNAME leads there
        return f"{forbidden}: whoever runs {cname_target} has to {add}"
    return f"{forbidden}: {add}"


def _create_cname(host: str, cname_target: str) -> str:
    return f"create a CNAME record for {host} with the value {cname_target}"


def _own_address(host: str, addresses: Sequence[str], cname_target: str, name: str = "") -> str:
    """Advice on a host, or a name that it leads to, with the CNAME target's own address."""
    return (
        f"{name or host} has the address of {cname_target} ({', '.join(addresses[:4])}), and links would break when "
        f"that changes: replace the address by a CNAME: {_create_cname(host, cname_target)}"
    )


def _other_keys(host: str) -> str:
    return f"the redirect server at {host} signs with other keys: compare LINKWRAP_KEYS here and there"

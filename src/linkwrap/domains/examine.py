"""One check of a domain: everything that is looked up and asked, in an order that spoils nothing.

The authoritative servers come first. A recursive resolver is only asked once they all give the chain, since it would
keep the answer that there is none, and hand it to readers.
"""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

import dns.name
import dns.rdatatype
from dns.message import Message

from ..keys import SigningKeys
from .domain import Domain
from .findings import Findings, ResolverAnswer
from .network import Network
from .proof import SCHEMES, Proof, prove
from .questions import Questions, Unanswered, as_text, rrset_at
from .records import owner_name, proves
from .trace import Trace, trace
from .zones import Zones

MAX_NAME: Final = 253
"""Characters of a name in the DNS, without its trailing dot (RFC 1035 2.3.4)."""

_NOT_ANSWERED = ("silent", "absent", "blocked", "unasked")


async def examine(
    domain: Domain, target: str, keys: SigningKeys, network: Network, sockets: asyncio.Semaphore
) -> Findings:
    """Check a domain, within the deadline of `network`; `sockets` are those that all checks have open at a time.

    Raises `OptionError` where there is no recursive resolver to ask, and `OSError` where this machine has no sockets or
    the like; nothing that a domain's servers do raises.
    """
    questions = Questions(network, sockets)
    zones = Zones(questions)
    host = dns.name.from_text(domain.host)
    way = await trace(zones, domain.host, dns.rdatatype.A, target) if domain.method == "cname" else None
    known = domain.owner or domain.vouched
    if way and way.verdict in ("offline", "intercepted"):
        return Findings(way, None, known)
    owner = None if known else await trace(zones, owner_name(domain.host), dns.rdatatype.TXT, "")
    findings = Findings(way, owner, owner is None or _proven(owner, domain.challenge))
    prover = partial(_prove, keys, questions)
    if way is None or way.verdict == "complete":
        resolvers = await _resolvers(questions, host, target) if way else ()
        http, https = await prover(domain.host, await questions.addresses(host))
        findings = replace(findings, resolvers=resolvers, http=http, https=https)
        used = findings.used(domain)
        if used is not None and used.outcome not in ("proven", "certificate"):
            addresses = await questions.addresses(dns.name.from_text(target))
            findings = replace(findings, control=_control(used, *await prover(target, addresses)))
    elif addresses := [value for answer in way.contrary if answer.said == "value" for value in answer.values]:
        # An address in place of the CNAME may be that of a proxy which leads to the redirector.
        http, https = await prover(domain.host, addresses)
        findings = replace(findings, http=http, https=https)
    elif way.verdict == "absent":
        findings = replace(findings, misplaced=await _misplaced(zones, way, target))
    return findings


async def _misplaced(zones: Zones, way: Trace, target: str) -> str:
    """The name with its zone put behind it once more, as providers do, if the record is there."""
    [hop] = way.hops or [None]
    name = f"{hop.name}.{hop.zone}" if hop and "." in hop.zone else ""
    if not name or len(name) > MAX_NAME:
        return ""
    return name if (await trace(zones, name, dns.rdatatype.A, target)).reached else ""


async def _prove(keys: SigningKeys, questions: Questions, host: str, addresses: list[str] | None) -> list[Proof]:
    """The proofs over http and https, in a time that leaves some for what is asked afterwards."""
    network = questions.network
    seconds = min(questions.seconds_left, 3 * network.timeout)
    return await asyncio.gather(*(prove(network, keys, host, scheme, addresses, seconds) for scheme in SCHEMES))


def _control(failed: Proof, http: Proof, https: Proof) -> Proof:
    """The target's own proof that tells whether a host fails, or the redirector, or the way to it from here.

    The redirector is proven over either scheme. But that nothing answers, or an authority is not known, tells of the
    host only where the target does better over the same scheme: a port may be closed here, or authorities be missing.
    """
    same = https if failed.scheme == "https" else http
    if failed.outcome == "untrusted" or (failed.outcome == "silent" and same.outcome in _NOT_ANSWERED):
        return same
    return next((proof for proof in (same, http, https) if proof.outcome == "proven"), same)


def _proven(owner: Trace, challenge: str) -> bool:
    """Whether what each server says leads to the challenge."""
    hops = {hop.name: hop for hop in owner.hops}

    def proven(name: str, passed: frozenset[str]) -> bool:
        hop = hops.get(name)
        if hop is None or name in passed or not hop.heard:
            return False
        return all(
            proven(answer.values[0], passed | {name}) if answer.said == "alias" else proves(answer.values, challenge)
            for answer in hop.heard
        )

    return bool(owner.hops) and not owner.unasked and proven(owner.hops[0].name, frozenset())


async def _resolvers(questions: Questions, host: dns.name.Name, target: str) -> tuple[ResolverAnswer, ...]:
    answers = await questions.ask_resolvers(host, dns.rdatatype.A)
    return tuple(ResolverAnswer(resolver, *_chain(answer, host, target)) for resolver, answer in answers)


def _chain(answer: Message | Unanswered, host: dns.name.Name, target: str) -> tuple[bool, bool, str]:
    if isinstance(answer, Unanswered):
        return False, False, answer.detail
    names = [as_text(host)]
    while (alias := rrset_at(answer.answer, dns.name.from_text(names[-1]), dns.rdatatype.CNAME)) is not None:
        names.append(as_text(alias[0].target))
        if names[-1] == target:
            return True, True, f"leads to {target}"
        if names[-1] in names[:-1]:
            break
    if len(names) > 1:
        return True, False, f"still leads to {names[-1]}"
    return True, False, "still has an address" if answer.answer else "still knows no such record"

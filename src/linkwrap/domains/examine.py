"""One check of a domain: everything that is looked up and asked, in an order that spoils nothing.

The authoritative servers come first. A recursive resolver is only asked once they all give the chain, since it would
keep the answer that there is none, and hand it to readers.
"""

import asyncio
from dataclasses import replace

import dns.name
import dns.rdatatype
from dns.message import Message

from ..tokens import SigningKeys
from .domain import Domain
from .findings import Findings, ResolverAnswer
from .network import Network
from .proof import SCHEMES, Proof, prove
from .questions import Questions, Unanswered, as_text, rrset_at
from .records import owner_name, proves
from .trace import Trace, trace
from .zones import Zones


async def examine(domain: Domain, target: str, keys: SigningKeys, network: Network) -> Findings:
    """Check a domain, within the deadline of `network`.

    Raises `OptionError` where there is no recursive resolver to ask; nothing that a domain's servers do raises.
    """
    questions = Questions(network)
    zones = Zones(questions)
    host = dns.name.from_text(domain.host)
    way = await trace(zones, domain.host, dns.rdatatype.A, target) if domain.method == "cname" else None
    known = domain.owner or domain.vouched
    if way and way.verdict in ("offline", "intercepted"):
        return Findings(way, None, known)
    owner = None if known else await trace(zones, owner_name(domain.host), dns.rdatatype.TXT, "")
    findings = Findings(way, owner, owner is None or _proven(owner, domain.challenge))
    if way is None or way.verdict == "complete":
        resolvers = await _resolvers(questions, host, target) if way else ()
        findings = replace(findings, resolvers=resolvers)
        findings = await _prove(findings, domain.host, await questions.addresses(host), keys, questions)
        failed = _failed(domain, findings)
        if failed:
            # Whether it is the host that fails, or the redirector, or the way to it from here.
            addresses = await questions.addresses(dns.name.from_text(target))
            control = await prove(network, keys, target, failed.scheme, addresses, questions.seconds_left)
            findings = replace(findings, control=control)
    elif addresses := [value for answer in way.contrary if answer.said == "value" for value in answer.values]:
        # An address in place of the CNAME may be that of a proxy which leads to the redirector.
        findings = await _prove(findings, domain.host, addresses, keys, questions)
    return findings


async def _prove(
    findings: Findings, host: str, addresses: list[str] | None, keys: SigningKeys, questions: Questions
) -> Findings:
    network, seconds = questions.network, questions.seconds_left
    http, https = await asyncio.gather(*(prove(network, keys, host, scheme, addresses, seconds) for scheme in SCHEMES))
    return replace(findings, http=http, https=https)


def _failed(domain: Domain, findings: Findings) -> Proof | None:
    """The proof that is missing though the redirector may be to blame: a certificate is the host's own matter."""
    used = findings.https if domain.in_use and domain.secure else findings.http
    needed = used if domain.in_use or not findings.reached else None
    return needed if needed and needed.outcome in ("wrong", "silent") else None


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

    return bool(owner.hops) and proven(owner.hops[0].name, frozenset())


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

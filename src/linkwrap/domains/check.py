"""One check of a domain: everything that is looked up and asked, in an order that spoils nothing.

The authoritative servers come first. A recursive resolver is only asked once they all give the chain, since it would
keep the answer that there is none, and hand it to readers.
"""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Any

import dns.name
import dns.rdatatype
from dns.message import Message

from ..tokens import SigningKeys
from .domain import Domain
from .network import Network
from .proof import Proof, prove
from .questions import Questions, Unanswered, as_text, rrset_at
from .records import owner_name, proves
from .trace import Trace, trace
from .zones import Zones

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class ResolverAnswer:
    """Whether a recursive resolver returns the chain to the target; `detail` says what it returns."""

    resolver: str
    chain: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.resolver}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What one check found.

    - `dns`: where the host leads by its authoritative servers; None where it is verified by http;
    - `owner`: what they say of the TXT record; None where they were not asked for it. `proven`: the owner is proven,
      was before, or is vouched for;
    - `resolvers`: what the recursive resolvers return; empty where they were not asked;
    - `http`, `https`: the proofs through the redirector; None where they were not asked for.
    """

    dns: Trace | None
    owner: Trace | None
    proven: bool
    resolvers: tuple[ResolverAnswer, ...] = ()
    http: Proof | None = None
    https: Proof | None = None

    @property
    def resolved(self) -> bool:
        """Whether two of the recursive resolvers return the chain, or the only one."""
        found = sum(answer.chain for answer in self.resolvers)
        return self.dns is None or (found > 0 and found >= min(2, len(self.resolvers)))

    @property
    def reached(self) -> bool:
        """Whether the redirector was proven to answer, over http or over https."""
        return any(proof is not None and proof.outcome == "proven" for proof in (self.http, self.https))

    @property
    def secure(self) -> bool:
        """Whether it was proven to answer over https, with a valid certificate."""
        return self.https is not None and self.https.outcome == "proven"

    @property
    def warnings(self) -> list[str]:
        """What was asked and did not answer as it should, though that alone decides nothing, a line each."""
        traces = [found for found in (self.dns, self.owner) if found]
        return list(dict.fromkeys(line for found in traces for line in found.warnings))

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON, what TXT records hold left out, and of many addresses all but some."""
        found = asdict(self)
        for name, way in (("dns", self.dns), ("owner", self.owner)):
            if way is not None:
                found[name]["verdict"] = way.verdict
                for answer in (answer for hop in found[name]["hops"] for answer in hop["answers"]):
                    shown = 0 if answer["said"] == "value" and name == "owner" else _SHOWN
                    answer["values"] = answer["values"][:shown]
        # Lists in place of tuples, as whoever reads it from the database has it.
        return json.loads(json.dumps(found))  # type: ignore[no-any-return]


async def examine(domain: Domain, target: str, keys: SigningKeys, network: Network) -> Findings:
    """Check a domain, within the deadline of `network`.

    Raises `OptionError` where there is no recursive resolver to ask; nothing that a domain's servers do raises.
    """
    questions = Questions(network)
    zones = Zones(questions)
    host = dns.name.from_text(domain.host)
    way = await trace(zones, domain.host, dns.rdatatype.A, target) if domain.method == "cname" else None
    if way and way.verdict in ("offline", "intercepted"):
        return Findings(way, None, False)
    owner = None
    if not (domain.owner or domain.vouched):
        owner = await trace(zones, owner_name(domain.host), dns.rdatatype.TXT, "")
    findings = Findings(way, owner, owner is None or _proven(owner, domain.challenge))
    complete = way is None or way.verdict == "complete"
    if complete:
        resolvers = await _resolvers(questions, host, target) if way else ()
        addresses = await questions.addresses(host)
    else:
        # An address in place of the CNAME may be that of a proxy which leads to the redirector.
        resolvers, addresses = (), _addresses(way)
    if not complete and not addresses:
        return findings
    http, https = await asyncio.gather(
        prove(network, keys, domain.host, "http", addresses, questions.seconds_left),
        prove(network, keys, domain.host, "https", addresses, questions.seconds_left),
    )
    return Findings(way, owner, findings.proven, resolvers, http, https)


def _proven(owner: Trace, challenge: str) -> bool:
    """Whether each server that has a say gives the challenge, wherever its name leads."""
    ends = [answer for hop in owner.hops for answer in hop.heard if answer.said != "alias"]
    return bool(ends) and all(proves(answer.values, challenge) for answer in ends)


def _addresses(way: Trace | None) -> list[str]:
    hops = way.hops if way else ()
    return list({value: 0 for hop in hops for answer in hop.heard if answer.said == "value" for value in answer.values})


async def _resolvers(questions: Questions, host: dns.name.Name, target: str) -> tuple[ResolverAnswer, ...]:
    answers = await questions.ask_resolvers(host, dns.rdatatype.A)
    return tuple(ResolverAnswer(resolver, *_chain(answer, host, target)) for resolver, answer in answers)


def _chain(answer: Message | Unanswered, host: dns.name.Name, target: str) -> tuple[bool, str]:
    if isinstance(answer, Unanswered):
        return False, answer.detail
    names = [as_text(host)]
    while (alias := rrset_at(answer.answer, dns.name.from_text(names[-1]), dns.rdatatype.CNAME)) is not None:
        names.append(as_text(alias[0].target))
        if names[-1] == target:
            return True, f"leads to {target}"
        if names[-1] in names[:-1]:
            break
    if len(names) > 1:
        return False, f"still leads to {names[-1]}"
    return False, "still has an address" if answer.answer else "still knows no such record"

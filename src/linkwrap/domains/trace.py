"""Where a name leads by its authoritative servers: CNAME and DNAME records followed, each server of each zone asked."""

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

from .questions import Reason, Unanswered, as_text, rrset_at
from .zones import NoWayDown, Reply, Zones

MAX_HOPS: Final = 8
"""Names that are followed, the first included."""

Said = Literal["alias", "value", "nothing", "lame", "silent", "blocked", "unasked"]
Verdict = Literal["complete", "partial", "absent", "wrong", "unanswered", "intercepted", "offline"]

_AUTHORITATIVE = ("alias", "value", "nothing")
_NO_RECORDS = "the name is there, without such a record"
_UNANSWERED: Final[dict[Reason, Said]] = {"silent": "silent", "blocked": "blocked", "spent": "unasked"}
_MOST_ADDRESSES = 64  # that are kept of one answer
_SHOWN = 4  # of the values that a name has, in words


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What one authoritative server says of a name.

    `said` is "alias" (a CNAME or DNAME: `values` holds the name that it leads to), "value" (records of the type that
    was asked for, or addresses), "nothing" (no such name, or none of these records), or no authoritative answer: "lame"
    (it does not serve the zone), "silent" (none came), "blocked" (not asked: not a public address) or "unasked" (the
    check had no time or no queries left). `ttl` is in seconds, that of a "nothing" the zone's negative TTL. `detail`
    puts it in words.
    """

    server: str
    address: str
    said: Said
    values: tuple[str, ...] = ()
    ttl: int = 0
    detail: str = ""

    @property
    def authoritative(self) -> bool:
        """Whether it counts: the others are warnings."""
        return self.said in _AUTHORITATIVE

    def __str__(self) -> str:
        where = f"{self.server} ({self.address})" if self.address else self.server
        return f"{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Hop:
    """A name on the way, the zone that it is in, and what each of the zone's servers says of it."""

    name: str
    zone: str
    answers: tuple[ServerAnswer, ...]
    negative_ttl: int

    @property
    def heard(self) -> list[ServerAnswer]:
        """The answers with authority."""
        return [answer for answer in self.answers if answer.authoritative]

    @property
    def aliases(self) -> list[str]:
        """The names that the servers say it leads to, what most of them say first."""
        said = Counter(answer.values[0] for answer in self.answers if answer.said == "alias")
        return [name for name, _ in said.most_common()]


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a name leads. `failure` says why it could not be followed from here, if so; `detail` puts that in words."""

    hops: tuple[Hop, ...]
    target: str
    failure: Literal["offline", "intercepted", "no-such-tld"] | None = None
    detail: str = ""

    @property
    def reached(self) -> bool:
        """Whether some server leads to the target."""
        return any(self.target in hop.aliases for hop in self.hops)

    @property
    def at_root(self) -> bool:
        """Whether the name is the root of a zone, where no CNAME can stand (RFC 1034 3.6.2)."""
        return bool(self.hops) and self.hops[0].name == self.hops[0].zone

    @property
    def looped(self) -> bool:
        """Whether some name leads back to itself."""
        return any(hop.name in self._ahead(hop.name) for hop in self.hops)

    @property
    def contrary(self) -> list[ServerAnswer]:
        """The answers with authority that lead elsewhere, as far as that is known."""
        return [answer for hop in self.hops for answer in hop.heard if not self._may_lead(answer)]

    def _may_lead(self, answer: ServerAnswer) -> bool:
        """Whether an answer leads to the target, or to where nobody tells how it goes on."""
        if answer.said != "alias":
            return False
        ahead = {answer.values[0], *self._ahead(answer.values[0])}
        unheard = {hop.name for hop in self.hops if not hop.heard}
        if self.failure in ("offline", "intercepted"):
            unheard |= ahead - {hop.name for hop in self.hops}
        return self.target in ahead or not ahead.isdisjoint(unheard)

    @property
    def _cut_short(self) -> bool:
        return self.failure in ("offline", "intercepted") or not all(hop.heard for hop in self.hops)

    def _ahead(self, name: str) -> set[str]:
        """All names that a name leads to."""
        aliases = {hop.name: hop.aliases for hop in self.hops}
        found: set[str] = set()
        follow = [name]
        while follow:
            new = set(aliases.get(follow.pop(), ())) - found
            found |= new
            follow += new
        return found

    @property
    def unasked(self) -> bool:
        """Whether servers were left out, as the check had no time or no queries left."""
        return any(answer.said == "unasked" for hop in self.hops for answer in hop.answers)

    @property
    def verdict(self) -> Verdict:
        """Return what all of it means.

        - "complete": what each server that answers with authority says leads to the target;
        - "partial": some do;
        - "absent": there is no record, or none of its type at the first name;
        - "wrong": there is one that leads elsewhere;
        - "unanswered": no server of some zone on the way answers with authority;
        - "intercepted", "offline": the servers cannot be asked from here, which says nothing of the domain.
        """
        if not any(hop.heard for hop in self.hops):
            if self.failure == "offline" or self.failure == "intercepted":
                return self.failure
            return "absent" if self.failure else "unanswered"
        first, last = self.hops[0], self.hops[-1]
        if self.at_root and first.heard:
            return "wrong"
        if self.reached:
            if self.contrary:
                return "partial"
            return "unanswered" if self._cut_short else "complete"
        if self._cut_short:
            return "unanswered"
        if first is last and all(answer.said == "nothing" for answer in first.heard):
            return "absent"
        return "wrong"

    @property
    def contrary_ttl(self) -> int:
        """How long, in seconds, resolvers may keep what does not lead to the target: the longest TTL of it."""
        return max((answer.ttl for answer in self.contrary), default=0)

    @property
    def negative_ttl(self) -> int:
        """How long, in seconds, resolvers may keep that one of the names was missing: the longest of the zones."""
        return max((hop.negative_ttl for hop in self.hops), default=0)

    @property
    def warnings(self) -> list[str]:
        """What servers without an authoritative answer say, a line each."""
        return [f"{hop.zone}: {answer}" for hop in self.hops for answer in hop.answers if not answer.authoritative]


async def trace(zones: Zones, name: str, kind: RdataType, target: str) -> Trace:
    """Follow a name by the authoritative servers, until the target, a value, nothing, a loop or `MAX_HOPS` names."""
    hops: list[Hop] = []
    ahead = [name]
    while ahead and len(hops) < MAX_HOPS:
        at = dns.name.from_text(ahead.pop(0))
        try:
            hop = await _hop(zones, at, kind)
        except NoWayDown as error:
            return Trace(tuple(hops), target, error.reason, error.detail)
        hops.append(hop)
        known = {target, *ahead, *(hop.name for hop in hops)}
        ahead += [alias for alias in hop.aliases if alias not in known]
    return Trace(tuple(hops), target)


async def _hop(zones: Zones, name: Name, kind: RdataType) -> Hop:
    replies = await zones.ask(name, kind)
    answers = [_answer(reply, name, kind, replies.negative_ttl) for reply in replies.replies]
    if kind == dns.rdatatype.A and any(answer.detail == _NO_RECORDS for answer in answers):
        # There may be an IPv6 address in place of the CNAME.
        sixth = await zones.ask(name, dns.rdatatype.AAAA)
        found = [_answer(reply, name, dns.rdatatype.AAAA, sixth.negative_ttl) for reply in sixth.replies]
        values = {(answer.server, answer.address): answer for answer in found if answer.said == "value"}
        answers = [
            values.get((answer.server, answer.address), answer) if answer.said == "nothing" else answer
            for answer in answers
        ]
    return Hop(as_text(name), as_text(replies.zone.origin), tuple(answers), replies.negative_ttl)


def _answer(reply: Reply, name: Name, kind: RdataType, negative_ttl: int) -> ServerAnswer:
    said, values, ttl, detail = _read(reply, name, kind, negative_ttl)
    return ServerAnswer(reply.server.name, reply.server.address, said, values, ttl, detail)


def _read(reply: Reply, name: Name, kind: RdataType, negative_ttl: int) -> tuple[Said, tuple[str, ...], int, str]:
    message = reply.said
    if isinstance(message, Unanswered):
        return _UNANSWERED[message.reason], (), 0, message.detail
    code = message.rcode()
    if code == dns.rcode.SERVFAIL:
        return "silent", (), 0, "answers SERVFAIL"
    alias = _alias(message, name)
    if alias and message.flags & dns.flags.AA:  # whatever the code: that of a chain is its last name's (RFC 6604 3)
        target, ttl, how = alias
        return "alias", (as_text(target),), ttl, f"{how} {as_text(target)} (TTL {ttl})"
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return "lame", (), 0, f"does not serve the zone: answers {dns.rcode.to_text(code)}"
    if reply.message is None:
        return "lame", (), 0, "does not serve the zone: answers without authority"
    records = rrset_at(message.answer, name, kind)
    if records:
        most = None if kind == dns.rdatatype.TXT else _MOST_ADDRESSES
        values = tuple(sorted(_value(record) for record in records)[:most])
        return "value", values, records.ttl, _shown(kind, values, records.ttl)
    missing = "there is no such name" if code == dns.rcode.NXDOMAIN else _NO_RECORDS
    return "nothing", (), negative_ttl, missing


def _alias(message: Message, name: Name) -> tuple[Name, int, str] | None:
    """Where a CNAME of the name or a DNAME above it leads (RFC 6672), with the TTL and the type of the record."""
    alias = rrset_at(message.answer, name, dns.rdatatype.CNAME)
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.DNAME and name != rrset.name and name.is_subdomain(rrset.name):
            try:
                return name.relativize(rrset.name).concatenate(rrset[0].target), rrset.ttl, "DNAME to"
            except dns.name.NameTooLong:
                return None
    return (alias[0].target, alias.ttl, "CNAME") if alias else None


def _shown(kind: RdataType, values: tuple[str, ...], ttl: int) -> str:
    if kind == dns.rdatatype.TXT:  # of any length, and not ours to repeat
        return f"{len(values)} TXT record{'s' * (len(values) != 1)} (TTL {ttl})"
    more = ", …" if len(values) > _SHOWN else ""
    return f"{dns.rdatatype.to_text(kind)} {', '.join(values[:_SHOWN])}{more} (TTL {ttl})"


def _value(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is None:
        return str(getattr(record, "address", record))
    return b"".join(strings).decode("utf-8", "replace")

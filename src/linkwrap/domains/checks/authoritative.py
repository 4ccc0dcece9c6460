"""Authoritative name servers: the zone of a name, the answer of each of its servers, and the names that it leads to.

The way goes down from the servers of the top-level domain, by the delegations of each zone's servers: no cache in
between can hold an old answer. Only the servers of the top-level domain, and addresses that a delegation does not
bring along, come from the DNS resolvers. Answers are not validated by DNSSEC.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

from ..traces import MAX_HOPS, AnswerKind, Hop, ServerAnswer, Trace, TraceFailure
from .dns import Questions, Unanswered, as_text, rrset_at

MAX_SERVERS: Final = 16
"""Addresses of a zone's servers that are asked."""

_TOP_SERVERS = 3  # those of a top-level domain are alike, and their addresses asked one after the other
_MAX_ADDRESSES = 64  # that are kept of one answer
_SHOWN = 4  # of a name's values, in words
_NO_RECORDS = "the name exists, without such a record"
NO_NAME: Final = "the name does not exist"
"""The answer in words of a server that denies a name."""
# Top-level domains that exist as long as the DNS does.
_CERTAIN = frozenset("arpa com edu gov int mil net org".split())


async def trace(zones: "Zones", name: str, kind: RdataType, cname_target: str) -> Trace:
    """Follow a name by its authoritative name servers.

    The trace ends at the CNAME target, records, no records, a loop, or after `MAX_HOPS` names.

    Args:
        zones: The zones that the check has found so far.
        name: The name.
        kind: The type of the records, A (with AAAA) or TXT.
        cname_target: The CNAME target; "" for TXT records.
    """
    hops: list[Hop] = []
    ahead = [name]
    while ahead and len(hops) < MAX_HOPS:
        at = dns.name.from_text(ahead.pop(0))
        try:
            hop = await _hop(zones, at, kind)
        except TopLevelError as error:
            return Trace(tuple(hops), cname_target, error.failure, error.detail)
        hops.append(hop)
        seen = {cname_target, *ahead, *(hop.name for hop in hops)}
        ahead += [alias for alias in hop.aliases if alias not in seen]
    return Trace(tuple(hops), cname_target)


class TopLevelError(Exception):
    """The servers of a top-level domain cannot be asked from here.

    Attributes:
        failure: "offline" (this machine's DNS does not work), "intercepted" (DNS resolvers answer, but the servers do
            not), or "no-such-tld".
        detail: The same in words.
    """

    def __init__(self, failure: TraceFailure, detail: str) -> None:
        super().__init__(detail)
        self.failure: TraceFailure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NameServer:
    """One address of a name server; "" if its name has none."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and its name servers, by the delegation of the zone above."""

    origin: Name
    servers: tuple[NameServer, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of one server for a name."""

    server: NameServer
    answer: Message | Unanswered

    @property
    def message(self) -> Message | None:
        """The answer if it has authority; None if not."""
        message = self.answer
        if isinstance(message, Unanswered) or not message.flags & dns.flags.AA:
            return None
        return message if message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) else None


@dataclass(frozen=True, slots=True)
class Replies:
    """The answers of all servers of a zone for a name, and the zone's negative TTL in seconds (RFC 2308)."""

    zone: Zone
    replies: Sequence[Reply]
    negative_ttl: int


class Zones:
    """The zones that one check has found so far.

    Args:
        questions: The questions of the check.
        cname_target: The CNAME target, whose top-level domain exists.
    """

    def __init__(self, questions: Questions, cname_target: str) -> None:
        self._questions = questions
        self._sure = _CERTAIN | {cname_target.rpartition(".")[2]}
        self._resolvable: Name = dns.name.from_text(cname_target.rpartition(".")[2])
        self._found: dict[Name, Zone] = {}

    async def ask(self, name: Name, kind: RdataType) -> Replies:
        """Return the answer of each server of the zone that `name` is in.

        Raises:
            TopLevelError: The servers of its top-level domain cannot be asked.
        """
        zone = await self._nearest(name)
        above: list[Reply] = []
        while True:
            replies = await self._replies(zone, name, kind)
            below = await self._delegated(zone, replies, name)
            if below is None:
                break
            # Servers of a zone may disagree on whether it delegates: resolvers that ask these stop here.
            above += [reply for reply in replies if reply.message and not _cut(reply.answer, zone, name)]
            zone = self._found[below.origin] = below
        # Servers that hold the zone above too answer from the zone below without naming its other servers.
        origin, negative_ttl = await self._authority(zone, replies, name)
        if origin != zone.origin:
            inner = await self._named_by_itself(origin, replies)
            if inner is not None:
                zone = self._found[origin] = inner
                replies = await self._replies(zone, name, kind)
        asked = {reply.server.address for reply in replies}
        replies += [reply for reply in above if reply.server.address not in asked]
        return Replies(zone, replies, negative_ttl)

    async def _nearest(self, name: Name) -> Zone:
        """The deepest zone above the name that was found so far."""
        above = name
        while len(above) > 1:
            if above in self._found:
                return self._found[above]
            above = above.parent()
        return await self._top(Name(name.labels[-2:]))

    async def _top(self, origin: Name) -> Zone:
        try:
            answer = await self._questions.resolve(origin, dns.rdatatype.NS)
        except Unanswered as error:
            raise TopLevelError("offline", f"this machine's DNS does not work: {error.detail}") from None
        servers = rrset_at(answer.answer, origin, dns.rdatatype.NS)
        if servers is None:
            tld = as_text(origin)
            if answer.rcode() == dns.rcode.NXDOMAIN and tld not in self._sure and await self._resolver_works():
                raise TopLevelError("no-such-tld", f"there is no top-level domain {tld!r}")
            says = "deny that it exists" if answer.rcode() == dns.rcode.NXDOMAIN else "give no name server"
            raise TopLevelError(
                "offline", f"this machine's DNS does not work: asked for the domain {tld!r}, its DNS resolvers {says}"
            )
        zone = Zone(origin, await self._located(sorted(server.target for server in servers)[:_TOP_SERVERS], ()))
        self._found[origin] = zone
        return zone

    async def _resolver_works(self) -> bool:
        """Whether the DNS resolvers give a top-level domain that exists: else they may deny every one."""
        try:
            answer = await self._questions.resolve(self._resolvable, dns.rdatatype.NS)
        except Unanswered:
            return False
        return rrset_at(answer.answer, self._resolvable, dns.rdatatype.NS) is not None

    async def _replies(self, zone: Zone, name: Name, kind: RdataType) -> list[Reply]:
        if len(zone.origin) > 2:
            return list(await asyncio.gather(*(self._reply(server, name, kind) for server in zone.servers)))
        replies = []
        for server in zone.servers:
            reply = await self._reply(server, name, kind)
            if reply.message or _cut(reply.answer, zone, name):
                return [reply]
            replies.append(reply)
        answered = any(isinstance(reply.answer, Message) for reply in replies)
        raise TopLevelError(
            "intercepted",
            f"outbound DNS is {'intercepted' if answered else 'blocked'}: DNS resolvers answer, but no name server of "
            f"{as_text(zone.origin)!r} {'answers with authority' if answered else 'can be reached'} from here",
        )

    async def _reply(self, server: NameServer, name: Name, kind: RdataType) -> Reply:
        if not server.address:
            return Reply(server, Unanswered("no-answer", "its name has no address"))
        try:
            return Reply(server, await self._questions.ask(server.address, name, kind))
        except Unanswered as error:
            return Reply(server, error)

    async def _delegated(self, zone: Zone, replies: Iterable[Reply], name: Name) -> Zone | None:
        """The zone below that the servers refer to, if they do."""
        cuts = [(cut, reply.answer) for reply in replies if (cut := _cut(reply.answer, zone, name))]
        if not cuts:
            return None
        origin = cuts[0][0]
        same = [message for cut, message in cuts if cut == origin and isinstance(message, Message)]
        names = dict.fromkeys(
            record.target for message in same for record in rrset_at(message.authority, origin, dns.rdatatype.NS) or ()
        )
        glue = [
            rrset
            for message in same
            for rrset in message.additional
            if rrset.name.is_subdomain(zone.origin)  # it has no authority over others
        ]
        return Zone(origin, await self._located(names, glue))

    async def _authority(self, zone: Zone, replies: Iterable[Reply], name: Name) -> tuple[Name, int]:
        """The origin of the zone that the answers come from, and its negative TTL in seconds (RFC 2308)."""
        heard = [(reply.server, message) for reply in replies if (message := reply.message)]
        for _, message in heard:
            found = _start_of_authority(message.authority, zone, name)
            if found:
                return found
        asked = name.parent() if heard and rrset_at(heard[0][1].answer, name, dns.rdatatype.CNAME) else name
        while heard and len(asked) > 1 and asked.is_subdomain(zone.origin):
            answer = (await self._reply(heard[0][0], asked, dns.rdatatype.SOA)).message
            found = _start_of_authority(chain(answer.answer, answer.authority), zone, name) if answer else None
            if found:
                return found
            asked = asked.parent()
        return zone.origin, 0

    async def _named_by_itself(self, origin: Name, replies: Iterable[Reply]) -> Zone | None:
        for reply in replies:
            if reply.message:
                answer = (await self._reply(reply.server, origin, dns.rdatatype.NS)).message
                servers = answer and rrset_at(answer.answer, origin, dns.rdatatype.NS)
                if answer and servers:
                    return Zone(origin, await self._located([record.target for record in servers], answer.additional))
        return None

    async def _located(self, names: Iterable[Name], glue: Iterable[Any]) -> tuple[NameServer, ...]:
        """The addresses of name servers, at most `MAX_SERVERS`, the first of each before the second of any."""
        found: dict[Name, list[str]] = {name: [] for name in list(names)[:MAX_SERVERS]}
        for rrset in glue:
            if rrset.name in found and rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                found[rrset.name] += [record.address for record in rrset]
        missing = [name for name, addresses in found.items() if not addresses]
        for name, addresses in zip(
            missing, await asyncio.gather(*map(self._questions.addresses, missing)), strict=True
        ):
            found[name] = addresses or [""]
        rows = [[NameServer(as_text(name), address) for address in addresses] for name, addresses in found.items()]
        # Names that share an address are one server, which is asked once.
        servers: dict[str, NameServer] = {}
        for server in filter(None, chain.from_iterable(zip_longest(*rows))):
            servers.setdefault(server.address or server.name, server)
        return tuple(servers.values())[:MAX_SERVERS]


def _cut(answer: Message | Unanswered, zone: Zone, name: Name) -> Name | None:
    """The zone that a server refers to (RFC 1034 4.3.2): below its own zone, and on the way to the name."""
    if isinstance(answer, Unanswered) or answer.answer or answer.rcode() != dns.rcode.NOERROR:
        return None
    if any(rrset.rdtype == dns.rdatatype.SOA for rrset in answer.authority):
        return None
    for rrset in answer.authority:
        deeper = rrset.name != zone.origin and rrset.name.is_subdomain(zone.origin)
        if rrset.rdtype == dns.rdatatype.NS and deeper and name.is_subdomain(rrset.name):
            return rrset.name
    return None


def _start_of_authority(section: Iterable[Any], zone: Zone, name: Name) -> tuple[Name, int] | None:
    for rrset in section:
        inside = rrset.name.is_subdomain(zone.origin) and name.is_subdomain(rrset.name)
        if rrset.rdtype == dns.rdatatype.SOA and inside:
            return rrset.name, min(rrset.ttl, rrset[0].minimum)
    return None


async def _hop(zones: Zones, name: Name, kind: RdataType) -> Hop:
    replies = await zones.ask(name, kind)
    answers = [_answer(reply, name, kind, replies.negative_ttl) for reply in replies.replies]
    if kind == dns.rdatatype.A and any(answer.detail == _NO_RECORDS for answer in answers):
        # There may be an IPv6 address in place of the CNAME.
        ipv6 = await zones.ask(name, dns.rdatatype.AAAA)
        found = [_answer(reply, name, dns.rdatatype.AAAA, ipv6.negative_ttl) for reply in ipv6.replies]
        values = {(answer.server, answer.address): answer for answer in found if answer.kind == "records"}
        answers = [
            values.get((answer.server, answer.address), answer) if answer.kind == "no-records" else answer
            for answer in answers
        ]
    return Hop(as_text(name), as_text(replies.zone.origin), tuple(answers), replies.negative_ttl)


def _answer(reply: Reply, name: Name, kind: RdataType, negative_ttl: int) -> ServerAnswer:
    return ServerAnswer(reply.server.name, reply.server.address, *_read(reply, name, kind, negative_ttl))


def _read(reply: Reply, name: Name, kind: RdataType, negative_ttl: int) -> tuple[AnswerKind, tuple[str, ...], int, str]:
    message = reply.answer
    if isinstance(message, Unanswered):
        return message.kind, (), 0, message.detail
    code = message.rcode()
    if code == dns.rcode.SERVFAIL:
        return "no-answer", (), 0, "answers SERVFAIL"
    alias = _alias(message, name)
    if alias and message.flags & dns.flags.AA:  # whatever the code: that of a chain is its last name's (RFC 6604 3)
        leads_to, ttl, how = alias
        return "alias", (as_text(leads_to),), ttl, f"{how} {as_text(leads_to)} (TTL {ttl})"
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return "lame", (), 0, f"does not serve the zone: answers {dns.rcode.to_text(code)}"
    if reply.message is None:
        return "lame", (), 0, "does not serve the zone: answers without authority"
    records = rrset_at(message.answer, name, kind)
    if records:
        most = None if kind == dns.rdatatype.TXT else _MAX_ADDRESSES
        values = tuple(sorted(_value(record) for record in records)[:most])
        return "records", values, records.ttl, _shown(kind, values, records.ttl)
    missing = NO_NAME if code == dns.rcode.NXDOMAIN else _NO_RECORDS
    return "no-records", (), negative_ttl, missing


def _alias(message: Message, name: Name) -> tuple[Name, int, str] | None:
    """The name that a CNAME, or a DNAME above it (RFC 6672), leads to, with the TTL and the type of the record."""
    alias = rrset_at(message.answer, name, dns.rdatatype.CNAME)
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.DNAME and name != rrset.name and name.is_subdomain(rrset.name):
            try:
                return name.relativize(rrset.name).concatenate(rrset[0].target), rrset.ttl, "DNAME to"
            except dns.name.NameTooLong:
                return None
    return (alias[0].target, alias.ttl, "CNAME") if alias else None


def _shown(kind: RdataType, values: tuple[str, ...], ttl: int) -> str:
    if kind == dns.rdatatype.TXT:  # of any length, and nobody else's business
        return f"{len(values)} TXT record{'s' * (len(values) != 1)} (TTL {ttl})"
    more = ", …" if len(values) > _SHOWN else ""
    return f"{dns.rdatatype.to_text(kind)} {', '.join(values[:_SHOWN])}{more} (TTL {ttl})"


def _value(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is None:
        return str(getattr(record, "address", record))
    return b"".join(strings).decode("utf-8", "replace")

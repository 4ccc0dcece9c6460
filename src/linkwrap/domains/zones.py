"""Which zone a name is in, and what each of the zone's authoritative servers says of it.

The way goes down from the servers of the top-level domain, by what each zone's servers delegate: no cache in between
can hold an old answer. Only the servers of the top-level domain, and addresses that a delegation does not bring along,
come from the recursive resolvers. What the servers say is taken as said, not validated by DNSSEC.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final, Literal

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

from .questions import Questions, Unanswered, as_text, rrset_at

MAX_SERVERS: Final = 16
"""Addresses of a zone's servers that are asked."""

_TOP_SERVERS = 3  # those of a top-level domain are alike, and their addresses asked one after the other


class NoWayDown(Exception):
    """The servers of the top-level domain cannot be asked from here.

    `reason` is "offline" (the recursive resolvers do not answer either), "intercepted" (they do) or "no-such-tld".
    """

    def __init__(self, reason: Literal["offline", "intercepted", "no-such-tld"], detail: str) -> None:
        super().__init__(detail)
        self.reason: Literal["offline", "intercepted", "no-such-tld"] = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NameServer:
    """One address of a name server; "" where its name has none."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and its name servers, as the zone above delegates it."""

    origin: Name
    servers: tuple[NameServer, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What one server said of a name."""

    server: NameServer
    said: Message | Unanswered

    @property
    def message(self) -> Message | None:
        """The answer if it has authority, else None."""
        message = self.said
        if isinstance(message, Unanswered) or not message.flags & dns.flags.AA:
            return None
        return message if message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) else None


@dataclass(frozen=True, slots=True)
class Replies:
    """What all servers of a zone said of a name; `negative_ttl`: seconds that resolvers may keep that it is missing."""

    zone: Zone
    replies: Sequence[Reply]
    negative_ttl: int


class Zones:
    """The zones that one check has found so far."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._found: dict[Name, Zone] = {}

    async def ask(self, name: Name, kind: RdataType) -> Replies:
        """Return what each server of the zone that `name` is in says of it.

        Raises `NoWayDown`.
        """
        zone = await self._nearest(name)
        above: list[Reply] = []
        while True:
            replies = await self._replies(zone, name, kind)
            below = await self._delegated(zone, replies, name)
            if below is None:
                break
            # Servers of a zone may disagree on whether it delegates: resolvers that ask these stop here.
            above += [reply for reply in replies if reply.message and not _cut(reply.said, zone, name)]
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
        """The deepest zone that is known to be above the name."""
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
            raise NoWayDown("offline", f"the DNS cannot be asked from here: {error.detail}") from None
        servers = rrset_at(answer.answer, origin, dns.rdatatype.NS)
        if answer.rcode() == dns.rcode.NXDOMAIN:
            raise NoWayDown("no-such-tld", f"there is no top-level domain {as_text(origin)!r}")
        if servers is None:
            raise NoWayDown("offline", f"the resolvers know no name server of {as_text(origin)!r}")
        zone = Zone(origin, await self._located(sorted(server.target for server in servers)[:_TOP_SERVERS], ()))
        self._found[origin] = zone
        return zone

    async def _replies(self, zone: Zone, name: Name, kind: RdataType) -> list[Reply]:
        if len(zone.origin) > 2:
            return list(await asyncio.gather(*(self._reply(server, name, kind) for server in zone.servers)))
        replies = []
        for server in zone.servers:
            reply = await self._reply(server, name, kind)
            if reply.message or _cut(reply.said, zone, name):
                return [reply]
            replies.append(reply)
        answered = any(isinstance(reply.said, Message) for reply in replies)
        raise NoWayDown(
            "intercepted",
            f"outbound DNS is {'intercepted' if answered else 'blocked'}: resolvers answer, but of the servers of "
            f"{as_text(zone.origin)!r} none {'answers with authority' if answered else 'can be reached'} from here",
        )

    async def _reply(self, server: NameServer, name: Name, kind: RdataType) -> Reply:
        if not server.address:
            return Reply(server, Unanswered("silent", "its name has no address"))
        try:
            return Reply(server, await self._questions.ask(server.address, name, kind))
        except Unanswered as error:
            return Reply(server, error)

    async def _delegated(self, zone: Zone, replies: Iterable[Reply], name: Name) -> Zone | None:
        """The zone below that the servers send us to, if they do."""
        cuts = [(cut, reply.said) for reply in replies if (cut := _cut(reply.said, zone, name))]
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
            if rrset.name.is_subdomain(zone.origin)  # of others it has no say
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
        known: dict[Name, list[str]] = {name: [] for name in list(names)[:MAX_SERVERS]}
        for rrset in glue:
            if rrset.name in known and rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                known[rrset.name] += [record.address for record in rrset]
        missing = [name for name, addresses in known.items() if not addresses]
        for name, addresses in zip(
            missing, await asyncio.gather(*map(self._questions.addresses, missing)), strict=True
        ):
            known[name] = addresses or [""]
        rows = [[NameServer(as_text(name), address) for address in addresses] for name, addresses in known.items()]
        # Names that share an address are one server, which is asked once.
        servers: dict[str, NameServer] = {}
        for server in filter(None, chain.from_iterable(zip_longest(*rows))):
            servers.setdefault(server.address or server.name, server)
        return tuple(servers.values())[:MAX_SERVERS]


def _cut(said: Message | Unanswered, zone: Zone, name: Name) -> Name | None:
    """Where a server sends us further down (RFC 1034 4.3.2): deeper than its own zone, and on the way to the name."""
    if isinstance(said, Unanswered) or said.answer or said.rcode() != dns.rcode.NOERROR:
        return None
    if any(rrset.rdtype == dns.rdatatype.SOA for rrset in said.authority):
        return None
    for rrset in said.authority:
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

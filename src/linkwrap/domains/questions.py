"""The DNS questions of one check: each is bounded in time, all together in time and number, and none goes to an address
that the filter forbids.
"""

import asyncio
import errno
from collections.abc import Iterable
from typing import Final, Literal

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

from .network import Network, Server

MAX_QUERIES: Final = 64
"""DNS queries that one check may send to authoritative servers, retries and those over TCP included.

As many again may go to the operator's own recursive resolvers.
"""
MAX_SOCKETS: Final = 200
"""Sockets that the checks of one event loop have open at a time for questions."""
OWN_FAULT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM)
"""Errors that are this machine's own want of something, and say nothing of a server."""

_TRIES = 2
_NO_EDNS = (dns.rcode.FORMERR, dns.rcode.NOTIMP)
_PAYLOAD = 1232  # octets of an answer over UDP that no network on the way breaks into pieces
_NOT_SENT = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)  # such as IPv6 where there is none
_ANSWERED = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)

Reason = Literal["silent", "blocked", "spent"]


class Unanswered(Exception):
    """No answer: "silent" (none came), "blocked" (by the address filter), "spent" (the check may ask no more)."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class Questions:
    """What one check asks. The deadline runs from when it is made."""

    def __init__(self, network: Network, sockets: asyncio.Semaphore) -> None:
        self.network = network
        self._sockets = sockets
        self._resolvers = network.recursive_servers()
        self._clock = asyncio.get_running_loop().time
        self._ends = self._clock() + network.deadline
        self._left = {False: MAX_QUERIES, True: MAX_QUERIES}
        self._silent: set[str] = set()

    @property
    def seconds_left(self) -> float:
        """How long the check may still take."""
        return max(0.0, self._ends - self._clock())

    async def ask(self, address: str, name: Name, kind: RdataType) -> Message:
        """Return what an authoritative server answers, whatever that is.

        Raises `Unanswered`.
        """
        forbidden = self.network.why_forbidden(address)
        if forbidden:
            raise Unanswered("blocked", forbidden)
        return await self._ask(Server(address, self.network.dns_port), name, kind, recursive=False)

    async def ask_resolvers(self, name: Name, kind: RdataType) -> list[tuple[str, Message | Unanswered]]:
        """Return what each recursive resolver answers, all asked at once; a SERVFAIL or a refusal is no answer."""
        return await asyncio.gather(*(self._ask_resolver(server, name, kind) for server in self._resolvers))

    async def resolve(self, name: Name, kind: RdataType) -> Message:
        """Return the first answer of a recursive resolver, asked one after the other.

        Raises `Unanswered` where none of them has one.
        """
        for server in self._resolvers:
            _, answer = await self._ask_resolver(server, name, kind)
            if isinstance(answer, Message):
                return answer
        raise Unanswered("silent", "no recursive resolver answers")

    async def addresses(self, name: Name) -> list[str] | None:
        """Return the IPv4 and IPv6 addresses of a name by the recursive resolvers; None where they give no answer."""
        kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
        answers = await asyncio.gather(*(self._resolved(name, kind) for kind in kinds))
        found = [
            str(record.address)
            for kind, answer in zip(kinds, answers, strict=True)
            if answer is not None
            for rrset in answer.answer
            if rrset.rdtype == kind
            for record in rrset
        ]
        return found if found or None not in answers else None

    async def _resolved(self, name: Name, kind: RdataType) -> Message | None:
        try:
            return await self.resolve(name, kind)
        except Unanswered:
            return None

    async def _ask_resolver(self, server: Server, name: Name, kind: RdataType) -> tuple[str, Message | Unanswered]:
        try:
            answer = await self._ask(server, name, kind, recursive=True)
        except Unanswered as error:
            return str(server), error
        if answer.rcode() not in _ANSWERED:
            return str(server), Unanswered("silent", f"answers {dns.rcode.to_text(answer.rcode())}")
        return str(server), answer

    async def _ask(self, server: Server, name: Name, kind: RdataType, *, recursive: bool) -> Message:
        query = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
        if not recursive:
            query.flags &= ~dns.flags.RD
        failure = ""
        # One that gave no answer before is asked once more, not twice.
        for _ in range(1 if server.address in self._silent else _TRIES):
            waited = self._clock()
            async with self._sockets:
                self._ends += self._clock() - waited  # for the questions of other checks
                seconds = min(self.network.timeout, self.seconds_left)
                if self._left[recursive] <= 0 or not seconds:
                    break
                self._left[recursive] -= 1
                try:
                    answer, over_tcp = await dns.asyncquery.udp_with_fallback(
                        query, server.address, seconds, server.port, ignore_unexpected=True, ignore_errors=True
                    )
                except dns.exception.Timeout:
                    failure = f"no answer within {seconds:.3g} s"
                    self._silent.add(server.address)
                except OSError as error:
                    if error.errno in OWN_FAULT:
                        raise
                    failure = f"cannot be reached ({error.strerror or type(error).__name__})"
                    if error.errno in _NOT_SENT:
                        self._left[recursive] += 1
                        break
                except (dns.exception.DNSException, EOFError):
                    failure = "answers what is no DNS message"
                else:
                    self._left[recursive] -= over_tcp
                    if answer.rcode() not in _NO_EDNS or query.edns < 0:
                        return _of_internet(answer)
                    failure = f"answers {dns.rcode.to_text(answer.rcode())}"
                    query.use_edns(False)
        if failure:
            raise Unanswered("silent", failure)
        raise Unanswered("spent", f"not asked: a check has {self.network.deadline:.3g} s and {MAX_QUERIES} queries")


def _of_internet(answer: Message) -> Message:
    """The answer without records of other classes, which are of other forms."""
    for section in (answer.answer, answer.authority, answer.additional):
        section[:] = [rrset for rrset in section if rrset.rdclass == dns.rdataclass.IN]
    return answer


def rrset_at(section: Iterable[dns.rrset.RRset], name: Name, kind: RdataType) -> dns.rrset.RRset | None:
    """Return the records of a name and type in a section of an answer."""
    return next((rrset for rrset in section if rrset.name == name and rrset.rdtype == kind), None)


def as_text(name: Name) -> str:
    """Return a name in lower case without its trailing dot, what is not printable escaped."""
    return name.canonicalize().to_text(omit_final_dot=True)

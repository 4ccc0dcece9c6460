"""The DNS questions of one check.

Each question has a time limit, all together have a time limit and a number, and none goes to a forbidden address.
"""

import asyncio
import errno
from collections.abc import Iterable
from typing import Final

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

from ..results import DnsResolverAnswer
from ..traces import AnswerKind
from .network import Network, Server

MAX_QUERIES: Final = 64
"""DNS queries that one check may send to authoritative name servers, retries and TCP included.

As many again may go to the operator's own DNS resolvers.
"""
MAX_SOCKETS: Final = 200
"""Sockets for questions that the checks of one event loop have open at a time."""
OWN_ERRORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM)
"""Errors of this machine, which say nothing about a server."""

_TRIES = 2
_NO_EDNS = (dns.rcode.FORMERR, dns.rcode.NOTIMP)
_PAYLOAD = 1232  # octets of an answer over UDP that no network on the way breaks into pieces
_NOT_SENT = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)  # such as IPv6 where there is none
_ANSWERED = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


class Unanswered(Exception):
    """A question without an answer.

    Attributes:
        kind: "no-answer", "blocked" (by the address filter), or "not-asked" (the check may ask no more).
        detail: The same in words.
    """

    def __init__(self, kind: AnswerKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: AnswerKind = kind
        self.detail = detail


class Questions:
    """The questions of one check, whose deadline runs from now.

    Args:
        network: The DNS resolvers and the limits.
        sockets: The sockets that all checks of the event loop may have open.
    """

    def __init__(self, network: Network, sockets: asyncio.Semaphore) -> None:
        self.network = network
        self._sockets = sockets
        self._resolvers = network.dns_resolver_servers()
        self._clock = asyncio.get_running_loop().time
        self._ends = self._clock() + network.deadline
        self._left = {False: MAX_QUERIES, True: MAX_QUERIES}
        self._unresponsive: set[str] = set()

    @property
    def seconds_left(self) -> float:
        """Seconds that the check may still take."""
        return max(0.0, self._ends - self._clock())

    async def ask(self, address: str, name: Name, kind: RdataType) -> Message:
        """Return the answer of an authoritative name server, of any kind.

        Raises:
            Unanswered: There is none.
        """
        forbidden = self.network.why_forbidden(address)
        if forbidden:
            raise Unanswered("blocked", forbidden)
        return await self._ask(Server(address, self.network.dns_port), name, kind, recursive=False)

    async def ask_resolvers(self, name: Name, kind: RdataType) -> list[tuple[str, Message | Unanswered]]:
        """Return the answer of each DNS resolver, all asked at once; SERVFAIL and refusals are no answers."""
        return await asyncio.gather(*(self._ask_resolver(server, name, kind) for server in self._resolvers))

    async def resolve(self, name: Name, kind: RdataType) -> Message:
        """Return the first answer of a DNS resolver, asked one after the other; a denial only if no other has records.

        Raises:
            Unanswered: None of them answers.
        """
        denial: Message | None = None
        failures: list[str] = []
        for server in self._resolvers:
            resolver, answer = await self._ask_resolver(server, name, kind)
            if isinstance(answer, Unanswered):
                failures.append(f"{resolver} {answer.detail}")
            elif answer.rcode() == dns.rcode.NOERROR:
                return answer
            else:
                denial = denial or answer
        if denial is None:
            raise Unanswered("no-answer", f"no DNS resolver answers ({', '.join(failures)})")
        return denial

    async def addresses(self, name: Name) -> list[str] | None:
        """Return the IPv4 and IPv6 addresses of a name by the DNS resolvers; None if they give no answer."""
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
            return str(server), Unanswered("no-answer", f"answers {dns.rcode.to_text(answer.rcode())}")
        return str(server), answer

    async def _ask(self, server: Server, name: Name, kind: RdataType, *, recursive: bool) -> Message:
        query = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
        if not recursive:
            query.flags &= ~dns.flags.RD
        failure = ""
        # A server that gave no answer before is asked once more, not twice.
        for _ in range(1 if server.address in self._unresponsive else _TRIES):
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
                    self._unresponsive.add(server.address)
                except OSError as error:
                    if error.errno in OWN_ERRORS:
                        raise
                    failure = f"cannot be reached ({error.strerror or type(error).__name__})"
                    if error.errno in _NOT_SENT:
                        self._left[recursive] += 1
                        break
                except (dns.exception.DNSException, EOFError):
                    failure = "answers with something that is not a DNS message"
                else:
                    self._left[recursive] -= over_tcp
                    if answer.rcode() not in _NO_EDNS or query.edns < 0:
                        return _of_internet(answer)
                    failure = f"answers {dns.rcode.to_text(answer.rcode())}"
                    query.use_edns(False)
        if failure:
            raise Unanswered("no-answer", failure)
        raise Unanswered("not-asked", f"not asked: a check has {self.network.deadline:.3g} s and {MAX_QUERIES} queries")


def _of_internet(answer: Message) -> Message:
    """The answer without records of other classes, which have other forms."""
    for section in (answer.answer, answer.authority, answer.additional):
        section[:] = [rrset for rrset in section if rrset.rdclass == dns.rdataclass.IN]
    return answer


def rrset_at(section: Iterable[dns.rrset.RRset], name: Name, kind: RdataType) -> dns.rrset.RRset | None:
    """Return the records of a name and type in a section of an answer."""
    return next((rrset for rrset in section if rrset.name == name and rrset.rdtype == kind), None)


def as_text(name: Name) -> str:
    """Return a name in lower case without its trailing dot, with escapes for characters that are not printable."""
    return name.canonicalize().to_text(omit_final_dot=True)


async def ask_dns_resolvers(questions: Questions, host: Name, cname_target: str) -> tuple[DnsResolverAnswer, ...]:
    """Return whether each DNS resolver leads from a host to the CNAME target."""
    answers = await questions.ask_resolvers(host, dns.rdatatype.A)
    return tuple(DnsResolverAnswer(resolver, *_leads(answer, host, cname_target)) for resolver, answer in answers)


def _leads(answer: Message | Unanswered, host: Name, cname_target: str) -> tuple[bool, bool, str]:
    if isinstance(answer, Unanswered):
        return False, False, answer.detail
    names = [as_text(host)]
    while (alias := rrset_at(answer.answer, dns.name.from_text(names[-1]), dns.rdatatype.CNAME)) is not None:
        names.append(as_text(alias[0].target))
        if names[-1] == cname_target:
            return True, True, f"leads to {cname_target}"
        if names[-1] in names[:-1]:
            break
    if len(names) > 1:
        return True, False, f"still leads to {names[-1]}"
    return True, False, "still has an address" if answer.answer else "still has no such record"

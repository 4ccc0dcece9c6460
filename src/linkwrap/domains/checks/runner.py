"""Checks: everything that one check asks, in an order that spoils nothing, and many checks at once under leases.

The authoritative name servers come first. A DNS resolver is only asked once they all give the CNAME, since it would
cache the answer that there is none, and give it to readers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import isawaitable
from typing import Final, TypeVar

import dns.name
import dns.rdatatype

from ...errors import DomainError, LinkWrapError
from ...keys import SigningKeys
from ..lifecycle import deciding_probe
from ..model import Change, Domain, Method, holds_challenge, ownership_name
from ..results import CheckResult, Evidence, Probe
from ..storage import leases
from ..storage.database import Database
from ..storage.leases import Lease
from ..traces import Trace
from .authoritative import Zones, trace
from .caa import ask_caa
from .dns import Questions, ask_dns_resolvers
from .http import SCHEMES, probe
from .network import Network

Check = Callable[[Domain], Awaitable[Evidence]]

MAX_NAME: Final = 253
"""Characters of a name in the DNS, without its trailing dot (RFC 1035 2.3.4)."""

_NOT_ANSWERED: Final = ("no-answer", "no-address", "blocked", "not-asked")
_MARGIN: Final = 30.0
"""Seconds that a lease holds beyond the deadline of a check."""

_Held = TypeVar("_Held", Lease, Lease | None)
_log = logging.getLogger("linkwrap")


async def check_domain(
    domain: Domain, *, cname_target: str, keys: SigningKeys, network: Network, sockets: asyncio.Semaphore
) -> Evidence:
    """Ask DNS and the redirect server about a domain, within the deadline of `network`.

    Args:
        domain: The domain.
        cname_target: The host that the CNAME must point to.
        keys: The keys of the redirect server.
        network: The DNS resolvers and the limits.
        sockets: The sockets that all checks of the event loop may have open.

    Raises:
        OptionError: There is no DNS resolver to ask.
        OSError: This machine has no sockets left, or the like. Nothing that a domain's servers do raises.
    """
    questions = Questions(network, sockets)
    zones = Zones(questions, cname_target)
    host = dns.name.from_text(domain.host)
    cname = await trace(zones, domain.host, dns.rdatatype.A, cname_target) if domain.method == "cname" else None
    verified_before = domain.ownership_verified or domain.ownership_trusted
    if cname and cname.status in ("offline", "intercepted"):
        return Evidence(cname=cname, ownership_verified=verified_before)
    ownership = None
    if not verified_before:
        ownership = await trace(zones, ownership_name(domain.host), dns.rdatatype.TXT, "")
    verified = ownership is None or _shows_ownership(ownership, domain.challenge)
    evidence = Evidence(cname=cname, ownership=ownership, ownership_verified=verified)
    probes = partial(_probes, keys, questions)
    if cname is None or cname.status == "complete":
        addresses = await questions.addresses(host)
        if cname is None:
            evidence = await _with_address_of_target(questions, evidence, host, addresses, cname_target)
            if evidence.error or evidence.at_cname_target_address:
                return evidence
        resolvers = await ask_dns_resolvers(questions, host, cname_target) if cname else ()
        http, https = await probes(domain.host, addresses)
        evidence = replace(evidence, dns_resolvers=resolvers, http=http, https=https)
        decides = deciding_probe(domain, evidence)
        if decides is not None and decides.status not in ("confirmed", "invalid-certificate"):
            addresses = await questions.addresses(dns.name.from_text(cname_target))
            compared = _comparable(decides, *await probes(cname_target, addresses))
            evidence = replace(evidence, cname_target_probe=compared)
        if cname is not None and network.certificate_authorities:
            caa = await ask_caa(questions, host)
            forbids = caa is not None and caa.forbids(network.certificate_authorities)
            evidence = replace(evidence, caa=caa, authorities=tuple(network.certificate_authorities) if forbids else ())
    elif found := [value for answer in cname.contrary if answer.kind == "records" for value in answer.values]:
        # An address in place of the CNAME may be that of a proxy in front of the redirect server, or the server's own.
        addresses = await questions.addresses(dns.name.from_text(cname_target)) or []
        evidence = replace(evidence, cname_target_addresses=tuple(addresses))
        if set(found).isdisjoint(addresses):
            http, https = await probes(domain.host, found)
            evidence = replace(evidence, http=http, https=https)
    elif cname.status == "absent":
        evidence = replace(evidence, misplaced_at=await _misplaced_at(zones, cname, cname_target))
    return evidence


async def _with_address_of_target(
    questions: Questions, evidence: Evidence, host: dns.name.Name, addresses: list[str] | None, cname_target: str
) -> Evidence:
    """The evidence on a host that is checked by http, with the CNAME target's addresses if the host has no others.

    A host that a CNAME leads there has them too, and is fine.
    """
    own = await questions.addresses(dns.name.from_text(cname_target))
    if own is None:
        return replace(evidence, error=f"no DNS resolver gives the address of the CNAME target {cname_target}")
    if not addresses or not set(addresses) <= set(own):
        return evidence
    resolvers = await ask_dns_resolvers(questions, host, cname_target)
    if any(answer.leads_to_cname_target for answer in resolvers):
        return evidence
    return replace(evidence, dns_resolvers=resolvers, cname_target_addresses=tuple(own))


async def _misplaced_at(zones: Zones, cname: Trace, cname_target: str) -> str | None:
    """The name with its zone appended once more, as providers do, if the record stands there."""
    [hop] = cname.hops or [None]
    name = f"{hop.name}.{hop.zone}" if hop and "." in hop.zone else ""
    if not name or len(name) > MAX_NAME:
        return None
    return name if (await trace(zones, name, dns.rdatatype.A, cname_target)).reached else None


async def _probes(keys: SigningKeys, questions: Questions, host: str, addresses: list[str] | None) -> list[Probe]:
    """The probes over http and https, in a time that leaves some for the questions afterwards."""
    network = questions.network
    seconds = min(questions.seconds_left, 3 * network.timeout)
    return await asyncio.gather(*(probe(network, keys, host, scheme, addresses, seconds) for scheme in SCHEMES))


def _comparable(failed: Probe, http: Probe, https: Probe) -> Probe:
    """The CNAME target's own probe that tells whether a host fails, or the redirect server, or the way to it from here.

    The redirect server is confirmed over either scheme. But no answer, or an unknown authority, counts against the host
    only if the CNAME target does better over the same scheme: a port may be closed here, or authorities be missing.
    """
    same = https if failed.scheme == "https" else http
    if failed.status == "unknown-authority" or (failed.status == "no-answer" and same.status in _NOT_ANSWERED):
        return same
    return next((probe for probe in (same, http, https) if probe.status == "confirmed"), same)


def _shows_ownership(trace: Trace, challenge: str) -> bool:
    """Whether the answer of each server leads to the challenge."""
    hops = {hop.name: hop for hop in trace.hops}

    def shows(name: str, passed: frozenset[str]) -> bool:
        hop = hops.get(name)
        if hop is None or name in passed or not hop.authoritative:
            return False
        return all(
            shows(answer.values[0], passed | {name})
            if answer.kind == "alias"
            else holds_challenge(answer.values, challenge)
            for answer in hop.authoritative
        )

    return bool(trace.hops) and not trace.servers_left_out and shows(trace.hops[0].name, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The checks of one event loop: a lease before each, its result stored and told afterwards, many at once.

    Attributes:
        database: The database.
        cname_target: The host that the CNAME records must point to.
        check: Returns the evidence on a domain.
        deadline: Seconds that one check takes at most.
        tell: Called with each change, once it is stored.
    """

    database: Database
    cname_target: str
    check: Check
    deadline: float
    tell: Callable[[Change], None]
    # Changes are written one after the other, and told in that order.
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    untold: deque[Change] = field(default_factory=deque)

    async def check_now(self, host: str, account: str | None, method: Method | None) -> CheckResult:
        """Check a domain now.

        Args:
            host: The host, as it is stored.
            account: The account; None for the one that `repository.pick` finds.
            method: How it is checked from now on; None for the same method as before.

        Raises:
            DomainError: It is not there, is being checked already, was removed, or the check took too long.
        """

        def take() -> Lease:
            held, changes = leases.lease(self.database, host, account, self._seconds, method)
            for change in changes:
                self.tell(change)
            return held

        held = await self._lease(take)
        try:
            result = await self._check(held)
        except BaseException:
            leases.release(self.database, held)
            raise
        if result is None:
            raise DomainError(f"the check of {host} was dropped: the domain was removed, or it took too long")
        return result

    async def check_due(self, limit: int | None, concurrency: int) -> list[CheckResult]:
        """Check the domains that are due, at most `limit` of them and `concurrency` at once."""
        results: list[CheckResult] = []
        failed: list[Exception] = []
        holding: dict[str, Lease] = {}
        slots = asyncio.Semaphore(concurrency)

        async def check(held: Lease) -> None:
            try:
                result = await self._check(held)
            except Exception as error:
                # The lease stays, so that others come before this domain is due again.
                _log.exception("the result of the check of %s could not be stored", held.domain.host)
                failed.append(error)
                result = None
            finally:
                slots.release()
            del holding[held.token]
            if result is not None:
                results.append(result)

        # Domains that become due meanwhile are for the next call: this one ends.
        due = await asyncio.to_thread(leases.time_of, self.database)
        take = partial(leases.lease_due, self.database, self._seconds, due)
        leased, broken = 0, None
        try:
            async with asyncio.TaskGroup() as checks:
                while limit is None or leased < limit:
                    await slots.acquire()
                    try:
                        held = await self._lease(take)
                    except LinkWrapError as error:  # of the database: the checks that were begun are finished
                        broken = error
                        break
                    if held is None:
                        break
                    leased += 1
                    holding[held.token] = held
                    checks.create_task(check(held))
        finally:
            with suppress(LinkWrapError):
                for held in holding.values():
                    leases.release(self.database, held)
        if broken or (failed and not results):
            raise broken or failed[0]
        return results

    @property
    def _seconds(self) -> float:
        return self.deadline + _MARGIN

    async def _lease(self, take: Callable[[], _Held]) -> _Held:
        """Take a lease; one that comes after the caller was cancelled is given back."""
        taking = asyncio.ensure_future(asyncio.to_thread(take))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            held = await taking
            if held is not None:
                leases.release(self.database, held)
            raise

    async def _check(self, held: Lease) -> CheckResult | None:
        returned: object = None
        evidence: object = None
        try:
            returned = self.check(held.domain)
            evidence = await returned if isawaitable(returned) else None
        except LinkWrapError:
            raise
        except Exception as error:
            _log.exception("the check of %s failed", held.domain.host)
            verified = held.domain.ownership_verified or held.domain.ownership_trusted
            reason = f"the check failed on this machine ({type(error).__name__}): see the log"
            evidence = Evidence(ownership_verified=verified, error=reason)
        if not isinstance(evidence, Evidence):
            if not isawaitable(returned):
                raise TypeError("check must be an async function")
            kind = "None" if evidence is None else type(evidence).__name__
            raise TypeError(f"check must return Evidence, not {kind}")
        async with self.writing:
            written = await asyncio.to_thread(leases.write, self.database, held, evidence, self.cname_target)
            if written is None:
                _log.warning("a check of %s was dropped: it took too long, or the domain changed", held.domain.host)
                await asyncio.to_thread(leases.release, self.database, held)
                return None
            result, changes = written
            self.untold.extend(changes)
        async with self.telling:  # apart: a check that waits to be written has a lease that runs out
            while self.untold:
                await asyncio.to_thread(self.tell, self.untold.popleft())
        return result

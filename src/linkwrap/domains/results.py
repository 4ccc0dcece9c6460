"""The results of a check: what DNS and the redirect server answered. Values only: nothing does I/O.

CheckResult ── domain, advice
  └─ Evidence ── cname, ownership: Trace (`traces.py`)
              ── dns_resolvers: DnsResolverAnswer
              ── caa: Caa
              ── http, https, cname_target_probe: Probe
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from .model import IN_USE, Domain, State, Value, holds_challenge
from .traces import MAX_VALUES, Trace

Scheme = Literal["http", "https"]
ProbeStatus = Literal[
    "confirmed",
    "redirected",
    "no-address",
    "no-answer",
    "unexpected",
    "other-keys",
    "invalid-certificate",
    "unknown-authority",
    "blocked",
    "not-asked",
]


@dataclass(frozen=True, slots=True)
class DnsResolverAnswer(Value):
    """The answer of one DNS resolver for a domain.

    Attributes:
        address: The resolver's IP address, and its port if that is not 53.
        answered: Whether it answered; a refusal or SERVFAIL is no answer.
        leads_to_cname_target: Whether its answer leads to the CNAME target.
        detail: The answer in words.
    """

    address: str
    answered: bool
    leads_to_cname_target: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.address}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Probe(Value):
    """One request to the redirect server through a host.

    Attributes:
        scheme: "http" or "https".
        status: "confirmed" (the redirect server answers at each address that answers), "redirected" (to https of the
            same host), "unexpected" (something else answers at one address), "other-keys" (a redirect server that
            signs with other keys answers at one address), "no-address" (the host has none), "invalid-certificate" (not
            valid for the host), "unknown-authority" (a certificate of an authority that this machine does not trust),
            "no-answer" (or a gateway says that the server behind it does not answer), "blocked" (an address is not
            public), "not-asked" (the check had no time left).
        detail: The status in words.
        address: The IP address that decided; "" if none was asked.
    """

    scheme: Scheme
    status: ProbeStatus
    detail: str
    address: str = ""

    def __str__(self) -> str:
        where = f" ({self.address})" if self.address else ""
        return f"{self.scheme}{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Caa(Value):
    """The CAA records that say which authorities may issue a certificate for a host (RFC 8659).

    Attributes:
        name: The name at which they stand: the host, a name above it, or what its CNAME leads to.
        restricted: Whether they allow some authorities only.
        issuers: The authorities that they allow, by their domains; none if `restricted` and empty.
        unknown: Whether a record is marked as critical and of an unknown kind, so that no authority may issue.
    """

    name: str
    restricted: bool
    issuers: tuple[str, ...] = ()
    unknown: bool = False

    def forbids(self, authorities: Iterable[str]) -> bool:
        """Whether none of these authorities may issue a certificate."""
        return self.restricted and set(self.issuers).isdisjoint(authorities)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields ready for JSON, at most four `issuers`."""
        return asdict(self) | {"issuers": list(self.issuers[:MAX_VALUES])}

    def __str__(self) -> str:
        if self.unknown:
            return "a critical record of an unknown kind: nobody may issue"
        if not self.restricted:
            return "anybody may issue"
        return f"only {', '.join(self.issuers[:MAX_VALUES])} may issue" if self.issuers else "nobody may issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Value):
    """All that one check saw.

    Attributes:
        cname: The trace of the host; None if the method is "http".
        ownership: The trace of the TXT record; None if it was not asked for.
        ownership_verified: Whether ownership is verified, by this check or before, or trusted.
        dns_resolvers: The answers of DNS resolvers; empty if they were not asked.
        http: The probe over http; None if there was none.
        https: The probe over https; None if there was none.
        cname_target_probe: The probe of the CNAME target itself, made if one through the host failed; else None.
        cname_target_addresses: The IP addresses of the CNAME target, if the host has an address in place of the CNAME;
            with the method "http" only if the host has no other addresses. Else empty.
        misplaced_at: The name at which the record stands by mistake, with the zone appended once more; None if none.
        caa: The CAA records that count for the host; None if there are none, or they were not asked for.
        authorities: Whose certificates the redirect server gets, if the CAA records forbid all of them; else empty.
        error: Why there is no evidence, such as a fault of this software; None if there is.
    """

    cname: Trace | None = None
    ownership: Trace | None = None
    ownership_verified: bool = False
    dns_resolvers: tuple[DnsResolverAnswer, ...] = ()
    http: Probe | None = None
    https: Probe | None = None
    cname_target_probe: Probe | None = None
    cname_target_addresses: tuple[str, ...] = ()
    misplaced_at: str | None = None
    caa: Caa | None = None
    authorities: tuple[str, ...] = ()
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields ready for JSON."""
        return asdict(self) | {
            "cname": self.cname and self.cname.as_dict(),
            "ownership": self.ownership and self.ownership.as_dict(),
            "dns_resolvers": [asdict(answer) for answer in self.dns_resolvers],
            "cname_target_addresses": list(self.cname_target_addresses),
            "caa": self.caa and self.caa.as_dict(),
            "authorities": list(self.authorities),
        }

    @property
    def offline(self) -> bool:
        """Whether nothing was learnt: DNS cannot be asked from here, or not even the CNAME target is reached."""
        if self.error or (self.cname is not None and self.cname.status in ("offline", "intercepted")):
            return True
        return self.cname_target_probe is not None and self.cname_target_probe.status not in ("confirmed", "not-asked")

    @property
    def at_cname_target_address(self) -> bool:
        """Whether a host that is checked by http has the CNAME target's own address, and no CNAME."""
        return self.cname is None and bool(self.cname_target_addresses)

    @property
    def resolved(self) -> bool:
        """Whether two of the DNS resolvers lead to the CNAME target, or the only one."""
        found = sum(answer.leads_to_cname_target for answer in self.dns_resolvers)
        return self.cname is None or (found > 0 and found >= min(2, len(self.dns_resolvers)))

    @property
    def reached(self) -> bool:
        """Whether the redirect server was confirmed to answer, over http or https."""
        return any(probe is not None and probe.status == "confirmed" for probe in (self.http, self.https))

    @property
    def secure(self) -> bool:
        """Whether it was confirmed to answer over https, with a valid certificate."""
        return self.https is not None and self.https.status == "confirmed"

    @property
    def warnings(self) -> list[str]:
        """The servers that did not answer as they should, a line each; they alone decide nothing."""
        traces = [trace for trace in (self.cname, self.ownership) if trace]
        return list(dict.fromkeys(line for trace in traces for line in trace.warnings))


class ReportLine(NamedTuple):
    """One answer in the report of a check; `good` is None if it is not held against the domain."""

    asked: str
    server: str
    good: bool | None
    answer: str


@dataclass(frozen=True, slots=True)
class CheckResult(Value):
    """The result of one check. `str()` is a report of some lines: the state, the answers, and the advice.

    Attributes:
        domain: The domain after the check.
        previous_state: Its state before.
        evidence: All that the check saw.
        advice: What the domain owner or the operator should do, a sentence each, the most important first.
    """

    domain: Domain
    previous_state: State
    evidence: Evidence
    advice: tuple[str, ...]

    @property
    def state(self) -> State:
        """The domain's state after the check."""
        return self.domain.state

    @property
    def verified(self) -> bool:
        """Whether links may go to the domain now."""
        return self.domain.verified

    @property
    def warnings(self) -> list[str]:
        """The servers that did not answer as they should, a line each; they alone decide nothing."""
        return self.evidence.warnings

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, `state` and `verified`, ready for JSON; `evidence` stands beside the domain, not in it."""
        found = Value.as_dict(self) | {"state": self.state, "verified": self.verified}
        del found["domain"]["evidence"]
        return found

    @property
    def headline(self) -> str:
        """The first line of the report: host, account, and state."""
        previously = "" if self.state == self.previous_state else f", previously {self.previous_state}"
        return f"{self.domain.host} ({self.domain.account_id}): {self.state}{previously}"

    def report(self) -> Iterator[ReportLine]:
        """Yield a line for each answer: of name servers, of DNS resolvers, of the redirect server."""
        evidence, found = self.evidence, self.domain
        for kind, trace in (("CNAME", evidence.cname), ("TXT", evidence.ownership)):
            for hop in trace.hops if trace else ():
                for answer in hop.answers:
                    if trace is evidence.ownership:
                        good = evidence.ownership_verified or holds_challenge(answer.values, found.challenge)
                    else:
                        good = trace is not None and not (trace.at_apex or answer in trace.contrary)
                    good_one = good if answer.authoritative else None
                    yield ReportLine(f"{kind} {hop.name}", answer.place, good_one, answer.detail)
        for said in evidence.dns_resolvers:
            good_one = said.leads_to_cname_target if said.answered else None
            yield ReportLine(f"CNAME {found.host}", f"DNS resolver {said.address}", good_one, said.detail)
        if caa := evidence.caa:
            yield ReportLine(f"CAA {caa.name}", "DNS resolver", not evidence.authorities, str(caa))
        for probe in filter(None, (evidence.http, evidence.https, evidence.cname_target_probe)):
            host = "CNAME target" if probe is evidence.cname_target_probe else found.host
            server = f"redirect server ({probe.address})" if probe.address else "redirect server"
            good_one = True if probe.status == "confirmed" else False if self._counts(probe) else None
            yield ReportLine(f"{probe.scheme} {host}", server, good_one, probe.detail)

    def _counts(self, probe: Probe) -> bool:
        """Whether a probe that failed is held against the domain."""
        if probe.status == "not-asked":
            return False
        used = self.domain.in_use or self.previous_state in IN_USE
        if probe is self.evidence.cname_target_probe or (used and self.domain.secure and probe.scheme == "https"):
            return True
        # One of both is enough if links are not https yet, and nobody was promised a certificate.
        return not (self.evidence.reached or probe.status in ("invalid-certificate", "unknown-authority"))

    def __str__(self) -> str:
        answers = (
            f"{'warning: ' if good is None else ''}{asked}, {at}: {said}" for asked, at, good, said in self.report()
        )
        return "\n".join([self.headline, *answers, *(f"To do: {sentence}" for sentence in self.advice)])

"""The results of a check: what DNS and the redirect server answered. Values only: nothing does I/O.

CheckResult ── domain, advice
  └─ Evidence ── cname, ownership: Trace ── Hop ── ServerAnswer
              ── dns_resolvers: DnsResolverAnswer
              ── http, https, cname_target_probe: Probe
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, NamedTuple

from .model import IN_USE, Domain, State, Value, holds_challenge

AnswerKind = Literal["alias", "records", "no-records", "lame", "no-answer", "blocked", "not-asked"]
TraceFailure = Literal["offline", "intercepted", "no-such-tld"]
TraceStatus = Literal["complete", "partial", "absent", "wrong", "unanswered", "intercepted", "offline"]
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

MAX_HOPS: Final = 8
"""Names that a trace follows, the first included."""

_AUTHORITATIVE: Final = ("alias", "records", "no-records")
_MAX_VALUES: Final = 4  # of an answer, in JSON


@dataclass(frozen=True, slots=True)
class ServerAnswer(Value):
    """The answer of one authoritative name server for a name.

    Attributes:
        server: The server's name.
        address: The server's IP address; "" if its name has none.
        kind: "alias" (a CNAME or DNAME), "records" (records of the type that was asked for, or addresses),
            "no-records" (no such name, or no such records); or an answer without authority: "lame" (the server does
            not serve the zone), "no-answer", "blocked" (not asked: its address is not public), "not-asked" (the check
            had no time or no queries left).
        values: The name that an alias leads to; the values of records.
        ttl: Seconds that resolvers may keep the answer; for "no-records" the zone's negative TTL (RFC 2308).
        detail: The answer in words.
    """

    server: str
    address: str
    kind: AnswerKind
    values: tuple[str, ...] = ()
    ttl: int = 0
    detail: str = ""

    @property
    def authoritative(self) -> bool:
        """Whether the answer counts; the others are warnings."""
        return self.kind in _AUTHORITATIVE

    def as_dict(self) -> dict[str, Any]:
        """Return the fields ready for JSON, at most four `values`."""
        return asdict(self) | {"values": list(self.values[:_MAX_VALUES])}

    @property
    def place(self) -> str:
        """The server's name and address, for text."""
        return f"{self.server} ({self.address})" if self.address else self.server

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Hop(Value):
    """One name of a trace.

    Attributes:
        name: The name.
        zone: The zone that it is in.
        answers: The answer of each of the zone's authoritative name servers.
        negative_ttl: Seconds that resolvers may keep the answer that a name is missing.
    """

    name: str
    zone: str
    answers: tuple[ServerAnswer, ...]
    negative_ttl: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields ready for JSON."""
        return asdict(self) | {"answers": [answer.as_dict() for answer in self.answers]}

    @property
    def authoritative(self) -> list[ServerAnswer]:
        """The answers with authority."""
        return [answer for answer in self.answers if answer.authoritative]

    @property
    def aliases(self) -> list[str]:
        """The names that the servers say it leads to, the most frequent one first."""
        return [
            name
            for name, _ in Counter(answer.values[0] for answer in self.answers if answer.kind == "alias").most_common()
        ]

    @property
    def addresses(self) -> list[str]:
        """The values of its records, by any server."""
        return sorted({value for answer in self.answers if answer.kind == "records" for value in answer.values})


@dataclass(frozen=True, slots=True)
class Trace(Value):
    """The way from a name to the CNAME target, by authoritative name servers.

    Attributes:
        hops: The names on the way, in the order in which they were followed.
        cname_target: The host that it should lead to; "" for the TXT record that shows ownership.
        failure: Why the servers could not be asked: "offline" (this machine's DNS does not work), "intercepted"
            (something on the network answers in their place, or blocks them), "no-such-tld"; None if they were.
        detail: The failure in words; None if there is none.
    """

    hops: tuple[Hop, ...]
    cname_target: str
    failure: TraceFailure | None = None
    detail: str | None = None

    @property
    def status(self) -> TraceStatus:
        """The meaning of all answers together.

        - "complete": every server that answers with authority leads to the CNAME target;
        - "partial": some do;
        - "absent": there is no record, or none of its type at the first name;
        - "wrong": a record leads elsewhere;
        - "unanswered": no server of some zone on the way answers with authority;
        - "intercepted", "offline": the servers cannot be asked from here, which says nothing about the domain.
        """
        if not any(hop.authoritative for hop in self.hops):
            if self.failure == "offline" or self.failure == "intercepted":
                return self.failure
            return "absent" if self.failure else "unanswered"
        first, last = self.hops[0], self.hops[-1]
        if self.at_apex and first.authoritative:
            return "wrong"
        if self.reached:
            if self.contrary:
                return "partial"
            return "unanswered" if self._cut_short else "complete"
        if self._cut_short:
            return "unanswered"
        if first is last and all(answer.kind == "no-records" for answer in first.authoritative):
            return "absent"
        return "wrong"

    @property
    def reached(self) -> bool:
        """Whether some server leads to the CNAME target."""
        return any(self.cname_target in hop.aliases for hop in self.hops)

    @property
    def at_apex(self) -> bool:
        """Whether the name is a zone apex, where no CNAME can stand (RFC 1034 3.6.2)."""
        return bool(self.hops) and self.hops[0].name == self.hops[0].zone

    @property
    def looped(self) -> bool:
        """Whether some name leads back to itself."""
        return any(hop.name in self._ahead(hop.name) for hop in self.hops)

    @property
    def contrary(self) -> list[ServerAnswer]:
        """The answers with authority that do not lead to the CNAME target."""
        return [answer for hop in self.hops for answer in hop.authoritative if not self._may_lead(answer)]

    @property
    def contrary_ttl(self) -> int:
        """Seconds that resolvers may keep the `contrary` answers: the longest TTL."""
        return max((answer.ttl for answer in self.contrary), default=0)

    @property
    def negative_ttl(self) -> int:
        """Seconds that resolvers may keep the answer that one of the names is missing: the longest of the zones."""
        return max((hop.negative_ttl for hop in self.hops), default=0)

    @property
    def servers_left_out(self) -> bool:
        """Whether servers were not asked, because the check had no time or no queries left."""
        return any(answer.kind == "not-asked" for hop in self.hops for answer in hop.answers)

    @property
    def warnings(self) -> list[str]:
        """The answers without authority, a line each."""
        return [f"{hop.zone}: {answer}" for hop in self.hops for answer in hop.answers if not answer.authoritative]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, `status` and `at_apex`, ready for JSON.

        For the TXT record that shows ownership, the contents of records, `status` and `at_apex` are left out.
        """
        found = asdict(self) | {"hops": [hop.as_dict() for hop in self.hops]}
        if self.cname_target:
            return found | {"status": self.status, "at_apex": self.at_apex}
        for answer in (answer for hop in found["hops"] for answer in hop["answers"]):
            if answer["kind"] == "records":
                answer["values"] = []
        return found

    def _may_lead(self, answer: ServerAnswer) -> bool:
        """Whether an answer leads to the CNAME target, or to a name for which no server answers."""
        if answer.kind != "alias":
            return False
        ahead = {answer.values[0], *self._ahead(answer.values[0])}
        unanswered = {hop.name for hop in self.hops if not hop.authoritative}
        if self.failure in ("offline", "intercepted"):
            unanswered |= ahead - {hop.name for hop in self.hops}
        return self.cname_target in ahead or not ahead.isdisjoint(unanswered)

    @property
    def _cut_short(self) -> bool:
        return self.failure in ("offline", "intercepted") or not all(hop.authoritative for hop in self.hops)

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
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields ready for JSON."""
        return asdict(self) | {
            "cname": self.cname and self.cname.as_dict(),
            "ownership": self.ownership and self.ownership.as_dict(),
            "dns_resolvers": [asdict(answer) for answer in self.dns_resolvers],
            "cname_target_addresses": list(self.cname_target_addresses),
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

"""The trace of a name, from one name server's answer to what all of them mean. Values only: nothing does I/O.

Trace ── Hop ── ServerAnswer
"""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from .model import Value

AnswerKind = Literal["alias", "records", "no-records", "lame", "no-answer", "blocked", "not-asked"]
TraceFailure = Literal["offline", "intercepted", "no-such-tld"]
TraceStatus = Literal["complete", "partial", "absent", "wrong", "unanswered", "intercepted", "offline"]

MAX_HOPS: Final = 8
"""Names that a trace follows, the first included."""
MAX_VALUES: Final = 4
"""Values of an answer, in JSON."""

_AUTHORITATIVE: Final = ("alias", "records", "no-records")


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
        return asdict(self) | {"values": list(self.values[:MAX_VALUES])}

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

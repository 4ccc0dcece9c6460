"""What one check found, for people, for the state machine, and for the record. Values only."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from .domain import Domain
from .proof import Proof
from .trace import Trace

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class ResolverAnswer:
    """Whether a recursive resolver answers, and returns the chain to the target; `detail` says what it returns."""

    resolver: str
    answered: bool
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
    - `http`, `https`: the proofs through the redirector; None where they were not asked for;
    - `control`: the proof of the target itself, where one through the host failed; None where none was asked for;
    - `misplaced`: where the record is instead, if the zone was put behind the name twice; empty else;
    - `fault`: why there are no findings, if so, such as a fault of this software.
    """

    dns: Trace | None
    owner: Trace | None
    proven: bool
    resolvers: tuple[ResolverAnswer, ...] = ()
    http: Proof | None = None
    https: Proof | None = None
    control: Proof | None = None
    misplaced: str = ""
    fault: str = ""

    @property
    def offline(self) -> bool:
        """Whether nothing could be learnt: the DNS cannot be asked from here, or not even the target is reached."""
        if self.fault or (self.dns is not None and self.dns.verdict in ("offline", "intercepted")):
            return True
        return self.control is not None and self.control.outcome not in ("proven", "unasked")

    @property
    def resolved(self) -> bool:
        """Whether two of the recursive resolvers return the chain, or the only one."""
        found = sum(answer.chain for answer in self.resolvers)
        return self.dns is None or (found > 0 and found >= min(2, len(self.resolvers)))

    @property
    def reached(self) -> bool:
        """Whether the redirector was proven to answer, over http or over https."""
        return any(proof is not None and proof.outcome == "proven" for proof in (self.http, self.https))

    def used(self, domain: Domain) -> Proof | None:
        """The proof over the scheme that decides: that of the links on a domain in use, else whichever there is."""
        if domain.in_use:
            redirected = self.http is not None and self.http.outcome == "redirected"
            return self.https if domain.secure or redirected else self.http
        return self.https if self.secure else self.http

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
        if self.dns is not None:
            found["dns"]["verdict"] = self.dns.verdict
        for name, way in (("dns", self.dns), ("owner", self.owner)):
            if way is not None:
                for answer in (answer for hop in found[name]["hops"] for answer in hop["answers"]):
                    shown = 0 if answer["said"] == "value" and name == "owner" else _SHOWN
                    answer["values"] = answer["values"][:shown]
        # Lists in place of tuples, as whoever reads it from the database has it.
        return json.loads(json.dumps(found))  # type: ignore[no-any-return]

"""What came of verifying a domain, for people and for programs."""

from dataclasses import dataclass

from .domain import Domain, State
from .findings import Findings
from .trace import Trace


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of one check: the domain as it is now, the state that it had `before`, what was found, what to do.

    `str()` is a report of some lines: the state, what each server said, and the advice.
    """

    domain: Domain
    before: State
    findings: Findings
    advice: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether links may go to the domain now."""
        return self.domain.verified

    @property
    def warnings(self) -> list[str]:
        """What was asked and did not answer, a line each; it alone decides nothing."""
        return self.findings.warnings

    def __str__(self) -> str:
        domain, findings = self.domain, self.findings
        lines = [f"{domain.host} ({domain.account_id}): {domain.state}"]
        if domain.state != self.before:
            lines[0] += f", before {self.before}"
        for title, way in (("CNAME", findings.dns), ("TXT", findings.owner)):
            lines += _told(title, way) if way else []
        lines += [f"resolver {answer}" for answer in findings.resolvers]
        lines += [str(proof) for proof in (findings.http, findings.https) if proof]
        lines += [f"To do: {sentence}" for sentence in self.advice]
        return "\n".join(lines)


def _told(title: str, way: Trace) -> list[str]:
    lines = [] if way.failure is None else [way.detail]
    for hop in way.hops:
        lines.append(f"{title} of {hop.name}, by the servers of {hop.zone}:")
        lines += [f"  {'' if answer.authoritative else 'warning: '}{answer}" for answer in hop.answers]
    return lines

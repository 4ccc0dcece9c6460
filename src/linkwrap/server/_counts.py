"""What a writer counts."""

from dataclasses import dataclass, field
from typing import Final

COMMIT_BUCKETS: Final[tuple[float, ...]] = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds, in seconds, of the counts in `Metrics.commits`; the last count is for what took longer."""


@dataclass(slots=True)
class Metrics:
    """Counts since the start, which only the writer changes.

    Attributes:
        stored: Events that were stored and were new, or stand for more requests than before.
        erased: Events that were not stored, since they were asked to be erased.
        not_stored: Events that went to the fallback.
        saved: Events that were copied out of a file that was deleted or replaced, and were not in the new one.
        opened: How often the circuit opened.
        commits: How many groups took at most so many seconds: one count for each of `COMMIT_BUCKETS`, one for the rest.
        commit_seconds: The sum of these times.
    """

    stored: int = 0
    erased: int = 0
    not_stored: int = 0
    saved: int = 0
    opened: int = 0
    commits: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BUCKETS) + 1))
    commit_seconds: float = 0.0

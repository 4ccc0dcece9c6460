"""How much a test does: little by default, more in CI, all of it under `make endurance`."""

import os

# The tests against the built wheel come after all the others, and show whether it holds all that it needs.
BRIEF = bool(os.environ.get("LINKWRAP_BRIEF"))
COMPLETE = bool(os.environ.get("CI") or os.environ.get("LINKWRAP_REQUIRE_ALL")) and not BRIEF
ENDURANCE = bool(os.environ.get("LINKWRAP_ENDURANCE"))


def count(default: int, *, ci: int, endurance: int) -> int:
    """Return how often something is tried."""
    return endurance if ENDURANCE else ci if COMPLETE else default

"""How much a test does: little by default, more in CI, all of it under `make endurance`."""

import os

COMPLETE = bool(os.environ.get("CI") or os.environ.get("LINKWRAP_REQUIRE_ALL"))
ENDURANCE = bool(os.environ.get("LINKWRAP_ENDURANCE"))


def count(default: int, *, ci: int, endurance: int) -> int:
    """Return how often something is tried."""
    return endurance if ENDURANCE else ci if COMPLETE else default

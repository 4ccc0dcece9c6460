"""Placeholders: which piece of a link's value a template engine still has to replace."""

import re
from typing import Final

from ..policy import DEFAULT_PLACEHOLDERS

__all__ = ["DEFAULT_PLACEHOLDERS", "SHOWN", "find_placeholder"]

SHOWN: Final = 80
"""Characters of a placeholder that are shown."""


def find_placeholder(text: str, placeholders: re.Pattern[str] | None) -> str | None:
    """Return the first placeholder in a text, cut to `SHOWN` characters; None without one."""
    found = placeholders.search(text) if placeholders is not None else None
    return found[0][:SHOWN] if found else None

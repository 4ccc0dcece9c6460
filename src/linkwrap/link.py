"""A link that was found, and what was decided about it."""

from dataclasses import dataclass
from typing import Literal

from ._decide.destination import Unusable

Reason = Unusable | Literal["opted-out", "already-wrapped", "policy"]
"""Why a link is not wrapped."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was found, and what was decided about it."""

    href: str
    """The value as a client reads it: decoded, its character references resolved."""
    url: str | None
    """The destination: an absolute URL in ASCII, or None where there is none."""
    element: str
    """The element's name in lower case: `a`, `area`, `v:roundrect`; empty for a plain URL."""
    name: str | None
    """The link name, at most 63 bytes of UTF-8."""
    unsubscribe: bool
    sublink: str | None
    """The path segment in place of the usual `a`."""
    wrapped: bool
    reason: Reason | None
    """Why the link is not wrapped; None where it is."""
    conditional: bool
    """Whether it stands inside an Outlook conditional comment."""
    start: int | None
    end: int | None
    """Where the value starts and ends in the input, quotes excluded: characters of a `str`, bytes of `bytes`."""
    warning: str | None = None
    """What was ignored about the link, as a sentence."""

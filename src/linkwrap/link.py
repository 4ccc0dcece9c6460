"""A link, the decision about it, and the limits of its parts."""

from dataclasses import dataclass
from typing import Final, Literal

MAX_DESTINATION: Final = 4096
"""Bytes that a destination can have, as serialised."""
MAX_LINK_NAME: Final = 63
"""Bytes of UTF-8 that a link name can have."""

Part = Literal["html", "text", "amp", "url"]
"""The part of a message that a link is in; "url" for one that was wrapped by itself."""
Unusable = Literal["empty", "fragment", "placeholder", "scheme", "relative", "invalid", "too-long"]
"""Why a value is not a destination."""
Reason = Unusable | Literal["opted-out", "already-wrapped", "one-time", "policy"]
"""Why a link is not wrapped."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was found, and the decision about it."""

    href: str
    """The value as a client reads it: decoded, its character references resolved."""
    url: str | None
    """The destination: an absolute URL in ASCII, or None where there is none."""
    element: str
    """The element's name in lower case: `a`, `area`, `v:roundrect`; empty for a plain URL."""
    name: str | None
    """The link name, at most 63 bytes of UTF-8."""
    unsubscribe: bool
    """Whether it is marked as an unsubscribe link."""
    sublink: str | None
    """The path segment in place of the usual `a`."""
    wrapped: bool
    """Whether it is replaced by a redirect URL."""
    reason: Reason | None
    """Why the link is not wrapped; None where it is."""
    conditional: bool
    """Whether it is inside an Outlook conditional comment."""
    start: int | None
    """The start of the value in the input, without quotes: characters of a `str`, bytes of `bytes`; None in a tree."""
    end: int | None
    """The end of the value in the input."""
    warning: str | None = None
    """A sentence about a control attribute that was ignored, or about another sender's URL scheme."""
    placeholder: str | None = None
    """The placeholder that was found in it, at most 80 characters, where that is the reason."""
    one_time: bool = False
    """Whether the destination looks like a link that works once: to reset a password, log in, verify an address."""

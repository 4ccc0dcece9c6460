"""The exceptions of this package.

    LinkWrapError
    ├── InvalidToken        a URL that was not made with these keys, or not for this host
    ├── OptionError         (also a ValueError) keys, metadata or an option that cannot be used
    └── DomainError         (also a ValueError) a tracking domain that is not valid or may not be used

An unknown keyword or an argument of the wrong type is a `TypeError`. One message lists all faults of a call; if one of
them is a wrong type, it is a `TypeError`. Nothing is raised for bad markup.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

Fault = Literal["malformed", "too-long", "signature", "destination", "refused", "kind"]


class LinkWrapError(Exception):
    """The base of every exception of this package."""


class InvalidToken(LinkWrapError):
    """A redirect URL that must not be followed; the message holds nothing of its content.

    Attributes:
        reason: "malformed" (not in the form of a redirect URL), "too-long", "signature" (forged, altered, or made for
            another host), "destination" (signed, but nothing to redirect to), "refused" (by the resolver's `refuse`)
            or "kind" (an open pixel's URL where a link's was asked for, for example).
    """

    def __init__(self, message: str, *, reason: Fault) -> None:
        super().__init__(message)
        self.reason: Fault = reason

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return partial(type(self), reason=self.reason), self.args, self.__dict__


class OptionError(LinkWrapError, ValueError):
    """Keys, metadata or an option that cannot be used; the message says which, why, and what would do."""


class DomainError(LinkWrapError, ValueError):
    """A tracking domain that is not valid, not the account's, or not verified; the message says which and why."""

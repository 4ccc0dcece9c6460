"""What linkwrap raises.

    LinkWrapError
    ├── InvalidToken        a URL that was not made with these keys, or not for this host
    ├── OptionError         (also a ValueError) keys, metadata or an option that cannot be used
    └── DomainError         (also a ValueError) a tracking domain that does not exist or may not be used

A value of the wrong type where text, a template or a tree belongs, and pickling keys, raise `TypeError`. Nothing else
is raised on purpose, and nothing for bad markup.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

Fault = Literal["malformed", "too-long", "signature", "destination", "refused", "kind"]


class LinkWrapError(Exception):
    """The base of every exception of this package."""


class InvalidToken(LinkWrapError):
    """A redirect URL that must not be followed; the message holds nothing of what the token says.

    `reason` is "malformed" (not in our form), "too-long", "signature" (forged, altered, or made for another host),
    "destination" (signed, but nothing to redirect to), "refused" (by the resolver's `refuse`) or "kind" (an open
    pixel where a link was asked for, or the other way round).
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

"""The headers with which a mail service lets its user unsubscribe by one click (RFC 8058)."""

import re
from typing import TYPE_CHECKING, Final

from .._faults import Faults
from ..errors import DomainError, OptionError

if TYPE_CHECKING:
    from email.policy import Policy

MAX_HEADER: Final = 998
"""Octets that the line of a header can have (RFC 5322, 2.1.1); a URL cannot be folded."""

_ADDRESS = re.compile(r"(?:mailto:)?([!-;=?A-~]++@[!-;=?-~]++)", re.ASCII | re.IGNORECASE)


class ListUnsubscribe(str):
    """The value of a `List-Unsubscribe` header, which an `EmailMessage` writes unchanged.

    `email.policy.default` writes any other text with so long a word as encoded words (RFC 2047), which no mail service
    reads as a URL.
    """

    __slots__ = ()
    name: Final = "List-Unsubscribe"

    def __str__(self) -> str:
        """Return itself, so that code which calls `str` on headers keeps the type."""
        return self

    def fold(self, *, policy: "Policy") -> str:
        """Return the whole header, a line for each URL; `email` calls this."""
        uris = self.replace(", ", f",{policy.linesep} ")
        return f"{self.name}: {uris}{policy.linesep}"


def read_mailto(mailto: object, faults: Faults) -> str | None:
    """Return the `mailto:` URL for an address or such a URL, None for None; add what is wrong with it."""
    if mailto is None:
        return None
    if not isinstance(mailto, str):
        faults.wrong_type("mailto", "str or None", mailto)
        return None
    address = _ADDRESS.fullmatch(mailto)
    if address is None or len(mailto) > MAX_HEADER // 2:
        faults.wrong_value("mailto must be an address in ASCII, or a mailto: URL")
        return None
    return f"mailto:{address[1]}"


def unsubscribe_headers(url: str, mailto: str | None) -> dict[str, str]:
    """Return the two headers for a one-click unsubscribe URL and a `mailto:` URL.

    Raises:
        DomainError: The URL is not https.
        OptionError: The URL is too long for a header.
    """
    if not url.startswith("https:"):
        raise DomainError("the tracking domain must be https for one-click unsubscribe (RFC 8058, 3.1)")
    if len(f"{ListUnsubscribe.name}: <{url}>,") > MAX_HEADER:
        raise OptionError("the URL is too long for the List-Unsubscribe header: put less into the metadata")
    value = f"<{url}>" if mailto is None else f"<{url}>, <{mailto}>"
    return {ListUnsubscribe.name: ListUnsubscribe(value), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}

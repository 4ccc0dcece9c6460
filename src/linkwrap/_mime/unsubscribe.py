"""The headers with which a mail service lets its user unsubscribe by one click (RFC 8058)."""

import re
from typing import TYPE_CHECKING, Final

from ..errors import DomainError, OptionError

if TYPE_CHECKING:
    from email.policy import Policy

MAX_HEADER: Final = 998
"""Octets that the line of a header may have (RFC 5322, 2.1.1); a URL cannot be folded."""

_ADDRESS = re.compile(r"(?:mailto:)?([!-;=?A-~]++@[!-;=?-~]++)", re.ASCII | re.IGNORECASE)


class ListUnsubscribe(str):
    """The value of a `List-Unsubscribe` header, which an `EmailMessage` writes as it is.

    Any other text with so long a word is made encoded words (RFC 2047) by `email.policy.default`, and no mail service
    reads those as a URL.
    """

    __slots__ = ()
    name: Final = "List-Unsubscribe"

    def __str__(self) -> str:
        """Return itself, so that code that makes text of headers keeps what it is."""
        return self

    def fold(self, *, policy: "Policy") -> str:
        """Return the whole header, a line for each URL; `email` calls this."""
        uris = self.replace(", ", f",{policy.linesep} ")
        return f"{self.name}: {uris}{policy.linesep}"


def unsubscribe_headers(url: str, mailto: str | None) -> dict[str, str]:
    """Return the two headers for a one-click unsubscribe URL; raises as `LinkWrapper.unsubscribe_headers` does."""
    if not url.startswith("https:"):
        raise DomainError("one-click unsubscribe takes a tracking domain that is https (RFC 8058, 3.1)")
    if len(f"{ListUnsubscribe.name}: <{url}>,") > MAX_HEADER:
        raise OptionError("the URL is too long for the List-Unsubscribe header: put less into the metadata")
    value = f"<{url}>"
    if mailto is not None:
        address = _ADDRESS.fullmatch(mailto)
        if address is None or len(mailto) > MAX_HEADER // 2:
            raise OptionError("mailto takes an address in ASCII, or a mailto: URL")
        value += f", <mailto:{address[1]}>"
    return {ListUnsubscribe.name: ListUnsubscribe(value), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}

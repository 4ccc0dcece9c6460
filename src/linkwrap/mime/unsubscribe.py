"""The headers with which a mail service lets its user unsubscribe by one click (RFC 8058)."""

import re
from typing import TYPE_CHECKING, Any, Final

from ..errors import DomainError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.policy import Policy
    from typing import Unpack

    from ..options import MessageOptions
    from ..wrapper import LinkWrapper

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


def unsubscribe_headers(
    wrapper: "LinkWrapper",
    metadata: "Mapping[str, Any] | None" = None,
    *,
    mailto: str | None = None,
    **options: "Unpack[MessageOptions]",
) -> dict[str, str]:
    """Return the two headers of one-click unsubscribe for one message, by their names.

    The mail service posts to a URL on the tracking domain, where `linkwrap.endpoint` answers and records the event
    `list_unsubscribe` with this `metadata`. `mailto` is an address, or a `mailto:` URL, for services that send mail
    instead. Both headers must be covered by the message's DKIM signature (RFC 8058, 4).

    Raises `DomainError` where the tracking domain is not https, and `OptionError` for a `mailto` that is none, or for
    metadata so long that the header's line would pass 998 octets; else as `LinkWrapper.render` does.
    """
    url = wrapper.unsubscribe_url(metadata, **options)
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

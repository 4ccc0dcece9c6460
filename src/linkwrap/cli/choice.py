"""Which tracking domain the links of an input go on, of those that an account has in the registry."""

import re
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.policy import default

from ..account import Account, TrackingDomain

_MAX_FROM = 10_000
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class DomainChoice:
    """An account, and what the call says of the tracking domain; it can be handed to a process of our own."""

    account: Account
    requested: str | None
    subaccount: str | None

    @property
    def warning(self) -> str | None:
        """What the user should be told of the account, which may be mistyped, if anything."""
        if self.account.domains:
            return None
        host = self.account.fallback.host
        return f"Warning: account {self.account.id!r} has no domain in the registry: its links are on {host}"

    def pick(self, message: bytes | None = None) -> TrackingDomain:
        """Return the tracking domain of a message, or of HTML, which has no sender.

        Raises `DomainError` where the one that is requested is not the account's or not verified.
        """
        sender = None if message is None else sending_domain(message)
        return self.account.tracking_domain(self.requested, sender, self.subaccount)


def sending_domain(message: bytes) -> str | None:
    """Return the domain of a message's first From address; None where there is none that can be read."""
    try:
        end = _END_OF_HEADERS.search(message)
        headers = BytesHeaderParser(policy=default).parsebytes(message[: end.end()] if end else message)
        raw = [value for name, value in headers.raw_items() if name.lower() == "from"]
        if not raw or len(str(raw[0])) > _MAX_FROM:
            return None
        return next((address.domain for address in headers["From"].addresses if address.domain), None)
    except Exception:
        # Whatever a malformed field does to the parser, the message goes out on another of the account's domains.
        return None

"""Other spellings of a base64url text."""

import base64
import string
from collections.abc import Iterator

BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def spellings(part: str) -> Iterator[str]:
    """The other texts that a lenient base64 decoder reads as the same bytes."""
    padding = "=" * (-len(part) % 4)
    value = base64.urlsafe_b64decode(part + padding)
    for last in BASE64URL:
        other = part[:-1] + last
        if other != part and base64.urlsafe_b64decode(other + padding) == value:
            yield other
    yield part + (padding or "====")
    yield part.replace("-", "+").replace("_", "/") if set(part) & set("-_") else part + "\n"

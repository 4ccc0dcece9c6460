"""The content of a file of unknown origin: text or another format, HTML or a message, and the sender of a message."""

import codecs
import re
from email.parser import BytesHeaderParser
from email.policy import default
from typing import Final

from .._markup.source import open_source

_HEAD: Final = 4096
_MARK = re.compile(b"|".join((codecs.BOM_UTF8, codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)))
_MAX_FROM: Final = 10_000
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_OTHER_FORMAT = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF.{4}(?:WEBP|WAVE|AVI )|%PDF-|PK\x03\x04|\x1f\x8b|\x7fELF", re.DOTALL
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_CONTROLS_IN_TEXT: Final = 1 / 16
"""The share of control characters that a damaged text may have; compressed data has a ninth."""

# Header fields before any empty line, one of those among them that mail has.
_MESSAGE = re.compile(
    rb"(?:From [^\n]*+\n)?+(?:(?!(?i:MIME-Version|Content-Type|Received|Message-ID|Subject|From):)"
    rb"(?:[A-Za-z0-9-]++:|[ \t])[^\n]*+\n)*+(?i:MIME-Version|Content-Type|Received|Message-ID|Subject|From):"
)


def is_empty(content: bytes) -> bool:
    """Tell whether there is nothing but a byte order mark and white space, in UTF-16 too."""
    mark = _MARK.match(content)
    return not content[mark.end() if mark else 0 :].strip(b"\0\t\n\f\r ")


def is_text(content: bytes, *, message: bool, encoding: str | None = None) -> bool:
    """Tell whether the beginning of the content, of a message its headers, is text and not a format such as PNG."""
    head = content[:_HEAD]
    text = open_source(_END_OF_HEADERS.split(head, 1)[0] if message else head, encoding).text
    return not _OTHER_FORMAT.match(head) and len(_CONTROLS.findall(text)) <= len(text) * _CONTROLS_IN_TEXT


def looks_like_message(content: bytes) -> bool:
    """Tell whether the content begins with the headers of a message."""
    return _MESSAGE.match(content) is not None


def sending_domain(message: bytes) -> str | None:
    """Return the domain of a message's first From address; None if there is none that can be read."""
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

"""Transfer encodings (RFC 2045, 6): a body's content out of its encoded form, and the wrapped content back into it.

What is encoded comes out in the same encoding, with the same line ends. Of quoted-printable only the places that
change are written anew, base64 keeps its line length, and a body in which nothing changes comes out byte for byte.
Where a line of a 7bit or 8bit body would pass the 998 octets that it may have (RFC 5322, 2.1.1), the body becomes
quoted-printable.
"""

import binascii
import re
from dataclasses import dataclass
from typing import Final, Literal

from ..template import LinkTemplate
from .quoted import Quoted, decode_quoted, quote

Mechanism = Literal["7bit", "8bit", "binary", "quoted-printable", "base64"]
"""How a body is encoded, as `Content-Transfer-Encoding` names it."""

MAX_LINE: Final = 998
"""Octets that a line of a message may have, its end not counted."""

_MECHANISMS: dict[str, Mechanism] = {
    "": "7bit",
    "7bit": "7bit",
    "7bits": "7bit",
    "8bit": "8bit",
    "8bits": "8bit",
    "binary": "binary",
    "quotedprintable": "quoted-printable",
    "base64": "base64",
}
_NOT_IN_NAME = re.compile(r"[^a-z0-9]", re.ASCII)

_BASE64 = re.compile(rb"([\t\n\r ]*+)([A-Za-z0-9+/\t\n\r ]*+)(={0,2}+)([\t\n\r ]*+)")
_BASE64_LINE = 76
_FIRST_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\n|\r|\Z)")
_LONG_LINE = re.compile(rb"(?<![^\n])[^\n]{%d}[^\r\n]" % MAX_LINE)


def read_mechanism(value: str) -> Mechanism | None:
    """Return the mechanism that a header's value names, or None where nobody knows how to read the body.

    Written as it should not be, as `8bits`, `quoted printable` or `base64;`, it is still what it says. An empty one is
    as none.
    """
    name = value.partition(";")[0].partition("(")[0]
    return _MECHANISMS.get(_NOT_IN_NAME.sub("", name.lower()))


def decode(raw: bytes, mechanism: Mechanism) -> bytes | None:
    """Return the content of an encoded body; None for base64 that holds anything else or is cut off."""
    if mechanism == "quoted-printable":
        return decode_quoted(raw)
    if mechanism != "base64":
        return raw
    found = _BASE64.fullmatch(raw)
    letters = found[2].translate(None, b"\t\n\r ") if found else b"="
    if len(letters) % 4 == 1:
        return None
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The encoded body of a part that is wrapped, to be filled in for each recipient."""

    raw: bytes
    mechanism: Mechanism
    template: LinkTemplate[bytes]
    line_end: bytes
    quoted: Quoted | None
    """Of quoted-printable, where its slots are."""

    def fill(self, urls: list[str] | None, pixel: str, initial: str) -> tuple[bytes, Mechanism]:
        """Return the body with these texts in its slots, as `LinkTemplate.fill` takes them, and how it is encoded."""
        if self.quoted is not None:
            return self.quoted.fill(urls, pixel, initial), self.mechanism
        content = self.template.fill(urls, pixel, initial)
        if content == self.template.source:
            return self.raw, self.mechanism
        if self.mechanism == "base64":
            return _encode_base64(content, self.raw, self.line_end), self.mechanism
        if self.mechanism != "binary" and _LONG_LINE.search(content):
            return quote(content, self.line_end, lines=self.template.unit == 1), "quoted-printable"
        return content, self.mechanism


def open_body(raw: bytes, mechanism: Mechanism, template: LinkTemplate[bytes], around: bytes) -> Body:
    """Return the body whose decoded content `template` was compiled from.

    Lines that are added end as the others do; where there are none, as those `around`.
    """
    end = line_end(raw) or around
    quoted = Quoted(raw, template, end) if mechanism == "quoted-printable" else None
    return Body(raw, mechanism, template, end, quoted)


def line_end(text: bytes) -> bytes:
    """Return how the first line of a text ends, LF or CRLF; empty where none ends so."""
    at = text.find(b"\n")
    return text[at - (text[at - 1 : at] == b"\r") : at + 1] if at >= 0 else b""


def _encode_base64(content: bytes, like: bytes, end: bytes) -> bytes:
    """Return `content` in base64 with the line length and the space around that `like` has, and these line ends."""
    found = _BASE64.fullmatch(like)
    assert found is not None
    before, letters, _, after = found.groups()
    if not after:
        after = letters[len(letters.rstrip(b"\t\n\r ")) :]
    first = _FIRST_LINE.match(like, len(before))
    assert first is not None
    width = len(first[1]) if first.end() < len(like) - len(after) else _BASE64_LINE
    encoded = binascii.b2a_base64(content, newline=False)
    return before + end.join([encoded[at : at + width] for at in range(0, len(encoded), width)]) + after


def encode(content: bytes, mechanism: Mechanism, like: bytes) -> bytes:
    """Return `content` in a transfer encoding, with the line ends, and in base64 the lines, that `like` has."""
    end = line_end(like) or b"\n"
    if mechanism == "base64":
        return _encode_base64(content, like, end)
    return quote(content, end, lines=b"\0" not in content) if mechanism == "quoted-printable" else content

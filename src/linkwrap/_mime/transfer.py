"""Transfer encodings (RFC 2045, 6): decode the content of a body, and encode the wrapped content again.

A body keeps its encoding and its line ends. Of quoted-printable only the places that change are encoded again, base64
keeps its line length, and a body without changes comes out byte for byte. Where a line of a 7bit or 8bit body would
pass the 998 octets that it can have (RFC 5322, 2.1.1), the body becomes quoted-printable.
"""

import binascii
import re
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from .._compiled import Compiled, Filling
from .quoted import Quoted, decode_quoted, quote

Mechanism = Literal["7bit", "8bit", "binary", "quoted-printable", "base64"]
"""The encoding of a body, as `Content-Transfer-Encoding` names it."""

MAX_LINE: Final = 998
"""Octets that a line of a message can have, its end not counted."""

_MECHANISMS: dict[str, Mechanism] = {
    "7bit": "7bit",
    "7bits": "7bit",
    "8bit": "8bit",
    "8bits": "8bit",
    "binary": "binary",
    "quotedprintable": "quoted-printable",
    "base64": "base64",
}
_IN_COMMENTS = re.compile(r"(\\.|[()])", re.DOTALL)
_NOT_IN_NAME = re.compile(r"[^a-z0-9]", re.ASCII)

_BASE64 = re.compile(rb"([\t\n\r ]*+)([A-Za-z0-9+/\t\n\r ]*+)(={0,2}+)([\t\n\r ]*+)")
_BASE64_LINE = 76
_MBOX = b"From "  # the line before a message in an mbox file: letters of base64, too, where it has no others
_BLOCK = 1000  # lines
_FIRST_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\n|\r|\Z)")
_LONG_LINE = re.compile(rb"(?<![^\n])[^\n]{%d}[^\r\n]" % MAX_LINE)


def read_mechanism(value: str | None) -> Mechanism | None:
    """Return the mechanism that a header's value names; None for an unknown one, or where it names nothing.

    No header means `7bit` (RFC 2045, 6.1). Mail software differs about an empty one: for Python the body is `7bit`, for
    Dovecot its encoding is unknown (6.4). Comments (RFC 5322, 3.2.2) do not count. Misspelt values are read too:
    `8bits`, `quoted printable`, `base64;`.
    """
    if value is None:
        return "7bit"
    depth = 0
    named: list[str] = []
    for piece in _IN_COMMENTS.split(value):
        if piece == "(":
            depth += 1
        elif piece == ")" and depth:
            depth -= 1
        elif not depth:
            named.append(piece)
    return _MECHANISMS.get(_NOT_IN_NAME.sub("", "".join(named).partition(";")[0].lower()))


def decode(raw: bytes, mechanism: Mechanism) -> bytes | None:
    """Return the content of an encoded body; None for base64 that is cut off, or has other characters in it."""
    if mechanism == "quoted-printable":
        return decode_quoted(raw)
    if mechanism != "base64":
        return raw
    found = None if raw.startswith(_MBOX) else _BASE64.fullmatch(raw)
    letters = found[2].translate(None, b"\t\n\r ") if found else b"="
    if len(letters) % 4 == 1:
        return None
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The encoded body of a part that is wrapped, to be filled in for each recipient."""

    raw: bytes
    mechanism: Mechanism
    compiled: Compiled[bytes]
    line_end: bytes
    quoted: Quoted | None
    """Of quoted-printable, where its slots are."""

    def fill(self, filling: Filling) -> tuple[bytes, Mechanism]:
        """Return the encoded body with these texts in its slots, and its encoding."""
        if self.quoted is not None:
            return self.quoted.fill(filling), self.mechanism
        content = self.compiled.fill(filling)
        if content == self.compiled.source:
            return self.raw, self.mechanism
        if self.mechanism == "base64":
            return _encode_base64(content, self.raw, self.line_end), self.mechanism
        if self.mechanism != "binary" and _LONG_LINE.search(content):
            return quote(content, self.line_end, lines=self.compiled.unit == 1), "quoted-printable"
        return content, self.mechanism


def open_body(raw: bytes, mechanism: Mechanism, compiled: Compiled[bytes], around: bytes) -> Body:
    """Return an encoded body, whose decoded content is compiled.

    Lines that are added get the line end of the others, or `around` where there are none.
    """
    end = line_end(raw) or around
    quoted = Quoted(raw, compiled, end) if mechanism == "quoted-printable" else None
    return Body(raw, mechanism, compiled, end, quoted)


def line_end(text: bytes) -> bytes:
    """Return the end of the first line of a text, LF or CRLF; empty for none."""
    at = text.find(b"\n")
    return text[at - (text[at - 1 : at] == b"\r") : at + 1] if at >= 0 else b""


def _encode_base64(content: bytes, like: bytes, end: bytes) -> bytes:
    """Return `content` in base64 with these line ends, and with the line length and the space around of `like`."""
    found = _BASE64.fullmatch(like)
    assert found is not None
    before, letters, _, after = found.groups()
    if not after:
        after = letters[len(letters.rstrip(b"\t\n\r ")) :]
    first = _FIRST_LINE.match(like, len(before))
    assert first is not None
    width = len(first[1]) if first.end() < len(like) - len(after) else _BASE64_LINE
    encoded = binascii.b2a_base64(content, newline=False)
    # Joined in two steps: a list of all lines would take fifty times the memory of lines of one letter.
    lines = (encoded[at : at + width] for at in range(0, len(encoded), width))
    blocks = iter(lambda: end.join(islice(lines, _BLOCK)), b"")
    return before + end.join(blocks) + after


def encode(content: bytes, mechanism: Mechanism, like: bytes) -> bytes:
    """Return `content` in a transfer encoding, with the line ends, and in base64 the lines, that `like` has."""
    end = line_end(like) or b"\n"
    if mechanism == "base64":
        return _encode_base64(content, like, end)
    return quote(content, end, lines=b"\0" not in content) if mechanism == "quoted-printable" else content

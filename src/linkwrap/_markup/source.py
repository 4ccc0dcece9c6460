"""A document as a text to scan, in which every character is one code unit of the input.

Positions in the text are positions in the input, so that everything outside a rewritten value stays byte for byte.
Bytes are never decoded as a whole, since decoding and encoding loses valid sequences of some charsets:

- ASCII-compatible encodings are scanned as Latin-1. No byte of theirs that is part of a longer character is one that
  markup consists of, `<`, `>`, quotes, `=`, `&`, `/` or white space: trail bytes are 0x30-0x39 and 0x40 up only
  (Shift_JIS, Big5, GBK, GB18030, EUC-KR), and a lead byte before an ASCII byte that cannot follow it leaves that byte
  as it is (WHATWG Encoding 10 to 13). Letters and brackets can be trail bytes, but only behind a byte that is not
  ASCII, so never directly behind `<`.
- UTF-16 is scanned by 16-bit units.
- ISO-2022 and HZ write two-byte characters in ASCII bytes, `<` among them: their shifted runs are masked.
"""

import codecs
import re
from collections.abc import Iterable
from typing import cast

from .encodings import HZ, ISO_2022_CN, ISO_2022_JP, ISO_2022_KR, UTF_16_BE, UTF_16_LE, codec_of_caller, find_codec

_HEAD = 1024

# Replaces bytes that are not markup. It is not ASCII, so that `<` before it opens no tag, and a value with it goes to
# the codec.
_MASK = b"\xa4"

# Each matches an escape sequence, or a shifted run with its ends; a group matches a run that nothing closes.
_SO_RUN = rb"\x0e[^\x0f\n]*+(?:\x0f|(?=\n)|(\Z))|\x0f|\x1b(?:\$[)*+][A-Z]|[NO][!-~]{2})"
_SHIFTS = {
    # ESC ( J, JIS-Roman, is read as ASCII: it differs in the backslash and the tilde only.
    ISO_2022_JP: rb"\x1b(?:\([BJ]|(?:\$(?:[@AB]|\([CDOPQ])|\(I)"
    rb"[^\x1b]*+(?:\x1b(?!\([BJ])[^\x1b]*+)*+(?:\x1b\([BJ]|(\Z)))",
    ISO_2022_KR: _SO_RUN,
    ISO_2022_CN: _SO_RUN,
    HZ: rb"~(?:\{[^~\n]*+(?:~(?!\})[^~\n]*+)*+(?:~\}|(?=\n)|(\Z))|[~}\n]|(\Z))",
}

# Gives up at a tag in ASCII.
_UTF_16_TAG = re.compile(rb"(?:(?!.?<[!/?A-Za-z]).{2})*?(?:(<\0[!/?A-Za-z]\0)|\0<\0[!/?A-Za-z])", re.DOTALL)
_NO_SURROGATES = bytes(0xE0 if 0xD8 <= byte <= 0xDF else byte for byte in range(256))


class Source:
    """A document to scan and to cut up; this class is for a `str`. Positions are indices of `text`.

    Attributes:
        text: The text to scan. Characters of it that are not ASCII need not be those of the document.
        unit: The length of a character of `text` in the input: 1, or 2 bytes in UTF-16.
        tail: The index up to which text can be inserted: less than the length of `text` where the input ends inside a
            shifted run or a character.
        charset: The codec that `encode` uses, for callers that keep no source; None for a `str`.
    """

    __slots__ = ("charset", "tail", "text", "unit")

    def __init__(self, text: str, unit: int = 1, tail: int | None = None, charset: str | None = None) -> None:
        self.text = text
        self.unit = unit
        self.tail = len(text) if tail is None else tail
        self.charset = charset

    def decode(self, start: int, end: int) -> str:
        """Return the characters between two positions, none of them in a shifted run; U+FFFD for invalid bytes."""
        return self.text[start:end]

    def cut(self, start: int, end: int) -> str | bytes:
        """Return the input between two positions."""
        return self.text[start:end]

    def encode(self, text: str) -> str | bytes:
        """Return ASCII text in the type and the encoding of the input."""
        return text

    def join(self, parts: Iterable[str | bytes]) -> str | bytes:
        """Join results of `cut` and `encode` to one document."""
        return "".join(cast("Iterable[str]", parts))


class _ByteSource(Source):
    __slots__ = ("_codec", "_html")

    def __init__(
        self, html: bytes, codec: str | None, text: str, unit: int = 1, tail: int | None = None, charset: str = "ascii"
    ) -> None:
        super().__init__(text, unit, tail, charset)
        self._html = html
        self._codec = codec  # None until a value needs it: finding it may cost more than the rest

    def decode(self, start: int, end: int) -> str:
        value = self.text[start:end]
        if value.isascii():
            return value
        if self._codec is None:
            self._codec = find_codec(self._html)
        if self._codec == ISO_2022_CN:
            return value.replace(_MASK.decode("latin-1"), "\ufffd")
        data = self.cut(start, end)
        if self._codec == ISO_2022_KR:
            data = b"\x1b$)C" + data  # the document has it once, at its beginning
        return data.decode(self._codec, "replace")

    def cut(self, start: int, end: int) -> bytes:
        return self._html[start * self.unit : end * self.unit]

    def encode(self, text: str) -> bytes:
        return text.encode(self.charset or "ascii")

    def join(self, parts: Iterable[str | bytes]) -> bytes:
        return b"".join(cast("Iterable[bytes]", parts))


def open_source(html: str | bytes, encoding: str | None = None) -> Source:
    """Return a document as a source.

    Args:
        html: The document.
        encoding: The encoding of `bytes`, a WHATWG label or Python's name of such an encoding. None takes it from a
            BOM, else from the markup's declaration, else detects it. It is checked for a `str` too, but not used.

    Raises:
        TypeError: The encoding is not a `str`.
        OptionError: The encoding is unknown.
    """
    codec = None if encoding is None else codec_of_caller(encoding)
    if isinstance(html, str):
        return Source(html)
    if codec is not None:
        if codec in (UTF_16_LE, UTF_16_BE):
            codec = _utf_16(html) or codec
    else:
        if html.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in html[:_HEAD]:
            codec = _utf_16(html)
        if codec is None and (b"\x1b" in html or (b"~" in html and b"hz-gb-2312" in html[:_HEAD].lower())):
            codec = find_codec(html)
    if codec in (UTF_16_LE, UTF_16_BE):
        return _ByteSource(html, codec, _units(html, codec), 2, len(html) // 2, codec)
    if codec in _SHIFTS:
        text, tail = _mask(html, re.compile(_SHIFTS[codec]))  # `re` keeps the pattern
        return _ByteSource(html, codec, text, 1, tail, HZ if codec == HZ else "ascii")
    text = html.decode("latin-1")
    return _ByteSource(html, codec, text, 1, len(text), "ascii")


def _utf_16(html: bytes) -> str | None:
    """Return the UTF-16 codec by a BOM or, without one, by the first tag; None without either."""
    if html.startswith(codecs.BOM_UTF16_LE):
        return UTF_16_LE
    if html.startswith(codecs.BOM_UTF16_BE):
        return UTF_16_BE
    tag = _UTF_16_TAG.match(html[:_HEAD])
    if tag is None:
        return None
    return UTF_16_LE if tag[1] else UTF_16_BE


def _units(html: bytes, codec: str) -> str:
    """Return a character for each 16-bit unit and for an odd byte at the end; private-use ones for surrogates."""
    units = bytearray(html)
    high = slice(1 if codec == UTF_16_LE else 0, None, 2)
    units[high] = units[high].translate(_NO_SURROGATES)
    if len(units) % 2:
        units.append(0xFF)  # makes no ASCII character in either byte order
    return units.decode(codec)


def _mask(html: bytes, shifts: re.Pattern[bytes]) -> tuple[str, int]:
    """Return the text with shifted runs and escape sequences masked, and the position of a run that nothing closes."""
    text = bytearray(html)
    tail = len(html)
    for run in shifts.finditer(html):
        start, end = run.span()
        text[start:end] = _MASK * (end - start)
        if run.lastindex:
            tail = start
    return text.decode("latin-1"), tail

"""A document as a text to scan, in which every character is one code unit of the input.

Positions found in the text are positions in the input, so that everything outside a rewritten value can be handed on
byte for byte. Bytes are never decoded as a whole, since decoding and encoding loses valid sequences of some charsets:

- ASCII-compatible encodings are scanned as Latin-1. No byte of theirs that is part of a longer character is one that
  markup consists of, `<`, `>`, quotes, `=`, `&`, `/` or white space: trail bytes are 0x30-0x39 and 0x40 up only
  (Shift_JIS, Big5, GBK, GB18030, EUC-KR), and a lead byte before an ASCII byte that cannot follow it leaves that byte
  as it is (WHATWG Encoding 10 to 13). Letters and brackets can be trail bytes, but only behind a
  byte that is not ASCII, so never directly behind `<`.
- UTF-16 is scanned by 16-bit units.
- ISO-2022 and HZ write two-byte characters in ASCII bytes, `<` among them: their shifted runs are masked.
"""

import codecs
import re
from collections.abc import Iterable
from typing import cast

from .encodings import HZ, ISO_2022_CN, ISO_2022_JP, ISO_2022_KR, UTF_16_BE, UTF_16_LE, codec_of_caller, find_codec

_HEAD = 1024

# Stands for what is no markup. It is no ASCII character, so that `<` before it opens no tag and a value that holds it
# goes through the codec.
_MASK = b"\xa4"

# Each matches an escape sequence or a shifted run with what opens and closes it; a group matches where none closes it.
_SO_RUN = rb"\x0e[^\x0f\n]*+(?:\x0f|(?=\n)|(\Z))|\x0f|\x1b(?:\$[)*+][A-Z]|[NO][!-~]{2})"
_SHIFTS = {
    codec: re.compile(pattern)
    for codec, pattern in {
        # ESC ( J, JIS-Roman, is read as ASCII: it differs in the backslash and the tilde only.
        ISO_2022_JP: rb"\x1b(?:\([BJ]|(?:\$(?:[@AB]|\([CDOPQ])|\(I)"
        rb"[^\x1b]*+(?:\x1b(?!\([BJ])[^\x1b]*+)*+(?:\x1b\([BJ]|(\Z)))",
        ISO_2022_KR: _SO_RUN,
        ISO_2022_CN: _SO_RUN,
        HZ: rb"~(?:\{[^~\n]*+(?:~(?!\})[^~\n]*+)*+(?:~\}|(?=\n)|(\Z))|[~}\n]|(\Z))",
    }.items()
}

# Gives up at a tag in ASCII.
_UTF_16_TAG = re.compile(rb"(?:(?!.?<[!/?A-Za-z]).{2})*?(?:(<\0[!/?A-Za-z]\0)|\0<\0[!/?A-Za-z])", re.DOTALL)
_NO_SURROGATES = bytes(0xE0 if 0xD8 <= byte <= 0xDF else byte for byte in range(256))


class Source:
    """A document to scan and to cut up; this class is that of a `str`. Positions are indices of `text`.

    - `text`: what to scan. A character that is not ASCII says only that there is one.
    - `unit`: how long a character of `text` is in the input: 1, or 2 bytes in UTF-16.
    - `tail`: the index up to which text may be inserted: less than the length of `text` where the input ends inside a
      shifted run or a character.
    - `charset`: the codec that `encode` uses, so that a caller can do without the source; None for a `str`.
    """

    __slots__ = ("charset", "tail", "text", "unit")

    def __init__(self, text: str, unit: int = 1, tail: int | None = None, charset: str | None = None) -> None:
        self.text = text
        self.unit = unit
        self.tail = len(text) if tail is None else tail
        self.charset = charset

    def decode(self, start: int, end: int) -> str:
        """What the document says between two positions; U+FFFD for what is invalid. Neither may be in a shifted run."""
        return self.text[start:end]

    def cut(self, start: int, end: int) -> str | bytes:
        """The input between two positions, as it is."""
        return self.text[start:end]

    def encode(self, text: str) -> str | bytes:
        """ASCII text in the type and the encoding of the input."""
        return text

    def join(self, parts: Iterable[str | bytes]) -> str | bytes:
        """What `cut` and `encode` gave, as one document."""
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
            data = b"\x1b$)C" + data  # the document says it once, at its beginning
        return data.decode(self._codec, "replace")

    def cut(self, start: int, end: int) -> bytes:
        return self._html[start * self.unit : end * self.unit]

    def encode(self, text: str) -> bytes:
        return text.encode(self.charset or "ascii")

    def join(self, parts: Iterable[str | bytes]) -> bytes:
        return b"".join(cast("Iterable[bytes]", parts))


def open_source(html: str | bytes, encoding: str | None = None) -> Source:
    """The document as a source. `encoding` is that of `bytes`: a WHATWG label, or Python's name of such an encoding.

    Without it the encoding is a BOM's, or else what the markup declares, or else detected. `encoding` says nothing
    about a `str` and is not looked at. Raises `OptionError` where it is unknown.
    """
    if isinstance(html, str):
        return Source(html)
    codec = None
    if encoding is not None:
        codec = codec_of_caller(encoding)
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
        text, tail = _mask(html, _SHIFTS[codec])
        return _ByteSource(html, codec, text, 1, tail, HZ if codec == HZ else "ascii")
    text = html.decode("latin-1")
    return _ByteSource(html, codec, text, 1, len(text), "ascii")


def _utf_16(html: bytes) -> str | None:
    """The UTF-16 codec that a BOM or, without one, the first tag shows; None where neither is there."""
    if html.startswith(codecs.BOM_UTF16_LE):
        return UTF_16_LE
    if html.startswith(codecs.BOM_UTF16_BE):
        return UTF_16_BE
    tag = _UTF_16_TAG.match(html[:_HEAD])
    if tag is None:
        return None
    return UTF_16_LE if tag[1] else UTF_16_BE


def _units(html: bytes, codec: str) -> str:
    """One character for each 16-bit unit, and one for an odd byte at the end; surrogates as private-use characters."""
    units = bytearray(html)
    high = slice(1 if codec == UTF_16_LE else 0, None, 2)
    units[high] = units[high].translate(_NO_SURROGATES)
    if len(units) % 2:
        units.append(0xFF)  # makes no ASCII character in either byte order
    return units.decode(codec)


def _mask(html: bytes, shifts: re.Pattern[bytes]) -> tuple[str, int]:
    """The text with its shifted runs and escape sequences masked, and the position of the run that nothing closes."""
    text = bytearray(html)
    tail = len(html)
    for run in shifts.finditer(html):
        start, end = run.span()
        text[start:end] = _MASK * (end - start)
        if run.lastindex:
            tail = start
    return text.decode("latin-1"), tail

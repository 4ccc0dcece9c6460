"""Quoted-printable (RFC 2045, 6.7) that is changed in a few places; the text around them stays as it was encoded.

Soft line breaks separate a place that changes from the rest, so that no other line is folded again. No line that starts
here starts with "-" or ".", so that none is taken for a boundary, or for the end of the message in SMTP.
"""

import re
from binascii import a2b_qp
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from .._compiled import Compiled, Filling

MAX_QUOTED_LINE: Final = 76
"""Octets that a line can have, with the "=" of a soft line break."""

Span = tuple[int, int]
Piece = tuple[bytes, bytes, bytes]
"""Encoded text that stays, text that is new, and encoded text that stays."""

# Leaves room for the "=", and for a first octet that must be encoded.
_FOLD = MAX_QUOTED_LINE - 3
# A line, or up to 64 short ones: a mail of nothing else would take fifty times its size, line by line.
_BLOCK = re.compile(rb"(?:[^\r\n]{0,40}+(?:\r\n|\r|\n)){1,64}+|[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++\Z")
_SHORT_LINE = re.compile(rb"[^\r\n]{0,40}+(?:\r\n|\r|\n)")
_OCTET = re.compile(rb"=(?:[0-9A-Fa-f]{2}|=)")
_UNSAFE = re.compile(rb"[^\t -<>-~]")
_ENDS = (b"\r", b"\n")
_FIRST = {b"-": b"=2D", b".": b"=2E"}


def decode_quoted(raw: bytes) -> bytes:
    """Return the content of quoted-printable text; invalid sequences stay as they are."""
    return b"".join(map(_decode_block, _BLOCK.findall(raw)))


def quote(content: bytes, end: bytes, *, lines: bool = True) -> bytes:
    """Return `content` in quoted-printable, its own line ends kept, folded with the line end `end`.

    Without `lines`, for a charset that is not ASCII-compatible, its line ends are encoded like anything else.
    """
    if not lines:
        return _line(content, end)
    *whole, last = content.split(b"\n")
    quoted = [_line(line[:-1], end) + b"\r" if line.endswith(b"\r") else _line(line, end) for line in whole]
    return b"\n".join([*quoted, _line(last, end)])


class Quoted:
    """The source of a compiled document in quoted-printable; filled in, only its slots change."""

    __slots__ = ("_compiled", "_end", "_pieces", "_pixels", "_raw", "_spans", "_tail")

    def __init__(self, raw: bytes, compiled: Compiled[bytes], end: bytes) -> None:
        self._raw = raw
        self._compiled = compiled
        self._end = end
        places = _Places(raw)
        length = len(compiled.source)
        _, last = places.encoded((0, length))
        self._tail = raw[last:]
        """A soft line break that nothing follows."""
        pixel = initial = (0, 0)
        pixels: list[Span] = []
        if compiled.pixels is not None:
            pixel = (compiled.pixels.at, compiled.pixels.at)
            pixels = [pixel]
            if compiled.pixels.initial_at is not None:
                initial = (compiled.pixels.initial_at, compiled.pixels.initial_at)
                pixels = [initial, pixel]
        slots = compiled.in_order(compiled.values(), pixel, initial)
        self._spans = [places.encoded(slot) for slot in slots]
        self._pixels = [places.encoded(pixel) for pixel in pixels]
        between = zip(_between(slots, length), _between(self._spans, last), compiled.static, strict=True)
        self._pieces = [self._piece(places, span, encoded, static) for span, encoded, static in between]

    def fill(self, filling: Filling) -> bytes:
        """Return the encoded text with these texts in its slots."""
        raw = self._raw
        urls, pixel, initial = filling
        if urls is not None:
            pieces, spans, values = self._pieces, self._spans, self._compiled.in_order(urls, pixel, initial)
        elif self._pixels:
            spans, values = self._pixels, [initial, pixel][-len(self._pixels) :]
            pieces = [(raw[start:end], b"", b"") for start, end in _between(spans, len(raw) - len(self._tail))]
        else:
            spans, values = [], []
            whole = (0, len(self._compiled.source)), (0, len(raw) - len(self._tail))
            pieces = [self._piece(_Places(raw), *whole, self._compiled.fill(filling))]
        written = _Writer(self._end)
        for piece, (start, end), value in zip(pieces, spans, values, strict=False):
            written.piece(piece)
            if value:
                written.new(quote(value.encode(self._compiled.charset or "ascii"), self._end, lines=False))
            else:
                written.kept(raw[start:end])
        written.piece(pieces[-1])
        written.kept(self._tail)
        return bytes(written.text)

    def _piece(self, places: "_Places", span: Span, encoded: Span, static: bytes) -> Piece:
        """Return `static`, the text at `span` without what is cut out of it, in its encoded form there."""
        (start, end), (first, last) = span, encoded
        source = self._compiled.source[start:end]
        if source == static:
            return self._raw[first:last], b"", b""
        before = _common(source, static)
        after = _common(source[before:][::-1], static[before:][::-1])
        cut, on = places.encoded((start + before, end - after))
        new = quote(static[before : len(static) - after], self._end, lines=self._compiled.unit == 1)
        return self._raw[first:cut], new, self._raw[on:last]


class _Places:
    """The place of each octet of the content in the encoded text; in ascending order, all look-ups take linear time."""

    def __init__(self, raw: bytes) -> None:
        self._blocks: list[bytes] = _BLOCK.findall(raw)
        self._encoded = list(accumulate(map(len, self._blocks), initial=0))
        self._decoded = list(accumulate(map(len, map(_decode_block, self._blocks)), initial=0))
        self._known = (0, 0, 0)
        """A block, and for a place in it the number of octets before: of the content, and encoded."""

    def encoded(self, span: Span) -> Span:
        return self._offset(span[0]), self._offset(span[1])

    def _offset(self, place: int) -> int:
        block = min(bisect_right(self._decoded, place), len(self._blocks)) - 1
        if block < 0:
            return 0
        wanted = place - self._decoded[block]
        known, octets, position = self._known
        if block != known or wanted < octets:
            octets = position = 0
        text = self._blocks[block]
        while (line := _SHORT_LINE.match(text, position)) and line.end() < len(text):
            length = len(_decode_line(line[0]))
            if octets + length > wanted:
                break
            octets += length
            position = line.end()
        for octet in _OCTET.finditer(text, position, position + 3 * (wanted - octets)):
            plain = octet.start() - position
            if wanted - octets <= plain:
                break
            octets += plain + 1
            position = octet.end()
        position += wanted - octets
        self._known = (block, wanted, position)
        return self._encoded[block] + position


class _Writer:
    """Encoded text that grows by old and new pieces, with soft line breaks between them."""

    def __init__(self, end: bytes) -> None:
        self.text = bytearray()
        self._end = end
        self._broken = False
        """Whether a line must be broken before anything else."""

    def piece(self, piece: Piece) -> None:
        before, new, after = piece
        self.kept(before)
        if after or new:
            self.new(new)
            self.kept(after)

    def kept(self, encoded: bytes) -> None:
        if self._broken and encoded:
            self._broken = False
            if not encoded.startswith(_ENDS):
                self._soft_break()
                while encoded[:1] in _FIRST:
                    # Two octets more can be too many for the line.
                    self.text += _FIRST[encoded[:1]] + b"=" + self._end
                    encoded = encoded[1:]
        self.text += encoded

    def new(self, folded: bytes) -> None:
        if folded:
            self._soft_break()
            self.text += folded
        self._broken = True

    def _soft_break(self) -> None:
        text = self.text
        if not text or text.endswith(_ENDS):
            return
        if text.endswith(b"="):
            # Invalid, but readers take two of them as one.
            start = len(text)
            while text[start - 1 : start] == b"=":
                start -= 1
            text[start:] = b"=3D" * ((len(text) - start + 1) // 2)
        line = text.rfind(b"\n", max(0, len(text) - MAX_QUOTED_LINE - 1)) + 1
        if len(text) - line == MAX_QUOTED_LINE:
            # The line is full: its last octets go to the next one.
            place = _cut(text, len(text) - 3)
            text[place:place] = b"=" + self._end
        text += b"=" + self._end


def _decode_block(block: bytes) -> bytes:
    lines = block.splitlines(keepends=True)
    return _decode_line(block) if len(lines) == 1 else b"".join(map(_decode_line, lines))


def _decode_line(line: bytes) -> bytes:
    text = line.rstrip(b"\r\n")
    bare = text.rstrip(b"\t ")
    if len(bare) < len(text) and bare.endswith(b"=") and not bare.endswith(b"=="):
        line = bare + b"\n"  # space behind a soft line break is not part of it (rule 3)
    return a2b_qp(line)


def _escape(data: bytes) -> bytes:
    return _UNSAFE.sub(lambda octet: b"=%02X" % octet[0][0], data)


def _line(text: bytes, end: bytes) -> bytes:
    """Return one line of text, encoded; space at its end is encoded too, as it would be lost on the way."""
    if text.endswith((b" ", b"\t")):
        return _fold(_escape(text[:-1]) + b"=%02X" % text[-1], end)
    return _fold(_escape(text), end)


def _cut(encoded: bytes | bytearray, place: int) -> int:
    """Return where to cut, at most two before `place`, so that no encoded octet is torn apart."""
    for back in (1, 2):
        if encoded[place - back : place - back + 1] == b"=":
            return place - back
    return place


def _fold(encoded: bytes, end: bytes) -> bytes:
    if len(encoded) <= _FOLD and encoded[:1] not in _FIRST:
        return encoded
    lines = []
    start = 0
    while start < len(encoded):
        stop = len(encoded) if len(encoded) - start <= _FOLD else _cut(encoded, start + _FOLD)
        line = encoded[start:stop]
        lines.append(_FIRST.get(line[:1], line[:1]) + line[1:])
        start = stop
    return (b"=" + end).join(lines)


def _between(spans: Sequence[Span], length: int) -> list[Span]:
    """Return the spans around these, of a text of that length."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    return list(zip([0, *ends], [*starts, length], strict=True))


def _common(one: bytes, other: bytes) -> int:
    """Return the length of their common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low

"""The parts of a message (RFC 2045, 2046): of its bytes, with exact positions, or of an `email` message object.

The standard library reads the values of the fields that count here. It gives no positions, so the bytes are cut into
headers and parts here, at the same places as there. Where mail software differs so that a change could damage a body,
the part stays whole and is `broken`: a multipart whose bytes can be cut in more than one way, and a part with a field
twice that has two values, of which some read the first and some the last.
"""

import re
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from email.message import Message
from email.policy import compat32
from email.utils import collapse_rfc2231_value
from typing import Any, Final

from .objects import MAX_DEPTH, misses_headers, octets

Span = tuple[int, int]

MAX_PARTS: Final = 1000
"""How many parts a message can have: one that is written with 5 octets takes 500 of memory."""
# Of a header in _READ: the standard library takes quadratic time for longer ones, and for more parameters.
_MAX_FIELD = 4096  # octets
_MAX_PARAMETERS = 100

SIGNATURES: Final = ("dkim-signature", "arc-message-signature", "domainkey-signature")
"""The headers whose signatures cover bodies: ARC's as DKIM's does (RFC 8617, 4.1.2), and DomainKeys'."""
_READ = ("content-type", "content-disposition", "content-transfer-encoding")
_FIELDS = frozenset((*_READ, "content-id", *SIGNATURES))
_END = rb"(?:\r\n|\n|\r)"
_REST = rb"[\t ]*+:[\t ]*+((?:[^\r\n]|%s(?=[\t ]))*+)" % _END  # of a field; with the obsolete space (RFC 5322, 4.5)
_HEADERS = re.compile(rb"(?:(?:From |[!-9;-~]*+[\t ]*+:|[\t ])[^\r\n]*+(?:%s|\Z))*+" % _END)
_FIELD = re.compile(rb"(?<![^\r\n])(%s)%s" % ("|".join(_FIELDS).encode(), _REST), re.IGNORECASE)
_ENCODING_FIELD = re.compile(rb"^content-transfer-encoding%s%s" % (_REST, _END), re.IGNORECASE | re.MULTILINE)
_LINE_END = re.compile(_END)
_BOUNDARY_REST = re.compile(rb"(--)?+[\t ]*+(%s|\Z)" % _END)


@dataclass(slots=True, eq=False)
class Part:
    """A part of a message, or the message itself."""

    headers: "Message[str, str]"
    """The first of each header that counts here."""
    source: "Message[Any, Any] | None" = None
    """The part itself, of a message object."""
    path: tuple[int, ...] = ()
    """There, the index of each part down to it."""
    span: Span = (0, 0)
    """The place of its body in a message's bytes."""
    head: Span = (0, 0)
    """The place of its headers."""
    children: "list[Part] | None" = None
    """The parts of a multipart; None for other parts, and for a broken one."""
    broken: bool = False
    """Whether its headers or its parts cannot be read for certain."""
    content_type: str = field(init=False, default="application/octet-stream")
    disposition: str = field(init=False, default="")
    filename: bool = field(init=False, default=False)
    """Whether it has a file name, as attachments do."""
    mechanism: str | None = field(init=False, default=None)
    """The value of its `Content-Transfer-Encoding`; None where it has none."""
    boundary: bytes | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        # The standard library's header parsing raises for some malformed headers.
        try:
            headers = self.headers
            values = [value for name in _READ if (value := headers.get(name)) is not None]
            if any(len(value) > _MAX_FIELD or value.count(";") > _MAX_PARAMETERS for value in values):
                raise ValueError
            self.content_type = headers.get_content_type()
            self.disposition = headers.get_content_disposition() or ""
            self.filename = headers.get_filename() is not None
            self.mechanism = headers.get("content-transfer-encoding")
            boundary = headers.get_boundary()
            self.boundary = boundary.encode("ascii") if boundary else None
        except Exception:
            self.broken = True

    @property
    def is_multipart(self) -> bool:
        """Whether its type is a multipart one."""
        return self.content_type.startswith("multipart/")

    def parameter(self, name: str) -> str:
        """Return a parameter of its `Content-Type`; empty for none."""
        try:
            return collapse_rfc2231_value(self.headers.get_param(name, "")).strip()
        except Exception:  # as above
            return ""

    def walk(self) -> "Iterator[Part]":
        """Yield it and all parts below, in the order of the message."""
        yield self
        for child in self.children or ():
            yield from child.walk()


def read_bytes(raw: bytes) -> Part:
    """Return the parts of a message's bytes."""
    return _Reader(raw).part(0, len(raw), "text/plain", 0)


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._known: dict[tuple[object, ...], Part] = {}
        """A part for each set of headers; parts with the same headers share them."""
        self._parts = 0

    def part(self, start: int, end: int, default_type: str, depth: int) -> Part:
        raw = self._raw
        self._parts += 1
        found = _HEADERS.match(raw, start, end)
        assert found is not None
        head_end = found.end()
        blank = _LINE_END.match(raw, head_end, end)
        body = blank.end() if blank else head_end
        # An mbox line ("From ") before the headers or between them is none; behind them it is the first of the body.
        last = raw.rfind(b"\n", start, max(head_end - 1, start)) + 1
        if start < last and head_end < end and raw.startswith(b"From ", last, head_end):
            head_end = body = last
        part = self._headed(raw[start:head_end], default_type)
        part.head, part.span = (start, head_end), (body, end)
        # Readers differ about a lone CR, a line end for some.
        part.broken |= b"\r" in raw[start:body].replace(b"\r\n", b"")
        if part.is_multipart and not part.broken:
            part.children = self._children(part, depth)
            part.broken = part.children is None
        return part

    def _headed(self, head: bytes, default_type: str) -> Part:
        found = (field.groups() for field in _FIELD.finditer(head))
        fields, ambiguous = _read((name.decode().lower(), value.decode("latin-1")) for name, value in found)
        key = (default_type, ambiguous, *fields.items())
        if key not in self._known:
            self._known[key] = Part(_headers(fields, default_type), broken=ambiguous)
        return copy(self._known[key])

    def _children(self, part: Part, depth: int) -> list[Part] | None:
        (start, end) = part.span
        if not part.boundary or depth >= MAX_DEPTH:
            return None
        default_type = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        children: list[Part] = []
        opened: int | None = None
        for at, line in self._delimiters(b"--" + part.boundary, start, end):
            last, line_end = line.groups()
            if (self._raw[at - 1 : at] == b"\r" and at > start) or line_end == b"\r" or opened == at:
                return None
            if opened is not None:
                if self._parts >= MAX_PARTS:
                    return None
                children.append(self.part(opened, _without_end(self._raw, opened, at), default_type, depth + 1))
            elif last:
                return None
            if last:
                return children
            opened = line.end()
        if opened is None or self._parts >= MAX_PARTS:
            return None
        if end == len(self._raw):
            end = _without_end(self._raw, opened, end)  # as with the boundary that is missing
        return [*children, self.part(opened, end, default_type, depth + 1)]

    def _delimiters(self, delimiter: bytes, start: int, end: int) -> Iterator[tuple[int, re.Match[bytes]]]:
        """Yield where each delimiter line starts, and a match of what follows the boundary in it."""
        raw = self._raw
        at = start if raw.startswith(delimiter, start, end) else -1
        line_ends = (b"\n", b"\r")
        following = [_find(raw, line_end + delimiter, start, end) for line_end in line_ends]
        while at >= 0 or min(following) < end:
            if at < 0:
                number = following.index(min(following))
                at = following[number] + 1
                following[number] = _find(raw, line_ends[number] + delimiter, at, end)
            if line := _BOUNDARY_REST.match(raw, at + len(delimiter), end):
                yield at, line
            at = -1


def _find(raw: bytes, wanted: bytes, start: int, end: int) -> int:
    """Return where the text is found next; `end` for nowhere."""
    at = raw.find(wanted, start, end)
    return end if at < 0 else at


def _read(found: Iterable[tuple[str, str]]) -> tuple[dict[str, str], bool]:
    """Return the first of each field, and whether one that decides how the part is read has another value too.

    Python reads the first of them, nodemailer the last, Dovecot the first content type and the last transfer encoding.
    """
    fields: dict[str, str] = {}
    ambiguous = False
    for name, value in found:
        ambiguous |= fields.setdefault(name, value).rstrip() != value.rstrip() and name in _READ
    return fields, ambiguous


def _headers(fields: dict[str, str], default_type: str) -> "Message[str, str]":
    headers: Message[str, str] = Message(compat32)
    for name, value in fields.items():
        headers[name] = value
    headers.set_default_type(default_type)
    return headers


def _without_end(raw: bytes, start: int, end: int) -> int:
    """Return the end of a text without its line end, which belongs to the boundary behind it (RFC 2046, 5.1.1)."""
    for line_end in (b"\r\n", b"\n", b"\r"):
        if raw.endswith(line_end, start, end):
            return end - len(line_end)
    return end


def read_message(message: "Message[Any, Any]") -> Part:
    """Return the parts of a message object."""
    return _ObjectReader().part(message, ())


class _ObjectReader:
    def __init__(self) -> None:
        self._parts = 0

    def part(self, message: "Message[Any, Any]", path: tuple[int, ...]) -> Part:
        named = ((name.strip().lower(), str(value)) for name, value in message.raw_items())
        found = ((name, octets(value)[0].decode("latin-1")) for name, value in named if name in _FIELDS)
        fields, ambiguous = _read(found)
        headers = _headers(fields, message.get_default_type())
        part = Part(headers, source=message, path=path, broken=ambiguous or misses_headers(message))
        if part.is_multipart and not part.broken:
            part.children = self._children(message, path)
            part.broken = part.children is None
        return part

    def _children(self, message: "Message[Any, Any]", path: tuple[int, ...]) -> list[Part] | None:
        children = message.get_payload()
        if not isinstance(children, list) or len(path) >= MAX_DEPTH:
            return None
        self._parts += len(children)
        if self._parts >= MAX_PARTS or not all(isinstance(child, Message) for child in children):
            return None
        return [self.part(child, (*path, index)) for index, child in enumerate(children)]


def encoding_fields(raw: bytes, head: Span) -> tuple[Span, ...]:
    """Return where the values of the `Content-Transfer-Encoding` fields among these headers are."""
    return tuple(found.span(1) for found in _ENCODING_FIELD.finditer(raw, *head))

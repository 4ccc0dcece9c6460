"""The parts of a message (RFC 2045, 2046): of its bytes, with exact positions, or of an `email` message object.

The standard library reads the headers. It gives no positions, so the bytes are cut into parts here, at the same places
as there. A multipart whose bytes can be cut in more than one way stays whole and is `broken`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32
from email.utils import collapse_rfc2231_value
from typing import Any, Final

Span = tuple[int, int]

MAX_DEPTH: Final = 50
"""How deep multiparts can be nested."""
MAX_PARTS: Final = 10_000
"""How many parts a message can have."""
_MAX_FIELD = 4096  # octets of a header in _FIELDS: longer ones would take quadratic time

_FIELDS = ("content-type", "content-disposition", "content-transfer-encoding")
_END = rb"(?:\r\n|\n|\r)"
_HEADERS = re.compile(rb"(?:(?:From |[!-9;-~]*+:|[\t ])[^\r\n]*+(?:%s|\Z))*+" % _END)
_LINE_END = re.compile(_END)
_BOUNDARY_REST = re.compile(rb"(--)?+[\t ]*+(%s|\Z)" % _END)
_ENCODING_FIELD = re.compile(
    rb"^content-transfer-encoding:[\t ]*+((?:[^\r\n]|%s(?=[\t ]))*+)" % _END, re.IGNORECASE | re.MULTILINE
)


@dataclass(slots=True, eq=False)
class Part:
    """A part of a message, or the message itself."""

    headers: "Message[str, str]"
    """Its headers, read by the standard library."""
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
    mechanism: str = field(init=False, default="")
    """The value of its `Content-Transfer-Encoding`."""
    boundary: bytes | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        # The standard library's header parsing raises for some malformed headers.
        try:
            headers = self.headers
            if any(len(str(headers.get(name, ""))) > _MAX_FIELD for name in _FIELDS):
                raise ValueError
            self.content_type = headers.get_content_type()
            self.disposition = headers.get_content_disposition() or ""
            self.filename = headers.get_filename() is not None
            self.mechanism = str(headers.get("content-transfer-encoding", ""))
            boundary = headers.get_boundary()
            self.boundary = boundary.encode("latin-1") if boundary else None
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
        self._parser = HeaderParser(policy=compat32)
        self._parts = 0

    def part(self, start: int, end: int, default_type: str, depth: int) -> Part:
        raw = self._raw
        self._parts += 1
        found = _HEADERS.match(raw, start, end)
        assert found is not None
        head_end = found.end()
        blank = _LINE_END.match(raw, head_end, end)
        body = blank.end() if blank else head_end
        headers = self._parser.parsestr(raw[start:head_end].decode("latin-1"))
        headers.set_default_type(default_type)
        part = Part(headers, span=(body, end), head=(start, head_end))
        # Readers differ about a lone CR, a line end for some, and about a header in a place where none can be.
        part.broken |= b"\r" in raw[start:body].replace(b"\r\n", b"") or bool(headers.get_payload())
        if part.is_multipart and not part.broken:
            part.children = self._children(part, depth)
            part.broken = part.children is None
        return part

    def _children(self, part: Part, depth: int) -> list[Part] | None:
        boundary, (start, end) = part.boundary, part.span
        if not boundary or depth >= MAX_DEPTH:
            return None
        raw, delimiter = self._raw, b"--" + boundary
        default_type = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        children: list[Part] = []
        opened: int | None = None
        at = raw.find(delimiter, start, end)
        while at >= 0:
            line = _BOUNDARY_REST.match(raw, at + len(delimiter), end)
            before = raw[at - 1 : at] if at > start else b"\n"
            if line is None or before not in b"\r\n":
                at = raw.find(delimiter, at + 1, end)
                continue
            last, line_end = line.groups()
            if before == b"\r" or line_end == b"\r" or opened == at or (opened is None and last):
                return None
            if opened is not None:
                if self._parts >= MAX_PARTS:
                    return None
                children.append(self.part(opened, _without_end(raw, opened, at), default_type, depth + 1))
            if last:
                return children
            opened = line.end()
            at = raw.find(delimiter, opened, end)
        if opened is None:
            return None
        if end == len(raw):
            end = _without_end(raw, opened, end)  # as with the boundary that is missing
        return [*children, self.part(opened, end, default_type, depth + 1)]


def _without_end(raw: bytes, start: int, end: int) -> int:
    """Return the end of a text without its line end, which belongs to the boundary behind it (RFC 2046, 5.1.1)."""
    for line_end in (b"\r\n", b"\n", b"\r"):
        if raw.endswith(line_end, start, end):
            return end - len(line_end)
    return end


def read_message(message: "Message[Any, Any]") -> Part:
    """Return the parts of a message object."""
    return _read_object(message, ())


def _read_object(message: "Message[Any, Any]", path: tuple[int, ...]) -> Part:
    headers: Message[str, str] = Message(compat32)
    for name, value in message.raw_items():
        headers[name] = str(value)
    headers.set_default_type(message.get_default_type())
    part = Part(headers, source=message, path=path)
    if part.is_multipart and not part.broken:
        children = message.get_payload()
        if (
            isinstance(children, list)
            and len(path) < MAX_DEPTH
            and all(isinstance(child, Message) for child in children)
        ):
            part.children = [_read_object(child, (*path, index)) for index, child in enumerate(children)]
        part.broken = part.children is None
    return part


def encoding_field(raw: bytes, head: Span) -> Span | None:
    """Return where the value of the first `Content-Transfer-Encoding` among these headers is; None for none."""
    found = _ENCODING_FIELD.search(raw, *head)
    return found.span(1) if found else None

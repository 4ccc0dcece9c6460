"""A compiled message: its parts, the action for each, and the bodies to fill in for each recipient."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, cast

from .._compiled import Compiled, Filling
from ..link import Link
from ..template import LinkTemplate

if TYPE_CHECKING:
    from email.message import Message

    from .transfer import Body

Mail = TypeVar("Mail", bound="bytes | Message[Any, Any]")
Fill = Callable[[Compiled[bytes]], Filling]
"""Returns the texts for the slots of a body."""

PartReason = Literal[
    "attachment",
    "forwarded",
    "not-a-body",
    "further-body",
    "text-off",
    "delsp",
    "empty",
    "signed",
    "encrypted",
    "malformed",
    "transfer-encoding",
    "charset",
]
"""Why a part is kept as it is."""

_ENCODING = "Content-Transfer-Encoding"


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A part of a message that has no parts itself, and whether it is wrapped."""

    content_type: str
    action: Literal["wrapped", "kept"]
    reason: PartReason | None
    """Why it is kept; None where it is wrapped."""
    transfer_encoding: str
    """Its `Content-Transfer-Encoding` in lower case, `7bit` where it has none."""
    template: LinkTemplate[bytes] | None = field(default=None, repr=False)
    """Its compiled content; None where it is kept."""

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link in it, with the decision about it; positions are those of its decoded content."""
        return self.template.links if self.template else ()


class Place(NamedTuple):
    """The place of a body that is wrapped in its message."""

    body: "Body"
    span: tuple[int, int] = (0, 0)
    """In a message's bytes."""
    fields: tuple[tuple[int, int], ...] = ()
    """There, the values of its `Content-Transfer-Encoding`: none, or the same as often as it is there."""
    field_at: int = 0
    """There, the place for such a field."""
    line_end: bytes = b""
    path: tuple[int, ...] = ()
    """In a message object: the index of each part down to it."""
    wide: bool = False
    """Whether its payload there is of characters, not of bytes; the body is UTF-8 then."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MessageTemplate(Generic[Mail]):
    """A message with slots, made by `LinkWrapper.compile_message` and filled in by `LinkWrapper.render`.

    It is plain data, as a `LinkTemplate` is, and can be pickled where its message can.
    """

    source: Mail
    """The message as it came in; a copy of a message object.

    Headers that the standard library took for a body, because of a space before a colon, are headers in the copy.
    """
    parts: tuple[MessagePart, ...]
    """The parts that have no parts themselves, in the order of the message, and whether each is wrapped."""
    _places: tuple[Place, ...]

    def __repr__(self) -> str:
        wrapped = [part.content_type for part in self.parts if part.action == "wrapped"]
        return f"<MessageTemplate: {len(self.parts)} parts, to wrap: {', '.join(wrapped) or 'none'}>"


def fill_message(template: MessageTemplate[Mail], fill: Fill) -> Mail:
    """Return the message for one recipient; `fill` returns the texts for the slots of a body."""
    source: object = template.source
    if isinstance(source, bytes):
        return cast("Mail", _spliced(source, template._places, fill))
    return cast("Mail", _replaced(cast("Message[Any, Any]", source), template._places, fill))


def _spliced(raw: bytes, places: tuple[Place, ...], fill: Fill) -> bytes:
    view = memoryview(raw)
    pieces: list[bytes | memoryview] = []
    position = 0
    for place in places:
        body, mechanism = _fill(place.body, fill)
        start, end = place.span
        if mechanism != place.body.mechanism:
            encoding = mechanism.encode()
            for at, until in place.fields:
                pieces += [view[position:at], encoding]
                position = until
            if not place.fields:
                pieces += [view[position : place.field_at], _ENCODING.encode(), b": ", encoding, place.line_end]
                position = place.field_at
        pieces += [view[position:start], body]
        position = end
    return b"".join([*pieces, view[position:]])


def _replaced(source: "Message[Any, Any]", places: tuple[Place, ...], fill: Fill) -> "Message[Any, Any]":
    from .objects import copy_message  # imports email, which takes as long as the rest of linkwrap

    message = copy_message(source)
    for place in places:
        body, mechanism = _fill(place.body, fill)
        part = message
        for index in place.path:
            part = cast("Message[Any, Any]", part.get_payload(index))
        part.set_payload(
            body.decode("utf-8", "surrogatepass") if place.wide else body.decode("ascii", "surrogateescape")
        )
        if mechanism == place.body.mechanism:
            continue
        if len(part.get_all(_ENCODING, [])) == 1:
            part.replace_header(_ENCODING, mechanism)
        else:
            del part[_ENCODING]
            part[_ENCODING] = mechanism
    return message


def _fill(body: "Body", fill: Fill) -> tuple[bytes, str]:
    filled, mechanism = body.fill(fill(body.compiled))
    if mechanism != body.mechanism:
        import logging  # takes a quarter of the time that importing linkwrap takes

        from .transfer import MAX_LINE

        message = "a %s body became %s: a line of it would pass %d octets"
        logging.getLogger("linkwrap").info(message, body.mechanism, mechanism, MAX_LINE)
    return filled, mechanism

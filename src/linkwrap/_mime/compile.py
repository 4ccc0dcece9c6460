"""From a message to a `MessageTemplate`: which of its parts are wrapped, their contents, and their links."""

import codecs
import re
from collections.abc import Iterator, Sequence
from email.message import Message
from typing import Any, NamedTuple, cast

from .._compiled import Compiled, compile_html, compile_text
from .._decide.decider import Decider
from .._faults import Faults
from .._markup.encodings import UTF_16_BE, UTF_16_LE, codec_of_label
from ..template import LinkTemplate
from .bodies import AMP, PLAIN, leaves, seal_of_content, seal_of_structure
from .objects import copy_message, octets, with_headers
from .structure import Part, encoding_fields, read_bytes, read_message
from .template import Mail, MessagePart, MessageTemplate, PartReason, Place
from .transfer import Mechanism, decode, encode, line_end, open_body, read_mechanism

# Charsets in which a tag has other bytes than in ASCII, and which have no WHATWG label.
_UNREADABLE = re.compile(
    r".*utf-?(?:7|32).*|.*ucs-?4.*|.*ebcdic.*|(?:cp|ibm)-?0?(?:37|273|424|500|875|1026|1140)", re.ASCII
)
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)
_HEAD = 1024
_ASCII = frozenset(("ansi_x3.4-1968", "ascii", "us-ascii"))


class _Content(NamedTuple):
    """The content of a body."""

    raw: bytes
    """As it is encoded."""
    mechanism: Mechanism
    content: bytes
    encoding: str | None
    """Its charset; None to find it out."""
    wide: bool
    """Whether the payload is of characters, not of bytes."""


def check_message(message: object, text: object, faults: Faults) -> None:
    """Add what is wrong with the arguments of `LinkWrapper.compile_message`."""
    if not isinstance(message, bytes | Message):
        expected = "bytes, an EmailMessage or a Message"
        if isinstance(message, str):
            expected += " (in a str, mail that is not ASCII has lost its bytes)"
        faults.wrong_type("message", expected, message)
    if not isinstance(text, bool):
        faults.wrong_type("text", "bool", text)


def compile_message(message: Mail, decider: Decider, *, text: bool) -> MessageTemplate[Mail]:
    """Find the bodies of a message, which is `bytes` or a `Message`, and compile each; with `text` plain text too."""
    given: object = message
    if isinstance(given, bytes):
        source, root = message, read_bytes(given)
    else:
        message = cast("Mail", copy_message(cast("Message[Any, Any]", given)))
        source = cast("Mail", with_headers(cast("Message[Any, Any]", message)))
        root = read_message(cast("Message[Any, Any]", source))
    found = [(part, reason or _content(part, source)) for part, reason in leaves(root)]
    seals = (
        seal_of_content(held.content, html=part.content_type != PLAIN)
        for part, held in found
        if isinstance(held, _Content)
    )
    seal = seal_of_structure(root) or next(filter(None, seals), None)
    kept = [seal or _kept(part, held, text=text) for part, held in found]
    html = {
        number: (part, held)
        for number, (part, held) in enumerate(found)
        if kept[number] is None and part.content_type != PLAIN and isinstance(held, _Content)
    }
    compiled_html = dict(zip(html, _compile(list(html.values()), decider), strict=True))
    opted_out = _opted_out(list(html.values()), list(compiled_html.values()), decider) if text else frozenset[str]()
    parts: list[MessagePart] = []
    places: list[Place] = []
    for number, (part, held) in enumerate(found):
        mechanism = read_mechanism(part.mechanism) or (part.mechanism or "").strip().lower()
        reason = kept[number]
        if reason or not isinstance(held, _Content):
            parts.append(MessagePart(part.content_type, "kept", reason, mechanism))
            continue
        compiled = compiled_html.get(number)
        if compiled is None:
            compiled = compile_text(held.content, decider, held.encoding, opted_out=opted_out)
        parts.append(MessagePart(part.content_type, "wrapped", None, mechanism, LinkTemplate(compiled)))
        places.append(_place(part, held, compiled, source))
    return MessageTemplate(source if places else message, tuple(parts), tuple(places))


def _kept(part: Part, held: _Content | PartReason, *, text: bool) -> PartReason | None:
    """Return why a part stays as it is; None for one that is wrapped."""
    if not isinstance(held, _Content):
        return held
    if part.content_type != PLAIN:
        return None
    if not text:
        return "text-off"
    return "delsp" if part.parameter("delsp").lower() == "yes" else None


def _compile(bodies: Sequence[tuple[Part, _Content]], decider: Decider) -> list[Compiled[bytes]]:
    return [
        compile_html(held.content, decider, held.encoding, part="amp" if part.content_type == AMP else None)
        for part, held in bodies
    ]


def _opted_out(
    bodies: Sequence[tuple[Part, _Content]], compiled: Sequence[Compiled[bytes]], decider: Decider
) -> frozenset[str]:
    """Return the destinations that are opted out wherever they occur in these bodies."""
    marked = {one.url for body in compiled for one in body.decisions if one.reason == "opted-out" and one.url}
    if not marked:
        return frozenset()
    # A policy's `destination` has changed the destinations of the links that are not opted out.
    if decider.asks:
        compiled = _compile(bodies, decider.unasked())
    return frozenset(marked - {one.url for body in compiled for one in body.decisions if one.reason != "opted-out"})


def _content(part: Part, source: object) -> _Content | PartReason:
    """Return the content of a body, or the reason why it cannot be wrapped."""
    if isinstance(source, bytes):
        raw, wide = source[slice(*part.span)], False
    else:
        payload = vars(part.source).get("_payload")
        if not isinstance(payload, str):
            return "empty" if payload is None else "malformed"
        raw, wide = octets(payload)
    mechanism = read_mechanism(part.mechanism)
    content = decode(raw, mechanism) if mechanism else None
    if mechanism is None or content is None or (wide and content != raw):
        return "transfer-encoding"
    if not content.strip(b"\t\n\f\r "):
        return "empty"
    if wide:
        return _Content(raw, "binary", content, "utf-8", wide)
    charset = part.parameter("charset").strip("\"' ").lower()
    if _UNREADABLE.fullmatch(charset):
        return "charset"
    return _Content(raw, mechanism, content, _encoding(charset, content), wide)


def _encoding(charset: str, content: bytes) -> str | None:
    """Return the charset that a part declares; None for none, or where its content shows that it is wrong.

    A byte order mark wins (WHATWG Encoding 6), only UTF-16 has NULs, and ASCII has only ASCII.
    """
    codec = codec_of_label(charset)
    if codec is None or content.startswith(_MARKS) or (charset in _ASCII and not content.isascii()):
        return None
    return charset if (codec in (UTF_16_BE, UTF_16_LE)) is (b"\0" in content[:_HEAD]) else None


def _place(part: Part, held: _Content, compiled: Compiled[bytes], source: object) -> Place:
    if not isinstance(source, bytes):
        return Place(open_body(held.raw, held.mechanism, compiled, b"\n"), path=part.path, wide=held.wide)
    end = line_end(source[part.head[1] : part.span[0]]) or line_end(source[slice(*part.head)]) or b"\r\n"
    body = open_body(held.raw, held.mechanism, compiled, end)
    return Place(body, part.span, encoding_fields(source, part.head), part.head[1], end)


def open_bodies(message: "Message[Any, Any]") -> Iterator[tuple[Part, _Content]]:
    """Yield each HTML, AMP and plain-text body of a message object and its content, where that can be decoded.

    Args:
        message: The message, from `with_headers`.
    """
    for part, reason in leaves(read_message(message)):
        content = _content(part, message) if reason in (None, "further-body") else None
        if isinstance(content, _Content):
            yield part, content


def replace_content(part: Part, old: _Content, new: bytes) -> None:
    """Put another content into a body of a message object, in the transfer encoding that it has."""
    encoded = new if old.wide else encode(new, old.mechanism, old.raw)
    charset, errors = ("utf-8", "surrogatepass") if old.wide else ("ascii", "surrogateescape")
    cast("Message[Any, Any]", part.source).set_payload(encoded.decode(charset, errors))

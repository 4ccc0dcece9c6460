"""What the tests of messages share: parts as the standard library reads them, and wrapped content put back."""

import email
import quopri
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from typing import Any

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap._mime.template import MessagePart
from linkwrap._pixels import AMP_PIXEL, INITIAL_PIXEL, OPEN_PIXEL

KEYS = SigningKeys("the key of the tests on messages")
RESOLVER = Resolver(KEYS)
HOST = "click.acme.test"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST, initial_open=True)
SENT_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
METADATA = {"message_id": "m-0123456789", "rcpt": "r-0123456789"}
URL = re.compile(r"https://click\.acme\.test/(?:f/[A-Za-z0-9_-]+|q)/[A-Za-z0-9._-]+")


def parse(raw: bytes) -> Message:
    """The message, its payloads with one character for one byte."""
    return email.message_from_string(raw.decode("latin-1"))


def leaves(message: Message) -> Iterator[Message]:
    """The parts without parts, a forwarded message being one."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            yield from leaves(part)  # type: ignore[arg-type]
    else:
        yield message


def content(part: Message) -> bytes:
    """The decoded content of a part, its transfer encoding read as mail clients do where it is misspelt."""
    said = str(part.get("content-transfer-encoding", "")).lower()
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    if "quoted" in said and said != "quoted-printable":
        return quopri.decodestring(payload)
    return payload


def put_back(wrapped: bytes, part: MessagePart) -> bytes:
    """Wrapped content without pixels and with the values that its part's links had."""
    assert part.template is not None
    compiled = part.template._compiled
    source, codec = compiled.source, compiled.charset if compiled.unit == 2 else "latin-1"
    text = wrapped.decode(codec or "latin-1", "surrogatepass")
    for pixel in (OPEN_PIXEL, INITIAL_PIXEL, AMP_PIXEL):
        text = re.sub(re.escape(pixel).replace(r"\{\}", URL.pattern), "", text)
    values = (
        source[link.start : link.end].decode(codec or "latin-1", "surrogatepass") for link in part.links if link.wrapped
    )
    text = URL.sub(lambda _: next(values), text)
    assert next(values, None) is None, "fewer redirect URLs than wrapped links"
    return text.encode(codec or "latin-1", "surrogatepass")


def destinations(text: str) -> list[str]:
    """Where the redirect URLs in a text lead, without the pixels."""
    return [RESOLVER.resolve_click(url[0]).url for url in URL.finditer(text) if "/f/" in url[0]]


def defects(message: Message) -> list[type[Any]]:
    """The kinds of defects that the standard library found in a message and its parts."""
    return [type(defect) for part in message.walk() for defect in part.defects]

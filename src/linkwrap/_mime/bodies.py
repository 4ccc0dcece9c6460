"""Which parts of a message are its bodies, and whether a signature or encryption forbids to change it."""

import codecs
from collections.abc import Iterator
from typing import Final, Literal

from .structure import SIGNATURES, Part

HTML: Final = "text/html"
PLAIN: Final = "text/plain"
AMP: Final = "text/x-amp-html"
BODY_TYPES: Final = frozenset((HTML, PLAIN, AMP))

NoBody = Literal["attachment", "forwarded", "malformed", "not-a-body", "further-body"]
Seal = Literal["signed", "encrypted"]

_SMIME = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_PGP: tuple[tuple[bytes, Seal], ...] = (
    (b"-----BEGIN PGP SIGNED MESSAGE-----", "signed"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted"),
)
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)
_INDENT = 64  # spaces before the armor in HTML; a bound, so that the time is linear


def leaves(root: Part) -> Iterator[tuple[Part, NoBody | None]]:
    """Yield each part that has no parts itself, in the order of the message, and why it is no body; None for a body.

    The bodies are the first HTML, the first plain-text and the first AMP part that a client shows: not an attachment,
    not inside a forwarded message, and of `multipart/related` only in its root (RFC 2387, 3.2). A part of a multipart
    that has a file name is an attachment even where it is `inline`.
    """
    found: set[str] = set()
    for part, reason in _leaves(root, None, top=True):
        if reason is None and part.content_type in found:
            yield part, "further-body"
            continue
        if reason is None:
            found.add(part.content_type)
        yield part, reason


def seal_of_structure(root: Part) -> Seal | None:
    """Return what forbids to change the message, a signature over it or encryption; None for neither."""
    if any(name in root.headers for name in SIGNATURES):
        return "signed"
    if root.content_type in _SMIME:
        return "signed" if root.parameter("smime-type").lower() == "signed-data" else "encrypted"
    for part in root.walk():
        if part.content_type == "multipart/signed":
            return "signed"
        if part.content_type == "multipart/encrypted":
            return "encrypted"
    return None


def seal_of_content(content: bytes, *, html: bool) -> Seal | None:
    """Return the same for a body, by inline PGP (RFC 9580, 6.2 and 7): in HTML also behind a tag."""
    text = content.replace(b"\0", b"") if b"\0" in content else content  # ASCII in UTF-16
    for armor, seal in _PGP:
        at = text.find(armor)
        while at >= 0:
            before = text[max(at - _INDENT, 0) : at]
            if html:
                before = before.rstrip(b"\t ")
            if before.endswith((b"\n", b"\r", b">") if html else (b"\n", b"\r")):
                return seal
            if (not before and at < _INDENT) or (before in _MARKS and at <= _INDENT):
                return seal
            at = text.find(armor, at + 1)
    return None


def _leaves(part: Part, reason: NoBody | None, *, top: bool = False) -> Iterator[tuple[Part, NoBody | None]]:
    if reason is None and (part.disposition == "attachment" or (part.filename and not top)):
        reason = "attachment"
    if part.children is not None:
        root = _root(part, part.children)
        for child in part.children:
            yield from _leaves(child, reason or (None if root is None or child is root else "not-a-body"))
    elif part.content_type.startswith("message/"):
        yield part, reason or "forwarded"
    elif part.broken:
        yield part, reason or "malformed"
    else:
        yield part, reason or (None if part.content_type in BODY_TYPES else "not-a-body")


def _root(part: Part, children: list[Part]) -> Part | None:
    """Return the only part of a multipart that can hold a body; None where each can."""
    if part.content_type != "multipart/related" or not children:
        return None
    start = part.parameter("start").strip("<>")
    named = (child for child in children if child.headers.get("content-id", "").strip("\t\r\n <>") == start)
    return (next(named, None) if start else None) or children[0]

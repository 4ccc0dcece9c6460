"""Which parts of a message are its bodies, and whether a signature or encryption forbids to change it."""

from collections.abc import Iterator
from typing import Final, Literal

from .structure import Part

HTML: Final = "text/html"
PLAIN: Final = "text/plain"
AMP: Final = "text/x-amp-html"
BODY_TYPES: Final = frozenset((HTML, PLAIN, AMP))

NoBody = Literal["attachment", "forwarded", "malformed", "not-a-body", "further-body"]
Seal = Literal["signed", "encrypted"]

# They cover the bodies: ARC's signature as DKIM's does (RFC 8617, 4.1.2), and DomainKeys'.
_SIGNATURES = ("dkim-signature", "arc-message-signature", "domainkey-signature")
_SMIME = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_PGP: tuple[tuple[bytes, Seal], ...] = (
    (b"-----BEGIN PGP SIGNED MESSAGE-----", "signed"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted"),
)


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
    if any(name in root.headers for name in _SIGNATURES):
        return "signed"
    if root.content_type in _SMIME:
        return "signed" if root.parameter("smime-type").lower() == "signed-data" else "encrypted"
    for part in root.walk():
        if part.content_type == "multipart/signed":
            return "signed"
        if part.content_type == "multipart/encrypted":
            return "encrypted"
    return None


def seal_of_content(content: bytes) -> Seal | None:
    """Return the same for a body, by inline PGP (RFC 9580, 6.2 and 7)."""
    for armor, seal in _PGP:
        at = content.find(armor)
        while at >= 0:
            if at == 0 or content[at - 1 : at] == b"\n":
                return seal
            at = content.find(armor, at + 1)
    return None


def _leaves(part: Part, reason: NoBody | None, *, top: bool = False) -> Iterator[tuple[Part, NoBody | None]]:
    if reason is None and (part.disposition == "attachment" or (part.filename and not top)):
        reason = "attachment"
    if part.children is not None:
        shown = _shown(part, part.children)
        for child in part.children:
            yield from _leaves(child, reason or (None if child in shown else "not-a-body"))
    elif part.content_type.startswith("message/"):
        yield part, reason or "forwarded"
    elif part.broken:
        yield part, reason or "malformed"
    else:
        yield part, reason or (None if part.content_type in BODY_TYPES else "not-a-body")


def _shown(part: Part, children: list[Part]) -> list[Part]:
    """Return the parts of a multipart that can hold a body."""
    if part.content_type != "multipart/related":
        return children
    start = part.parameter("start").strip("<>")
    root = [
        child for child in children if start and str(child.headers.get("content-id", "")).strip("\t\r\n <>") == start
    ]
    return root[:1] or children[:1]

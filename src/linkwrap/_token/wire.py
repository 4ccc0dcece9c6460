"""Tokens: what a redirect URL carries (wire format 2, docs/token.md).

    click        /f/SUBLINK/TOKEN     TOKEN = "2" PLACE LINK "." CONTEXT "." SIGNATURE
    open         /q/TOKEN             TOKEN = "2" LINK "." CONTEXT "." SIGNATURE
    unsubscribe  /u/TOKEN             the same

A signature covers the whole path before it. A token that `read` returns was made with one of the keys, for that host,
and no character of the path up to its end was changed. Mail clients and people put characters behind a URL: a rest
behind the signature is ignored, unless it could be part of a token or name another path. Nothing of a token is decoded
before its signature verifies, and its length is bounded first of all. A token is signed, not encrypted. No exception's
message holds a key, a metadata value or a part of a token.
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from ..errors import InvalidToken
from ..keys import SigningKeys
from ..link import MAX_LINK_NAME, Part
from .packing import (
    MAX_ACCOUNT_ID,
    MAX_METADATA,
    UNSUBSCRIBE,
    decode_context,
    decode_link,
    encode_context,
    encode_link,
    pack_place,
    unpack_place,
)

__all__ = [
    "AMP_OPEN",
    "INITIAL_OPEN",
    "MAX_ACCOUNT_ID",
    "MAX_LINK_NAME",
    "MAX_METADATA",
    "MAX_PATH",
    "OPEN",
    "Kind",
    "SharedSlots",
    "Token",
    "challenge_response",
    "decode_path",
    "encode_context",
    "encode_link",
    "message_urls",
    "pixel_slot",
    "read",
    "slot",
    "unsubscribe_url",
    "verifies_challenge",
]

MAX_PATH: Final = 32_768
"""Characters of a path that `read` reads; every token fits."""
OPEN: Final = "o"
"""The LINK part of the open pixel."""
INITIAL_OPEN: Final = "i"
"""The LINK part of the initial-open pixel."""
AMP_OPEN: Final = "a"
"""The LINK part of the open pixel of an AMP body."""

Kind = Literal["click", "open", "unsubscribe"]

_PATH = re.compile(
    r"/(?:f/([\w-]{1,64}+)|([qu]))/2([\w-]*+)\.([\w-]++)\.([\w-]{22})"
    # The rest: one "/", or what begins neither with a character of a token nor with "/" or ";", however often encoded:
    # proxies and caches read these as the beginning of another name.
    r"(?:/|(?![\w/;-]|%(?:25)*+(?:2[Ff]|3[Bb])).{1,512})?+",
    re.ASCII | re.DOTALL,
)
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)

_SIGNATURE = 22  # characters
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_PIXELS: Final[dict[str, Part]] = {OPEN: "html", INITIAL_OPEN: "html", AMP_OPEN: "amp"}


class Token(NamedTuple):  # it takes a quarter of the time of a frozen dataclass
    """The content of a token.

    `url`, `link_name`, `unsubscribe` and `sublink` are a click's ("", None, False and None for others), `initial` is an
    open's. `part` and `index` say which link it is: an open has no index, an unsubscribe neither. `sent_at` is in whole
    seconds since 1970, UTC; of an anonymous message, it is midnight.
    """

    kind: Kind
    url: str
    link_name: str | None
    unsubscribe: bool
    sublink: str | None
    initial: bool
    part: Part | None
    index: int | None  # type: ignore[assignment]  # in place of the method of tuples
    account_id: str
    metadata: dict[str, Any]
    sent_at: int
    anonymous: bool
    canonical: str
    """The path in its one spelling, without a rest: equal for requests that mean the same link of the same message."""


def slot(sublink: str, part: Part, index: int, link: str) -> str:
    """Return what is the same for every recipient in the paths of a link: all before CONTEXT.

    Args:
        sublink: Its sublink.
        part: The part of the message that it is in.
        index: Its number among all links of its document.
        link: Its LINK part.
    """
    return f"/f/{sublink}/2{pack_place(part, index)}{link}."


def pixel_slot(link: str) -> str:
    """Return what is before CONTEXT in the path of a pixel, given by its LINK part."""
    return f"/q/2{link}."


def message_urls(
    keys: SigningKeys,
    origin: str,
    host: str,
    context: str,
    slots: Iterable[str],
    pixels: Sequence[str] = (),
) -> list[str]:
    """Return the redirect URL of each link of a message, then the URL of each pixel.

    Args:
        keys: The first that is for the host signs.
        origin: What the URLs begin with: "https://click.acme.com".
        host: The host whose key signs: the host name alone, in lower-case A-labels.
        context: The CONTEXT part of the message.
        slots: A slot for each link.
        pixels: The LINK part of each pixel.

    Raises:
        OptionError: No key is for the host.
    """
    states = keys._states(host)
    copy_inner, copy_outer = states.inner.copy, states.outer.copy
    starts = [*slots, *map(pixel_slot, pixels)] if pixels else slots
    paths = [f"{start}{context}" for start in starts]
    # Not by a Signer: its calls for each link take as long as the MAC.
    digests = []
    for path in paths:
        inner = copy_inner()
        inner.update(path.encode())
        outer = copy_outer()
        outer.update(inner.digest())
        digests.append(outer.digest()[:16])
    return [f"{origin}{path}.{end}" for path, end in zip(paths, _signatures(digests), strict=True)]


class SharedSlots:
    """The slots of many messages that differ in CONTEXT only, hashed once.

    Args:
        keys: The first that is for the host signs.
        host: As in `message_urls`.
        slots: A slot for each link or pixel.

    Raises:
        OptionError: No key is for the host.
    """

    __slots__ = ("_hashed", "_outer")

    def __init__(self, keys: SigningKeys, host: str, slots: Iterable[str]) -> None:
        states = keys._states(host)
        self._outer = states.outer
        self._hashed = []
        for start in slots:
            inner = states.inner.copy()
            inner.update(start.encode())
            self._hashed.append(inner)

    def sign(self, context: str) -> list[str]:
        """Return the signatures for the slots of a message, without the "." before them."""
        copy_outer, data = self._outer.copy, context.encode()
        digests = []
        for hashed in self._hashed:
            inner = hashed.copy()
            inner.update(data)
            outer = copy_outer()
            outer.update(inner.digest())
            digests.append(outer.digest()[:16])
        return _signatures(digests)


def _signatures(digests: list[bytes]) -> list[str]:
    """Return digests of 16 bytes in base64url."""
    # With two bytes between them, each has 24 characters, so one call encodes all.
    text = b2a_base64(b"\0\0".join(digests), newline=False).translate(_URL_SAFE).decode()
    return [text[at : at + _SIGNATURE] for at in range(0, len(text), 24)]


def unsubscribe_url(keys: SigningKeys, origin: str, host: str, context: str) -> str:
    """Return a message's one-click unsubscribe URL; the rest as in `message_urls`."""
    path = f"/u/2{UNSUBSCRIBE}.{context}"
    return f"{origin}{path}.{keys._signer(host).get_signature(path).decode('ascii')}"


def challenge_response(keys: SigningKeys, nonce: str, host: str) -> str:
    """Return the response to the challenge `nonce`: a signature over it and `host`, in lower-case A-labels.

    Raises:
        InvalidToken: All keys are for some hosts only; its reason is "signature".
    """
    for signer in keys._challengers():
        return signer.get_signature(f"{host}/{nonce}".encode("utf-8", "surrogatepass")).decode("ascii")
    raise InvalidToken("keys for some hosts only make no challenge response", reason="signature")


def verifies_challenge(keys: SigningKeys, nonce: str, host: str, response: str) -> bool:
    """Return whether one of the keys makes this response to the challenge `nonce`."""
    return keys._verifies(keys._challengers(), f"{host}/{nonce}", response)


def read(keys: SigningKeys, host: str, raw_path: str) -> Token:
    """Return the content of the token in a path.

    Args:
        keys: All of them verify that are for the host.
        host: The host name that the request was for, in lower-case A-labels.
        raw_path: The path as it was sent, without query and fragment. It is percent-decoded here, once. Behind the
            signature, a rest of at most 512 characters is ignored: it must not begin with a character of a token, nor
            with "/" or ";", except that a single "/" may end the path.

    Raises:
        InvalidToken: Its reason is "too-long", "malformed" or "signature".
    """
    if len(raw_path) > MAX_PATH:
        raise InvalidToken(f"the path is longer than {MAX_PATH} characters", reason="too-long")
    path = decode_path(raw_path)
    if (match := _PATH.fullmatch(path)) is None:
        raise InvalidToken("the path does not have the form of a redirect URL", reason="malformed")
    sublink, letter, link, context, signature = match.groups()
    kind: Kind = "click" if letter is None else "open" if letter == "q" else "unsubscribe"
    if not keys._verifies(keys._signers(host), path[: match.end(4)], signature):
        raise InvalidToken("no key verifies the signature for this host", reason="signature")
    try:
        return _token(kind, sublink, link, context, path[: match.end(5)])
    except (ValueError, RecursionError):
        # Not from the cause, which may hold what was signed.
        raise InvalidToken("the signature verifies, but the content is malformed", reason="malformed") from None


def decode_path(raw_path: str) -> str:
    """Return a path percent-decoded once, each byte as the character with its number."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), raw_path) if "%" in raw_path else raw_path


def _token(kind: Kind, sublink: str | None, link: str, context: str, canonical: str) -> Token:
    account_id, metadata, sent_at, anonymous = decode_context(context)
    url, name, unsubscribe = "", None, False
    part: Part | None = None
    index: int | None = None
    if kind == "click":
        part, index, link = unpack_place(link)
        url, flags, name = decode_link(link)
        unsubscribe = UNSUBSCRIBE in flags
    elif kind == "open" and link in _PIXELS:
        part = _PIXELS[link]
    elif kind == "open" or link != UNSUBSCRIBE:
        raise ValueError("no pixel and no unsubscribe")
    return Token(
        kind,
        url,
        name,
        unsubscribe,
        sublink,
        kind == "open" and link == INITIAL_OPEN,
        part,
        index,
        account_id,
        metadata,
        sent_at,
        anonymous,
        canonical,
    )

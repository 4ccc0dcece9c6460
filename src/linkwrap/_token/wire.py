"""Tokens: what a redirect URL carries (wire format 1, docs/token.md).

    click: /f/SUBLINK/TOKEN    open: /q/TOKEN    unsubscribe: /u/TOKEN      TOKEN = "1" LINK "." CONTEXT "." SIGNATURE

A token that `read` returns was made with one of the keys, for that host, kind and sublink, and no character of it was
changed. Mail clients and people put characters behind a URL: a rest behind the signature is ignored, unless it could be
part of a token or name another path. Nothing of a token is decoded before its signature verifies, and its length is
bounded first of all. A token is signed, not encrypted. No exception's message holds a key, a metadata value or a part
of a token.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, cast

from ..errors import InvalidToken
from ..keys import SigningKeys
from ..link import MAX_LINK_NAME
from .packing import (
    MAX_ACCOUNT_ID,
    MAX_METADATA,
    UNSUBSCRIBE,
    Slot,
    decode_context,
    decode_link,
    encode_context,
    encode_link,
)

__all__ = [
    "MAX_ACCOUNT_ID",
    "MAX_LINK_NAME",
    "MAX_METADATA",
    "MAX_PATH",
    "Kind",
    "Slot",
    "Token",
    "challenge_response",
    "decode_path",
    "encode_context",
    "encode_link",
    "message_urls",
    "read",
    "signed_message",
    "unsubscribe_url",
]

MAX_PATH: Final = 32_768
"""Characters of a path that `read` reads; every token fits."""

Kind = Literal["click", "open", "unsubscribe"]

_PATH = re.compile(
    r"/(?:f/([\w-]{1,64}+)|([qu]))/1([\w-]*+)\.([\w-]++)\.([\w-]{22})"
    # The rest: one "/", or what begins neither with a character of a token nor with "/" or ";", however often encoded:
    # proxies and caches read these as the beginning of another name.
    r"(?:/|(?![\w/;-]|%(?:25)*+(?:2[Ff]|3[Bb])).{1,512})?+",
    re.ASCII | re.DOTALL,
)
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)

_OPEN, _INITIAL = "o", "i"


@dataclass(frozen=True, slots=True)
class Token:
    """The content of a token.

    `url`, `link_name`, `unsubscribe` and `sublink` are a click's ("", None, False and None for others), `initial` is an
    open's. `sent_at` is in whole seconds since 1970, UTC.
    """

    kind: Kind
    url: str
    link_name: str | None
    unsubscribe: bool
    sublink: str | None
    initial: bool
    account_id: str
    metadata: dict[str, Any]
    sent_at: int


def message_urls(
    keys: SigningKeys,
    origin: str,
    host: str,
    context: str,
    slots: Iterable[Slot],
    pixels: Sequence[bool] = (),
) -> list[str]:
    """Return the redirect URL of each link of a message, then the URL of each pixel.

    Args:
        keys: Their current key signs.
        origin: What the URLs begin with: "https://click.acme.com".
        host: What the signatures cover: the host name alone, in lower-case A-labels.
        context: The CONTEXT part of the message.
        slots: A slot for each link.
        pixels: For each pixel, whether it is the initial-open one.
    """
    sign = keys.sign
    click_start, pixel_start = _start("click", host), f"{_start('open', host)}\0"
    urls = []
    for slot in slots:
        sublink = slot.sublink
        content = f"{slot.link}.{context}"
        signature = sign(f"{click_start}{sublink}\0{content}")
        urls.append(f"{origin}/f/{sublink}/1{content}.{signature}")
    for initial in pixels:
        content = f"{_INITIAL if initial else _OPEN}.{context}"
        urls.append(f"{origin}/q/1{content}.{sign(pixel_start + content)}")
    return urls


def unsubscribe_url(keys: SigningKeys, origin: str, host: str, context: str) -> str:
    """Return a message's one-click unsubscribe URL; the rest as in `message_urls`."""
    content = f"{UNSUBSCRIBE}.{context}"
    return f"{origin}/u/1{content}.{keys.sign(signed_message('unsubscribe', host, '', content))}"


def challenge_response(keys: SigningKeys, nonce: str, host: str) -> str:
    """Return the response to the challenge `nonce`: a signature over it and `host`, in lower-case A-labels."""
    return keys.sign(signed_message("verify", host, "", nonce))


def read(keys: SigningKeys, host: str, raw_path: str) -> Token:
    """Return the content of the token in a path.

    Args:
        keys: All of them verify.
        host: The host name that the request was for, in lower-case A-labels.
        raw_path: The path as it was sent, without query and fragment. It is percent-decoded here, once. Behind the
            signature, a rest of at most 512 characters is ignored: it must not begin with a character of a token, nor
            with "/" or ";", except that a single "/" may end the path.

    Raises:
        InvalidToken: Its reason is "too-long", "malformed" or "signature".
    """
    if len(raw_path) > MAX_PATH:
        raise InvalidToken(f"the path is longer than {MAX_PATH} characters", reason="too-long")
    if (match := _PATH.fullmatch(decode_path(raw_path))) is None:
        raise InvalidToken("the path does not have the form of a redirect URL", reason="malformed")
    sublink, letter, link, context, signature = cast("tuple[str | None, str | None, str, str, str]", match.groups())
    kind: Kind = "click" if letter is None else "open" if letter == "q" else "unsubscribe"
    if not keys.verify(signed_message(kind, host, sublink or "", f"{link}.{context}"), signature):
        raise InvalidToken("no key verifies the signature for this host", reason="signature")
    try:
        return _token(kind, sublink, link, context)
    except (ValueError, RecursionError):
        # Not from the cause, which may hold what was signed.
        raise InvalidToken("the signature verifies, but the content is malformed", reason="malformed") from None


def decode_path(raw_path: str) -> str:
    """Return a path percent-decoded once, each byte as the character with its number."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), raw_path) if "%" in raw_path else raw_path


def signed_message(kind: str, host: str, sublink: str, content: str) -> str:
    """Return what a signature covers; no part can hold a NUL, so it can be read in one way only."""
    return f"{_start(kind, host)}{sublink}\0{content}"


@lru_cache(maxsize=64)
def _start(kind: str, host: str) -> str:
    return f"linkwrap1\0{kind}\0{host}\0"


def _token(kind: Kind, sublink: str | None, link: str, context: str) -> Token:
    account_id, metadata, sent_at, _ = decode_context(context)
    if kind != "click":
        return Token(kind, "", None, False, None, link == _INITIAL, account_id, metadata, sent_at)
    url, flags, name = decode_link(link)
    return Token(kind, url, name, flags == UNSUBSCRIBE, sublink, False, account_id, metadata, sent_at)

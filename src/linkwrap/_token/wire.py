"""Tokens: what a redirect URL carries (wire format 1, docs/token.md).

    click: /f/SUBLINK/TOKEN    open: /q/TOKEN    unsubscribe: /u/TOKEN      TOKEN = "1" LINK "." CONTEXT "." SIGNATURE

A token that `read` returns was made with one of the keys, for that host, kind and sublink, and no character of it was
changed. Nothing of it is decoded before its signature verifies, and its length is bounded first of all. A token is
signed, not encrypted. No exception's message holds a key, a metadata value or a part of a token.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from .._decide.destination import MAX_DESTINATION
from ..errors import InvalidToken, OptionError
from ..keys import SigningKeys
from .packing import CONTEXT, LINK, MAX_TIME, TIME_SIZE, pack_time, unpack_time

MAX_LINK_NAME: Final = 63
"""Bytes of UTF-8 that a link name may have."""
MAX_ACCOUNT_ID: Final = 100
"""Bytes of UTF-8 that an account id may have."""
MAX_METADATA: Final = 1000
"""Bytes that metadata may have, as JSON in UTF-8 without spaces."""
MAX_PATH: Final = 32_768
"""Characters of a path that `read` reads; every token fits."""

Kind = Literal["click", "open", "unsubscribe"]

_PATH = re.compile(r"/(?:f/([\w-]{1,64}+)|([qu]))/1([\w-]*+)\.([\w-]++)\.([\w-]{22})", re.ASCII)
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)

# ASCII throughout, so that all that is packed is printable ASCII, and lone surrogates survive.
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_json_utf8 = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False, ensure_ascii=False).encode

_quoted = json.encoder.encode_basestring_ascii
_JUST_TEXT = frozenset((str,))
_UNSUBSCRIBE, _OPEN, _INITIAL = "u", "o", "i"


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


def encode_link(url: str, name: str | None = None, unsubscribe: bool = False) -> str:
    """Return the LINK part for a destination in its final form, which is not checked here.

    Raises:
        OptionError: The URL has over 4,096 bytes, or the name over 63.
    """
    if len(url) > MAX_DESTINATION:
        raise OptionError(f"the destination is longer than {MAX_DESTINATION} bytes")
    fields = _json(url)[1:-1]
    if name is not None:
        if len(_bytes(name)) > MAX_LINK_NAME:
            raise OptionError(f"the link name is longer than {MAX_LINK_NAME} bytes of UTF-8: cut it")
        fields += f'","{_UNSUBSCRIBE if unsubscribe else ""}","{_json(name)[1:-1]}'
    elif unsubscribe:
        fields += f'","{_UNSUBSCRIBE}'
    return LINK.pack(fields)


def encode_context(account_id: str, sent_at: int, metadata: Mapping[str, object] | None) -> str:
    """Return the CONTEXT part for a message.

    Args:
        account_id: At most 100 bytes of UTF-8.
        sent_at: Whole seconds since 1970, UTC, up to the year 4147.
        metadata: A mapping of strings to JSON values, at most 1,000 bytes as JSON.

    Raises:
        TypeError: The metadata is not a mapping, or a key of it is not a string.
        OptionError: A value cannot be used.
    """
    values: dict[Any, Any] = metadata if type(metadata) is dict else _as_dict(metadata)
    for key in values:
        if not isinstance(key, str):
            raise TypeError(f"metadata keys must be str, not {type(key).__name__}")
    if len(account_id) > MAX_ACCOUNT_ID or (not account_id.isascii() and len(_bytes(account_id)) > MAX_ACCOUNT_ID):
        raise OptionError(f"the account id is longer than {MAX_ACCOUNT_ID} bytes of UTF-8")
    if not 0 <= sent_at <= MAX_TIME:
        raise OptionError("the time of sending must be from 1970 to 4147")
    try:
        if {*map(type, values.values())} <= _JUST_TEXT:  # what metadata is made of mostly, in a third of the time
            pairs = ",".join([f"{_quoted(key)}:{_quoted(value)}" for key, value in values.items()])
            fields = f"[{_quoted(account_id)},{{{pairs}}}]"
        else:
            fields = _json((account_id, values))
    except (TypeError, ValueError, RecursionError):
        # Not from the cause, which may quote a value.
        raise OptionError(_metadata_fault(values)) from None
    if len(fields) > MAX_METADATA and (size := len(_bytes(_json_utf8(values)))) > MAX_METADATA:
        advice = "put ids into it, and keep the rest in a table of your own"
        raise OptionError(f"metadata has {size} bytes as JSON, more than the {MAX_METADATA} that fit: {advice}")
    return pack_time(sent_at) + CONTEXT.pack(fields[2:-2])


def click_urls(keys: SigningKeys, origin: str, host: str, context: str, links: Iterable[tuple[str, str]]) -> list[str]:
    """Return the redirect URL of each link.

    Args:
        keys: Their current key signs.
        origin: What the URLs begin with: "https://click.acme.com".
        host: What the signatures cover: the host name alone, in lower-case A-labels.
        context: The CONTEXT part of the message.
        links: Of each link, its LINK part and its sublink.
    """
    sign, start = keys.sign, signed_message("click", host, "", "")[:-1]
    urls = []
    for link, sublink in links:
        content = f"{link}.{context}"
        signature = sign(f"{start}{sublink}\0{content}")
        urls.append(f"{origin}/f/{sublink}/1{content}.{signature}")
    return urls


def open_url(keys: SigningKeys, origin: str, host: str, context: str, *, initial: bool = False) -> str:
    """Return the open pixel's URL, that of the initial-open pixel if `initial`; the rest as in `click_urls`."""
    content = f"{_INITIAL if initial else _OPEN}.{context}"
    return f"{origin}/q/1{content}.{keys.sign(signed_message('open', host, '', content))}"


def unsubscribe_url(keys: SigningKeys, origin: str, host: str, context: str) -> str:
    """Return a message's one-click unsubscribe URL; the rest as in `click_urls`."""
    content = f"{_UNSUBSCRIBE}.{context}"
    return f"{origin}/u/1{content}.{keys.sign(signed_message('unsubscribe', host, '', content))}"


def challenge_response(keys: SigningKeys, nonce: str, host: str) -> str:
    """Return the response to the challenge `nonce`: a signature over it and `host`, in lower-case A-labels."""
    return keys.sign(signed_message("verify", host, "", nonce))


def read(keys: SigningKeys, host: str, raw_path: str) -> Token:
    """Return the content of the token in a path.

    Args:
        keys: All of them verify.
        host: The host name that the request was for, in lower-case A-labels.
        raw_path: The path as it was sent, without query and fragment. It is percent-decoded here, once, and must then
            hold only the characters of a token.

    Raises:
        InvalidToken: Its reason is "too-long", "malformed" or "signature".
    """
    if len(raw_path) > MAX_PATH:
        raise InvalidToken(f"the path is longer than {MAX_PATH} characters", reason="too-long")
    path = _ENCODED.sub(lambda found: chr(int(found[1], 16)), raw_path) if "%" in raw_path else raw_path
    if (match := _PATH.fullmatch(path)) is None:
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


def signed_message(kind: str, host: str, sublink: str, content: str) -> str:
    """Return what a signature covers; no part can hold a NUL, so it can be read in one way only."""
    return f"linkwrap1\0{kind}\0{host}\0{sublink}\0{content}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _as_dict(metadata: object) -> dict[str, object]:
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping, not {type(metadata).__name__}")
    return dict(metadata or {})


def _metadata_fault(values: Mapping[str, object]) -> str:
    for key, value in values.items():
        try:
            _json(value)
        except (TypeError, ValueError, RecursionError):
            kinds = "strings, finite numbers, booleans, None, and lists and dicts of them"
            return (
                f"metadata[{key!r}] is not a JSON value, or holds one that is not ({type(value).__name__}): use {kinds}"
            )
    return "metadata is nested too deeply"


def _token(kind: Kind, sublink: str | None, link: str, context: str) -> Token:
    sent_at = unpack_time(context[:TIME_SIZE])
    # With these ends, JSON can only be a list that begins with a string and ends with an object.
    account_id, metadata = json.loads(f'["{CONTEXT.unpack(context[TIME_SIZE:])}}}]')
    if kind != "click":
        return Token(kind, "", None, False, None, link == _INITIAL, account_id, metadata, sent_at)
    url, flags, name = (*json.loads(f'["{LINK.unpack(link)}"]'), None, None)[:3]
    return Token(kind, url, name, flags == _UNSUBSCRIBE, sublink, False, account_id, metadata, sent_at)

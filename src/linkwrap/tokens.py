"""Signing keys and tokens: what a redirect URL carries (wire format 1, docs/token.md).

    click: /f/SUBLINK/TOKEN    open: /q/TOKEN    unsubscribe: /u/TOKEN      TOKEN = "1" LINK "." CONTEXT "." SIGNATURE

A token that `read` returns was made with one of the keys, for that host, kind and sublink, and not one character of it
was changed. Nothing of it is decoded before that is known, and its length is bounded before anything else is done. A
token is signed, not encrypted. No message of an exception here holds a key, a metadata value or a part of a token.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, Self, cast

from itsdangerous import Signer
from itsdangerous.signer import SigningAlgorithm

from linkwrap.errors import InvalidToken, OptionError
from linkwrap.packing import CONTEXT, LINK, MAX_TIME, TIME_SIZE, pack_time, unpack_time
from linkwrap.urls import MAX_DESTINATION

MIN_KEY: Final = 16
"""Bytes that a key must have at least."""
MAX_LINK_NAME: Final = 63
"""Bytes of UTF-8 that a link name may have."""
MAX_ACCOUNT_ID: Final = 100
"""Bytes of UTF-8 that an account id may have."""
MAX_METADATA: Final = 1000
"""Bytes that metadata may have, as JSON in UTF-8 without spaces."""
MAX_PATH: Final = 32_768
"""Characters of a path that `read` looks at; every token fits."""

Kind = Literal["click", "open", "unsubscribe"]

_PATH = re.compile(r"/(?:f/([\w-]{1,64}+)|([qu]))/1([\w-]*+)\.([\w-]++)\.([\w-]{22})", re.ASCII)
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)

# ASCII throughout, so that all that is packed is printable ASCII, and lone surrogates survive.
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_json_utf8 = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False, ensure_ascii=False).encode

_quoted = json.encoder.encode_basestring_ascii
_JUST_TEXT = frozenset((str,))
_UNSUBSCRIBE, _OPEN, _INITIAL = "u", "o", "i"


class _KeyedBlake2(SigningAlgorithm):
    """128 bits of BLAKE2b with a key (RFC 7693), which needs no HMAC around it; the key is taken in once, here."""

    def __init__(self, key: bytes) -> None:
        self._start = hashlib.blake2b(digest_size=16, key=key)

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        mac = self._start.copy()
        mac.update(value)
        return mac.digest()


def _signer(secret: str | bytes) -> Signer:
    """Return the signer of one key: it holds a key derived from the secret, and not the secret itself."""
    derived = hashlib.blake2b(_bytes(secret), digest_size=32, person=b"linkwrap1").digest()
    return Signer(derived, key_derivation="none", algorithm=_KeyedBlake2(derived))


def _bytes(secret: str | bytes) -> bytes:
    return secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret


def _key_faults(named: Iterable[tuple[str, object]]) -> list[str]:
    """Return what is wrong with each key, by its name and never by its content."""
    faults = []
    for name, secret in named:
        if not isinstance(secret, str | bytes):
            faults.append(f"{name} is neither str nor bytes")
        elif not secret:
            faults.append(f"{name} is empty")
        elif len(_bytes(secret)) < MIN_KEY:
            faults.append(f"{name} is shorter than {MIN_KEY} bytes")
    return faults


class SigningKeys:
    """The keys that sign tokens and verify them.

    `current` signs; it and every one of `retired` verify. A key is a secret of at least 16 bytes, of text (as UTF-8)
    or bytes; `SigningKeys.generate()` makes one. To change keys, give the new one to those who read tokens first, as a
    retired one, then make it the current one where tokens are made.
    Raises `OptionError` with one message that lists every fault. Keys are in no `repr` and no message, and cannot be
    pickled. Two `SigningKeys` are equal only if they are the same object.
    """

    __slots__ = ("_signers",)

    def __init__(self, current: str | bytes, *, retired: Iterable[str | bytes] = ()) -> None:
        listed = isinstance(retired, Iterable) and not isinstance(retired, str | bytes)
        former = tuple(retired) if listed else ()
        faults = [] if listed else ["retired takes a list of keys"]
        faults += _key_faults([("the current key", current)])
        faults += _key_faults((f"retired key {number}", secret) for number, secret in enumerate(former, 1))
        self._signers = () if faults else tuple(map(_signer, (current, *former)))
        # A traceback that prints the variables of a frame must not print keys.
        del current, retired, former
        if faults:
            raise OptionError(f"{'; '.join(faults)}: SigningKeys.generate() makes a good key")

    @staticmethod
    def generate() -> str:
        """Return a new random key of 43 characters, to be stored where secrets are."""
        return secrets.token_urlsafe(32)

    @classmethod
    def from_env(cls, name: str = "LINKWRAP_KEYS") -> Self:
        """Return the keys that an environment variable lists, separated by commas, the current one first.

        Spaces around a key do not count. Raises `OptionError` where the variable is not set or an entry is too short.
        """
        entries = [entry.strip() for entry in os.environ.get(name, "").split(",")]
        missing = name not in os.environ
        faults = _key_faults((f"key {number} in {name}", entry) for number, entry in enumerate(entries, 1))
        if not missing and not faults:
            return cls(entries[0], retired=entries[1:])
        del entries
        if missing:
            raise OptionError(f"the environment variable {name} is not set: `linkwrap keygen` prints a key for it")
        raise OptionError(f"{'; '.join(faults)}: `linkwrap keygen` prints a good key, commas separate several")

    def sign(self, message: str) -> str:
        """Return the signature of `message` by the current key: 22 characters of base64url."""
        return self._signers[0].get_signature(message.encode()).decode()

    def verify(self, message: str, signature: str) -> bool:
        """Tell whether one of the keys made `signature`, to the letter: other spellings of its bytes do not count."""
        value = message.encode("utf-8", "surrogatepass")
        given = signature.encode("utf-8", "surrogatepass")
        found = False
        for signer in self._signers:
            found |= hmac.compare_digest(signer.get_signature(value), given)
        return found

    def __repr__(self) -> str:
        return f"<SigningKeys: 1 current, {len(self._signers) - 1} retired>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("SigningKeys cannot be pickled or copied: make them in the worker, from its own environment")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says.

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
    """Return the LINK part for a destination in its final form, which is not judged here.

    Raises `OptionError` for a URL or a name that is too long.
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
    """Return the CONTEXT part for a message; `sent_at` is in whole seconds since 1970, UTC.

    Raises `OptionError` for metadata that is not a mapping of strings to JSON values or has over 1000 bytes as JSON, an
    account id of over 100 bytes, and a time before 1970 or after 4147.
    """
    values: dict[Any, Any] = metadata if type(metadata) is dict else _as_dict(metadata)
    for key in values:
        if not isinstance(key, str):
            raise OptionError(f"metadata has a key of type {type(key).__name__}: use strings as keys")
    if len(account_id) > MAX_ACCOUNT_ID or (not account_id.isascii() and len(_bytes(account_id)) > MAX_ACCOUNT_ID):
        raise OptionError(f"the account id is longer than {MAX_ACCOUNT_ID} bytes of UTF-8")
    if not 0 <= sent_at <= MAX_TIME:
        raise OptionError("the time of sending is not from 1970 to 4147")
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
    """Return the redirect URL of each link, given as its LINK part and its sublink.

    `origin` is what the URLs begin with ("https://click.acme.com"), `host` what the signatures cover: the host name
    alone, in lower-case A-labels.
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


def verification(keys: SigningKeys, nonce: str, host: str) -> str:
    """Return what proves to who asks with `nonce` that `host` leads to an endpoint with these keys."""
    return keys.sign(signed_message("verify", host, "", nonce))


def read(keys: SigningKeys, host: str, raw_path: str) -> Token:
    """Return what the token in a path says.

    `host` is the host name that the request came for, in lower-case A-labels. `raw_path` is the path as it was sent,
    without query and fragment; it is percent-decoded here, once, and holds nothing then but a token's own characters.
    Raises `InvalidToken`, its reason "too-long", "malformed" or "signature".
    """
    if len(raw_path) > MAX_PATH:
        raise InvalidToken(f"the path is longer than {MAX_PATH} characters", reason="too-long")
    path = _ENCODED.sub(lambda found: chr(int(found[1], 16)), raw_path) if "%" in raw_path else raw_path
    if (match := _PATH.fullmatch(path)) is None:
        raise InvalidToken("the path has not the form of a redirect URL's", reason="malformed")
    sublink, letter, link, context, signature = cast("tuple[str | None, str | None, str, str, str]", match.groups())
    kind: Kind = "click" if letter is None else "open" if letter == "q" else "unsubscribe"
    if not keys.verify(signed_message(kind, host, sublink or "", f"{link}.{context}"), signature):
        raise InvalidToken("no key verifies the signature for this host", reason="signature")
    try:
        return _token(kind, sublink, link, context)
    except (ValueError, RecursionError):
        # Not from the cause, which may hold what was signed.
        raise InvalidToken("the signature verifies, but the content has not our form", reason="malformed") from None


def signed_message(kind: str, host: str, sublink: str, content: str) -> str:
    """Return what a signature covers; none of the parts can hold a NUL, so it can be read in one way only."""
    return f"linkwrap1\0{kind}\0{host}\0{sublink}\0{content}"


def _as_dict(metadata: object) -> dict[str, object]:
    if metadata is not None and not isinstance(metadata, Mapping):
        raise OptionError(f"metadata is no mapping but {type(metadata).__name__}: use a dict")
    return dict(metadata or {})


def _metadata_fault(values: Mapping[str, object]) -> str:
    for key, value in values.items():
        try:
            _json(value)
        except (TypeError, ValueError, RecursionError):
            kinds = "strings, finite numbers, booleans, None, and lists and dicts of them"
            return f"metadata[{key!r}] is no JSON value, or holds one that is not ({type(value).__name__}): use {kinds}"
    return "metadata is nested too deeply"


def _token(kind: Kind, sublink: str | None, link: str, context: str) -> Token:
    sent_at = unpack_time(context[:TIME_SIZE])
    # With these ends, JSON can only be a list that begins with a string and ends with an object.
    account_id, metadata = json.loads(f'["{CONTEXT.unpack(context[TIME_SIZE:])}}}]')
    if kind != "click":
        return Token(kind, "", None, False, None, link == _INITIAL, account_id, metadata, sent_at)
    url, flags, name = (*json.loads(f'["{LINK.unpack(link)}"]'), None, None)[:3]
    return Token(kind, url, name, flags == _UNSUBSCRIBE, sublink, False, account_id, metadata, sent_at)

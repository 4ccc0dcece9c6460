"""The LINK and CONTEXT parts of a token: their fields as JSON, packed into the 64 characters of base64url.

Small letters, digits, "-" and "_" stand for themselves. A capital stands for a character or a word that is frequent in
such texts, except "U", which makes the small letter behind it a capital, and "X", behind which two hexadecimal digits
give the number of any other character. One text has one form, on every machine. Time is linear, and no text is more
than `MAX_GROWTH` times as long as its packed form. The meanings of the capitals are part of wire format 1.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ..errors import OptionError
from ..link import MAX_DESTINATION, MAX_LINK_NAME

MAX_ACCOUNT_ID: Final = 100
"""Bytes of UTF-8 that an account id can have."""
MAX_METADATA: Final = 1000
"""Bytes that metadata can have, as JSON in UTF-8 without spaces."""
DEFAULT_SUBLINK: Final = "a"
"""The sublink of a link that names none."""
UNSUBSCRIBE: Final = "u"
"""The flag of a link that is marked as an unsubscribe link."""

MAX_GROWTH: Final = 14
"""Characters that one packed character stands for at most."""

TIME_SIZE: Final = 6
"""Characters of a packed time, 6 bits each."""
MAX_TIME: Final = 64**TIME_SIZE - 1
"""The last second since 1970 that has a packed form, in the year 4147."""

_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_"
_CAPITAL = re.compile("U([a-z])|X([0-7][0-9a-f])|([A-Z])", re.ASCII)


# ASCII throughout, so that all that is packed is printable ASCII, and lone surrogates survive.
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_json_utf8 = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False, ensure_ascii=False).encode
_quoted = json.encoder.encode_basestring_ascii
_JUST_TEXT = frozenset((str,))


class Alphabet:
    """The meanings of the capitals in one kind of text.

    A capital that is free may get a meaning, since no old text uses it; no meaning may change or move.
    """

    __slots__ = ("_campaign_words", "_escape", "_letters", "_meanings", "_words")

    def __init__(self, meanings: Mapping[str, str]) -> None:
        # Until the text's own capitals are replaced, control characters, of which it has none, stand for words.
        words = {word: chr(number) for number, word in enumerate(meanings.values()) if len(word) > 1}
        self._words = [(word, control) for word, control in words.items() if "utm_" not in word]
        self._campaign_words = [(word, control) for word, control in words.items() if "utm_" in word]
        letters = {words.get(meaning, meaning): letter for letter, meaning in meanings.items()}
        self._letters = bytes(ord(letters.get(chr(code), chr(code))) for code in range(128)).ljust(256)
        self._meanings = dict(meanings)
        others = {chr(code) for code in range(0x20, 0x80)} - {*_PLAIN, *letters}
        self._escape = re.compile(f"[{re.escape(''.join(sorted(others)))}]", re.ASCII).sub

    def pack(self, text: str) -> str:
        """Return `text`, which is ASCII without control characters but DEL, in characters of base64url."""
        for word, control in self._words:
            text = text.replace(word, control)
        if "utm_" in text:
            for word, control in self._campaign_words:
                text = text.replace(word, control)
        return self._escape(_escaped, text).encode("ascii").translate(self._letters).decode("ascii")

    def unpack(self, packed: str) -> str:
        """Return the text that `pack` made `packed` of; raises `ValueError` for a capital without a meaning."""
        return _CAPITAL.sub(self._meaning, packed)

    def _meaning(self, found: re.Match[str]) -> str:
        small, number, letter = found.groups()
        if small:
            return small.upper()
        if number:
            return chr(int(number, 16))
        if letter in self._meanings:
            return self._meanings[letter]
        raise ValueError("a capital without a meaning")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return f"U{character.lower()}" if character.isupper() else f"X{ord(character):02x}"


LINK: Final = Alphabet(
    {
        "A": "/",
        "B": ".",
        "C": "=",
        "D": "&",
        "E": "?",
        "F": "%",
        "G": "#",
        "H": ":",
        "I": "@",
        "J": ",",
        "K": "+",
        "L": "https://www.",
        "M": "https://",
        "N": "http://www.",
        "O": "http://",
        "P": ".com/",
        "Q": "email",
        "R": "unsubscribe",
        "S": "utm_source=",
        "T": "&utm_medium=",
        "V": "&utm_campaign=",
        "W": "&utm_content=",
        "Y": '","',
    }
)
"""For a destination, and a link's flags and name."""

CONTEXT: Final = Alphabet(
    {
        "A": "/",
        "B": ".",
        "C": "=",
        "D": '"',
        "E": ":",
        "F": ",",
        "G": "@",
        "H": " ",
        "I": "+",
        "J": "{",
        "K": "}",
        "L": "[",
        "M": "]",
        "N": '",{"',
        "O": '":"',
        "P": '","',
        "Q": "campaign_id",
        "R": "message_id",
        "S": "user_id",
        "T": "rcpt",
    }
)
"""For an account and metadata."""


@lru_cache(maxsize=64)
def pack_time(seconds: int) -> str:
    """Return seconds since 1970, of at most `MAX_TIME`, as a number of `TIME_SIZE` digits, which base64url's are."""
    # 6 bytes have 8 digits, of which the first two are zero here.
    return base64.urlsafe_b64encode(seconds.to_bytes(6, "big"))[-TIME_SIZE:].decode("ascii")


def unpack_time(packed: str) -> int:
    """Return the seconds that `pack_time` made `packed` of; raises `ValueError` where it is cut off."""
    if len(packed) != TIME_SIZE:
        raise ValueError("cut off")
    return int.from_bytes(base64.urlsafe_b64decode(f"AA{packed}"), "big")


@dataclass(frozen=True, slots=True)
class Slot:
    """The part of a link in its redirect URLs that is the same for every recipient."""

    link: str
    """The LINK part of the token."""
    sublink: str


def encode_link(url: str, name: str | None = None, unsubscribe: bool = False) -> str:
    """Return the LINK part for a destination in its final form, which is not checked here.

    Raises:
        OptionError: The URL has over 4,096 bytes, or the name over 63.
    """
    if len(url) > MAX_DESTINATION:
        raise OptionError(f"the destination is longer than {MAX_DESTINATION} bytes")
    fields = _quoted(url)[1:-1]
    if name is not None:
        if len(_bytes(name)) > MAX_LINK_NAME:
            raise OptionError(f"the link name is longer than {MAX_LINK_NAME} bytes of UTF-8: cut it")
        fields += f'","{UNSUBSCRIBE if unsubscribe else ""}","{_quoted(name)[1:-1]}'
    elif unsubscribe:
        fields += f'","{UNSUBSCRIBE}'
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
    only_text = {*map(type, values), *map(type, values.values())} <= _JUST_TEXT
    for key in () if only_text else values:
        if not isinstance(key, str):
            raise TypeError(f"metadata keys must be str, not {type(key).__name__}")
    if len(account_id) > MAX_ACCOUNT_ID or (not account_id.isascii() and len(_bytes(account_id)) > MAX_ACCOUNT_ID):
        raise OptionError(f"the account id is longer than {MAX_ACCOUNT_ID} bytes of UTF-8")
    if not 0 <= sent_at <= MAX_TIME:
        raise OptionError("the time of sending must be from 1970 to 4147")
    try:
        if only_text:  # most metadata, in a third of the time
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


def decode_link(part: str) -> tuple[str, str | None, str | None]:
    """Return the destination, the flags and the link name of a LINK part; raises `ValueError` for other texts."""
    url, flags, name = (*json.loads(f'["{LINK.unpack(part)}"]'), None, None)[:3]
    return url, flags, name


def decode_context(part: str) -> tuple[str, dict[str, Any], int]:
    """Return the account id, the metadata and the time of a CONTEXT part; raises `ValueError` for other texts."""
    sent_at = unpack_time(part[:TIME_SIZE])
    # With these ends, JSON can only be a list that begins with a string and ends with an object.
    account_id, metadata = json.loads(f'["{CONTEXT.unpack(part[TIME_SIZE:])}}}]')
    return account_id, metadata, sent_at


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

"""The PLACE, LINK and CONTEXT parts of a token, in the 64 characters of base64url (wire format 2, docs/token.md).

LINK and CONTEXT are fields as JSON, packed. Lower-case letters, digits, "-" and "_" stand for themselves, "U" and a
lower-case letter for a capital, "X" and two hexadecimal digits for any ASCII character, "Z" and a length for a run of
characters as they are, and the other capitals for a character or a word that is frequent in such texts. One text has
one form, on every machine. Time is linear. A text is at most `MAX_GROWTH` times as long as its packed form, and that
is at most three times as long as the text.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from math import isinf
from typing import Any, Final, NoReturn

from ..errors import OptionError
from ..link import MAX_DESTINATION, MAX_LINK_NAME, Part

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

MAX_INDEX: Final = 2047
"""The highest number of a link that has a packed form."""

TIME_SIZE: Final = 6
"""Characters of a packed time, 6 bits each."""
MAX_TIME: Final = 2**35 - 1
"""The last second since 1970 that has a packed form, in the year 3058."""

_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_"
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# Of a capital's two escapes, the shorter one is the last.
_ESCAPES = {f"X{code:02x}": chr(code) for code in range(128)} | {f"U{letter}": letter.upper() for letter in _PLAIN[:26]}

# A raw run costs two characters, and each capital outside of one costs one more: with three capitals it pays.
_RUN_CAPITALS = 3
_SMALL = "[a-z0-9_]*+(?:-(?![13])[a-z0-9_]*+)*+"
_RUN = f"([A-Z]{_SMALL}[A-Z]{_SMALL}[A-Z]++(?:{_SMALL}[A-Z]++)*+)"
_split_at_runs = re.compile(_RUN.encode()).split
_RAW_STARTS = {length: f"Z{_DIGITS[length - 1]}".encode() for length in range(1, 63)}
_RAW_LENGTHS = {start.decode()[1]: length for length, start in _RAW_STARTS.items()}
_MAX_RAW = max(_RAW_STARTS)
# Spam filters look for addresses of Bitcoin in plain text. In a part, words of theirs can begin behind "-" only, so the
# digit behind it is escaped if it looks like the first of one. There is none in a raw run.
_ADDRESS = re.compile("-([13])(?=[1-9A-HJ-NP-Za-km-z]{25})")
# Begins with a set of characters, to which a search skips ahead: alternatives would be tried at each character.
_split_at_escapes = re.compile("([UXZ](?:(?<=U)[a-z]|(?<=X)[0-7][0-9a-f])?+)").split
# They stand for a raw run while the rest is packed or unpacked, and for "U" and "X" while capitals are escaped: no text
# has one of them, nor does a word stand for one.
_PACKED_GAP, _U, _X = b"\x1d", "\x1e", "\x1f"
_GAP = "\xff"

_PARTS: Final[dict[Part, str]] = {"html": "h", "text": "t", "amp": "a", "url": "u"}
_LETTERS: Final[dict[str, Part]] = {letter: part for part, letter in _PARTS.items()}
_ONE_DIGIT = 32
"""Numbers of links below this one have one digit, and others two, of which the first is not below it."""
# A number below 32 in two digits begins with "g".
_PLACE = re.compile("(?:([uHTA])|([hta])([A-Za-f]|(?!g[A-Za-f])[g-z0-9_-][A-Za-z0-9_-]))").match


# ASCII throughout, so that all that is packed is printable ASCII, and lone surrogates survive.
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_json_utf8 = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False, ensure_ascii=False).encode
_quoted = json.encoder.encode_basestring_ascii


class Alphabet:
    """The meanings of the capitals in one kind of text."""

    __slots__ = ("_campaign_words", "_characters", "_escapes", "_letters", "_stand_ins", "_unescaped", "_words")

    def __init__(self, meanings: Mapping[str, str]) -> None:
        # Until the text's own capitals are replaced, control characters, of which it has none, stand for words.
        words = {word: chr(number) for number, word in enumerate(meanings.values()) if len(word) > 1}
        self._words = [(word, control) for word, control in words.items() if "utm_" not in word]
        self._campaign_words = [(word, control) for word, control in words.items() if "utm_" in word]
        letters = {words.get(meaning, meaning): letter for letter, meaning in meanings.items()} | {_U: "U", _X: "X"}
        self._letters = bytes(ord(letters.get(chr(code), chr(code))) for code in range(128)).ljust(256)
        self._unescaped = "".join({*_PLAIN, *letters}).encode() + _PACKED_GAP
        escapes = {character: escape.replace("U", _U).replace("X", _X) for escape, character in _ESCAPES.items()}
        self._escapes = {ord(character): (character.encode(), escape.encode()) for character, escape in escapes.items()}

        # To unpack, capitals for characters become these at once, and those for words a character that is not ASCII, so
        # that they differ from capitals that escapes stand for. What is malformed becomes "Z".
        self._stand_ins = [(chr(0x80 + ord(letter)), word) for letter, word in meanings.items() if len(word) > 1]
        readable = {character: character for character in (*_PLAIN, "U", "X", _GAP)} | dict(meanings)
        readable |= {chr(ord(stand_in) - 0x80): stand_in for stand_in, _ in self._stand_ins}
        self._characters = bytes(ord(readable.get(chr(code), "Z")) for code in range(256))

    def pack(self, text: str) -> str:
        """Return `text`, which is ASCII without control characters but DEL, in characters of base64url."""
        for word, control in self._words:
            text = text.replace(word, control)
        if "utm_" in text:
            for word, control in self._campaign_words:
                text = text.replace(word, control)
        data = text.encode("ascii")
        others = data.translate(None, self._unescaped)
        data = (self._escaped(data, others) if others else data).translate(self._letters)
        packed = data.decode("ascii")
        # Ids as "m-1234" are frequent and addresses rare: a search costs a fifth of a substitution that finds nothing.
        return _ADDRESS.sub(r"-X3\1", packed) if _ADDRESS.search(packed) else packed

    def _escaped(self, data: bytes, others: bytes) -> bytes:
        """Return `data` with raw runs and escapes; `others` are its characters that need one of these."""
        pieces = _split_at_runs(data) if len(others) >= _RUN_CAPITALS else [data]
        if len(pieces) > 1:
            data = _PACKED_GAP.join(pieces[::2])
            others = data.translate(None, self._unescaped)
        # For each different character once, so that texts of many take as long as others.
        for code in set(others):
            data = data.replace(*self._escapes[code])
        if len(pieces) > 1:
            pieces[::2] = data.split(_PACKED_GAP)
            pieces[1::2] = map(_raw, pieces[1::2])
            data = b"".join(pieces)
        return data

    def unpack(self, packed: str) -> str:
        """Return the text that `pack` made `packed` of; raises `ValueError` for what is malformed."""
        if not packed.isascii():
            raise ValueError("not a packed text")
        runs: list[str] = []
        if "Z" in packed:
            packed, runs = _without_runs(packed)
        text = packed.encode("latin-1").translate(self._characters).decode("latin-1")
        if "U" in text or "X" in text or "Z" in text:
            pieces = _split_at_escapes(text)
            try:
                pieces[1::2] = map(_ESCAPES.__getitem__, pieces[1::2])
            except KeyError:
                raise ValueError("a capital without a meaning, or an escape that is none") from None
            text = "".join(pieces)
        if not text.isascii():
            for stand_in, word in self._stand_ins:
                text = text.replace(stand_in, word)
        return "".join(chain.from_iterable(zip(text.split(_GAP), [*runs, ""], strict=True))) if runs else text


def _raw(run: bytes) -> bytes:
    """Return a run of characters as raw runs."""
    if len(run) <= _MAX_RAW:
        return _RAW_STARTS[len(run)] + run
    pieces = [run[at : at + _MAX_RAW] for at in range(0, len(run), _MAX_RAW)]
    return b"".join([_RAW_STARTS[len(piece)] + piece for piece in pieces])


def _without_runs(packed: str) -> tuple[str, list[str]]:
    """Return `packed` with a gap for each raw run, and the runs."""
    # Outside of a raw run, "Z" begins one or is malformed, so the first is always a beginning.
    pieces: list[str] = []
    runs: list[str] = []
    at = 0
    while (found := packed.find("Z", at)) >= 0:
        pieces.append(packed[at:found])
        start = found + 2
        at = start + _RAW_LENGTHS.get(packed[found + 1 : start], len(packed))
        if at > len(packed):
            raise ValueError("a raw run that is cut off")
        runs.append(packed[start:at])
    pieces.append(packed[at:])
    return _GAP.join(pieces), runs


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


def pack_place(part: Part, index: int) -> str:
    """Return the PLACE part of a link.

    Args:
        part: The part of the message that the link is in.
        index: The number of the link among all links of its document, from 0; "url" links have none, whatever it is.
    """
    letter = _PARTS[part]
    if part == "url":
        return letter
    if index < _ONE_DIGIT:
        return letter + _DIGITS[index]
    if index > MAX_INDEX:
        return letter.upper()
    return letter + _DIGITS[_ONE_DIGIT + (index >> 6)] + _DIGITS[index & 63]


def unpack_place(packed: str) -> tuple[Part, int | None, str]:
    """Return part and number of the PLACE that `packed` begins with, None for no number, and the rest behind it.

    Raises:
        ValueError: `packed` begins with no PLACE.
    """
    if (found := _PLACE(packed)) is None:
        raise ValueError("no place of a link")
    alone, letter, digits = found.groups()
    rest = packed[found.end() :]
    if alone:
        return _LETTERS[alone.lower()], None, rest
    index = _DIGITS.index(digits[-1])
    if len(digits) == 2:
        index += (_DIGITS.index(digits[0]) - _ONE_DIGIT) * 64
    return _LETTERS[letter], index, rest


@lru_cache(maxsize=64)
def pack_time(seconds: int, anonymous: bool = False) -> str:
    """Return seconds since 1970, of at most `MAX_TIME`, and the flag, as `TIME_SIZE` digits, which base64url's are."""
    # 6 bytes have 8 digits, of which the first two are zero here.
    number = seconds | (MAX_TIME + 1 if anonymous else 0)
    return base64.urlsafe_b64encode(number.to_bytes(6, "big"))[-TIME_SIZE:].decode("ascii")


def unpack_time(packed: str) -> tuple[int, bool]:
    """Return the seconds and the flag that `pack_time` made `packed` of; raises `ValueError` where it is cut off."""
    if len(packed) != TIME_SIZE:
        raise ValueError("cut off")
    number = int.from_bytes(binascii.a2b_base64("AA" + packed.replace("-", "+").replace("_", "/")), "big")
    return number & MAX_TIME, number > MAX_TIME


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


def encode_context(
    account_id: str, sent_at: int, metadata: Mapping[str, object] | None, *, anonymous: bool = False
) -> str:
    """Return the CONTEXT part for a message.

    Args:
        account_id: At most 100 bytes of UTF-8.
        sent_at: Whole seconds since 1970, UTC, up to the year 3058.
        metadata: A mapping of strings to JSON values, at most 1,000 bytes as JSON.
        anonymous: Whether the message is anonymous. Time and metadata are taken as they are given, either way.

    Raises:
        TypeError: The metadata is not a mapping, or a key of it is not a string.
        OptionError: A value cannot be used.
    """
    values: dict[Any, Any] = metadata if type(metadata) is dict else _as_dict(metadata)
    pairs: str | None = None
    try:  # most metadata is only text: like this it takes a third of the time
        pairs = ",".join([f"{_quoted(key)}:{_quoted(value)}" for key, value in values.items()])
    except TypeError:
        for key in values:
            if not isinstance(key, str):
                raise TypeError(f"metadata keys must be str, not {type(key).__name__}") from None
    if len(account_id) > MAX_ACCOUNT_ID or (not account_id.isascii() and len(_bytes(account_id)) > MAX_ACCOUNT_ID):
        raise OptionError(f"the account id is longer than {MAX_ACCOUNT_ID} bytes of UTF-8")
    if not 0 <= sent_at <= MAX_TIME:
        raise OptionError("the time of sending must be from 1970 to 3058")
    try:
        fields = _json((account_id, values)) if pairs is None else f"[{_quoted(account_id)},{{{pairs}}}]"
    except (TypeError, ValueError, RecursionError):
        # Not from the cause, which may quote a value.
        raise OptionError(_metadata_fault(values)) from None
    if len(fields) > MAX_METADATA and (size := len(_bytes(_json_utf8(values)))) > MAX_METADATA:
        advice = "put ids into it, and keep the rest in a table of your own"
        raise OptionError(f"metadata has {size} bytes as JSON, more than the {MAX_METADATA} that fit: {advice}")
    return pack_time(sent_at, anonymous) + CONTEXT.pack(fields[2:-2])


@lru_cache(maxsize=256)  # every recipient has the same links
def decode_link(part: str) -> tuple[str, str, str | None]:
    """Return destination, flags and link name of a LINK part without PLACE; raises `ValueError` for other texts."""
    text = LINK.unpack(part)
    if text.isprintable() and '"' not in text and "\\" not in text:  # most links: JSON would say the same
        return text, "", None
    # With these ends, JSON can only be a list that begins with a string.
    fields = _from_json(f'["{text}"]')
    url, flags, name = (*fields, *("", None)[len(fields) - 1 :])[:3]
    if not isinstance(flags, str) or not (name is None or isinstance(name, str)):
        raise ValueError("a field of another type")
    return url, flags, name


def decode_context(part: str) -> tuple[str, dict[str, Any], int, bool]:
    """Return account id, metadata, time and the anonymous flag of a CONTEXT part; raises `ValueError` for others."""
    sent_at, anonymous = unpack_time(part[:TIME_SIZE])
    # With these ends, JSON can only be a list that begins with a string and ends with an object.
    account_id, metadata = _from_json(f'["{CONTEXT.unpack(part[TIME_SIZE:])}}}]')
    return account_id, metadata, sent_at, anonymous


def _no_number(name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):  # "1E400" is JSON, but what Python writes for its value is not
        raise ValueError("a number beyond what a float holds")
    return number


_from_start = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number).raw_decode


def _from_json(text: str) -> Any:
    """Return the value of a JSON text without space around it, in half the time of `JSONDecoder.decode`."""
    value, end = _from_start(text)
    if end != len(text):
        raise ValueError("text behind the JSON value")
    return value


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

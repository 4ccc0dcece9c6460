"""Short texts in the 64 characters of base64url, most of them as they are.

Small letters, digits, "-" and "_" stand for themselves. A capital stands for a character or a word that such texts are
full of, except "U", which makes the small letter behind it a capital, and "X", behind which two hexadecimal digits give
the number of any other character. One text has one form, on every machine. Time is linear, and no text is more than
`MAX_GROWTH` times as long as its packed form. What the capitals stand for is part of wire format 1.
"""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

MAX_GROWTH: Final = 14
"""Characters that one packed character stands for at most."""

TIME_SIZE: Final = 6
"""Characters of a packed time, 6 bits each."""
MAX_TIME: Final = 64**TIME_SIZE - 1
"""The last second since 1970 that has a packed form, in the year 4147."""

_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_"
_CAPITAL = re.compile("U([a-z])|X([0-7][0-9a-f])|([A-Z])", re.ASCII)


class Alphabet:
    """What the capitals stand for in one kind of text.

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

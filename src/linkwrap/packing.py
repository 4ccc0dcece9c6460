"""Short texts as few base64url characters: one byte for each of the words that URLs and metadata are full of.

What is packed is ASCII, so the bytes from 0x80 up are free to stand for words. One text has one form, on every machine
and whatever its libraries; a text is at most 14 times as long as what it was packed into, and time is linear. The list
is part of wire format 1: a word may be added at its end, as old tokens do without it, but none may change or move.
"""

import binascii
from collections.abc import Iterable, Sequence
from typing import Final

# Each word costs a look at every text, so these are few; a longer one stands before one that it contains.
LINK_WORDS: Final = ("https://www.", "https://", "http://www.", "http://", ".com/", "unsubscribe", "email")
CAMPAIGN_WORDS: Final = ("utm_source=", "&utm_medium=", "&utm_campaign=", "&utm_content=", "newsletter")
CONTEXT_WORDS: Final = ('",{"', '":"', '","', '"}', "campaign_id", "message_id", "user_id", "rcpt")
_WORDS: Final = LINK_WORDS + CAMPAIGN_WORDS + CONTEXT_WORDS
_TEXT_OF: Final = {0x80 + number: word for number, word in enumerate(_WORDS)}
_BYTE_OF: Final = {word: chr(byte) for byte, word in _TEXT_OF.items()}

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")

Words = Sequence[tuple[str, str]]


def choose(words: Iterable[str]) -> Words:
    """Return `words`, which the list must have, as `pack` takes them: in the order in which to look for them."""
    return [(word, _BYTE_OF[word]) for word in words]


def pack(text: str, words: Words, head: bytes = b"") -> str:
    """Return `head` and `text`, which is ASCII, as base64url without padding.

    Only `words` are looked for; any choice of them reads back the same.
    """
    for word, byte in words:
        text = text.replace(word, byte)
    data = head + text.encode("latin-1")
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def unpack(part: str, head: int = 0) -> tuple[bytes, str]:
    """Return the first `head` bytes and the text of what `pack` made; raises `ValueError` for anything else."""
    data = binascii.a2b_base64(part.encode("ascii").translate(_STANDARD) + b"=" * (-len(part) % 4))
    text = data[head:].decode("latin-1").translate(_TEXT_OF)
    if len(data) < head or not text.isascii():
        raise ValueError("not packed")
    return data[:head], text

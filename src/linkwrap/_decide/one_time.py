"""Links that work once, told by their URL: to reset a password, log in, verify an address or accept an invitation.

Such a link has a word for that purpose, as part of a path segment or of a parameter's name, and a secret: at least 16
characters that look random. Whoever reads an event must not be able to use the link, so events have `event_url`.
"""

import re
from itertools import pairwise
from typing import Final

_WORDS: Final = frozenset(
    """reset resetpassword passwordreset resetpasswd password passwd pwd recover recovery magic magiclink passwordless
    login logon signin signup onetime otp oob oobcode passcode token verify verifyemail emailverification verification
    confirm confirmemail confirmation activate activation invite invites invitation invitations""".split()
)
# Each of the words, in any spelling, has one of these in it; as a pattern this would take three times as long.
_STEMS = "reset passw pwd recover magic log sign time otp oob passcode token verif confirm activat invit".split()
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+", re.ASCII)

# A path segment, or a parameter with its name, in the path, the query or the fragment of a URL.
_FIELD = re.compile("[^/?#&;]++", re.ASCII)
_AUTHORITY = re.compile(r"[a-z]++://[^/?#]*+", re.ASCII)
_ESCAPE = re.compile("%([0-9a-fA-F]{2})", re.ASCII)
_VALUE = re.compile("[A-Za-z0-9_.~+/-]++", re.ASCII)
_PIECE = re.compile("[A-Za-z0-9]++", re.ASCII)
# What a word, a number or an acronym is in text of several of them; random text falls into short ones.
_RUN = re.compile("[A-Z]?[a-z]++|[A-Z]++|[0-9]++", re.ASCII)
_HEX = re.compile("(?=[0-9]*+[a-f])(?=[a-f]*+[0-9])[0-9a-f]++", re.ASCII)
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

_LEAST = 16
_PER_SEPARATOR = 6  # characters for each "-" or "_", of which base64url has one in 32, and words more
_SHARE = 0.75  # of the characters of a value
_PIECE_LEAST = 5  # a shorter piece between two hyphens says nothing
# Mean characters of a run of random text; words, numbers and dates have longer ones. "2026Nov30" has 3.
_LONGEST_RUN = 3.2
_LONGEST_RUN_OF_FEW = 2.6  # in a piece of fewer than 16 characters
_LETTERS_LEAST = 20  # of letters alone, fewer can be an odd word
_VOWELS = 0.28  # among random letters 0.23 are vowels, in words some 0.38


def is_one_time(url: str) -> bool:
    """Tell whether a destination looks like a link that works once."""
    if not _may_have_word(url):
        return False
    fields = _fields(url)
    return any(_has_word(name) for name, _, _ in fields) and any(_is_random(value) for _, value, _ in fields)


def event_url(url: str) -> str:
    """Return a destination as an event may have it.

    That of a one-time link loses its query, its fragment, and its path from the first segment on that looks random.
    """
    if not is_one_time(url):
        return url
    path_end = min(at for at in (url.find("?"), url.find("#"), len(url)) if at >= 0)
    for _, value, start in _fields(url[:path_end]):
        if _is_random(value):
            return url[:start]
    return url[:path_end]


def _fields(url: str) -> list[tuple[str, str, int]]:
    """Return the path segments and parameters of a URL: the name, the value, and where it starts.

    A segment without "=" is its own value, and a name too.
    """
    authority = _AUTHORITY.match(url)
    found = []
    for field in _FIELD.finditer(url, authority.end() if authority else 0):
        name, equals, value = _ESCAPE.sub(_unescape, field[0]).partition("=")
        found.append((name, value if equals else name, field.start()))
    return found


def _unescape(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))


def _may_have_word(text: str) -> bool:
    return any(map(text.lower().__contains__, _STEMS))


def _has_word(name: str) -> bool:
    if not _may_have_word(name):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    return not _WORDS.isdisjoint(words) or not _WORDS.isdisjoint(map("".join, pairwise(words)))


def _is_random(text: str) -> bool:
    return len(text) >= _LEAST and any(_is_random_value(value) for value in _VALUE.findall(text))


def _is_random_value(value: str) -> bool:
    if len(value) < _LEAST:
        return False
    if _UUID.search(value):
        return True
    pieces = _PIECE.findall(value)
    length = sum(map(len, pieces))
    if len(pieces) <= 1 + length / _PER_SEPARATOR and length < _LONGEST_RUN_OF_FEW * sum(map(_runs, pieces)):
        return True
    random = [len(piece) for piece in pieces if len(piece) >= _PIECE_LEAST and _is_random_piece(piece)]
    return max(random, default=0) >= _LEAST or sum(random) >= _SHARE * length


def _runs(piece: str) -> int:
    return len(_RUN.findall(piece))


def _is_random_piece(piece: str) -> bool:
    if piece.isdigit():
        return False
    many = len(piece) >= _LEAST
    if many and _HEX.fullmatch(piece.lower()):
        return True
    runs = _runs(piece)
    if runs > 1 and len(piece) < (_LONGEST_RUN if many else _LONGEST_RUN_OF_FEW) * runs:
        return True
    letters = sum(map(str.isalpha, piece))
    least = _LETTERS_LEAST if letters == len(piece) else _LEAST
    vowels = sum(map(piece.lower().count, "aeiouy"))
    return len(piece) >= least and 2 * letters > len(piece) and vowels < _VOWELS * letters

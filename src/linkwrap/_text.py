"""The http and https URLs of a plain text, as mail clients show them as links.

Clients mostly agree on where a URL ends: before white space, controls, `<`, `>`, `"`, a backtick, a brace, a bracket
that it did not open, and typographic and East Asian punctuation; sentence punctuation at its end is not part of it.
Where clients differ, the longer URL is taken: a client would add characters that are cut off here to the signed URL,
which breaks it. A URL is never joined over lines. All functions take linear time.
"""

import codecs
import re
from collections.abc import Iterator
from io import StringIO
from typing import NamedTuple

from ._markup.encodings import NOT_ASCII_COMPATIBLE, codec_of_caller, find_text_codec
from ._markup.source import Source, open_source

# In no URL: white space, controls and direction marks, delimiters, full-width punctuation.
_ENDS = (
    r'\0-\x20\x7f-\xa0<>"`{}'
    r"\u061c\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f\u2060\u2066-\u2069\u3000\ufeff"
    r"\xab\xbb\u201c-\u201f\u2039\u203a"
    r"\u3001\u3002\u3008-\u3011\u3014-\u301f"
    r"\uff01\uff02\uff07-\uff09\uff0c\uff0e\uff1a-\uff1c\uff1e\uff1f\uff3b\uff3d\uff5b-\uff5d\uff5f-\uff64"
)
# In a URL, but not at its end: sentence punctuation (also Arabic and Devanagari), single quotes, dashes.
_TRAILING = ".,;:!?'|\u2018\u2019\u201a\u201b\u2013\u2014\u2026\u060c\u061b\u061f\u06d4\u0964\u0965"
_NO_LETTER = re.compile(f"[{_ENDS}{_TRAILING}\ufffd]")

# Behind one of these it is part of another text: "svn+http://", "www.a.test/?to=https://", "a_https://".
_START = re.compile(r"(?<![a-z0-9+.\-_/=?&#%@])https?://", re.ASCII | re.IGNORECASE)
_LINE_END = re.compile(r"[\t ]*+[\r\n]", re.ASCII)

# The bracket syntax. It stays where the URL goes on behind it: without it, the rest would be read as part of the URL.
_NAME = "data-msys-(?:clicktrack|link-?name|unsubscribe|sublink)"
_EQUALS = r"[\t ]*+=[\t ]*+"
_VALUE = r"""(?:"[^"\r\n]*+"|'[^'\r\n]*+'|[^\0-\x20"'=\[\]]++)"""
_CONTROLS = (
    rf"(?:\[\[(?:[\t ]*+{_NAME}{_EQUALS}{_VALUE})++[\t ]*+\]\])++"
    rf"(?![{_TRAILING}]*+(?:[^{_ENDS}{_TRAILING})\]]|\{{[{{%]|<%))"
)
_CONTROL = re.compile(_CONTROLS, re.ASCII | re.IGNORECASE)
_ATTRIBUTE = re.compile(f"({_NAME}){_EQUALS}({_VALUE})", re.ASCII | re.IGNORECASE)

# A placeholder that is closed in its line is part of the URL, spaces included; of another only its opener is.
_PLACEHOLDER = "|".join(
    rf"{opener}(?:[^{inner}\r\n]*+{closer})?+"
    for opener, inner, closer in (
        (r"\{\{", "{}", r"\}\}"),
        (r"\{%", "{%", r"%\}"),
        ("<%", "<%", "%>"),
        (r"\*\|", "|", r"\|\*"),
        (r"\$\{", "{}", r"\}"),
        (rf"(?!{_CONTROLS})\[\[", r"\[\]", r"\]\]"),
    )
)
_RUN = re.compile(rf"(?:[^{_ENDS}()\[\]$*]++|{_PLACEHOLDER}|[$*])*+", re.ASCII | re.IGNORECASE)

_MASKED = re.compile("\xa4+", re.ASCII)
_NOT_ASCII = re.compile(r"[^\0-\x7f]", re.ASCII)
_PIECE = 1000  # characters


class TextLink(NamedTuple):
    """A URL in a text, and the bracket syntax directly behind it."""

    start: int
    end: int
    behind: int
    """Where the brackets end; `end` without brackets."""
    attributes: dict[str, str]
    """The attributes in the brackets: names in lower case, of two with one name the first."""


class TextScan:
    """The URLs of a plain text, in the order of the text.

    Args:
        text: The text.
        encoding: The encoding of `bytes`, a WHATWG label or Python's name of such an encoding; None takes it from a
            BOM, else detects it.

    Raises:
        TypeError: The encoding is not a `str`.
        OptionError: The encoding is unknown.
    """

    __slots__ = ("encoding", "links", "source")

    def __init__(self, text: str | bytes, encoding: str | None) -> None:
        self.encoding = encoding
        """The encoding for `open_source`, so that it reads the text in the same way: markup in it declares nothing."""
        if isinstance(text, bytes) and encoding is None:
            self.encoding = find_text_codec(text)
        self.source = open_source(text, self.encoding)
        characters = self.source.text
        if isinstance(text, bytes) and self.source.unit == 1 and self.encoding and not characters.isascii():
            characters = _characters(text, self.source, codec_of_caller(self.encoding))
        self.links = [
            TextLink(start, end, behind, self._attributes(characters, end, behind))
            for start, end, behind in _find(characters)
        ]
        """Positions are those of the source's text."""

    def _attributes(self, characters: str, start: int, end: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        for attribute in _ATTRIBUTE.finditer(characters, start, end):
            value, value_end = attribute.span(2)
            quoted = characters[value] in "\"'"
            said = self.source.decode(value + quoted, value_end - quoted)
            attributes.setdefault(attribute[1].lower(), said)
        return attributes


def _find(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield where each URL of the text starts and ends, and where the brackets behind it end."""
    position = 0
    while match := _START.search(text, position):
        start, rest = match.span()
        end = _url_end(text, rest)
        # Behind brackets that stay, others stay too: without them the first ones would count.
        controls = None if "[[" in text[rest:end] else _CONTROL.match(text, end)
        behind = controls.end() if controls else end
        position = max(behind, rest)
        angled = text[start - 1 : start] == "<"
        # Between "<" and ">" a URL can go on in the next line (RFC 3986, appendix C): such a URL is left alone.
        if angled and _LINE_END.match(text, behind):
            continue
        if controls is None:
            if not (angled and text[end : end + 1] == ">"):
                end = rest + len(text[rest:end].rstrip(_TRAILING))
                end += text.startswith("*|", end - 1)  # a placeholder's opener
            behind = end
        if end > rest:
            yield start, end, behind


def _url_end(text: str, position: int) -> int:
    """Return where a URL ends, sentence punctuation included, from a position in it on."""
    parentheses = brackets = 0
    while True:
        run = _RUN.match(text, position)
        assert run is not None
        position = run.end()
        character = text[position : position + 1]
        if character == "(":
            parentheses += 1
        elif character == ")" and parentheses:
            parentheses -= 1
        elif character == "[" and not _CONTROL.match(text, position):
            brackets += 1
        elif character == "]" and brackets:
            brackets -= 1
        else:
            return position
        position += 1


def _characters(data: bytes, source: Source, codec: str) -> str:
    """Return the text with each character repeated for every unit of it, at least in the lines that hold a URL."""
    text = source.text
    if codec in NOT_ASCII_COMPATIBLE:
        # A shifted run cannot be cut: one that is not all letters is no part of a URL.
        return _MASKED.sub(
            lambda run: ("\0" if _NO_LETTER.search(source.decode(*run.span())) else "\xff") * len(run[0]), text
        )
    parts: list[str] = []
    position = 0
    for match in re.finditer("://", text):
        if match.start() >= position:
            start = max(text.rfind("\n", position, match.start()), position)
            end = text.find("\n", match.end())
            end = len(text) if end < 0 else end
            parts += text[position:start], _repeated(data[start:end], codec)
            position = end
    return "".join([*parts, text[position:]])


def _repeated(data: bytes, codec: str) -> str:
    """Return the characters of the bytes, each repeated for every byte of it."""
    said = data.decode(codec, "replace")
    if len(said) == len(data):
        return said
    if said.encode(codec, "replace") == data:
        # In pieces: a substitution keeps a string of its own for each character until it is done.
        pieces = (said[at : at + _PIECE] for at in range(0, len(said), _PIECE))
        return "".join(
            [_NOT_ASCII.sub(lambda found: found[0] * len(found[0].encode(codec)), piece) for piece in pieces]
        )
    # Invalid bytes, or another form than the codec's own.
    decoder = codecs.getincrementaldecoder(codec)("replace")
    characters = StringIO(newline="")
    start = 0
    for position in range(1, len(data) + 1):
        said = decoder.decode(data[position - 1 : position], position == len(data))
        if said:
            end = position - len(decoder.getstate()[0])
            characters.write(said[0] * (end - start - len(said) + 1) + said[1:])
            start = end
    return characters.getvalue()

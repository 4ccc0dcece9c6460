"""The http and https URLs of a plain text, as mail clients show them as links.

Clients mostly agree on where a URL ends: before white space, controls, `<`, `>`, `"`, a backtick, a brace, a bracket
that it did not open, and typographic and East Asian punctuation; sentence punctuation at its end is not part of it.
Where clients differ, the longer URL is taken: a client would add characters that are cut off here to the signed URL.
An authority ends at the first character that it cannot have, so that `http://a.test|http://b.test` is two URLs. A URL
is never joined over lines. All functions take linear time.
"""

import codecs
import re
from array import array
from collections.abc import Iterator
from io import StringIO
from typing import Final, NamedTuple

from ._markup.encodings import NOT_ASCII_COMPATIBLE, codec_of_caller, find_text_codec
from ._markup.source import Source, open_source
from ._markup.tokenizer import Span

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

_LINE_END = re.compile(r"[\t ]*+[\r\n]", re.ASCII)

# The bracket syntax. It stays where the URL goes on behind it: without it, the rest would be read as part of the URL.
_NAME = "data-msys-(?:clicktrack|link-?name|unsubscribe|sublink)"
_EQUALS = r"[\t ]*+=[\t ]*+"
_VALUE = r"""(?:"[^"\r\n]*+"|'[^'\r\n]*+'|[^\0-\x20"'=\[\]]++)"""
_BRACKETS = rf"\[\[(?:[\t ]*+{_NAME}{_EQUALS}{_VALUE})++[\t ]*+\]\]"
_GLUED = rf"(?!,https?://)[{_TRAILING}]*+(?:[^{_ENDS}{_TRAILING})\]]|\{{|<[%?])"
_CONTROL = re.compile(f"(?:{_BRACKETS})++(?!{_GLUED})", re.ASCII | re.IGNORECASE)
_ATTRIBUTE = re.compile(f"({_NAME}){_EQUALS}({_VALUE})", re.ASCII | re.IGNORECASE)

# "[[" that begins no array ("[[1,2],[3,4]]").
_OPENER = r"""\[\[(?!["'0-9]|-[0-9]|%2[27])"""
_OPENED = re.compile(_OPENER, re.ASCII)

# Placeholders that hold what ends a URL, or can. One that is closed in its line is part of the URL as a whole; of
# another only its opener is. The last three forms have no opener: unclosed, they are characters of a URL.
_LETTER = r"(?=[^\0-@\[-`{-\x7f])"
_PLACEHOLDER = "|".join(
    (
        *(
            rf"{opener}(?:[^{inner}\r\n]*+{closer})?+"
            for opener, inner, closer in (
                (r"\{\{++", "{}", r"\}\}++"),
                (r"\{%", "{%", r"%\}"),
                ("<%", "<%", "%>"),
                (r"<\?", "<?", r"\?>"),
                (r"\*\|", "|", r"\|\*"),
                (r"\$\{", "{}", r"\}"),
                (r"\[%(?![0-9a-f]{2})", "%", r"%\]"),
                (rf"(?!{_BRACKETS}){_OPENER}", r"\[\]", r"\]\]"),
            )
        ),
        rf"(?:{_BRACKETS})++(?={_GLUED})",
        r"\{(?:(?:[^{}\r\n:]|:(?!//))*+\})?+",
        rf"\(\({_LETTER}[^:()\r\n]*+\)\)",
        rf"(?:(?<![a-z0-9_\]])|(?<=%20))\[{_LETTER}[^,:\[\]\r\n]*+:[^,\[\]\r\n]*+\]",
        rf"##(?:_|{_LETTER})(?:[^#:\r\n]|:(?!//))*+##",
    )
)
# %a name%, as in `DEFAULT_PLACEHOLDERS`; what is behind the first "%".
_IN_NAME = r"[^\0-,/;-@\[-^`{-\x7f]"
_SPACED = (
    rf"{_LETTER}(?<![0-9]%)(?<!%[89a-f][0-9a-f]%)(?!u[0-9a-f]{{4}}|[a-f](?:[0-9]|[a-f](?!{_LETTER})))"
    rf"{_IN_NAME}++(?:(?: |%20){_IN_NAME}++)++%(?![0-9a-f]{{2}})"
)
_COMMA = ",(?!https?://)"  # another begins the next URL
_RUN = rf"(?:[^{_ENDS}#()\[\]$*,%]++|%(?:{_SPACED})?+|{_PLACEHOLDER}|[#$*]|{_COMMA})*+"

# Symbols that no international name has, beyond ASCII: those of Latin-1, punctuation, arrows, lines and shapes.
_SYMBOLS = (
    r"\xa1-\xa9\xac\xae-\xb1\xb4\xb6\xb8\xbf\xd7\xf7\u060c\u061b\u061f\u06d4\u0964\u0965"
    r"\u2010-\u205e\u2190-\u21ff\u2500-\u25ff"
)
_USER = rf"(?:[^{_ENDS}/\\?#@\[\]^|]*+@)*+"
# In an authority also those that hold nothing that ends a URL: %name%; "${" and "*|" encoded.
_IN_AUTHORITY = rf"%(?:{_SPACED}|{_LETTER}{_IN_NAME}{{2,}}+%(?![0-9a-f]{{2}}))|{_PLACEHOLDER}|[$*]%7[bc]"
# ";" is in no name either, but behind a redirect URL it would not be ignored: with it, the URL is left alone.
_NAME_OR_V4 = rf"(?:[^{_ENDS}{_SYMBOLS}!#$%&'()*+,/:=?@\[\\\]^|~]++|{_IN_AUTHORITY}|%)*+"
_HOST = rf"(?:\[[0-9a-f]*+:[0-9a-f:.]*+\]|{_NAME_OR_V4})"
_PORT = rf"(?::(?:[0-9]++|{_IN_AUTHORITY})*+)?+"

# A URL up to the first bracket or its end. Behind one of the characters it is part of another text: "svn+http://",
# "www.a.test/?to=https://", "a_https://".
_URL = re.compile(
    rf"(?<![a-z0-9+.\-_/=?&#%@])(https?://){_USER}{_HOST}{_PORT}((?=[/?#\\]){_RUN})?+", re.ASCII | re.IGNORECASE
)
_REST = re.compile(_RUN, re.ASCII | re.IGNORECASE)
_UNFINISHED = re.compile(f"{_PLACEHOLDER}|%(?:{_SPACED})", re.ASCII | re.IGNORECASE)
_END = re.compile(f"[{_ENDS}]")
_BRACE = re.compile(r"[{}]")
_APART = re.compile(r"""[\s"'`\xab\xbb\u2018-\u201f]""")

_NO_ATTRIBUTES: Final[dict[str, str]] = {}  # shared, since a text can have many links
_MASKED = re.compile("\xa4+", re.ASCII)
_NOT_ASCII = re.compile(r"[^\0-\x7f]", re.ASCII)
_PIECE = 1000  # characters


# Behind the end of a URL: more than the punctuation that clients leave out; what no redirect URL takes as a rest;
# placeholders.
_MORE = re.compile(rf"[{_TRAILING})\]]*+[^{_ENDS}{_TRAILING})\]]")
_UNTAKEN = re.compile(r"[A-Za-z0-9_;/\\-]|%(?:2[Ff]|3[Bb]|5[Cc])", re.ASCII)
# <name>: at the end of a URL it can be markup, unless it is the value of a parameter.
_MARKUP = (
    "(?:a|abbr|address|b|big|blockquote|body|br|center|code|div|em|font|h[1-6]|hr|html|i|li|ol|p|pre|s|small|span|"
    "strong|sub|sup|t[dhr]|table|tbody|tt|u|ul)>"
)
_NAME_IN_ANGLES = "[A-Za-z][A-Za-z0-9_.-]{0,64}+>"
_TAG = re.compile(
    rf"<{_NAME_IN_ANGLES}[A-Za-z0-9/?&=#-]|<(?!(?i:{_MARKUP})){_NAME_IN_ANGLES}|(?<==)<[A-Za-z][^<>\r\n]{{0,64}}+>",
    re.ASCII,
)
_BRACKETED = re.compile(r"[.:@]?+\[[A-Za-z][^\[\]\s]{0,64}+\]", re.ASCII)
_SPACED_BRACKETS = re.compile(r"\[[A-Za-z][^\[\]\r\n]{0,64}+\]", re.ASCII)


class TextLink(NamedTuple):
    """A URL in a text, and the bracket syntax directly behind it."""

    start: int
    end: int
    behind: int
    """The end of the brackets; `end` without brackets."""
    attributes: dict[str, str]
    """The attributes in the brackets: names in lower case, of two with one name the first."""
    placeholder: Span | None = None
    """A placeholder that is not for the URL's own text to tell: one that holds what ends a URL, or is around it."""


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
            TextLink(start, end, behind, self._attributes(characters, end, behind), placeholder)
            for start, end, behind, placeholder in _find(characters)
        ]
        """Positions are those of the source's text."""

    def _attributes(self, characters: str, start: int, end: int) -> dict[str, str]:
        if start == end:
            return _NO_ATTRIBUTES
        attributes: dict[str, str] = {}
        for attribute in _ATTRIBUTE.finditer(characters, start, end):
            value, value_end = attribute.span(2)
            quoted = characters[value] in "\"'"
            said = self.source.decode(value + quoted, value_end - quoted)
            attributes.setdefault(attribute[1].lower(), said)
        return attributes


def _find(text: str) -> Iterator[tuple[int, int, int, Span | None]]:
    """Yield where each URL of the text starts and ends, where the brackets behind it end, and its placeholder."""
    position = 0
    groups: _Groups | None = None
    braces = "{" in text
    while match := _URL.search(text, position):
        start, rest, end = match.start(), match.end(1), match.end()
        if match.end(2) >= 0 and text[end : end + 1] in ("(", ")", "[", "]"):
            end = _path_end(text, end)
        # Behind brackets that stay, others stay too: without them the first ones would count.
        bracketed = text.startswith("[[", end) and _OPENED.search(text, rest, end) is None
        controls = _CONTROL.match(text, end) if bracketed else None
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
            if end > rest and _reads_on(text, rest, end):
                continue
        if end > rest:
            placeholder = _unfinished(text, rest, end) if _END.search(text, rest, end) else None
            if placeholder is None and braces:
                groups = groups or _Groups(text)
                placeholder = groups.around(start)
            yield start, end, behind, placeholder


def _reads_on(text: str, rest: int, end: int) -> bool:
    """Tell whether what a mail client would still read as part of the URL makes the redirect URL another one.

    A redirect URL takes a rest behind it, but none that begins with a character of a token, "/", ";" or a backslash.
    A placeholder in the authority, and one in angle or square brackets that goes on behind the end, are other URLs too.
    """
    if (_UNTAKEN.match(text, end) and _MORE.match(text, end)) or _TAG.match(text, end):
        return True
    if "/" not in text[rest:end] and _BRACKETED.match(text, end):
        return True
    if not text.startswith((" ", "\t"), end):
        return False
    opened = text.rfind("[", rest, end)
    return opened > text.rfind("]", rest, end) and _SPACED_BRACKETS.match(text, opened) is not None


def _path_end(text: str, position: int) -> int:
    """Return where a URL ends, sentence punctuation included, from the first bracket behind its authority on."""
    parentheses = brackets = 0
    while True:
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
        rest = _REST.match(text, position + 1)
        assert rest is not None
        position = rest.end()


def _unfinished(text: str, start: int, end: int) -> Span | None:
    """Return the first placeholder between two positions that holds a character that ends a URL."""
    spans = (placeholder.span() for placeholder in _UNFINISHED.finditer(text, start, end))
    return next((span for span in spans if _END.search(text, *span)), None)


class _Groups:
    """The outermost `{…}` of a text without white space and quotes, for ascending positions."""

    __slots__ = ("_at", "_ends", "_starts")

    def __init__(self, text: str) -> None:
        self._starts, self._ends = array("L"), array("L")
        self._at = 0
        opened = array("L")
        position = 0
        for brace in _BRACE.finditer(text):
            if opened and _APART.search(text, position, brace.start()):
                del opened[:]
            position = brace.end()
            if brace[0] == "{":
                opened.append(brace.start())
            elif opened:
                start = opened.pop()
                while self._starts and self._starts[-1] > start:
                    self._starts.pop()
                    self._ends.pop()
                self._starts.append(start)
                self._ends.append(position)

    def around(self, position: int) -> Span | None:
        """Return the group that holds a position, one behind the position before."""
        while self._at < len(self._ends) and self._ends[self._at] <= position:
            self._at += 1
        if self._at < len(self._starts) and self._starts[self._at] < position:
            return self._starts[self._at], self._ends[self._at]
        return None


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

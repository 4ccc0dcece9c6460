"""The tags of a source text with exact positions, by the WHATWG tokenization rules (HTML 13.2.5).

This module has compiled patterns, functions that find the end of a construct, and functions that read attributes. Each
pattern is linear by construction: every loop is possessive, and no two alternatives can match the same text twice. A
construct that the end of the text cuts off never matches, as a browser drops it.

The patterns take positions of a text in which one character is one code unit of the source (see `source.py`), and
respect the `endpos` of `re`, so that the inside of a comment is read by the same patterns as a whole document.
"""

import re
from collections.abc import Callable, Container, Iterator
from functools import cache
from typing import NamedTuple

Span = tuple[int, int]

_SPACE = r"[\t\n\f\r ]"
_TAG_NAME = r"[^\t\n\f\r />]*+"
_QUOTED = r"""(?:"[^"]*+"|'[^']*+')"""
_VALUE = rf"""(?:{_QUOTED}|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))"""
# 13.2.5.32: an "=" where a name is expected begins the name. 13.2.5.35: a quote opens a value only behind "=".
_ATTRIBUTE_NAME = r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
_ATTRIBUTE = rf"[\t\n\f\r /]*+{_ATTRIBUTE_NAME}{_SPACE}*+(?:={_SPACE}*+{_VALUE}|(?!=))"
# Most attributes are a space, a name and a quoted value; the general rule is tried from where those end.
_COMMON_ATTRIBUTES = rf"(?:{_SPACE}++[^\t\n\f\r />=]++={_QUOTED})*+"
_REST_OF_ANY_TAG = rf"(?:{_ATTRIBUTE})*+[\t\n\f\r /]*+>"
_REST_OF_TAG = rf"{_COMMON_ATTRIBUTES}(?:>|{_REST_OF_ANY_TAG})"

_HREF = "[hH][rR][eE][fF]"
_END_OF_NAME = r"[\t\n\f\r />=]"
_LINK_TAG = rf"""
    ([aA](?:[rR][eE][aA])?(?=[\t\n\f\r />])|[vV]:{_TAG_NAME})                       # 1: the element's name
    (?:[\t\n\f\r /]*+(?!{_HREF}{_END_OF_NAME}){_ATTRIBUTE_NAME}{_SPACE}*+(?:={_SPACE}*+{_VALUE}|(?!=)))*+
    [\t\n\f\r /]*+
    (?: {_HREF}{_SPACE}*+
        (?: ={_SPACE}*+(?: "([^"]*+)" | '([^']*+)' | ([^\t\n\f\r >"'][^\t\n\f\r >]*+) | (?=>)() )   # 2 to 5: its value
          | (?!=)() )                                                                # 6: no value: empty
        {_REST_OF_TAG}
      | > )                                                                          # no href
"""


_CONDITION = r"<!--\[[iI][fF][^\]>]*+\]>"


def _any_case(name: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in name)


def _raw_text(element: str) -> str:
    name = rf"{_any_case(element)}(?=[\t\n\f\r />])"
    return rf"{name}{_REST_OF_ANY_TAG}(?:[^<]++|<(?!/{name}))*+</{name}"


# Tags that are no links and do not change how the text behind them is read, by their first letters.
_BORING = (
    r"(?:[c-hj-loqruwyzC-HJ-LOQRUWYZ]|[tT](?![iI]|[eE][xX])|[sS](?![cC]|[tT][yY]|[vV])|[pP](?![lL])|[bB](?![aAoO])"
    r"|[iI](?![fF]{image})|/(?![bB][oO]|[hH][tT])[a-zA-Z]|[aA](?![\t\n\f\r />]|[rR][eE][aA]{amp})|[mM](?![aA][tT][hH])"
    r"|[nN](?![oO][eEfF])|[vV](?!:)|[xX](?![mM]))"
)
# Most tags, tried first: end tags, and start tags by their first letters, with attributes in double quotes only.
_COMMON_END_TAG = r"/[ac-gi-zAC-GI-Z][a-zA-Z0-9]*+>"
_COMMON_START_TAG = "|".join(
    rf"""{first}{_TAG_NAME}(?:[ ][a-zA-Z0-9:_-]++="[^"]*+")*+>"""
    for first in ("[tT][a-df-hj-zA-DF-HJ-Z]", "[c-hj-loqruwyzC-HJ-LOQRUWYZ]", "[sS][abd-sw-zABD-SW-Z]")
)
# Comments, by their ">" rather than by each character; of the conditional ones only those without a link. CONDITION
# takes the others, and odd ones.
_NO_LINK = "<(?:[b-uw-zB-UW-Z/!?]|[vV](?!:))"
_COMMENT = rf"""
    !--(?: -?>
         | (?!\[[iI][fF])(?:-?!>)?+[^>]*+(?:(?<!--)(?<!--!)>[^>]*+)*+>
         | \[[iI][fF][^<>]*+
           (?:{_NO_LINK}[^>]*+(?<![-!])>[^<>]*+|(?<![-!])>[^<>]*+)*+(?:{_NO_LINK}[^>]*+)?+(?:(?<=--)|(?<=--!))> )
"""
# A conditional comment ends with "<![endif]", whose ">" is not part of it.
_OR_END = r"(?:>|\Z)"


@cache
def next_link(*, images: bool, comments: bool) -> re.Pattern[str]:
    """Return the pattern that passes over text of no use, and then matches the next link or mark, if there is one.

    Its `lastindex` is the kind: 1 (NO_HREF), a tag without an href; 2 to 6 (LAST_VALUE), a link's tag with that group
    as the value; 7, `<body …>`; 8 (BODY_END) and 9 (HTML_END), the "/" of those end tags; 10 (CONDITION), the opening
    of a conditional comment. With None, the match ends at the end of the text or at a "<" to look at.

    Args:
        images: Whether to stop at `<img>` and `<amp-img>`.
        comments: Whether to pass over comments. Inside a conditional comment it must not: the end of any comment has
            ended the conditional one, and a search for it at each opening would take quadratic time.
    """
    boring = _BORING.format(image="|[mM][gG]" if images else "", amp="|[mM][pP]-[iI]" if images else "")
    body = _any_case("body")
    # The rest of a tag is half of what there is to compile, so alternatives share it; rare ones have a short one.
    return re.compile(
        rf"""[^<]*+
        (?: <(?: {_COMMON_END_TAG} | {_COMMON_START_TAG}
               {f"|{_COMMENT}" if comments else ""}
               | !(?!--)[^>]*+{">" if comments else _OR_END}                         # doctypes, bogus comments
               | {boring}{_TAG_NAME}(?:>|{_REST_OF_TAG})
               | /(?![bB][oO]|[hH][tT])[a-zA-Z]{_TAG_NAME}>
               | (?:{_raw_text("style")}|{_raw_text("title")}){_REST_OF_ANY_TAG}
               | \?[^>]*+>
               | /(?:>|[^a-zA-Z>][^>]*+>)
               | (?![a-zA-Z/!?])                                                     # a "<" that is text
            )[^<]*+ )*+
        (?: <(?: {_LINK_TAG}
               | (?:({body})|(/){body}|(/){_any_case("html")})(?=[\t\n\f\r />]){_REST_OF_ANY_TAG}
               )
            | ({_CONDITION})
        )?+""",
        re.ASCII | re.VERBOSE,
    )


@cache
def link_tag() -> re.Pattern[str]:
    """Return the pattern for a link's tag; its groups 1 to LAST_VALUE are those of `next_link`."""
    return re.compile(rf"<{_LINK_TAG}", re.ASCII | re.VERBOSE)


NO_HREF, LAST_VALUE, BODY_END, HTML_END, CONDITION = 1, 6, 8, 9, 10
CONDITIONAL_COMMENT = re.compile(_CONDITION, re.ASCII)
TAG = re.compile(rf"<(/?)([a-zA-Z]{_TAG_NAME})(?:{_ATTRIBUTE})*+([\t\n\f\r /]*+)>", re.ASCII)
"""Any tag: 1 is "/" of an end tag, 2 its name, 3 ends with "/" where the tag is self-closing."""

_ATTRIBUTE_PARTS = re.compile(
    rf"""[\t\n\f\r /]*+({_ATTRIBUTE_NAME}){_SPACE}*+
    (?:={_SPACE}*+(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r >"'][^\t\n\f\r >]*+)|(?=>)())|(?!=)())""",
    re.ASCII | re.VERBOSE,
)
_NO_VALUE = 6
_NAME_IN_TAG = re.compile(rf"</?{_TAG_NAME}", re.ASCII)
_REFERENCE = re.compile(
    r"&(?:#(?:[xX]([0-9a-fA-F]++)|([0-9]++));?+|([a-zA-Z][a-zA-Z0-9]*+(?!=);?+))",
    re.ASCII,
)
_MARKUP_DECLARATION = re.compile(r"<(?:!|\?|/(?![a-zA-Z]))[^>]*+>", re.ASCII)
COMMENT_END = re.compile(r"--!?>")
_SCRIPT_DATA = re.compile(r"<!--(-?>)?|</script(?=[\t\n\f\r />])", re.ASCII | re.IGNORECASE)
_SCRIPT_ESCAPED = re.compile(r"(-->)|(<script(?=[\t\n\f\r />]))|</script(?=[\t\n\f\r />])", re.ASCII | re.IGNORECASE)
_SCRIPT_DOUBLE_ESCAPED = re.compile(r"(-->)|</script(?=[\t\n\f\r />])", re.ASCII | re.IGNORECASE)


def lower(name: str) -> str:
    """Lower-case the ASCII letters of a name and no others, as the tokenizer does (13.2.5.8, 13.2.5.33)."""
    if "\0" in name:
        name = name.replace("\0", "\ufffd")
    return name.lower() if name.isascii() else re.sub("[A-Z]+", lambda run: run[0].lower(), name)


class Attribute(NamedTuple):
    """The place of an attribute: all of it, without white space around it, and its value, quotes excluded."""

    start: int
    end: int
    value: Span


def attributes(text: str, tag_start: int, tag_end: int, wanted: Container[str] | None = None) -> dict[str, Attribute]:
    """Return the attributes of the tag at `tag_start` (its "<") that ends at `tag_end` (behind its ">") by their names.

    Names are in lower case; with `wanted` only those in it are kept, since a hostile tag can have a million.
    Of several attributes with one name the first counts (13.2.5.33).
    """
    found: dict[str, Attribute] = {}
    for name, attribute in every_attribute(text, tag_start, tag_end):
        if wanted is None or name in wanted:
            found.setdefault(name, attribute)
    return found


def every_attribute(text: str, tag_start: int, tag_end: int) -> Iterator[tuple[str, Attribute]]:
    """Yield the attributes of a tag in the order of the text, repeated names included."""
    name = _NAME_IN_TAG.match(text, tag_start, tag_end)
    assert name is not None
    position = name.end()
    while part := _ATTRIBUTE_PARTS.match(text, position, tag_end):
        assert part.lastindex is not None
        position = part.end()
        end = part.end(1) if part.lastindex == _NO_VALUE else position
        yield lower(part[1]), Attribute(part.start(1), end, part.span(part.lastindex))


def read_tag(
    text: str,
    tag_start: int,
    tag_end: int,
    decode: Callable[[int, int], str],
    wanted: Container[str],
    removed: Container[str],
) -> tuple[dict[str, str], list[Span]]:
    """Return the values of the `wanted` attributes of a tag, and the spans to cut so that it loses the `removed` ones.

    Names are in lower case; of several attributes with one name the first counts. `decode` returns the characters
    between two positions. Spans hold the white space before an attribute too, where the tag can do without it.
    """
    values: dict[str, str] = {}
    cuts: list[Span] = []
    for name, attribute in every_attribute(text, tag_start, tag_end):
        if name in wanted and name not in values:
            start, end = attribute.value
            value = text[start:end]
            values[name] = decode_references(value if value.isascii() else decode(start, end))
        if name in removed and (span := _removable(text, attribute)):
            if cuts and cuts[-1][1] == span[0]:
                cuts[-1] = (cuts[-1][0], span[1])
            else:
                cuts.append(span)
    return values, cuts


def _removable(text: str, attribute: Attribute) -> Span | None:
    """Return the span to cut for an attribute; None where the rest of the tag would change its meaning.

    Before a name that begins with "=" the attribute stays: without it, the "=" would give a value to what is before it.
    """
    start = attribute.start
    behind = attribute.end
    while text[behind] in "\t\n\f\r /":
        behind += 1
    if text[behind] == "=":
        return None
    if text[attribute.end] in "\t\n\f\r >":
        while text[start - 1] in "\t\n\f\r ":
            start -= 1
    return start, attribute.end


def decode_references(value: str) -> str:
    """Return the value of an attribute from its source text (13.2.5.36 to 38 and 13.2.5.72 to 80).

    Line ends become LF and NUL becomes U+FFFD, as the input stream and the attribute value states have it. A named
    reference without a semicolon stays text before "=" and before a letter or digit: `?a=1&copy=2` has no "©".
    """
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in value:
        value = value.replace("\0", "\ufffd")
    if "&" not in value:
        return value
    if value.count("&") == value.count("&amp;"):
        return value.replace("&amp;", "&")
    return _REFERENCE.sub(_character, value)


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    if name is not None:
        # In an attribute a name counts only as a whole, so the longest match of the standard is one look-up.
        from html.entities import html5  # takes longer to import than the rest of this module

        return html5.get(name, reference[0])
    digits = (hexadecimal or decimal).lstrip("0") or "0"
    code = int(digits, 16 if hexadecimal else 10) if len(digits) <= 7 else 0x110000
    if 0x80 <= code <= 0x9F:
        return bytes((code,)).decode("cp1252", "ignore") or chr(code)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return chr(code)


def comment_end(text: str, start: int, end: int) -> Span | None:
    """Return where the data of the comment at `start` ("<!--") ends, and where the comment ends; None without an end.

    `<!-->` and `<!--->` are empty comments, and `--!>` ends one too (13.2.5.43 to 13.2.5.52).
    """
    inside = start + 4
    for short in (">", "->"):
        if text.startswith(short, inside, end):
            return inside, inside + len(short)
    found = COMMENT_END.search(text, inside, end)
    return found.span() if found else None


def declaration_end(text: str, start: int, end: int) -> int | None:
    """Return where the doctype or bogus comment at `start` ends, behind the first ">" (13.2.5.41, 13.2.5.53)."""
    found = _MARKUP_DECLARATION.match(text, start, end)
    return found.end() if found else None


@cache
def _end_tag_name(element: str) -> re.Pattern[str]:
    return re.compile(rf"</{element}(?=[\t\n\f\r />])", re.ASCII | re.IGNORECASE)


def raw_text_end(text: str, element: str, start: int, end: int) -> int | None:
    """Return where the end tag of a raw-text or RCDATA `element` begins; its text is at `start` (13.2.5.9 to 14)."""
    if element == "script":
        return _script_end(text, start, end)
    found = _end_tag_name(element).search(text, start, end)
    return found.start() if found else None


def _script_end(text: str, position: int, end: int) -> int | None:
    """Follow script data through its escaped and double escaped states (13.2.5.15 to 13.2.5.31)."""
    while found := _SCRIPT_DATA.search(text, position, end):
        if text[found.start() + 1] == "/":
            return found.start()
        position = found.end()
        if found[1]:
            continue
        # The dashes of "<!--" can be those of "-->" too, but "<!-->" has a group of its own above.
        while found := _SCRIPT_ESCAPED.search(text, position, end):
            position = found.end()
            if found[1]:
                break
            if not found[2]:
                return found.start()
            found = _SCRIPT_DOUBLE_ESCAPED.search(text, position, end)
            if found is None:
                return None
            position = found.end()
            if found[1]:
                break
        else:
            return None
    return None

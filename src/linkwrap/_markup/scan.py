"""The links of a document and the places for its pixels, as a mail client sees them.

`scan` walks over a source text once. Live markup is read by the tokenization rules. The insides of Outlook's
conditional comments are read as documents of their own, so that a fault in one cannot hide the links behind it.
"""

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import tokenizer
from .foreign import FOREIGN_ATTRIBUTES, OpenElements
from .source import Source
from .tokenizer import (
    BODY_END,
    COMMENT_END,
    CONDITION,
    CONDITIONAL_COMMENT,
    HTML_END,
    LAST_VALUE,
    NO_HREF,
    TAG,
    Span,
    decode_references,
    link_tag,
    next_link,
)

RAW_TEXT = frozenset("iframe noembed noframes script style textarea title xmp".split())
_NAME = re.compile(r"<([^\t\n\f\r />]*+)", re.ASCII)
_TEXT = re.compile(r"[^<]*+(?:<(?![a-zA-Z/!?])[^<]*+)*+", re.ASCII)
AMP_NAMES = frozenset(("amp4email", "\N{HIGH VOLTAGE SIGN}4email", "\N{HIGH VOLTAGE SIGN}\ufe0f4email"))
"""The attributes of `<html>` that mark AMP for Email, whose validators know other tags than HTML does."""

_HEAD = 2048  # characters within which the <html> tag must end
_UP_TO_HTML = re.compile(
    r"(?:[\t\n\f\r ]++|\ufeff|\xef\xbb\xbf|<!--(?:[^-]++|-(?!->))*+-->|<[!?](?!--)[^>]*+>)*+", re.ASCII
)
_PIXEL_PATH = "/q/"
_IMAGES = frozenset(("amp-img", "img"))
# Lists are quick and large: positions are collected in one before they go into arrays.
_MANY = 1_000


class Position(NamedTuple):
    """The place of a link in the text: its tag, and the value of its `href` as written, quotes excluded."""

    tag_start: int
    start: int
    end: int
    tag_end: int
    conditional: int
    """1 inside an Outlook conditional comment, else 0."""


class Columns(NamedTuple):
    """The positions of some links, a column for each field of `Position`."""

    tag_starts: "array[int]"
    starts: "array[int]"
    ends: "array[int]"
    tag_ends: "array[int]"
    conditional: "array[int]"


_WIDTH = len(Position._fields)


class Positions:
    """The places of all links of a text, in its order; 40 bytes a link."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[int] = ()) -> None:
        self._fields = array("q", fields)

    def __len__(self) -> int:
        return len(self._fields) // _WIDTH

    def __iter__(self) -> Iterator[Position]:
        fields = iter(self._fields)
        return map(Position._make, zip(fields, fields, fields, fields, fields, strict=True))

    def batches(self, size: int) -> Iterable[Columns]:
        """Return the links in batches of this size."""
        fields, step = self._fields, size * _WIDTH
        if not fields:
            return ()
        if len(fields) <= step:
            return (_columns(fields),)
        return (_columns(fields[first : first + step]) for first in range(0, len(fields), step))

    def extend(self, fields: Iterable[int]) -> None:
        """Add links: the fields of one `Position` after the other."""
        self._fields.extend(fields)

    def truncate(self, count: int) -> None:
        """Keep the first `count` links only."""
        del self._fields[count * _WIDTH :]


def _columns(fields: "array[int]") -> Columns:
    return Columns(fields[0::5], fields[1::5], fields[2::5], fields[3::5], fields[4::5])


class LinkTag(NamedTuple):
    """A tag with an `href`, its positions being those of the text that was scanned."""

    element: str
    """`a`, `area` or the VML element's name (`v:rect`), in lower case."""
    start: int
    """The start of the value of the `href` as written, quotes excluded."""
    end: int
    conditional: bool
    """Whether it is inside an Outlook conditional comment."""
    tag_start: int
    tag_end: int


class Scan:
    """The links of a text, the places for pixels, the base URL, and the images that may be pixels already."""

    __slots__ = (
        "_body_end",
        "_fields",
        "_html_end",
        "_kept",
        "_reads_images",
        "base",
        "images",
        "initial_at",
        "pixel_at",
        "positions",
        "text",
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self.positions = Positions()
        self.base: Span | None = None
        """The value of the first live `<base href>`."""
        self.images: list[Span] = []
        """The values of the live `<img src>`; only read where the text holds `/q/`, as our pixels do."""
        self.initial_at: int | None = None
        """The place of the initial-open pixel, behind the first live `<body …>`."""
        self._body_end: int | None = None
        self._html_end: int | None = None
        self._reads_images = _may_hold_pixel(text)
        self._fields: list[int] = []
        self._kept = 0
        """The number of fields that are in `positions` already."""
        live_end = self._region(0, len(text), conditional=False)
        if self._fields:
            self.positions.extend(self._fields)
        self.pixel_at = self._body_end or self._html_end or live_end
        """The place of the open pixel: before the last live `</body>`, else `</html>`, else where live markup ends."""

    @property
    def links(self) -> list[LinkTag]:
        """The links in the order of the text."""
        return [
            LinkTag(element_name(self.text, tag_start), start, end, bool(conditional), tag_start, tag_end)
            for tag_start, start, end, tag_end, conditional in self.positions
        ]

    def _region(self, start: int, end: int, *, conditional: bool) -> int:
        """Read text[start:end] as a document; return where its live markup ends."""
        text, fields = self.text, self._fields
        matches = next_link(images=self._reads_images and not conditional, comments=not conditional).finditer
        fields_before = self._kept + len(fields)
        position = start
        while True:
            for match in matches(text, position, end):
                group = match.lastindex
                if group is None:
                    break
                if group == NO_HREF:
                    continue
                if group <= LAST_VALUE:
                    value_start, value_end = match.span(group)
                    fields += (match.start(1) - 1, value_start, value_end, match.end(), conditional)
                    if len(fields) > _MANY:
                        self._keep()
                elif not conditional:
                    if group == CONDITION:
                        break
                    if group == BODY_END:
                        self._body_end = match.start(group) - 1
                    elif group == HTML_END:
                        self._html_end = match.start(group) - 1
                    else:
                        self.initial_at = self.initial_at or match.end()
            position = match.end()
            if group is not None:
                closed = COMMENT_END.search(text, position, end)
                self._region(position, closed.start() if closed else end, conditional=True)
                if closed is None:
                    return match.start(group)
                position = closed.end()
            elif position == end:
                return end
            else:
                behind = self._construct(position, end, conditional=conditional)
                if behind is None:
                    return position
                if behind < 0:
                    self._keep()
                    self._kept = fields_before
                    self.positions.truncate(fields_before // _WIDTH)
                    return self._foreign_region(start, end, conditional=conditional)
                position = behind

    def _keep(self) -> None:
        self._kept += len(self._fields)
        self.positions.extend(self._fields)
        self._fields.clear()

    def _foreign_region(self, start: int, end: int, *, conditional: bool) -> int:
        """Do what `_region` does tag by tag, with the stack of open elements that SVG and MathML need."""
        if not conditional:
            self.base = self.initial_at = self._body_end = self._html_end = None
            self.images.clear()
        elements = OpenElements()
        position = start
        while True:
            match = _TEXT.match(self.text, position, end)
            assert match is not None
            position = match.end()
            if position == end:
                return end
            behind = self._construct(position, end, conditional=conditional, elements=elements)
            if behind is None:
                return position
            position = behind

    def _construct(
        self, start: int, end: int, *, conditional: bool, elements: OpenElements | None = None
    ) -> int | None:
        """Read the construct at `start` (its "<"); return where it ends, None where the end of the text cuts it off.

        Without `elements` the result is -1 for a start tag of SVG or MathML.
        """
        text = self.text
        if text.startswith("<!--", start, end):
            return self._comment(start, end, conditional=conditional)
        if elements is not None and elements.foreign and text.startswith("<![CDATA[", start, end):
            closed = text.find("]]>", start, end)
            return closed + 3 if closed >= 0 else None
        tag = TAG.match(text, start, end)
        if tag is None:
            return tokenizer.declaration_end(text, start, end)
        name = tokenizer.lower(tag[2])
        if tag[1]:
            if elements is not None:
                elements.end(name)
            if not conditional:
                self._end_tag(name, start)
            return tag.end()
        if elements is None:
            if name in ("svg", "math"):
                return -1
        else:
            link = link_tag().match(text, start, end)
            if link and link.lastindex and link.lastindex != NO_HREF:
                self._fields += (start, *link.span(link.lastindex), link.end(), conditional)
                if len(self._fields) > _MANY:
                    self._keep()
            if not elements.start(name, self_closing=tag[3].endswith("/"), attributes=lambda: self._values(tag)):
                if not conditional and name in _IMAGES:
                    self._live_tag(name, tag)
                return tag.end()
        if name in RAW_TEXT:
            text_end = tokenizer.raw_text_end(text, name, tag.end(), end)
            closing = None if text_end is None else TAG.match(text, text_end, end)
            if elements is not None:
                elements.end(name)
            return closing.end() if closing else None
        if not conditional:
            self._live_tag(name, tag)
        return None if name == "plaintext" else tag.end()

    def _comment(self, start: int, end: int, *, conditional: bool) -> int | None:
        condition = CONDITIONAL_COMMENT.match(self.text, start, end)
        if conditional:
            # The end of any comment has ended the conditional one, so a comment inside it reaches to its end.
            return condition.end() if condition else None
        closed = tokenizer.comment_end(self.text, start, end)
        if condition:
            self._region(condition.end(), closed[0] if closed else end, conditional=True)
        return closed[1] if closed else None

    def _end_tag(self, name: str, start: int) -> None:
        if name == "body":
            self._body_end = start
        elif name == "html":
            self._html_end = start

    def _live_tag(self, name: str, tag: re.Match[str]) -> None:
        if name == "body":
            self.initial_at = self.initial_at or tag.end()
        elif name == "base" and self.base is None:
            if href := tokenizer.attributes(self.text, *tag.span(), ("href",)).get("href"):
                self.base = href.value
        elif name in _IMAGES and (src := tokenizer.attributes(self.text, *tag.span(), ("src",)).get("src")):
            self.images.append(src.value)

    def _values(self, tag: re.Match[str]) -> dict[str, str]:
        found = tokenizer.attributes(self.text, *tag.span(), FOREIGN_ATTRIBUTES)
        return {name: decode_references(self.text[slice(*place.value)]) for name, place in found.items()}


def _may_hold_pixel(text: str) -> bool:
    # A search for one rare letter takes a fifth of the time of a search for the whole path.
    place = text.find("q", 1)
    while place > 0:
        if text.startswith(_PIXEL_PATH, place - 1):
            return True
        place = text.find("q", place + 1)
    return False


def element_name(text: str, tag_start: int) -> str:
    """Return the lower-case name of the element whose start tag is at `tag_start`."""
    name = _NAME.match(text, tag_start)
    assert name is not None
    return tokenizer.lower(name[1])


def scan(text: str) -> Scan:
    """Find the links of `text`, the places for pixels, the base URL and the images that may be pixels already.

    It never raises: text that is not HTML has no links. It takes linear time, and 40 bytes of memory a link.
    """
    return Scan(text)


def is_amp(source: Source) -> bool:
    """Tell whether the document's `<html>` tag marks it as AMP for Email: `<html ⚡4email>` or `<html amp4email>`."""
    text = source.text
    if text.rfind("4email", 0, _HEAD) < 0 and text.rfind("4EMAIL", 0, _HEAD) < 0:  # rfind is the quicker one here
        return False
    head = text[:_HEAD]
    opening = _UP_TO_HTML.match(head)
    tag = TAG.match(head, opening.end()) if opening else None
    if tag is None or tag[2].lower() != "html":
        return False
    written = source.decode(*tag.span())
    return bool(tokenizer.attributes(written, 0, len(written), AMP_NAMES))

"""The links of a document and the places for its pixels, as a mail client sees them.

`scan` walks over a source text once. Live markup is read by the tokenization rules; the insides of Outlook's
conditional comments are read as documents of their own, so that a fault in one cannot hide what follows it.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from . import tokenizer
from .foreign import FOREIGN_ATTRIBUTES, OpenElements
from .references import decode_references
from .tokenizer import (
    BODY_END,
    COMMENT_END,
    CONDITION,
    CONDITIONAL_COMMENT,
    HTML_END,
    LAST_VALUE,
    LINK_TAG,
    NO_HREF,
    TAG,
    next_link,
)

RAW_TEXT = frozenset("iframe noembed noframes script style textarea title xmp".split())
_NAME = re.compile(r"<([^\t\n\f\r />]*+)", re.ASCII)
_TEXT = re.compile(r"[^<]*+(?:<(?![a-zA-Z/!?])[^<]*+)*+", re.ASCII)
PIXEL_PATH = "/q/"
_IMAGES = frozenset(("amp-img", "img"))
# Lists are quick and large: what is found goes through one into an array.
_MANY = 1_000


_Walker = Callable[[str, int, int], Iterator[re.Match[str]]]


@cache
def _walkers(images: bool) -> tuple[_Walker, _Walker]:
    """Return what walks over live markup and over the inside of a conditional comment; compiled at first use."""
    live = next_link(images=images, comments=True).finditer
    return live, next_link(images=False, comments=False).finditer


class LinkTag(NamedTuple):
    """A tag with an `href`, its positions being those of the text that was scanned."""

    element: str
    """`a`, `area` or the VML element's name (`v:rect`), in lower case."""
    start: int
    end: int
    """Where the value of the `href` starts and ends as it is written, quotes excluded."""
    conditional: bool
    """Whether it stands inside an Outlook conditional comment."""
    tag_start: int
    tag_end: int


class Scan:
    """What a text holds: its links, the places for pixels, the base URL and the images that may be pixels already."""

    __slots__ = (
        "_body_end",
        "_html_end",
        "_rows",
        "_walkers",
        "base",
        "images",
        "initial_at",
        "pixel_at",
        "positions",
        "text",
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self.positions = array("q")
        """Five numbers a link: tag start, value start, value end, tag end, whether it is in a conditional comment."""
        self.base: tuple[int, int] | None = None
        """The value of the first live `<base href>`."""
        self.images: list[tuple[int, int]] = []
        """The values of the live `<img src>`, looked for only where the text holds `/q/`, as our pixels do."""
        self.initial_at: int | None = None
        """Where the initial-open pixel goes: behind the first live `<body …>`."""
        self._body_end: int | None = None
        self._html_end: int | None = None
        self._walkers = _walkers(_may_hold_pixel(text))
        self._rows: list[int] = []
        live_end = self._region(0, len(text), conditional=False)
        if self._rows:
            self._keep_rows()
        self.pixel_at = self._body_end or self._html_end or live_end
        """Where the open pixel goes: before the last live `</body>`, else `</html>`, else where live markup ends."""

    def rows(self) -> Iterator[tuple[int, int, int, int, int]]:
        """The positions, link by link."""
        numbers = iter(self.positions)
        return zip(numbers, numbers, numbers, numbers, numbers, strict=True)

    @property
    def links(self) -> list[LinkTag]:
        """The links in the order of the text."""
        return [
            LinkTag(element_name(self.text, tag_start), start, end, bool(conditional), tag_start, tag_end)
            for tag_start, start, end, tag_end, conditional in self.rows()
        ]

    def _region(self, start: int, end: int, *, conditional: bool) -> int:
        """Read text[start:end] as a document; return where its live markup ends."""
        text, rows = self.text, self._rows
        matches = self._walkers[conditional]
        links_before = len(self.positions) + len(rows)
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
                    rows += (match.start(1) - 1, value_start, value_end, match.end(), conditional)
                    if len(rows) > _MANY:
                        self._keep_rows()
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
                    self._keep_rows()
                    del self.positions[links_before:]
                    return self._foreign_region(start, end, conditional=conditional)
                position = behind

    def _keep_rows(self) -> None:
        self.positions.extend(self._rows)
        self._rows.clear()

    def _foreign_region(self, start: int, end: int, *, conditional: bool) -> int:
        """Do what `_region` does tag by tag, with the stack of open elements that SVG and MathML ask for."""
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
        """Take what begins with the "<" at `start`; return where it ends, None where the end of the text cuts it off.

        Without `elements`, a start tag of SVG or MathML returns -1.
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
            link = LINK_TAG.match(text, start, end)
            if link and link.lastindex and link.lastindex != NO_HREF:
                self._rows += (start, *link.span(link.lastindex), link.end(), conditional)
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
            # What ends a comment has ended the one around it, so a comment in a conditional one reaches to its end.
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
    # To look for one rare letter takes a fifth of the time of looking for the whole path.
    place = text.find("q", 1)
    while place > 0:
        if text.startswith(PIXEL_PATH, place - 1):
            return True
        place = text.find("q", place + 1)
    return False


def element_name(text: str, tag_start: int) -> str:
    """Return the lower-case name of the element whose start tag is at `tag_start`."""
    name = _NAME.match(text, tag_start)
    assert name is not None
    return tokenizer.lower(name[1])


def scan(text: str) -> Scan:
    """Find the links of `text`, the places for pixels, the base URL and what may be pixels already.

    Never raises: text that is no HTML has no links. Takes linear time, and 40 bytes of memory a link.
    """
    return Scan(text)

"""The pixels of a document: their markup, where they go, and which it already has."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from ._decide.decider import OwnPixel
from ._token import wire

# Chosen by measurement: docs/concepts.md, benchmarks/pixels.py. A float makes no line, and the margins take back its
# width and height, so nothing moves, wherever a parser puts the image. Outlook reads the attributes. Where a client
# drops the float, the initial pixel is a block: in a line of its own it would be as high as text.
OPEN_PIXEL: Final = (
    '<img border="0" width="1" height="1" alt="" src="{}" '
    'style="float:right;clear:both;width:1px;height:1px;margin:-1px 0 0 -1px;padding:0;border:0">'
)
INITIAL_PIXEL: Final = (
    '<img border="0" width="1" height="1" alt="" src="{}" '
    'style="display:block;float:right;width:1px;height:1px;margin:0 0 -1px -1px;padding:0;border:0;opacity:0">'
)
# AMP for Email has no <img>, no <amp-pixel> and no style attribute; this shows nothing wherever it is.
AMP_PIXEL: Final = '<amp-img src="{}" width="1" height="1" alt=""></amp-img>'


class PixelTag(NamedTuple):
    """The tag that loads a pixel: what is before its URL and what is behind that."""

    link: str
    """The LINK part of its URL."""
    slot: str
    """What is before CONTEXT in the path of its URL, as in the slot of a link."""
    before: str
    after: str

    def around(self, url: str) -> str:
        """Return the tag."""
        return f"{self.before}{url}{self.after}"


class PixelTags(NamedTuple):
    """The tags of a document."""

    open: PixelTag
    initial: PixelTag


def _tag(link: str, markup: str) -> PixelTag:
    return PixelTag(link, wire.pixel_slot(link), *markup.split("{}"))


HTML_TAGS: Final = PixelTags(_tag(wire.OPEN, OPEN_PIXEL), _tag(wire.INITIAL_OPEN, INITIAL_PIXEL))
# AMP has one place for a pixel, so the second one is never used.
AMP_TAGS: Final = PixelTags(_tag(wire.AMP_OPEN, AMP_PIXEL), _tag(wire.INITIAL_OPEN, AMP_PIXEL))


@dataclass(slots=True, eq=False)
class Pixels:
    """The places for the pixels of a document, and those that it already has; like `Compiled`, it is not changed."""

    at: int
    """The place of the open pixel in the source."""
    slot: int
    """The number of wrapped links before it."""
    initial_at: int | None
    """The place of the initial-open pixel; None for none."""
    initial_slot: int
    own: frozenset[OwnPixel]
    """Our own pixels that are there already."""
    amp: bool
    """Whether it is AMP for Email, where pixels load from https only."""

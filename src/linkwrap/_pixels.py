"""The pixels of a document: their markup, where they go, and which it already has."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from ._decide.decider import OwnPixel

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


class PixelTags(NamedTuple):
    """The tags that load the pixels, with `{}` for the URL."""

    open: str
    initial: str


HTML_TAGS: Final = PixelTags(OPEN_PIXEL, INITIAL_PIXEL)
AMP_TAGS: Final = PixelTags(AMP_PIXEL, AMP_PIXEL)


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

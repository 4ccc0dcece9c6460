"""A compiled document: static text with slots for URLs and pixels, and what was decided about each link.

A `LinkTemplate` is plain data: no keys, no host, no recipient. One serves every account, can be cached and pickled.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar, cast

from ._markup.references import decode_references
from ._markup.scan import element_name
from ._markup.source import open_source
from .link import Link, Reason

# Chosen by measurement: docs/concepts.md, benchmarks/pixels.py. A float makes no line, and the margins take back its
# width and height, so nothing moves, wherever a parser puts the image. Outlook reads the attributes. Where a client
# drops the float, the initial pixel is a block: in a line of its own it would be as high as text.
OPEN_PIXEL = (
    '<img border="0" width="1" height="1" alt="" src="{}" '
    'style="float:right;clear:both;width:1px;height:1px;margin:-1px 0 0 -1px;padding:0;border:0">'
)
INITIAL_PIXEL = (
    '<img border="0" width="1" height="1" alt="" src="{}" '
    'style="display:block;float:right;width:1px;height:1px;margin:0 0 -1px -1px;padding:0;border:0;opacity:0">'
)
# In AMP there is no <img>, and no style attribute: this shows nothing wherever it stands.
# AMP for Email has neither <img> nor <amp-pixel>.
AMP_PIXEL = '<amp-img src="{}" width="1" height="1" alt=""></amp-img>'

Text = TypeVar("Text", str, bytes)
Filled = TypeVar("Filled", covariant=True)
Slot = TypeVar("Slot")


class Decision(NamedTuple):
    """What was decided about a link; `part` is its share of the token where it is wrapped."""

    url: str | None
    reason: Reason | None
    part: str | None = None
    name: str | None = None
    unsubscribe: bool = False
    sublink: str | None = None
    warning: str | None = None


class Slotted(Protocol[Filled]):
    """What a `LinkWrapper` fills in: a `LinkTemplate`, or the links of a tree."""

    @property
    def slots(self) -> tuple[tuple[str, str], ...]:
        """Of each link that is wrapped: its share of the token and its sublink."""

    @property
    def pixels(self) -> frozenset[tuple[str, bool]]:
        """Account and kind (initial or not) of our own pixels that are there already."""

    @property
    def initial_at(self) -> int | None:
        """Where the initial-open pixel goes, None where it has no place."""

    @property
    def amp(self) -> bool:
        """Whether it is AMP for Email."""

    def fill(self, urls: list[str] | None, pixel: str, initial: str) -> Filled:
        """Put these texts into the slots; without `urls` the links stay as they are."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinkTemplate(Generic[Text]):
    """A document with slots, made by `LinkWrapper.compile` and filled in by `LinkWrapper.render`."""

    source: Text
    """The document as it came in."""
    encoding: str | None
    charset: str | None
    unit: int
    positions: "array[int]"
    """As in a `Scan`; in a plain text a tag starts where its URL does, and ends where the brackets behind that end."""
    decisions: tuple[Decision, ...]
    slots: tuple[tuple[str, str], ...]
    """Of each link that is wrapped, in the order of the text: its share of the token and its sublink."""
    static: tuple[Text, ...]
    """The text between the slots, those of the pixels included."""
    initial_at: int | None
    pixel_at: int
    """Where the pixels go in the source."""
    initial_slot: int
    pixel_slot: int | None
    """How many wrapped links stand before the pixels; no `pixel_slot` in a plain text, which gets none."""
    pixels: frozenset[tuple[str, bool]]
    """Account and kind (initial or not) of our own pixels that the document holds already."""
    amp: bool = False
    """Whether it is AMP for Email, where pixels are tags of their own and load from https only."""

    def __repr__(self) -> str:
        units = "characters" if isinstance(self.source, str) else "bytes"
        return f"<LinkTemplate: {len(self.decisions)} links, {len(self.slots)} to wrap, {len(self.source)} {units}>"

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link that was found, in the order of the text, with what was decided; made anew at each call."""
        return tuple(self._links())

    def slotted(self, slot: Callable[[int], str], *, open_tracking: bool = True, initial_open: bool = False) -> Text:
        """Return the source with `slot(i)` in place of the i-th URL, for a merge engine that fills in the rest too.

        The i-th URL is the i-th of `LinkWrapper.urls`: the wrapped links in the order of the text, then the open pixel,
        then the initial-open pixel. `slot` returns ASCII text, such as `"{{ urls[3] }}"`. A document that holds a pixel
        of ours already, whatever the account, gets no slot for another.
        """
        count = len(self.slots)
        pixels = {initial for _, initial in self.pixels}
        return self.fill(
            [slot(number) for number in range(count)],
            pixel_tag(slot(count), amp=self.amp) if open_tracking and False not in pixels else "",
            pixel_tag(slot(count + 1), amp=self.amp, initial=True) if initial_open and True not in pixels else "",
        )

    def fill(self, urls: list[str] | None, pixel: str, initial: str) -> Text:
        """Return the document with these texts in its slots, all ASCII; without `urls` its links stay as they were."""
        if urls is None and self.pixel_slot is None:
            return self._without_brackets()
        if urls is None:
            return self._join(self._around_pixels(), [pixel] if self.initial_at is None else [initial, pixel])
        return self._join(self.static, self.in_slots(urls, pixel, initial))

    def in_slots(self, links: list[Slot], pixel: Slot, initial: Slot) -> list[Slot]:
        """Return what belongs to the wrapped links and to the pixels, in the order of the slots."""
        slots = links.copy()
        if self.pixel_slot is not None:
            slots.insert(self.pixel_slot, pixel)
        if self.initial_at is not None:
            slots.insert(self.initial_slot, initial)
        return slots

    def spans(self) -> list[tuple[int, int]]:
        """Return where the values of the wrapped links start and end in the source."""
        unit = self.unit
        return [
            (start * unit, end * unit)
            for (_, start, end, *_), decision in zip(self._rows(), self.decisions, strict=True)
            if decision.part is not None
        ]

    def originals(self) -> list[str]:
        """Return the values of the links that are wrapped, as the source writes them."""
        source = open_source(self.source, self.encoding)
        unit = self.unit
        return [source.decode(start // unit, end // unit) for start, end in self.spans()]

    def _around_pixels(self) -> Sequence[Text]:
        source, first, second = self.source, self.initial_at, self.pixel_at
        if first is None:
            return source[:second], source[second:]
        return source[:first], source[first:second], source[second:]

    def _without_brackets(self) -> Text:
        source, unit, position = self.source, self.unit, 0
        parts: list[Text] = []
        for _, _, end, behind, _ in self._rows():
            parts.append(source[position * unit : end * unit])
            position = behind
        parts.append(source[position * unit :])
        return source[:0].join(parts)

    def _join(self, static: Sequence[Text], values: list[str]) -> Text:
        parts: list[str | bytes] = [""] * (len(static) + len(values))
        parts[0::2] = static
        parts[1::2] = values if self.charset is None else [value.encode(self.charset) for value in values]
        return self.source[:0].join(cast("list[Text]", parts))

    def _rows(self) -> Iterator[tuple[int, ...]]:
        numbers = iter(self.positions)
        return zip(numbers, numbers, numbers, numbers, numbers, strict=True)

    def _links(self) -> Iterator[Link]:
        source = open_source(self.source, self.encoding)
        plain = self.pixel_slot is None
        for (tag_start, start, end, _, conditional), decision in zip(self._rows(), self.decisions, strict=True):
            value = source.decode(start, end)
            yield make_link(
                decision,
                value if plain else decode_references(value),
                "" if plain else element_name(source.text, tag_start),
                conditional=bool(conditional),
                start=start * self.unit,
                end=end * self.unit,
            )


def pixel_tag(url: str, *, amp: bool, initial: bool = False) -> str:
    """Return the tag that loads a pixel."""
    markup = AMP_PIXEL if amp else INITIAL_PIXEL if initial else OPEN_PIXEL
    return markup.format(url)


def make_link(
    decision: Decision,
    href: str,
    element: str,
    *,
    conditional: bool = False,
    start: int | None = None,
    end: int | None = None,
) -> Link:
    """Return the public account of a decision."""
    return Link(
        href=href,
        url=decision.url,
        element=element,
        name=decision.name,
        unsubscribe=decision.unsubscribe,
        sublink=decision.sublink,
        wrapped=decision.reason is None,
        reason=decision.reason,
        conditional=conditional,
        start=start,
        end=end,
        warning=decision.warning,
    )

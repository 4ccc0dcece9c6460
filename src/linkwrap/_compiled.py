"""A compiled document or text: it is cut at its slots once, and filled in for each recipient.

It is plain data: no keys, no host, no recipient.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar, cast

from ._decide.decider import BATCH, Decider, OwnPixel, slot_of
from ._decide.decision import Decision
from ._markup.scan import Positions, element_name, is_amp, scan
from ._markup.source import open_source
from ._markup.tokenizer import Span, decode_references
from ._pixels import Pixels
from .link import Link, Part

Text = TypeVar("Text", str, bytes)
Piece = TypeVar("Piece")


class Filling(NamedTuple):
    """The texts for the slots of one recipient's document, all ASCII."""

    urls: list[str] | None
    """A redirect URL for each slot of a link; None leaves the links as they are."""
    pixel: str = ""
    """The tag of the open pixel; empty for none."""
    initial: str = ""
    """The tag of the initial-open pixel; empty for none."""


class Slotted(Protocol):
    """A compiled document or the links of a tree, to be filled in with a recipient's URLs and pixels."""

    @property
    def slots(self) -> tuple[str, ...]:
        """A slot for each link that is wrapped, from `wire.slot`."""

    @property
    def unsubscribes(self) -> tuple[int, ...]:
        """The numbers of the slots whose links are marked as unsubscribe links."""

    @property
    def pixels(self) -> Pixels | None:
        """Which pixels it can get; None for none."""


@dataclass(slots=True, eq=False, repr=False)
class Compiled(Generic[Text]):
    """A document with slots. It is not changed once it is made; frozen, it would take twice the time to make."""

    source: Text
    """The document as it came in."""
    encoding: str | None
    """The encoding to open the source with."""
    unit: int
    """The length of a position in the source, as in `Source`."""
    charset: str | None
    """The codec for texts that are filled in, as in `Source`."""
    positions: Positions
    """The places of the links. In a plain text, a tag starts with its URL, and ends with the brackets behind that."""
    decisions: tuple[Decision, ...]
    slots: tuple[str, ...]
    """A slot for each link that is wrapped, in the order of the text."""
    unsubscribes: tuple[int, ...]
    """The numbers of the slots whose links are marked as unsubscribe links."""
    static: tuple[Text, ...]
    """The text between the slots, those of the pixels included."""
    pixels: Pixels | None
    """The places of the pixels; None for a plain text."""

    def fill(self, filling: Filling) -> Text:
        """Return the document with these texts in its slots."""
        static = self.between(links=filling.urls is not None)
        parts = [self.source[:0]] * (2 * len(static) - 1)
        parts[0::2] = static
        parts[1::2] = self.encode_all(self.in_order(*filling))
        return self.source[:0].join(parts)

    def between(self, *, links: bool) -> Sequence[Text]:
        """Return the text between the slots; without `links`, between those of the pixels."""
        pixels = self.pixels
        if links:
            return self.static
        if pixels is None:
            return [self._without_brackets()]
        if pixels.initial_at is None:
            return [self.source[: pixels.at], self.source[pixels.at :]]
        first, second = pixels.initial_at, pixels.at
        return [self.source[:first], self.source[first:second], self.source[second:]]

    def in_order(self, links: list[Piece] | None, pixel: Piece, initial: Piece) -> list[Piece]:
        """Return the items of the wrapped links, None for no slots of links, and of the pixels, as the slots are."""
        if self.pixels is None:
            return links or []
        has_initial = self.pixels.initial_at is not None
        if links is None:
            return [initial, pixel] if has_initial else [pixel]
        items = links.copy()
        items.insert(self.pixels.slot, pixel)
        if has_initial:
            items.insert(self.pixels.initial_slot, initial)
        return items

    def encode(self, text: str) -> Text:
        """Return ASCII text in the type and the encoding of the source."""
        return cast("Text", text if self.charset is None else text.encode(self.charset))

    def encode_all(self, texts: list[str]) -> list[Text]:
        """Do to each text what `encode` does."""
        charset = self.charset
        return cast("list[Text]", texts if charset is None else [text.encode(charset) for text in texts])

    def values(self) -> list[Span]:
        """Return where the values of the wrapped links start and end in the source."""
        unit = self.unit
        places = zip(self.positions, self.decisions, strict=True)
        return [(at.start * unit, at.end * unit) for at, decision in places if decision.reason is None]

    def originals(self) -> list[str]:
        """Return the values of the wrapped links, as the source writes them."""
        source = open_source(self.source, self.encoding)
        unit = self.unit
        return [source.decode(start // unit, end // unit) for start, end in self.values()]

    def links(self) -> Iterator[Link]:
        """Yield every link, in the order of the text."""
        source = open_source(self.source, self.encoding)
        for at, decision in zip(self.positions, self.decisions, strict=True):
            value = source.decode(at.start, at.end)
            yield decision.link(
                value if self.pixels is None else decode_references(value),
                "" if self.pixels is None else element_name(source.text, at.tag_start),
                conditional=bool(at.conditional),
                start=at.start * self.unit,
                end=at.end * self.unit,
            )

    def _without_brackets(self) -> Text:
        source, unit, position = self.source, self.unit, 0
        parts: list[Text] = []
        for at in self.positions:
            parts.append(source[position * unit : at.end * unit])
            position = at.tag_end
        parts.append(source[position * unit :])
        return source[:0].join(parts)


def compile_html(
    html: Text,
    decider: Decider,
    encoding: str | None = None,
    *,
    base: str | None = None,
    placed: bool = True,
    part: Part | None = None,
    first: int = 0,
) -> Compiled[Text]:
    """Find the links of a document, decide about each, and cut the document at its slots.

    Args:
        html: The document.
        decider: Decides about its links.
        encoding: The encoding of `bytes`; None to find it out.
        base: The base URL of a document that sets none.
        placed: Whether the policy's `destination` sees where the links are.
        part: The part of the message that it is, "html" or "amp"; None to tell by its markup.
        first: The number of its first link.
    """
    source = open_source(html, encoding)
    found = scan(source.text)
    if part is None:
        part = "amp" if is_amp(source) else "html"
    batches = found.positions.batches(BATCH)
    if found.base:
        base = decider.base(decode_references(source.decode(*found.base)))
    decisions, slots, unsubscribes, values, cuts = decider.document(
        source, batches, base, part=part, first=first, placed=placed
    )
    pixel_at, initial_at = min(found.pixel_at, source.tail), found.initial_at
    if part == "amp" or (initial_at is not None and initial_at > pixel_at):
        initial_at = None
    spans = values.copy()
    pixel_slot = bisect(values, (pixel_at,))
    spans.insert(pixel_slot, (pixel_at, pixel_at))
    initial_slot = 0
    if initial_at is not None:
        initial_slot = bisect(values, (initial_at,))
        spans.insert(initial_slot, (initial_at, initial_at))
    unit = source.unit
    own: frozenset[OwnPixel] = frozenset()
    if found.images:
        own = decider.own_pixels([decode_references(source.decode(*image)) for image in found.images])
    pixels = Pixels(
        pixel_at * unit, pixel_slot, None if initial_at is None else initial_at * unit, initial_slot, own, part == "amp"
    )
    static = _static(html, unit, spans, cuts)
    # By position: with names, that takes twice as long, a twentieth of a short document's time.
    return Compiled(
        html,
        encoding,
        unit,
        source.charset,
        found.positions,
        tuple(decisions),
        tuple(slots),
        tuple(unsubscribes),
        static,
        pixels,
    )


def compile_text(
    text: Text, decider: Decider, encoding: str | None = None, *, opted_out: Set[str] = frozenset()
) -> Compiled[Text]:
    """Do to a plain text what `compile_html` does to a document; the brackets behind its URLs are cut out of it.

    `opted_out` are destinations that are opted out.
    """
    from ._text import TextScan

    found = TextScan(text, encoding)
    source, unit = found.source, found.source.unit
    decisions: list[Decision] = decider.text(found.links, source, opted_out)
    positions = Positions(field for link in found.links for field in (link.start, link.start, link.end, link.behind, 0))
    slots = [slot_of(decision, "text", index) for index, decision in enumerate(decisions)]
    kept = [at for at, slot in enumerate(slots) if slot is not None]
    wrapped = [(found.links[at].start, found.links[at].end) for at in kept]
    cuts = [(link.end, link.behind) for link in found.links if link.behind > link.end]
    return Compiled(
        source=text,
        encoding=found.encoding,
        unit=unit,
        charset=source.charset,
        positions=positions,
        decisions=tuple(decisions),
        slots=tuple(slot for slot in slots if slot is not None),
        unsubscribes=tuple(number for number, at in enumerate(kept) if decisions[at].unsubscribe),
        static=_static(text, unit, wrapped, cuts),
        pixels=None,
    )


def _static(html: Text, unit: int, spans: list[Span], cuts: list[Span]) -> tuple[Text, ...]:
    """Return the text between the spans, without the cuts."""
    static: list[Text] = []
    position = 0
    if not cuts:
        for start, end in spans:
            static.append(html[position : start * unit])
            position = end * unit
        static.append(html[position:])
        return tuple(static)
    kept = html[:0]
    removed = frozenset(cuts)
    for start, end in sorted(spans + cuts):
        kept += html[position * unit : start * unit]
        position = end
        if (start, end) not in removed:
            static.append(kept)
            kept = html[:0]
    static.append(kept + html[position * unit :])
    return tuple(static)

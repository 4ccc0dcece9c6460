"""From a document to a `LinkTemplate`: source, positions, links, decisions, template."""

import re
from array import array
from bisect import bisect
from collections.abc import Mapping
from typing import TypeVar

from ._decide.controls import DEFAULT_SUBLINK, NO_CONTROLS, Controls, controls_of, may_have_controls, read_controls
from ._decide.destination import read_base, read_destination
from ._markup.amp import is_amp
from ._markup.references import decode_references
from ._markup.scan import Scan, element_name, scan
from ._markup.source import Source, open_source
from ._text import TextScan
from ._token import wire
from .errors import InvalidToken, OptionError
from .keys import SigningKeys
from .link import Reason
from .policy import LinkPolicy
from .template import Decision, LinkTemplate, make_link

Text = TypeVar("Text", str, bytes)
Span = tuple[int, int]

_NO_PIXELS: frozenset[tuple[str, bool]] = frozenset()

# Values that one document repeats are decided once; the bound keeps hostile mail from filling the memory.
_REMEMBERED = 250
# A destination that may be a redirect URL: its host and its raw path.
_REDIRECT = re.compile(r"https?://([^/:?#@]++)(?::[0-9]++)?(/[^?#]*+)", re.ASCII)


class Compiler:
    """Decides about links by a policy; the keys tell which URLs are ours already."""

    __slots__ = ("_keys", "_policy")

    def __init__(self, keys: SigningKeys, policy: LinkPolicy) -> None:
        self._keys = keys
        self._policy = policy

    def compile(
        self,
        html: Text,
        encoding: str | None,
        *,
        base: str | None = None,
        placed: bool = True,
        amp: bool = False,
    ) -> LinkTemplate[Text]:
        """Find the links of a document, decide about each, and cut the document at its slots.

        `base` counts where the document sets none. A policy sees where links stand only in a document that is `placed`.
        With `amp` it is AMP for Email whether it says so or not.
        """
        source = open_source(html, encoding)
        found = scan(source.text)
        decisions, values, cuts = self._decide_all(source, found, base, placed)
        pixels = self._own_pixels(source, found) if found.images else _NO_PIXELS
        initial_at, pixel_at = found.initial_at, min(found.pixel_at, source.tail)
        amp = amp or is_amp(source)
        if amp or (initial_at is not None and initial_at > pixel_at):
            initial_at = None
        unit = source.unit
        initial_slot = 0 if initial_at is None else bisect(values, (initial_at,))
        pixel_slot = bisect(values, (pixel_at,))
        slots = values.copy()
        slots.insert(pixel_slot, (pixel_at, pixel_at))
        if initial_at is not None:
            slots.insert(initial_slot, (initial_at, initial_at))
        return LinkTemplate(
            html,
            encoding,
            source.charset,
            unit,
            found.positions,
            tuple(decisions),
            _slots(decisions),
            _static(html, unit, slots, cuts),
            None if initial_at is None else initial_at * unit,
            pixel_at * unit,
            initial_slot,
            pixel_slot,
            pixels,
            amp,
        )

    def compile_text(self, text: Text, encoding: str | None) -> LinkTemplate[Text]:
        """Do to a plain text what `compile` does to a document; the brackets behind its URLs are cut out of it."""
        found = TextScan(text, encoding)
        source, unit = found.source, found.source.unit
        positions = array("q")
        decisions: list[Decision] = []
        values: list[Span] = []
        cuts: list[Span] = []
        for start, end, behind, markup in found.links:
            controls = controls_of(markup, self._policy.honour) if markup else NO_CONTROLS
            place = (start * unit, end * unit)
            decision = self.decide(source.decode(start, end), None, controls, "", conditional=False, place=place)
            decisions.append(decision)
            positions.extend((start, start, end, behind, 0))
            if decision.part is not None:
                values.append((start, end))
            if behind > end:
                cuts.append((end, behind))
        return LinkTemplate(
            text,
            found.encoding,
            source.charset,
            unit,
            positions,
            tuple(decisions),
            _slots(decisions),
            _static(text, unit, values, cuts),
            None,
            len(text),
            0,
            None,
            _NO_PIXELS,
        )

    def decide(
        self,
        href: str,
        base: str | None,
        controls: Controls,
        element: str,
        *,
        conditional: bool,
        place: Span | None = None,
    ) -> Decision:
        """Decide about one link; `place` is where its value stands in the input."""
        reason: Reason | None
        url, reason = read_destination(href, base)
        if controls.opted_out:
            reason = "opted-out"
        elif url is not None:
            reason = self._refusal(url)
            if reason is None and self._policy.destination is not None:
                start, end = place or (None, None)
                proposed = _decision(url, None, controls)
                link = make_link(proposed, href, element, conditional=conditional, start=start, end=end)
                wanted = self._policy.destination(link)
                url, reason = (url, "policy") if wanted is None else self._replacement(wanted, base)
        return _decision(url, reason, controls)

    def _refusal(self, url: str) -> Reason | None:
        if self._own_token(url, "click"):
            return "already-wrapped"
        return "policy" if self._policy.skips(url) else None

    def _replacement(self, wanted: object, base: str | None) -> tuple[str | None, Reason | None]:
        """Judge what the policy's `destination` returned like any other destination."""
        if not isinstance(wanted, str):
            raise OptionError(
                f"the policy's destination returned {type(wanted).__name__}: return a URL as str, or None"
            )
        url, reason = read_destination(wanted, base)
        return url, reason if url is None else self._refusal(url)

    def decide_element(self, element: str, attributes: Mapping[str, str], base: str | None) -> Decision:
        """Decide about an element of a tree, by its attributes: names in lower case, values decoded."""
        controls = controls_of(attributes, self._policy.honour)
        return self.decide(attributes["href"], base, controls, element, conditional=False)

    def own_pixel(self, src: str) -> tuple[str, bool] | None:
        """Return account and kind (initial or not) where the decoded value of an `<img src>` is one of our pixels'."""
        url, _ = read_destination(src)
        token = self._own_token(url, "open") if url is not None else None
        return (token.account_id, token.initial) if token else None

    def _decide_all(
        self, source: Source, found: Scan, base: str | None, placed: bool
    ) -> tuple[list[Decision], list[Span], list[Span]]:
        """Decide about each link; return that, where wrapped links' values stand, and the attributes they lose."""
        text, policy = source.text, self._policy
        if found.base:
            base = read_base(decode_references(source.decode(*found.base)))
        if not found.positions:
            return [], [], []
        positions = found.positions
        tags = "".join(map(text.__getitem__, map(slice, positions[0::5], positions[3::5])))
        marked = may_have_controls(tags)
        decisions: list[Decision] = []
        values: list[Span] = []
        cuts: list[Span] = []
        known: dict[str, Decision] = {}
        if not marked and policy.destination is None:  # what follows, short, for most documents
            for start, end in zip(positions[1::5], positions[2::5], strict=True):
                value = text[start:end]
                decision = known.get(value)
                if decision is None:
                    plain = value.isascii()
                    href = decode_references(value if plain else source.decode(start, end))
                    decision = self.decide(href, base, NO_CONTROLS, "", conditional=False)
                    if plain and len(known) < _REMEMBERED:
                        known[value] = decision
                decisions.append(decision)
                if decision.part is not None:
                    values.append((start, end))
            return decisions, values, cuts
        for tag_start, start, end, tag_end, conditional in found.rows():
            value = text[start:end]
            controls = read_controls(text, tag_start, tag_end, source.decode, policy.honour)
            repeats = controls is NO_CONTROLS and policy.destination is None and value.isascii()
            decision = known.get(value) if repeats else None
            if decision is None:
                element = element_name(text, tag_start) if policy.destination else ""
                place = (start * source.unit, end * source.unit) if placed else None
                href = decode_references(source.decode(start, end))
                decision = self.decide(href, base, controls, element, conditional=bool(conditional), place=place)
                if repeats and len(known) < _REMEMBERED:
                    known[value] = decision
            decisions.append(decision)
            if decision.part is not None:
                values.append((start, end))
                cuts += controls.cuts
        return decisions, values, cuts

    def _own_token(self, url: str, kind: str) -> wire.Token | None:
        match = _REDIRECT.match(url) if "/f/" in url or "/q/" in url or "%" in url else None
        if match is None:
            return None
        try:
            token = wire.read(self._keys, match[1].removesuffix("."), match[2])
        except InvalidToken:
            return None
        return token if token.kind == kind else None

    def _own_pixels(self, source: Source, found: Scan) -> frozenset[tuple[str, bool]]:
        pixels = (self.own_pixel(decode_references(source.decode(*image))) for image in found.images)
        return frozenset(filter(None, pixels))


def _decision(url: str | None, reason: Reason | None, controls: Controls) -> Decision:
    part = wire.encode_link(url, controls.name, controls.unsubscribe) if url is not None and reason is None else None
    return Decision(url, reason, part, controls.name, controls.unsubscribe, controls.sublink, controls.warning)


def _slots(decisions: list[Decision]) -> tuple[tuple[str, str], ...]:
    return tuple([(decision.part, decision.sublink or DEFAULT_SUBLINK) for decision in decisions if decision.part])


def _static(html: Text, unit: int, slots: list[Span], cuts: list[Span]) -> tuple[Text, ...]:
    """Return the text between the slots, without the cuts."""
    static: list[Text] = []
    kept = html[:0]
    position = 0
    removed = frozenset(cuts)
    for start, end in sorted(slots + cuts) if cuts else slots:
        piece = html[position * unit : start * unit]
        position = end
        if cuts and (start, end) in removed:
            kept += piece
        else:
            static.append(kept + piece if kept else piece)
            kept = html[:0]
    static.append(kept + html[position * unit :])
    return tuple(static)

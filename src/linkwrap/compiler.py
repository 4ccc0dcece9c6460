"""From a document to a `LinkTemplate`: source, positions, links, decisions, template."""

import re
from bisect import bisect
from typing import TypeVar

from . import tokens
from .errors import InvalidToken
from .markup.links import Scan, element_name, scan
from .markup.source import Source, open_source
from .policy import DEFAULT_SUBLINK, NO_CONTROLS, Controls, LinkPolicy, Reason, may_have_controls, read_controls
from .template import Decision, LinkTemplate, make_link
from .tokens import SigningKeys
from .urls import decode_references, read_base, read_destination

Text = TypeVar("Text", str, bytes)
Span = tuple[int, int]

_NO_PIXELS: frozenset[tuple[str, bool]] = frozenset()

# Values that one document repeats are decided once; the bound keeps hostile mail from filling the memory.
_REMEMBERED = 1000
_OWN_URL = re.compile(r"https?://([^/:?#@]++)(?::[0-9]++)?(/(?:f/[A-Za-z0-9_-]++|q)/[^?#]*+)", re.ASCII)


class Compiler:
    """Decides about links by a policy; the keys tell which URLs are ours already."""

    __slots__ = ("_keys", "_policy")

    def __init__(self, keys: SigningKeys, policy: LinkPolicy) -> None:
        self._keys = keys
        self._policy = policy

    def compile(self, html: Text, encoding: str | None) -> LinkTemplate[Text]:
        """Find the links of a document, decide about each, and cut the document at its slots."""
        source = open_source(html, encoding)
        found = scan(source.text)
        decisions, values, cuts = self._decide_all(source, found)
        pixels = self._own_pixels(source, found) if found.images else _NO_PIXELS
        initial_at, pixel_at = found.initial_at, min(found.pixel_at, source.tail)
        places = [(pixel_at, pixel_at)] if initial_at is None else [(initial_at, initial_at), (pixel_at, pixel_at)]
        return LinkTemplate(
            html,
            encoding,
            source.charset,
            source.unit,
            found.positions,
            tuple(decisions),
            tuple([(decision.part, decision.sublink or DEFAULT_SUBLINK) for decision in decisions if decision.part]),
            _static(html, source, sorted(values + places), cuts),
            None if initial_at is None else initial_at * source.unit,
            pixel_at * source.unit,
            0 if initial_at is None else bisect(values, places[0]),
            bisect(values, places[-1]),
            pixels,
        )

    def decide(
        self,
        href: str,
        base: str | None,
        controls: Controls,
        element: str,
        conditional: bool,
        place: Span | None = None,
    ) -> Decision:
        """Decide about one link; `place` is where its value stands in the input."""
        policy = self._policy
        reason: Reason | None
        url, reason = read_destination(href, base)
        if controls.opted_out:
            reason = "opted-out"
        elif url is not None:
            if "/f/" in url and self._own_token(url, "click"):
                reason = "already-wrapped"
            elif policy.skips(url):
                reason = "policy"
            elif policy.destination is not None:
                start, end = place or (None, None)
                proposed = _decision(url, None, controls)
                link = make_link(proposed, href, element, conditional=conditional, start=start, end=end)
                wanted = policy.destination(link)
                if wanted is None:
                    reason = "policy"
                else:
                    url, reason = read_destination(wanted)
        return _decision(url, reason, controls)

    def _decide_all(self, source: Source, found: Scan) -> tuple[list[Decision], list[Span], list[Span]]:
        """Decide about each link; return that, where wrapped links' values stand, and the attributes they lose."""
        text, policy = source.text, self._policy
        base = read_base(decode_references(source.decode(*found.base))) if found.base else None
        marked = may_have_controls("".join([text[start:end] for start, _, _, end, _ in found.rows()]))
        decisions: list[Decision] = []
        values: list[Span] = []
        cuts: list[Span] = []
        known: dict[str, Decision] = {}
        controls = NO_CONTROLS
        for tag_start, start, end, tag_end, conditional in found.rows():
            value = text[start:end]
            if marked:
                controls = read_controls(text, tag_start, tag_end, source.decode, policy.honour)
            repeats = controls is NO_CONTROLS and policy.destination is None and value.isascii()
            decision = known.get(value) if repeats else None
            if decision is None:
                element = element_name(text, tag_start) if policy.destination else ""
                place = (start * source.unit, end * source.unit)
                href = decode_references(source.decode(start, end))
                decision = self.decide(href, base, controls, element, bool(conditional), place)
                if repeats and len(known) < _REMEMBERED:
                    known[value] = decision
            decisions.append(decision)
            if decision.part is not None:
                values.append((start, end))
                cuts += controls.cuts
        return decisions, values, cuts

    def _own_token(self, url: str, kind: str) -> tokens.Token | None:
        match = _OWN_URL.match(url)
        if match is None:
            return None
        try:
            token = tokens.read(self._keys, match[1], match[2])
        except InvalidToken:
            return None
        return token if token.kind == kind else None

    def _own_pixels(self, source: Source, found: Scan) -> frozenset[tuple[str, bool]]:
        pixels = set()
        for start, end in found.images:
            url, _ = read_destination(decode_references(source.decode(start, end)))
            if url is not None and (token := self._own_token(url, "open")):
                pixels.add((token.account_id, token.initial))
        return frozenset(pixels)


def _decision(url: str | None, reason: Reason | None, controls: Controls) -> Decision:
    part = tokens.encode_link(url, controls.name, controls.unsubscribe) if url is not None and reason is None else None
    return Decision(url, reason, part, controls.name, controls.unsubscribe, controls.sublink, controls.warning)


def _static(html: Text, source: Source, slots: list[Span], cuts: list[Span]) -> tuple[Text, ...]:
    """Return the text between the slots, without the cuts."""
    unit = source.unit
    removed = frozenset(cuts)
    static: list[Text] = []
    kept = html[:0]
    position = 0
    for start, end in sorted(slots + cuts) if cuts else slots:
        piece = html[position * unit : start * unit]
        position = end
        if (start, end) in removed:
            kept += piece
        else:
            static.append(kept + piece if kept else piece)
            kept = html[:0]
    static.append(kept + html[position * unit :])
    return tuple(static)

"""The decisions about links: their control attributes and destinations, judged by a policy and the signing keys.

Each stage runs over a batch of a document's links before the next one: destinations, control attributes, tokens. Values
that the document repeats are read once.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, get_args

from .._markup.scan import Positions, element_name
from .._markup.source import Source
from .._markup.tokenizer import Span, decode_references
from .._text import TextLink
from .._token.packing import Slot, encode_slot
from .._token.wire import Kind, Token, read
from ..errors import InvalidToken
from ..keys import SigningKeys
from ..link import Reason, Unusable
from ..policy import LinkPolicy
from .controls import Marked, read_controls, read_marked
from .decision import UNMARKED, Decision
from .destination import read_destination

# Bounds the memory for the stages of one batch, and for the decisions that are kept.
_BATCH = 250
# Shared, since a document can have many such links.
_UNUSABLE = {reason: Decision(None, reason) for reason in get_args(Unusable)}
# A destination that can be a redirect URL: its host and its raw path.
_REDIRECT = re.compile(r"https?://([^/:?#@]++)(?::[0-9]++)?(/[^?#]*+)", re.ASCII)


class OwnPixel(NamedTuple):
    """A pixel of ours that a document holds already."""

    account_id: str
    initial: bool


class Decided(NamedTuple):
    """The decisions about the links of a document, in the order of the text."""

    decisions: list[Decision]
    slots: list[Slot]
    """A slot for each link that is wrapped."""
    values: list[Span]
    """Where the values of these links are."""
    cuts: list[Span]
    """The attributes that these links lose."""


class Decider:
    """Decides about links by a policy; the keys tell which URLs are redirect URLs of ours already."""

    __slots__ = ("_honoured", "_keys", "_policy", "_skips")

    def __init__(self, keys: SigningKeys, policy: LinkPolicy) -> None:
        self._keys = keys
        self._policy = policy
        self._honoured = sorted(policy.honour)
        self._skips = bool(policy.skip_hosts)

    def document(self, source: Source, positions: Positions, base: str | None, *, placed: bool = True) -> Decided:
        """Decide about all links of a document.

        Args:
            source: The document.
            positions: Where its links are.
            base: Its base URL, from `read_base`.
            placed: Whether the policy's `destination` sees where the links are.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        text = source.text
        decided = Decided([], [], [], [])
        known: dict[str, Decision] = {}
        slots: dict[Decision, Slot] = {}
        for first in range(0, len(positions.starts), _BATCH):
            part = slice(first, first + _BATCH)
            starts, ends = positions.starts[part], positions.ends[part]
            values = [*map(text.__getitem__, map(slice, starts, ends))]
            if not text.isascii():
                for at, value in enumerate(values):
                    if not value.isascii():
                        values[at] = source.decode(starts[at], ends[at])
            if self._policy.destination is None:
                self._read(values, base, known)
            marked = read_marked(source, positions.tag_starts[part], positions.tag_ends[part], self._honoured)
            if self._policy.destination is not None:
                decisions = self._ask(values, marked, base, source, positions, first, placed)
            else:
                decisions = [*map(known.__getitem__, values)]
                for at, (draft, _) in marked.items():
                    decisions[at] = Decision(decisions[at].url, draft.reason or decisions[at].reason, *draft[2:])
            for at, decision in enumerate(decisions):
                if decision.url is None or decision.reason is not None:
                    continue
                if (slot := slots.get(decision)) is None:
                    slot = slots[decision] = encode_slot(
                        decision.url, decision.name, decision.unsubscribe, decision.sublink
                    )
                decided.slots.append(slot)
                decided.values.append((starts[at], ends[at]))
                if at in marked:
                    decided.cuts.extend(marked[at].cuts)
            decided.decisions.extend(decisions)
            if len(known) > _BATCH:
                known.clear()
                slots.clear()
        return decided

    def text(self, links: Iterable[TextLink], source: Source) -> list[Decision]:
        """Decide about the URLs of a plain text.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        decisions = []
        for link in links:
            draft = read_controls(link.attributes, self._honoured) if link.attributes else UNMARKED
            place = link.start * source.unit, link.end * source.unit
            decisions.append(self.decide(source.decode(link.start, link.end), None, draft, place=place))
        return decisions

    def decide(
        self,
        href: str,
        base: str | None = None,
        draft: Decision = UNMARKED,
        element: str = "",
        *,
        conditional: bool = False,
        place: tuple[int | None, int | None] = (None, None),
    ) -> Decision:
        """Decide about one link.

        Args:
            href: Its value, decoded.
            base: The base URL of its document, from `read_base`.
            draft: The decision so far, from `read_controls`.
            element: The name of its element, empty for a plain URL.
            conditional: Whether it is inside an Outlook conditional comment.
            place: Where its value starts and ends in the input.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        url, reason = self._destination(href, base)
        decision = Decision(url, draft.reason or reason, *draft[2:])
        if self._policy.destination is None or decision.reason is not None:
            return decision
        start, end = place
        link = decision.link(href, element, conditional=conditional, start=start, end=end)
        wanted: object = self._policy.destination(link)
        if wanted is None:
            return Decision(url, "policy", *draft[2:])
        if not isinstance(wanted, str):
            raise TypeError(f"the policy's destination must return str or None, not {type(wanted).__name__}")
        url, reason = self._destination(wanted, base)
        return Decision(url, reason, *draft[2:])

    def element(self, name: str, attributes: Mapping[str, str], base: str | None) -> Decision:
        """Decide about an element of a tree, by the values of its attributes, their names in lower case."""
        return self.decide(attributes["href"], base, read_controls(attributes, self._honoured), name)

    def own_pixels(self, images: Iterable[str]) -> frozenset[OwnPixel]:
        """Return our pixels among images, given by the decoded values of their `src`."""
        found = set()
        for src in images:
            url, _ = read_destination(src)
            token = self._own_token(url, "open") if url is not None and ("/q/" in url or "%" in url) else None
            if token is not None:
                found.add(OwnPixel(token.account_id, token.initial))
        return frozenset(found)

    def _read(self, values: list[str], base: str | None, known: dict[str, Decision]) -> None:
        """Add to `known` the decisions about the values of links without control attributes."""
        new = set(values).difference(known)
        for value, href in zip(new, [*map(decode_references, new)], strict=True):
            url, reason = read_destination(href, base)
            if url is None:
                known[value] = _UNUSABLE[reason]
            elif self._skips or "/f/" in url or "%" in url:
                known[value] = Decision(url, self._refusal(url))
            else:
                known[value] = Decision(url)

    def _ask(
        self,
        values: list[str],
        marked: Mapping[int, Marked],
        base: str | None,
        source: Source,
        positions: Positions,
        first: int,
        placed: bool,
    ) -> list[Decision]:
        """Decide about the links from number `first` on, for a policy with a `destination`."""
        decisions = []
        for at, value in enumerate(values):
            number = first + at
            place: tuple[int | None, int | None] = (None, None)
            if placed:
                place = positions.starts[number] * source.unit, positions.ends[number] * source.unit
            decisions.append(
                self.decide(
                    decode_references(value),
                    base,
                    marked[at].draft if at in marked else UNMARKED,
                    element_name(source.text, positions.tag_starts[number]),
                    conditional=bool(positions.conditional[number]),
                    place=place,
                )
            )
        return decisions

    def _destination(self, href: str, base: str | None) -> tuple[str | None, Reason | None]:
        url, reason = read_destination(href, base)
        return url, reason if url is None else self._refusal(url)

    def _refusal(self, url: str) -> Reason | None:
        if ("/f/" in url or "%" in url) and self._own_token(url, "click"):
            return "already-wrapped"
        return "policy" if self._skips and self._policy.skips(url) else None

    def _own_token(self, url: str, kind: Kind) -> Token | None:
        match = _REDIRECT.match(url)
        if match is None:
            return None
        try:
            token = read(self._keys, match[1].removesuffix("."), match[2])
        except InvalidToken:
            return None
        return token if token.kind == kind else None


def slot_of(decision: Decision) -> Slot | None:
    """Return the slot of a link; None where it is not wrapped."""
    url, reason, name, unsubscribe, sublink, _ = decision
    return None if url is None or reason is not None else encode_slot(url, name, unsubscribe, sublink)

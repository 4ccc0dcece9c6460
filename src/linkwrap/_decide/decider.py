"""The decisions about links, by their control attributes and destinations, a policy and the signing keys.

Each stage runs over a batch of a document's links before the next one: control attributes, destinations, tokens. Values
that the document repeats are read once.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, get_args

from .._markup.scan import Columns, element_name
from .._markup.source import Source
from .._markup.tokenizer import Span, decode_references
from .._text import TextLink
from .._token.packing import DEFAULT_SUBLINK, Slot, encode_link
from .._token.wire import Kind, Token, read
from ..errors import InvalidToken
from ..keys import SigningKeys
from ..link import Reason, Unusable
from ..policy import LinkPolicy
from .controls import Marked, read_controls, read_marked
from .decision import UNMARKED, Decision
from .destination import read_destination

BATCH: Final = 250
"""Links of a document that each stage runs over; it bounds the memory for that, and for the values that are kept."""

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
    spans: list[Span]
    """Where the values of these links are."""
    cuts: list[Span]
    """The attributes that these links lose."""


class Decider:
    """Decides about links by a policy; the keys recognise redirect URLs of ours."""

    __slots__ = ("_asks", "_honoured", "_keys", "_policy", "_skips")

    def __init__(self, keys: SigningKeys, policy: LinkPolicy) -> None:
        self._keys = keys
        self._policy = policy
        self._honoured = sorted(policy.honour)
        self._skips = bool(policy.skip_hosts)
        self._asks = policy.destination is not None

    def document(self, source: Source, batches: Iterable[Columns], base: str | None, *, placed: bool = True) -> Decided:
        """Decide about all links of a document.

        Args:
            source: The document.
            batches: Where its links are.
            base: Its base URL, from `read_base`.
            placed: Whether the policy's `destination` sees where the links are.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        text = source.text
        decisions: list[Decision] = []
        slots: list[Slot] = []
        spans: list[Span] = []
        cuts: list[Span] = []
        plain: dict[str, Decision] = {}
        encoded: dict[object, Slot] = {}
        for columns in batches:
            tag_starts, starts, ends, tag_ends, _ = columns
            values = [*map(text.__getitem__, map(slice, starts, ends))]  # the links' values, as written
            if not text.isascii():
                for at, value in enumerate(values):
                    if not value.isascii():
                        values[at] = source.decode(starts[at], ends[at])
            marked = read_marked(source, tag_starts, tag_ends, self._honoured)
            asked = self._ask(columns, source, values, marked, base, placed) if self._asks else None
            # Unless a policy is asked about each link, values that repeat are read once.
            new = () if asked else {*values}.difference(plain)
            for value, href in zip(new, [*map(decode_references, new)], strict=True):
                url, reason = read_destination(href, base)
                if url is None:
                    plain[value] = _UNUSABLE[reason]
                elif self._skips or "/f/" in url or "%" in url:
                    plain[value] = Decision(url, self._refusal(url))
                else:
                    plain[value] = Decision(url)
            for at, value in enumerate(values):
                key: object = value
                decision = asked[at] if asked else plain[value]
                mark = marked.get(at) if marked else None
                if mark is not None and not asked:
                    decision = Decision(decision.url, mark.draft.reason or decision.reason, *mark.draft[2:])
                if mark is not None or asked:
                    key = decision
                decisions.append(decision)
                if decision.reason is not None or decision.url is None:
                    continue
                slot = encoded.get(key)
                if slot is None:
                    link = encode_link(decision.url, decision.name, decision.unsubscribe)
                    slot = encoded[key] = Slot(link, decision.sublink or DEFAULT_SUBLINK)
                slots.append(slot)
                spans.append((starts[at], ends[at]))
                if mark is not None:
                    cuts += mark.cuts
            if len(plain) > BATCH or len(encoded) > BATCH:
                plain.clear()
                encoded.clear()
        return Decided(decisions, slots, spans, cuts)

    def text(self, links: Iterable[TextLink], source: Source) -> list[Decision]:
        """Decide about the URLs of a plain text.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        decisions = []
        for link in links:
            href = source.decode(link.start, link.end)
            draft = read_controls(link.attributes, self._honoured) if link.attributes else UNMARKED
            if link.placeholder is not None:
                decisions.append(Decision(None, draft.reason or "placeholder", *draft[2:]))
                continue
            if self._asks:
                place = link.start * source.unit, link.end * source.unit
                decisions.append(self.decide(href, None, draft, place=place))
                continue
            url, reason = read_destination(href)
            kept: Reason | None = reason
            if url is not None and (self._skips or "/f/" in url or "%" in url):
                kept = self._refusal(url)
            decisions.append(Decision(url, draft.reason or kept, *draft[2:]))
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

    def _ask(
        self,
        columns: Columns,
        source: Source,
        values: list[str],
        marked: Mapping[int, Marked],
        base: str | None,
        placed: bool,
    ) -> list[Decision]:
        """Decide about some links by a policy with a `destination`."""
        unit = source.unit
        decisions = []
        for at, value in enumerate(values):
            decisions.append(
                self.decide(
                    decode_references(value),
                    base,
                    marked[at].draft if at in marked else UNMARKED,
                    element_name(source.text, columns.tag_starts[at]),
                    conditional=bool(columns.conditional[at]),
                    place=(columns.starts[at] * unit, columns.ends[at] * unit) if placed else (None, None),
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
    if url is None or reason is not None:
        return None
    return Slot(encode_link(url, name, unsubscribe), sublink or DEFAULT_SUBLINK)

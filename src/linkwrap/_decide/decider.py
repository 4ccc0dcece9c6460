"""The decisions about links, by their control attributes and destinations, a policy and the signing keys.

Each stage runs over a batch of a document's links before the next one: control attributes, destinations, tokens. Values
that the document repeats are read once.
"""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from .._markup.scan import Columns, element_name
from .._markup.source import Source
from .._markup.tokenizer import Span, decode_references
from .._token.packing import DEFAULT_SUBLINK, encode_link
from .._token.wire import Kind, Token, decode_path, read, slot
from ..errors import InvalidToken
from ..keys import SigningKeys
from ..link import Part, Reason, Unusable
from ..policy import DEFAULT_PLACEHOLDERS, LinkPolicy
from .controls import Controls, Marked
from .decision import UNMARKED, Decision
from .destination import placeholder_of, read_base, read_destination
from .placeholders import SHOWN

if TYPE_CHECKING:
    from .._text import TextLink

BATCH: Final = 250
"""Links of a document that each stage runs over; it bounds the memory for that, and how many of its values are kept."""

# Shared, since a document can have many such links.
_UNUSABLE: dict[str | None, Decision] = {reason: Decision(None, reason) for reason in get_args(Unusable)}
# A destination that can be a redirect URL: its host and its raw path.
_REDIRECT = re.compile(r"https?://([^/:?#@]++)(?::[0-9]++)?(/[^?#]*+)", re.ASCII)
_START: Final = 9  # characters of a path that stand for three or more
# Postal wraps no such link, and takes the "+notrack" out.
_NO_TRACK = re.compile(r"[\0-\x20]*+(https?)\+notrack:", re.ASCII | re.IGNORECASE)
_NOTHING: Final[frozenset[str]] = frozenset()

_MAX_KEPT: Final = 4096
"""Values of links that are kept for other documents."""
_MAX_KEPT_VALUE: Final = 512  # characters, of its destination too


class OwnPixel(NamedTuple):
    """A pixel of ours that a document holds already."""

    account_id: str
    initial: bool


Known = tuple[Decision, str | None]
"""The decision about a link, and its LINK part; None where it is not wrapped."""


class Decided(NamedTuple):
    """The decisions about the links of a document, in the order of the text."""

    decisions: list[Decision]
    slots: list[str]
    """A slot for each link that is wrapped, from `wire.slot`."""
    unsubscribes: list[int]
    """The numbers of the slots whose links are marked as unsubscribe links."""
    spans: list[Span]
    """The places of the values of these links."""
    cuts: list[Span]
    """The attributes that these links lose."""


class Decider:
    """Decides about links by a policy; the keys recognise redirect URLs of ours."""

    __slots__ = ("_controls", "_kept", "_keys", "_leaves", "_placeholders", "_policy", "_refuses", "_skips", "asks")

    def __init__(self, keys: SigningKeys, policy: LinkPolicy) -> None:
        self._keys = keys
        self._policy = policy
        self._controls = Controls(policy)
        self._kept: dict[str, Known] = {}
        """What is known about values of documents without a base URL. A policy's `destination` may say each time
        something else, so with one nothing is kept."""
        # The default is the very object, also in a policy that was pickled.
        default = policy.placeholders == DEFAULT_PLACEHOLDERS
        self._placeholders = DEFAULT_PLACEHOLDERS if default else policy.placeholders
        self._skips = bool(policy.skip_hosts)
        self._leaves = policy.one_time == "leave"
        self._refuses = self._skips or self._leaves
        self.asks = policy.destination is not None
        """Whether the policy's `destination` is asked about links."""

    def document(
        self,
        source: Source,
        batches: Iterable[Columns],
        base: str | None,
        *,
        part: Part,
        first: int = 0,
        placed: bool = True,
    ) -> Decided:
        """Decide about all links of a document.

        Args:
            source: The document.
            batches: Where its links are.
            base: Its base URL, from `read_base`.
            part: The part of the message that it is.
            first: The number of its first link.
            placed: Whether the policy's `destination` sees where the links are.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        text = source.text
        decisions: list[Decision] = []
        slots: list[str] = []
        unsubscribes: list[int] = []
        spans: list[Span] = []
        cuts: list[Span] = []
        for columns in batches:
            tag_starts, starts, ends, tag_ends, _ = columns
            values = [*map(text.__getitem__, map(slice, starts, ends))]  # the links' values, as written
            if not text.isascii():
                for at, value in enumerate(values):
                    if not value.isascii():
                        values[at] = source.decode(starts[at], ends[at])
            marked = self._controls.read_marked(source, tag_starts, tag_ends)
            if self.asks:
                known = self._ask(columns, source, values, marked, base, placed)
            else:
                known = self._known(values, base, keep=not decisions)
            for at, (decision, link) in enumerate(known):
                sublink, mark = None, marked.get(at) if marked else None
                if mark is not None:
                    if not self.asks:
                        decision, link = _with_link(decision.marked(mark.draft))
                    if link is not None:
                        sublink = decision.sublink
                        cuts += mark.cuts
                        if decision.unsubscribe:
                            unsubscribes.append(len(slots))
                decisions.append(decision)
                if link is not None:
                    slots.append(slot(sublink or DEFAULT_SUBLINK, part, first + len(decisions) - 1, link))
                    spans.append((starts[at], ends[at]))
        return Decided(decisions, slots, unsubscribes, spans, cuts)

    def _known(self, values: list[str], base: str | None, *, keep: bool) -> "list[Known]":
        """Decide about links by their values as written; with `keep`, also for other documents."""
        # With a base URL, which is rare, nothing is kept.
        kept = self._kept if keep and base is None else {}
        # Threads that come here at once keep the values of a batch each, and no more.
        if len(kept) > _MAX_KEPT - BATCH:
            kept.clear()
        placeholders, refuses = self._placeholders, self._refuses
        decided: list[Known] = []
        long: dict[str, Known] = {}
        for value in values:
            known = kept.get(value) or long.get(value)
            if known is None:
                href = decode_references(value)
                url, reason = read_destination(href, base, placeholders)
                if url is None:
                    known = self._unusable(href, base, reason), None
                elif (refuses or "/f/" in url or "/u/" in url or "%" in url) and (refusal := self._refusal(url)):
                    known = Decision(url, refusal), None
                else:
                    known = Decision(url), encode_link(url)
                # Encoding makes a destination up to twelve times as long as its value.
                (kept if max(len(value), len(url or "")) <= _MAX_KEPT_VALUE else long)[value] = known
            decided.append(known)
        return decided

    def forget(self) -> None:
        """Forget what is kept about links of other documents."""
        self._kept.clear()

    def text(self, links: "Iterable[TextLink]", source: Source, opted_out: Set[str] = _NOTHING) -> list[Decision]:
        """Decide about the URLs of a plain text.

        Args:
            links: The URLs.
            source: The text.
            opted_out: Destinations that are opted out, since the HTML of the same message opts them out.

        Raises:
            TypeError: The policy's `destination` returned neither a `str` nor None.
        """
        decisions = []
        for link in links:
            href = source.decode(link.start, link.end)
            draft = self._controls.read(link.attributes) if link.attributes else UNMARKED
            decision = self._read(href, None)
            if link.placeholder is not None and decision.reason != "placeholder":
                piece = source.decode(*link.placeholder)
                own = self._placeholders
                if own is DEFAULT_PLACEHOLDERS or (own is not None and own.search(piece)):
                    decision = Decision(None, "placeholder", placeholder=piece[:SHOWN])
            if opted_out and decision.url in opted_out:
                draft = draft._replace(reason="opted-out")
            decision = decision.marked(draft)
            if self.asks:
                place = link.start * source.unit, link.end * source.unit
                decision = self._wanted(decision, href, "", None, place=place)
            decisions.append(decision)
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
        decision = self._read(href, base).marked(draft)
        if not self.asks:
            return decision
        return self._wanted(decision, href, element, base, conditional=conditional, place=place)

    def unasked(self) -> "Decider":
        """Return a decider that does not ask the policy's `destination`."""
        return Decider(self._keys, replace(self._policy, destination=None))

    def base(self, href: str) -> str | None:
        """Return the base URL that the value of a `<base href>` sets."""
        return read_base(href, self._placeholders)

    def element(self, name: str, attributes: Mapping[str, str], base: str | None) -> Decision:
        """Decide about an element of a tree, by the values of its attributes, their names in lower case."""
        return self.decide(attributes["href"], base, self._controls.read(attributes), name)

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
    ) -> "list[Known]":
        """Decide about some links by a policy with a `destination`."""
        unit = source.unit
        decided = []
        for at, value in enumerate(values):
            decision = self.decide(
                decode_references(value),
                base,
                marked[at].draft if at in marked else UNMARKED,
                element_name(source.text, columns.tag_starts[at]),
                conditional=bool(columns.conditional[at]),
                place=(columns.starts[at] * unit, columns.ends[at] * unit) if placed else (None, None),
            )
            decided.append(_with_link(decision))
        return decided

    def _wanted(
        self,
        decision: Decision,
        href: str,
        element: str,
        base: str | None,
        *,
        conditional: bool = False,
        place: tuple[int | None, int | None] = (None, None),
    ) -> Decision:
        """Return the decision about a link once the policy's `destination` has seen it."""
        if self._policy.destination is None or decision.reason is not None:
            return decision
        start, end = place
        link = decision.link(href, element, conditional=conditional, start=start, end=end)
        wanted: object = self._policy.destination(link)
        if wanted is None:
            return decision._replace(reason="policy")
        if not isinstance(wanted, str):
            raise TypeError(f"the policy's destination must return str or None, not {type(wanted).__name__}")
        return decision if wanted == decision.url else self._read(wanted, base).marked(decision)

    def _read(self, href: str, base: str | None) -> Decision:
        """Return the decision about a value as far as its destination goes."""
        url, reason = read_destination(href, base, self._placeholders)
        if url is None:
            return self._unusable(href, base, reason)
        asks = self._refuses or "/f/" in url or "/u/" in url or "%" in url
        return Decision(url, self._refusal(url) if asks else None)

    def _unusable(self, href: str, base: str | None, reason: Unusable | None) -> Decision:
        if reason == "placeholder":
            return Decision(None, reason, placeholder=placeholder_of(href, base, self._placeholders))
        if reason == "scheme" and (scheme := _NO_TRACK.match(href)):
            name = scheme[1].lower()
            warning = f"{name}+notrack: is Postal's opt-out, which only Postal takes out: elsewhere the link is dead"
            url, _ = read_destination(name + href[scheme.end() - 1 :], base, self._placeholders)
            return Decision(url, "opted-out", warning=warning)
        return _UNUSABLE[reason]

    def _refusal(self, url: str) -> Reason | None:
        # An unsubscribe URL in a body stays as well: behind a redirect, each click event would hold it whole.
        if ("/f/" in url or "/u/" in url or "%" in url) and self._own_token(url, "click", "unsubscribe"):
            return "already-wrapped"
        if self._skips and self._policy.skips(url):
            return "policy"
        if self._leaves:
            from .one_time import is_one_time  # few senders need its patterns

            return "one-time" if is_one_time(url) else None
        return None

    def _own_token(self, url: str, *kinds: Kind) -> Token | None:
        match = _REDIRECT.match(url)
        # Most URLs with a "%" are none of ours; decoding all of a path would take longer than all else about the link.
        if match is None or not decode_path(match[2][:_START]).startswith(("/f/", "/q/", "/u/")):
            return None
        try:
            token = read(self._keys, match[1].removesuffix("."), match[2])
        except InvalidToken:
            return None
        return token if token.kind in kinds else None


def _with_link(decision: Decision) -> Known:
    """Return a decision with the LINK part of what it says."""
    url, reason, name, unsubscribe, *_ = decision
    return decision, None if url is None or reason is not None else encode_link(url, name, unsubscribe)


def slot_of(decision: Decision, part: Part, index: int = 0) -> str | None:
    """Return the slot of a link, with its part and its number as in `wire.slot`; None where it is not wrapped."""
    url, reason, name, unsubscribe, sublink, *_ = decision
    if url is None or reason is not None:
        return None
    return slot(sublink or DEFAULT_SUBLINK, part, index, encode_link(url, name, unsubscribe))

"""The control attributes of a link: its opt-outs, its name, its sublink and its unsubscribe mark."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .._markup.source import Source
from .._markup.tokenizer import Span, decode_references, lower, read_tag
from ..link import MAX_LINK_NAME, Reason
from ..policy import LinkPolicy, opt_out_markup
from .decision import Decision

_NAMES = ("data-msys-linkname", "data-msys-link-name")
_UNSUBSCRIBE = "data-msys-unsubscribe"
_SUBLINK = "data-msys-sublink"
REMOVED: Final = frozenset((*_NAMES, _UNSUBSCRIBE, _SUBLINK))
"""The attributes that a wrapped link loses."""

_SUBLINK_SEGMENT = re.compile("[A-Za-z0-9_-]{1,64}", re.ASCII)

_PREFIX = "data-msys-"
# A mark holds one of these, unless it is a policy's own; a document with none of the hints is passed over at once.
_HINTS = (b"track", b"data-")
# A reference to another character than "&", in lower case: those without a semicolon stand for none in a class.
_REFERENCE = re.compile(rb"&(?!amp;)(?:#|[a-z][a-z0-9]*+;)")


class Marked(NamedTuple):
    """A link with control attributes."""

    draft: Decision
    """The decision so far."""
    cuts: list[Span]
    """The attributes that it loses where it is wrapped."""


class Controls:
    """Reads control attributes; a policy says which opt-outs count."""

    __slots__ = ("_decodes", "_hints", "_marks", "_opt_outs", "_read")

    def __init__(self, policy: LinkPolicy) -> None:
        markup = opt_out_markup(policy)
        self._read = REMOVED | {attribute for attribute, _, _ in markup}
        self._opt_outs = [
            (attribute, lower(value) if value and any_case else value, any_case)
            for attribute, value, any_case in markup
        ]
        # A tag without any of these has no control attribute: their names, of `class` the value, only the shortest that
        # occur. A value with "&" or beyond ASCII can be written in several ways, all of which count: not so its name.
        classes = {lower(value) for name, value, _ in markup if name == "class" and value and _is_plain(value)}
        names = (name for name, value, _ in markup if not (name == "class" and value and _is_plain(value)))
        self._decodes = bool(classes)
        words = {_PREFIX, *classes, *names}
        marks = [word.encode() for word in sorted(words) if not any(other in word for other in words - {word})]
        self._marks = marks
        self._hints = (*_HINTS, *(mark for mark in marks if not any(hint in mark for hint in _HINTS)))

    def read_marked(self, source: Source, tag_starts: Sequence[int], tag_ends: Sequence[int]) -> dict[int, Marked]:
        """Read the control attributes of some links of a document; return those that can have any, by their numbers.

        Args:
            source: The document.
            tag_starts: Where the tags of the links start.
            tag_ends: Where they end.
        """
        text = source.text
        if not self._may_be_marked("".join([text[start:end] for start, end in zip(tag_starts, tag_ends, strict=True)])):
            return {}
        places = enumerate(zip(tag_starts, tag_ends, strict=True))
        numbers = [number for number, (start, end) in places if self._may_be_marked(text[start:end])]
        found = [read_tag(text, tag_starts[at], tag_ends[at], source.decode, self._read, REMOVED) for at in numbers]
        return {at: Marked(self.read(attributes), cuts) for at, (attributes, cuts) in zip(numbers, found, strict=True)}

    def read(self, attributes: Mapping[str, str]) -> Decision:
        """Return the decision about a link as far as its control attributes go: all but its destination.

        Args:
            attributes: The values of its attributes, decoded, by their names in lower case.
        """
        value = attributes.get
        name = value(_NAMES[0])
        if name is None:
            name = value(_NAMES[1])
        sublink, warning = read_sublink(value(_SUBLINK))
        reason: Reason | None = None
        for attribute, expected, any_case in self._opt_outs:
            found = value(attribute)
            if found is None:
                continue
            if expected is not None:
                found = lower(found) if any_case else found
                if expected not in (found.split() if attribute == "class" else [found.strip()]):
                    continue
            reason = "opted-out"
        return Decision(None, reason, cut_name(name), (value(_UNSUBSCRIBE) or "").strip() == "1", sublink, warning)

    def _may_be_marked(self, tags: str) -> bool:
        lowered = tags.encode("ascii", "ignore").lower()  # quicker than text, and small for any text
        if self._decodes and b"&" in lowered and _REFERENCE.search(lowered):
            lowered = decode_references(tags).encode("ascii", "ignore").lower()
        # rfind is the quicker one here.
        for hint in self._hints:
            if lowered.rfind(hint) >= 0:
                return any(map(lowered.__contains__, self._marks))
        return False


def _is_plain(value: str) -> bool:
    return value.isascii() and "&" not in value


def cut_name(name: str | None) -> str | None:
    """Return a link name cut to 63 bytes of UTF-8, at a character; None for an empty one."""
    if not name:
        return None
    return name.encode("utf-8", "replace")[:MAX_LINK_NAME].decode("utf-8", "ignore") or None


def read_sublink(value: str | None) -> tuple[str | None, str | None]:
    """Return the path segment that a sublink names, and a warning where it is not usable."""
    if value is None:
        return None, None
    segment = value.replace(" ", "_")
    if _SUBLINK_SEGMENT.fullmatch(segment):
        return segment, None
    return None, f"the sublink {value[:80]!r} is ignored: it must be 1 to 64 letters, digits, '-' or '_'"

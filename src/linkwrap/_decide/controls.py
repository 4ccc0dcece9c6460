"""The control attributes of a link: its opt-outs, its name, its sublink and its unsubscribe mark."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from .._markup.source import Source
from .._markup.tokenizer import Span, read_tag
from ..link import MAX_LINK_NAME, Reason
from ..policy import OPT_OUTS
from .decision import Decision

_NAMES = ("data-msys-linkname", "data-msys-link-name")
_UNSUBSCRIBE = "data-msys-unsubscribe"
_SUBLINK = "data-msys-sublink"
REMOVED: Final = frozenset((*_NAMES, _UNSUBSCRIBE, _SUBLINK))
"""The attributes that a wrapped link loses."""
_READ = REMOVED | {name for name, _ in OPT_OUTS.values()}

_SUBLINK_SEGMENT = re.compile("[A-Za-z0-9_-]{1,64}", re.ASCII)

# A tag without any of these has no control attribute: their names, of `class` the value, only the shortest that occur.
_PREFIX = "data-msys-"
_WORDS = {_PREFIX, *(value if name == "class" and value else name for name, value in OPT_OUTS.values())}
_MARKS = [word.encode() for word in sorted(_WORDS) if not any(other in word for other in _WORDS if other != word)]
# Most marks hold one of these; a document with neither, and none of the other marks, is passed over at once.
_HINTS = (b"track", b"data-")
_OTHER_MARKS = [mark for mark in _MARKS if not any(hint in mark for hint in _HINTS)]


class Marked(NamedTuple):
    """A link with control attributes."""

    draft: Decision
    """The decision so far."""
    cuts: list[Span]
    """The attributes that it loses where it is wrapped."""


def read_marked(
    source: Source, tag_starts: Sequence[int], tag_ends: Sequence[int], honoured: Collection[str]
) -> dict[int, Marked]:
    """Read the control attributes of some links of a document; return those that can have any, by their numbers.

    Args:
        source: The document.
        tag_starts: Where the tags of the links start.
        tag_ends: Where they end.
        honoured: The senders whose opt-outs count.
    """
    text = source.text
    if not _may_be_marked("".join(map(text.__getitem__, map(slice, tag_starts, tag_ends)))):
        return {}
    places = enumerate(zip(tag_starts, tag_ends, strict=True))
    numbers = [number for number, (start, end) in places if _may_be_marked(text[start:end])]
    found = [read_tag(text, tag_starts[at], tag_ends[at], source.decode, _READ, REMOVED) for at in numbers]
    return {
        at: Marked(read_controls(attributes, honoured), cuts)
        for at, (attributes, cuts) in zip(numbers, found, strict=True)
    }


def _may_be_marked(tags: str) -> bool:
    lowered = tags.encode("ascii", "ignore").lower()  # quicker than text, and small for any text
    # rfind is the quicker one here.
    if lowered.rfind(_HINTS[0]) < 0 and lowered.rfind(_HINTS[1]) < 0 and not _OTHER_MARKS:
        return False
    return any(map(lowered.__contains__, _MARKS))


def read_controls(attributes: Mapping[str, str], honoured: Collection[str]) -> Decision:
    """Return the decision about a link as far as its control attributes go: all but its destination.

    Args:
        attributes: The values of its attributes, decoded, by their names in lower case.
        honoured: The senders whose opt-outs count.
    """
    value = attributes.get
    name = value(_NAMES[0])
    if name is None:
        name = value(_NAMES[1])
    sublink, warning = read_sublink(value(_SUBLINK))
    reason: Reason | None = None
    for sender in honoured:
        attribute, expected = OPT_OUTS[sender]
        found = value(attribute)
        if found is None:
            continue
        words = found.split() if attribute == "class" else [found.strip().lower()]
        if expected is None or expected in words:
            reason = "opted-out"
    return Decision(None, reason, cut_name(name), (value(_UNSUBSCRIBE) or "").strip() == "1", sublink, warning)


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

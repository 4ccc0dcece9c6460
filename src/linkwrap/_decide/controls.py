"""The control attributes of a link: what opts it out, names it, or marks it as an unsubscribe link."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from .._markup.references import decode_references
from .._markup.tokenizer import Attribute, attributes, every_attribute
from .._token.wire import MAX_LINK_NAME

DEFAULT_SUBLINK = "a"

# Who reads the attribute: its name, and the value that opts a link out (None: any, or none at all).
_OPT_OUTS: dict[str, tuple[str, str | None]] = {
    "sparkpost": ("data-msys-clicktrack", "0"),
    "sendgrid": ("clicktracking", "off"),
    "mailgun": ("disable-tracking", "true"),
    "postmark": ("data-pm-no-track", None),
    "ses": ("ses:no-track", None),
    "mandrill": ("mc:disable-tracking", None),
    "customerio": ("class", "untracked"),
    "ahoy": ("data-skip-click", "true"),
    "mautic": ("mautic:disable-tracking", "true"),
}
SENDERS = frozenset(_OPT_OUTS)
_NAMES = ("data-msys-linkname", "data-msys-link-name")
_UNSUBSCRIBE = "data-msys-unsubscribe"
_SUBLINK = "data-msys-sublink"
REMOVED = (*_NAMES, _UNSUBSCRIBE, _SUBLINK)
"""The attributes that a wrapped link loses."""
_READ = frozenset(REMOVED) | {name for name, _ in _OPT_OUTS.values()}

# A tag without any of these holds no markup of ours or of another sender.
_MARKS = (b"data-msys-", b"clicktracking", b"disable-tracking", b"no-track", b"untracked", b"data-skip-click")
_SUBLINK_SEGMENT = re.compile("[A-Za-z0-9_-]{1,64}", re.ASCII)


class Controls(NamedTuple):
    """What the markup on a link says of it."""

    opted_out: bool = False
    name: str | None = None
    unsubscribe: bool = False
    sublink: str | None = None
    warning: str | None = None
    cuts: tuple[tuple[int, int], ...] = ()
    """The spans of the attributes that a wrapped link loses, each with the white space before it."""


NO_CONTROLS = Controls()


def may_have_controls(tags: str) -> bool:
    """Whether any of these tags, joined, may hold markup that `read_controls` reads."""
    lowered = tags.encode("ascii", "ignore").lower()  # quicker than text, and small for any text
    if lowered.rfind(b"track") < 0 and lowered.rfind(b"data-") < 0:
        return False
    return any(mark in lowered for mark in _MARKS)


def read_controls(
    text: str, tag_start: int, tag_end: int, decode: Callable[[int, int], str], honour: Collection[str]
) -> Controls:
    """Read the opt-out and naming markup of the tag at text[tag_start:tag_end]; `decode` gives a value's characters."""
    if not may_have_controls(text[tag_start:tag_end]):
        return NO_CONTROLS
    found = attributes(text, tag_start, tag_end, _READ)
    values = {name: decode_references(decode(*place.value)) for name, place in found.items()}
    cuts: list[tuple[int, int]] = []
    for name, place in every_attribute(text, tag_start, tag_end):
        span = _span(text, place) if name in REMOVED else None
        if span and cuts and cuts[-1][1] == span[0]:
            cuts[-1] = (cuts[-1][0], span[1])
        elif span:
            cuts.append(span)
    return controls_of(values, honour)._replace(cuts=tuple(cuts))


def controls_of(attributes: Mapping[str, str], honour: Collection[str]) -> Controls:
    """Read the opt-out and naming markup of a link's attributes: names in lower case, values decoded."""
    said = attributes.get
    name = next((value for value in map(said, _NAMES) if value is not None), None)
    sublink, warning = read_sublink(said(_SUBLINK))
    return Controls(
        any(_opts_out(said(_OPT_OUTS[sender][0]), _OPT_OUTS[sender]) for sender in honour),
        cut_name(name),
        (said(_UNSUBSCRIBE) or "").strip() == "1",
        sublink,
        warning,
    )


def cut_name(name: str | None) -> str | None:
    """Cut a link name to 63 bytes of UTF-8, at a character; an empty one is none."""
    if not name:
        return None
    return name.encode("utf-8", "replace")[:MAX_LINK_NAME].decode("utf-8", "ignore") or None


def read_sublink(said: str | None) -> tuple[str | None, str | None]:
    """Return the path segment that a sublink asks for, and a warning where it is not one."""
    if said is None:
        return None, None
    segment = said.replace(" ", "_")
    if _SUBLINK_SEGMENT.fullmatch(segment):
        return segment, None
    return None, f"the sublink {said[:80]!r} is ignored: it takes 1 to 64 letters, digits, '-' or '_'"


def _opts_out(said: str | None, opt_out: tuple[str, str | None]) -> bool:
    name, expected = opt_out
    if said is None or expected is None:
        return said is not None
    if name == "class":
        return expected in said.split()
    return said.strip().lower() == expected


def _span(text: str, attribute: Attribute) -> tuple[int, int] | None:
    """The attribute with the white space before it, where the rest of the tag can do without that.

    Before a name that begins with "=" the attribute stays: without it, the "=" would give a value to what is before it.
    """
    start = attribute.start
    behind = attribute.end
    while text[behind] in "\t\n\f\r /":
        behind += 1
    if text[behind] == "=":
        return None
    if text[attribute.end] in "\t\n\f\r >":
        while text[start - 1] in "\t\n\f\r ":
            start -= 1
    return start, attribute.end

"""Events as lines of JSON in ASCII: of an export, and of those that could not be stored, among the lines of any log."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final, Literal

from ..errors import OptionError
from ..events import Event

MAX_LINE: Final = 262_144
"""Bytes of a line that are read; an event has a tenth of that at most."""
MARK: Final = b'{"linkwrap": "not-stored", "event": '
"""How the JSON of an event that was not stored begins; a log may have put something in front of it."""

Skipped = Literal["other", "unreadable"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did with each line.

    Attributes:
        stored: Events that are new in the store.
        duplicates: Events that it had already.
        unreadable: Lines that are marked as an event, and are none: cut, or of a newer linkwrap.
        other: Lines of something else. Empty lines are not counted.
    """

    stored: int
    duplicates: int
    unreadable: int
    other: int

    def as_dict(self) -> dict[str, int]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def export_line(event: Event) -> bytes:
    """Return the line of an event in an export."""
    return json.dumps(event.as_dict()).encode("ascii") + b"\n"


def not_stored_line(event: Event) -> bytes:
    """Return the line of an event that was not stored."""
    return MARK + json.dumps(event.as_dict()).encode("ascii") + b"}\n"


def lost_line(count: int) -> bytes:
    """Return the line that tells of events that are neither stored nor written: they are lost."""
    return b'{"linkwrap": "lost", "events": %d}\n' % count


def read_lines(stream: BinaryIO) -> Iterator[Event | Skipped]:
    """Yield the event of each line, or why there is none; lines longer than `MAX_LINE` are read in pieces."""
    whole = True
    while line := stream.readline(MAX_LINE):
        begins, whole = whole, line.endswith(b"\n")
        if not begins:
            continue
        if not whole and len(line) == MAX_LINE:
            yield "unreadable" if MARK in line else "other"
        elif found := _read(line.strip()):
            yield found


def _read(line: bytes) -> Event | Skipped | None:
    if not line:
        return None
    _, marked, text = line.rpartition(MARK)
    if not marked and not line.startswith(b"{"):
        return "other"
    try:
        values: Any = json.JSONDecoder().raw_decode(text.decode("utf-8"))[0]
        if not marked and not (isinstance(values, dict) and "event_id" in values):
            return "other"
        return Event.from_dict(values)
    except (OptionError, TypeError, ValueError, RecursionError):
        return "unreadable" if marked or b'"event_id"' in line else "other"

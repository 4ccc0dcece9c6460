"""Events as lines of JSON in ASCII: of an export, and of those that could not be stored, among the lines of any log."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, BinaryIO, Final, Literal

from ..errors import OptionError
from ..events import MAX_TIMESTAMP, Event

MAX_LINE: Final = 262_144
"""Bytes of a line that are read; an event has a tenth of that at most."""
MARK: Final = b'{"linkwrap": "not-stored", "event": '
"""How the JSON of an event that was not stored begins; a log may have put something in front of it."""
_ERASURE: Final = b'{"linkwrap": "erasure", '
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

Skipped = Literal["other", "unreadable"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase the events with some key and value in their metadata.

    Attributes:
        seq: Its number in the store; the next ones have higher ones.
        account_id: The account whose events are meant, or None for all.
        hash: A keyed hash of key and value.
        before: Events before this time are meant, in seconds since 1970; or None: those up to `at`, and those of
            messages that were sent up to then, whenever they come, but for one-click unsubscribes.
        at: When it was asked for.
    """

    seq: int
    account_id: str | None
    hash: str
    before: int | None
    at: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did with each line.

    Attributes:
        stored: Events that are new in the store, or stand for more requests than those it had.
        duplicates: Events that it had already.
        erased: Events that are not stored, since they were asked to be erased.
        erasures: Requests to erase that are new; what they mean is not in the store any more.
        unreadable: Lines that are marked as an event, and are none: cut, or of a newer linkwrap.
        other: Lines of something else. Empty lines are not counted.
    """

    stored: int
    duplicates: int
    erased: int
    erasures: int
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


def erasure_line(erasure: Erasure, keys: list[str]) -> bytes:
    """Return the line of a request to erase, with the keys of its hash."""
    values = {"linkwrap": "erasure", **asdict(erasure), "keys": keys}
    return json.dumps(values).encode("ascii") + b"\n"


def read_lines(stream: BinaryIO) -> Iterator[Event | tuple[Erasure, list[str]] | Skipped]:
    """Yield the event of each line, a request to erase and its keys, or why there is none.

    Lines longer than `MAX_LINE` are read in pieces.
    """
    whole = True
    while line := stream.readline(MAX_LINE):
        begins, whole = whole, line.endswith(b"\n")
        if not begins:
            continue
        if not whole and len(line) == MAX_LINE:
            yield "unreadable" if MARK in line else "other"
        elif found := _read(line.strip()):
            yield found


def _read(line: bytes) -> Event | tuple[Erasure, list[str]] | Skipped | None:
    if not line:
        return None
    if line.startswith(_ERASURE):
        return _read_erasure(line)
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


def _read_erasure(line: bytes) -> tuple[Erasure, list[str]] | Skipped:
    try:
        values: dict[str, Any] = json.loads(line)
        keys, hashed, account_id, before, at = (values[name] for name in ("keys", "hash", "account_id", "before", "at"))
        if (
            all(map(_HASH.fullmatch, [hashed, *keys]))
            and isinstance(account_id, (str, NoneType))
            and isinstance(before, (int, NoneType))
            and isinstance(at, int)
            and all(0 <= time <= MAX_TIMESTAMP for time in (before or 0, at))
        ):
            return Erasure(0, account_id, hashed, before, at), keys
    except (KeyError, TypeError, ValueError, RecursionError):
        pass
    return "unreadable"

"""Lines with events in a log: found among others, once by event id, and never more of a line read than the limit."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from helpers.events import an_event
from linkwrap.events import Event
from linkwrap.server.lines import MAX_LINE, export_line, lost_line, not_stored_line, read_lines
from linkwrap.server.store import Store

ONE = an_event(1, target_link_name='"Bücher"\U0001f4da')
LINE = not_stored_line(ONE)


def found(content: bytes) -> list[Any]:
    """What is read."""
    return list(read_lines(io.BytesIO(content)))


def test_the_line_of_an_event() -> None:
    """One line of JSON in ASCII that says what it is."""
    assert LINE.isascii()
    assert (LINE.count(b"\n"), LINE[-1:]) == (1, b"\n")
    assert json.loads(LINE) == {"linkwrap": "not-stored", "event": ONE.as_dict()}
    assert json.loads(lost_line(3)) == {"linkwrap": "lost", "events": 3}


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        LINE.rstrip(),
        LINE.replace(b"\n", b"\r\n"),
        b"2026-11-30T10:00:00.000000000Z stderr F " + LINE,
        b"Nov 30 10:00:00 host linkwrap[123]: " + LINE,
        b'half a line of something else {"a": ' + LINE,
        export_line(ONE),
        b"\n\n" + LINE + b"\n",
        LINE[:100] + LINE,
    ],
)
def test_an_event_is_found(line: bytes) -> None:
    """Also behind what a log puts in front, and behind the beginning of a line that was cut off."""
    assert found(line) == [ONE]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET /healthz 200\n", "other"),
        (b'{"level": "info", "message": "started"}\n', "other"),
        (b"[]\n", "other"),
        (b"\xff\xfe\x00\n", "other"),
        (lost_line(3), "other"),
        (LINE[:200] + b"\n", "unreadable"),
        (LINE.replace(b'"click"', b'"bounce"'), "unreadable"),
        (LINE.replace(b'"schema": 1', b'"schema": 2'), "unreadable"),
        (export_line(ONE).replace(b'"click"', b"5"), "unreadable"),
        (b'{"linkwrap": "not-stored", "event": ' + b"[" * 100_000 + b"\n", "unreadable"),
        (b'{"linkwrap": "not-stored", "event": [1]}\n', "unreadable"),
        (b"x" * (3 * MAX_LINE) + b"\n", "other"),
        (b"x" * (MAX_LINE - 1) + b"\n", "other"),
    ],
)
def test_what_is_no_event_is_counted(line: bytes, expected: str) -> None:
    """And the lines after it are read; those that were an event are told apart."""
    assert found(line + LINE) == [expected, ONE]


def test_an_import_counts_each_kind(tmp_path: Path) -> None:
    """A log with lines of other programs, cut ones, and an event twice."""
    log = b"".join(
        [b"starting\n", LINE, b"\n", LINE, not_stored_line(an_event(2)), LINE[:50] + b"\n", LINE[:99] + b"\n"]
    )
    with Store(tmp_path / "events.db", create=True) as store:
        done = store.import_lines(io.BytesIO(log))
        assert (done.stored, done.duplicates, done.unreadable, done.other) == (2, 1, 2, 1)
        assert [stored.event for stored in store.events()] == [ONE, an_event(2)]
        assert isinstance(next(store.events()).event, Event)

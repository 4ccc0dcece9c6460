"""A writer with a store and a fallback in a folder, and what has come of the events that it was given."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from linkwrap.server.fallback import Fallback
from linkwrap.server.store import Store
from linkwrap.server.writer import Writer

FOREVER = 600.0
"""A limit that no busy machine reaches, for tests that are not about it."""


@asynccontextmanager
async def a_writer(path: Path, fallback: Path, **options: Any) -> AsyncIterator[Writer]:
    """A writer that has tried its store, and tries it again at once; closed in the end, with its fallback."""
    lines = Fallback(fallback)
    opened = Writer(path, lines, **{"limit_seconds": FOREVER, "retry_seconds": 0.02} | options)
    try:
        await opened.start()
        yield opened
    finally:
        await opened.close()
        assert lines.close() is True


async def until(ready: Callable[[], object], complaint: str) -> None:
    """Wait, while the loop goes on."""
    ends = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < ends, complaint
        await asyncio.sleep(0.005)


def stored(path: Path) -> list[int]:
    """The numbers of the events in a store, in their order, each as often as it is there."""
    with Store(path) as store:
        return [found.event.timestamp - 1_760_000_000 for found in store.events()]


def imported(path: Path, fallback: Path) -> Counter[int]:
    """The events in a store after the fallback's lines were imported; each line was an event."""
    with Store(path, create=True) as store, fallback.open("rb") as lines:
        done = store.import_lines(lines)
        assert (done.unreadable, done.other) == (0, 0)
    return Counter(stored(path))


def once(numbers: Any) -> Counter[int]:
    """Each of these, once."""
    return Counter(dict.fromkeys(numbers, 1))

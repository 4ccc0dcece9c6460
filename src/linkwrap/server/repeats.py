"""One link or pixel that is requested again and again: its requests are counted in few events, and none is lost.

A token that verifies can be replayed by anybody, so each could fill the disk. Up to `LIMIT` requests a minute for one
token are events of their own. Further ones, of one type and visitor, share an event for `OPEN_SECONDS`: it is stored
again with a higher `repeated`, and the store keeps the highest. So it does not matter whether a number was stored that
took long, or comes again from the fallback: no request is counted twice.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from ..events import Event

LIMIT: Final = 60
"""Requests a minute for one token that are events of their own."""
OPEN_SECONDS: Final = 5.0
"""How long an event takes further requests; what forwards events waits for longer."""
_WINDOW_SECONDS: Final = 60.0
_MAX_TOKENS: Final = 10_000
_MAX_OPEN: Final = 4000


@dataclass(slots=True, eq=False)
class _Window:
    ends: float
    count: int = 0


@dataclass(slots=True, eq=False)
class _Open:
    event: Event
    ends: float
    epoch: int


class Repeats:
    """Counts the requests for each token, in bounded memory: of too many tokens, the oldest are forgotten.

    Args:
        limit: Requests a minute for one token that are events of their own.
        clock: Returns seconds that only grow.
    """

    def __init__(self, limit: int = LIMIT, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        # Of the token only a hash: a token may have some kB.
        self._windows = OrderedDict[bytes, _Window]()
        self._open = OrderedDict[tuple[bytes, str, str], _Open]()

    def count(self, token: str, event: Event, epoch: int = 0) -> Event:
        """Return the event to store for a request: its own, or one that stands for it and for others before.

        Args:
            token: The canonical form of the request's token.
            event: The event of the request.
            epoch: Another number begins another event, such as when storing has failed: what was stored before is then
                not changed any more by what comes later from the fallback.
        """
        now = self._clock()
        key = blake2b(token.encode("utf-8", "replace"), digest_size=16).digest()
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            self._windows.pop(key, None)
            if len(self._windows) >= _MAX_TOKENS:
                self._windows.popitem(last=False)
            self._windows[key] = window = _Window(now + _WINDOW_SECONDS)
        window.count += 1
        if window.count <= self._limit:
            return event
        kind = (key, event.type, event.visitor)
        found = self._open.get(kind)
        if found is not None and now < found.ends and found.epoch == epoch:
            found.event = replace(found.event, repeated=found.event.repeated + 1)
            return found.event
        self._open.pop(kind, None)
        if len(self._open) >= _MAX_OPEN:
            self._open.popitem(last=False)
        self._open[kind] = _Open(event, now + OPEN_SECONDS, epoch)
        return event

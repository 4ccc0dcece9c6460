"""Storing events for programs without an asyncio loop: WSGI applications, Django, scripts.

The writer is that of the redirect server, in a loop of its own in a thread. `Recorder.record` returns once the event is
stored, together with those of other threads; where storing fails or takes too long, the event is in the fallback.
"""

import asyncio
import logging
import os
import threading
import weakref
from concurrent.futures import Future
from functools import partial
from typing import Final, Self, get_args

from .._faults import Faults
from ..events import Event
from .fallback import Fallback, open_fallback
from .store import Durability
from .writer import Writer

_OPEN_SECONDS: Final = 1.0
"""How long the first event of a process waits for the store to be opened."""
_LATEST_SECONDS: Final = 1.0
"""How long an event waits at most, should the writer's loop itself be held up."""
_CLOSE_SECONDS: Final = 15.0
_log = logging.getLogger("linkwrap")


class Recorder:
    """Stores events; threads may share it.

    Nothing is opened before the first event, and a process that was forked opens the store anew. So it may be made when
    an application is loaded, also under gunicorn's `preload_app`. It is closed when the process ends.

    Args:
        path: The store's file. It is made if there is none; while it cannot be used, events go to the fallback.
        fallback: The file of the fallback; None is standard error.
        durability: What a stored event outlives, as for `Store`.

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: `durability` is none of its values.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fallback: str | os.PathLike[str] | None = None,
        durability: Durability = "process",
    ) -> None:
        faults = Faults()
        if not isinstance(path, (str, os.PathLike)):
            faults.wrong_type("path", "a path", path)
        if not isinstance(fallback, (str, os.PathLike, type(None))):
            faults.wrong_type("fallback", "a path or None", fallback)
        if durability not in get_args(Durability):
            faults.wrong_value(f"durability must be one of {', '.join(get_args(Durability))}")
        faults.raise_any()
        self._start = partial(_Running, path, fallback, durability)
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._end: weakref.finalize[..., Recorder] | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_forget, weakref.ref(self)))

    def record(self, event: Event) -> bool:
        """Store an event. It takes some milliseconds, and about 100 ms at most, but for the first of a process.

        Returns:
            Whether it is stored; else it is in the fallback. A failure is logged, not raised.

        Raises:
            TypeError: It is no event.
        """
        if not isinstance(event, Event):
            raise TypeError(f"event must be an Event, not {type(event).__name__}")
        try:
            return (self._running or self._open()).record(event)
        except Exception as error:  # its words may hold what is in an event
            _log.error("an event may be lost: storing it failed with %s", type(error).__name__)
            return False

    def close(self) -> None:
        """Store what waits, and close the store. The next event opens it again."""
        with self._lock:
            running, self._running = self._running, None
            if self._end is not None:
                self._end.detach()
        if running is not None:
            running.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> "_Running":
        with self._lock:
            if self._running is None:
                self._running = self._start()
                self._end = weakref.finalize(self, self._running.close)  # called at the end of the process too
            return self._running


class _Running:
    """A writer, its fallback, and the thread with its loop."""

    def __init__(
        self, path: str | os.PathLike[str], fallback: str | os.PathLike[str] | None, durability: Durability
    ) -> None:
        self._lines = open_fallback(fallback)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="linkwrap-recorder", daemon=True)
        self._thread.start()
        opened = asyncio.run_coroutine_threadsafe(_open_writer(path, self._lines, durability), self._loop)
        self._writer = opened.result()

    def record(self, event: Event) -> bool:
        """Store an event, and return whether it is stored."""
        stored = Future[bool]()
        self._loop.call_soon_threadsafe(self._submit, event, stored)
        try:
            return stored.result(_LATEST_SECONDS)
        except TimeoutError:
            self._lines.put(event)
            return False

    def close(self) -> None:
        """Store what waits, and end the threads."""
        asyncio.run_coroutine_threadsafe(self._writer.close(), self._loop).result(_CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        self._loop.close()
        self._lines.close()

    def _submit(self, event: Event, stored: "Future[bool]") -> None:
        self._writer.submit(event).add_done_callback(lambda done: stored.set_result(done.result()))


async def _open_writer(path: str | os.PathLike[str], lines: Fallback, durability: Durability) -> Writer:
    writer = Writer(path, lines, durability=durability)
    await asyncio.wait([asyncio.ensure_future(writer.start())], timeout=_OPEN_SECONDS)
    return writer


def _forget(reference: "weakref.ref[Recorder]") -> None:
    """Leave what the parent process has opened to it: its threads are not in this one, and its locks may be held."""
    recorder = reference()
    if recorder is not None:
        recorder._lock = threading.Lock()
        if recorder._end is not None:
            recorder._end.detach()
        _inherited.append(recorder._running)
        recorder._running = recorder._end = None


_inherited: Final[list[_Running | None]] = []
"""Kept for ever: SQLite's connections must not be closed in another process than that which opened them."""

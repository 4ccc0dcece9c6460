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

    Nothing is opened before the first event. A fork closes it, and both processes open the store anew. So it may be
    made when an application is loaded, also under gunicorn's `preload_app`. It is closed when the process ends.

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
            after = partial(_after_fork, weakref.ref(self))
            before = partial(_before_fork, weakref.ref(self))
            os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)

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
            try:
                return (self._running or self._open()).record(event)
            except RuntimeError:  # it was closed meanwhile, and has not taken the event
                return self._open().record(event)
        except Exception as error:  # its words may hold what is in an event
            _log.error("an event may be lost: storing it failed with %s", type(error).__name__)
            return False

    def close(self) -> None:
        """Store what waits, and close the store. The next event opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
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
        try:
            asyncio.run_coroutine_threadsafe(self._writer.close(), self._loop).result(_CLOSE_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSE_SECONDS)
            self._loop.close()
        finally:
            self._lines.close()

    def _submit(self, event: Event, stored: "Future[bool]") -> None:
        self._writer.submit(event).add_done_callback(lambda done: stored.set_result(done.result()))


async def _open_writer(path: str | os.PathLike[str], lines: Fallback, durability: Durability) -> Writer:
    writer = Writer(path, lines, durability=durability)
    await asyncio.wait([asyncio.ensure_future(writer.start())], timeout=_OPEN_SECONDS)
    return writer


def _before_fork(reference: "weakref.ref[Recorder]") -> None:
    """Leave nothing open: by POSIX's locks, a process cannot see what another connection of its own to the file holds.

    SQLite's list of these would be copied into the new process, which would take no lock then.
    """
    if (recorder := reference()) is not None:
        recorder._lock.acquire()
        recorder._close()


def _after_fork(reference: "weakref.ref[Recorder]") -> None:
    if (recorder := reference()) is not None:
        recorder._lock.release()

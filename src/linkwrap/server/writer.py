"""Storing events while readers wait for their answers: one thread and one connection, and no wait beyond its limit.

`Writer.submit` takes an event in the thread of an asyncio loop and returns a future: true once the event is stored,
false where it went to the fallback. What arrives while one group is being stored becomes the next group.

If storing fails, or has not come to an end `LIMIT_SECONDS` after an event was submitted, a circuit opens: from then on
every event goes to the fallback at once. Each second the store is opened anew if need be, and written to; if that works
in time, the circuit closes. An event whose group was late may be both in the fallback and, later, in the store: an
import of the fallback's lines leaves out what is stored.

If the store's file was deleted or replaced, the open connection is the only way to what was in it. All of it is copied
into the new file, between the groups that are stored meanwhile; at the end, if there is no new file, to the fallback.
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..events import Event
from ._checkpoints import Checkpoints
from ._counts import COMMIT_BUCKETS, Metrics
from ._files import Identity, StoreError, beside, identity
from .fallback import Fallback
from .store import MAX_GROUP, Durability, Store, row

LIMIT_SECONDS: Final = 0.1
"""How long an event may wait to be stored."""
RETRY_SECONDS: Final = 1.0
"""How long the circuit is open until the store is tried again."""
MAX_QUEUE: Final = 10_000
"""Events that wait to be stored at most."""
_BUSY_SECONDS: Final = 0.07
_GATHER_SECONDS: Final = 0.002
_SAVED_AT_ONCE: Final = 200
_IDLE_SECONDS: Final = 1.0
_log = logging.getLogger("linkwrap")


@dataclass(slots=True, eq=False)
class _Entry:
    event: Event
    future: asyncio.Future[bool]
    since: float


@dataclass(slots=True, eq=False)
class _Left:
    """The connection to a file that was deleted or replaced, and up to where it was copied."""

    store: Store
    after: int = 0


class Writer:
    """Stores events from a thread of its own. `close` it in the end.

    Args:
        path: The store's file; it is made if there is none. If it cannot be opened, the circuit is open until it can.
        fallback: Takes the events that are not stored. It is not closed with the writer.
        durability: What a stored event outlives, as for `Store`.
        max_queue: Events that wait at most; one more goes to the fallback at once.
        limit_seconds: How long an event may wait.
        retry_seconds: How long the circuit is open until the store is tried again.
        open_store: `Store`, for tests.

    Attributes:
        metrics: Counts since the start.
        fault: Why the circuit is open, in one sentence, or None while it is closed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fallback: Fallback,
        *,
        durability: Durability = "process",
        max_queue: int = MAX_QUEUE,
        limit_seconds: float = LIMIT_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        open_store: Callable[..., Store] = Store,
    ) -> None:
        self.metrics: Final[Metrics] = Metrics()
        self.fault: str | None = None
        self._path = Path(os.path.abspath(path))
        self._fallback = fallback
        self._durability: Durability = durability
        self._max_queue = max_queue
        self._limit = limit_seconds
        self._retry = retry_seconds
        self._open_store = open_store
        self._loop = asyncio.get_running_loop()
        self._tried: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._changed = threading.Condition()
        # The loop's thread and the writer's change these under the condition's lock.
        self._queue = deque[_Entry]()
        self._flight: list[_Entry] = []
        self._idle = False
        self._retry_at = 0.0
        self._closing = False
        # These belong to the writer's thread.
        self._store: Store | None = None
        self._checkpoints: Checkpoints | None = None
        self._beside: dict[str, Identity] = {}  # of the open store
        self._stale: dict[str, Identity] = {}  # of one that is gone, until there is a new one
        self._left: list[_Left] = []
        self._last_group = 0
        self._thread = threading.Thread(target=self._work, name="linkwrap-writer", daemon=True)
        self._thread.start()

    # In the loop's thread

    async def start(self) -> None:
        """Wait until the store was opened, or could not be: then `fault` says why."""
        await asyncio.shield(self._tried)

    def submit(self, event: Event) -> asyncio.Future[bool]:
        """Have an event stored.

        Returns:
            A future: true once the event is stored, false as soon as it went to the fallback. To cancel it changes
            nothing: the event is stored all the same.
        """
        entry = _Entry(event, self._loop.create_future(), time.monotonic())
        with self._changed:
            if self.fault is None and not self._closing and len(self._queue) < self._max_queue:
                self._queue.append(entry)
                if self._idle:
                    self._idle = False
                    self._changed.notify()
                if self._timer is None:
                    self._timer = self._loop.call_later(self._limit, self._check)
                return entry.future
        self._to_fallback([entry])
        _settle([entry], False)
        return entry.future

    @property
    def queue_length(self) -> int:
        """How many events wait to be stored."""
        return len(self._queue) + len(self._flight)

    async def close(self, seconds: float = 10.0) -> None:
        """Store what waits, for some seconds at most; the rest, and what is submitted later, goes to the fallback."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        # What the thread has sent before is here then. No executor waits for it: at the end of a program there is none.
        await asyncio.wait([self._ended], timeout=seconds)
        if not self._ended.done():
            self._open_circuit("the server is stopping, and its store does not answer", self._now)

    def _check(self) -> None:
        """Open the circuit if the first event has waited too long."""
        self._timer = None
        with self._changed:
            waiting = self._flight or self._queue
            if not waiting:
                return
            left = waiting[0].since + self._limit - time.monotonic()
            if left > 0:
                self._timer = self._loop.call_later(left, self._check)
                return
        self._open_circuit(f"storing takes over {self._limit * 1000:.0f} ms", self._now)

    def _now(self, entries: list[_Entry], stored: bool) -> None:
        _settle(entries, stored)

    # In both

    def _open_circuit(self, reason: str, answer: Callable[[list[_Entry], bool], None]) -> None:
        with self._changed:
            opens, self.fault = self.fault is None, reason
            self.metrics.opened += opens
            self._retry_at = time.monotonic() + self._retry
            entries = [*self._flight, *self._queue]
            self._flight = []
            self._queue.clear()
        if opens:
            _log.warning("events are not stored: %s", reason)
        self._to_fallback(entries)
        answer(entries, False)

    def _to_fallback(self, entries: list[_Entry]) -> None:
        with self._changed:
            self.metrics.not_stored += len(entries)
        for entry in entries:
            self._fallback.put(entry.event)

    # In the writer's thread

    def _later(self, entries: list[_Entry], stored: bool) -> None:
        """Answer in the loop's thread, once for a whole group."""
        if entries:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(_settle, entries, stored)

    def _fail(self, error: StoreError | str) -> None:
        self._open_circuit(str(error), self._later)

    def _work(self) -> None:
        going, tried = True, False
        while going:
            try:
                going = self._step()
            except StoreError as error:
                self._fail(error)
                self._drop()
            except Exception as error:  # its words may hold what is in an event
                self._fail(f"storing failed with {type(error).__name__}")
                self._drop()
            if not tried:
                tried = True
                self._tell(self._tried)
        try:
            self._end()
        finally:
            self._tell(self._ended)

    def _tell(self, done: asyncio.Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(done.set_result, None)

    def _step(self) -> bool:
        """Do what is next, and return whether there is more; an error opens the circuit."""
        if self._store is None or self.fault is not None:
            if not self._wait_to_retry():
                return False
            self._try()
            return True
        group = self._take()
        if self._is_moved():
            self._set_aside()
            self._fail(f"the store {str(self._path)!r} was deleted or replaced")
            self._retry_at = 0.0  # a new file can be made at once
        elif group:
            self._commit(group)
        elif self._left:
            self._save()
        else:
            return not self._closing or bool(self._queue)
        return True

    def _wait_to_retry(self) -> bool:
        """Wait until the store is to be tried; False if the writer is closed before."""
        with self._changed:
            while (left := self._retry_at - time.monotonic()) > 0 and not self._closing:
                self._changed.wait(min(left, self._retry))
            # Before it ends, what is in deleted files gets one more chance.
            return not self._closing or bool(self._queue)

    def _try(self) -> None:
        """Open the store if need be, and write to it; close the circuit if that works in time.

        Raises:
            StoreError: It cannot be opened or written.
        """
        if self._is_moved():
            self._set_aside()
        store = self._store or self._open()
        started = time.monotonic()
        store.write_probe(int(time.time()))
        took = time.monotonic() - started
        if took > self._limit:
            self._fail(f"storing takes over {self._limit * 1000:.0f} ms")
        elif self.fault is not None:
            with self._changed:
                self.fault = None
            _log.warning("events are stored again")

    def _open(self) -> Store:
        self._store = store = self._open_store(
            self._path,
            create=True,
            durability=self._durability,
            wait_seconds=_BUSY_SECONDS,
            checkpoints=False,
            stale=self._stale,
        )
        self._checkpoints = Checkpoints(store, lambda: self.metrics.commit_seconds, _BUSY_SECONDS)
        self._beside, self._stale = beside(store.path), {}
        for left in self._left:  # before anything is stored
            with contextlib.suppress(StoreError):
                store.take_erasures(left.store.erasures(), left.store.erasure_keys())
        return store

    def _is_moved(self) -> bool:
        return self._store is not None and identity(self._path) != self._store.identity

    def _set_aside(self) -> None:
        """Keep the connection to a file that is gone, to copy what is in it."""
        assert self._store is not None
        self._stop_checkpoints()
        self._left.append(_Left(self._store))
        self._store = None
        self._stale = self._beside

    def _drop(self) -> None:
        """Close a connection that failed, so that the next try opens another one."""
        if self._store is None:
            return
        if self._is_moved():
            self._set_aside()
        else:
            self._stop_checkpoints()
            self._store.close()
            self._store = None

    def _stop_checkpoints(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.stop()
            self._checkpoints = None

    def _take(self) -> list[_Entry]:
        """Return the next group; nothing after a second without events, so that a deleted file is noticed."""
        with self._changed:
            if not self._queue and not self._left and not self._closing:
                self._idle = True
                self._changed.wait(_IDLE_SECONDS)
                self._idle = False
            if not self._queue:
                self._last_group = 0
                return []
        if self._last_group > 1:  # there is load: a larger group costs each event less
            time.sleep(_GATHER_SECONDS)
        with self._changed:
            group = [self._queue.popleft() for _ in range(min(MAX_GROUP, len(self._queue)))]
            self._flight = group
            self._last_group = len(group)
        return group

    def _commit(self, group: list[_Entry]) -> None:
        """Store a group and answer it.

        Raises:
            StoreError: It cannot be stored; `_fail` answers it.
        """
        assert self._store is not None
        started = time.monotonic()
        refused = []
        # The last of an event that comes again and again stands for the others.
        events = {entry.event.event_id: entry.event for entry in group}
        try:
            added, erased = self._store.add_rows(list(map(row, events.values())))
        except (TypeError, ValueError, OverflowError, RecursionError):
            # One of them has a value that no store takes: it must not keep the others out.
            added = erased = 0
            for entry in group:
                try:
                    one, other = self._store.add_rows([row(entry.event)])
                    added, erased = added + one, erased + other
                except (TypeError, ValueError, OverflowError, RecursionError):
                    refused.append(entry)
        took = time.monotonic() - started
        with self._changed:
            self._flight = []
            self.metrics.stored += added
            self.metrics.erased += erased
            self.metrics.commits[bisect_left(COMMIT_BUCKETS, took)] += 1
            self.metrics.commit_seconds += took
        self._to_fallback(refused)
        self._later(refused, False)
        self._later([entry for entry in group if entry not in refused] if refused else group, True)
        if took > self._limit:
            self._fail(f"storing takes over {self._limit * 1000:.0f} ms")

    def _save(self) -> None:
        """Copy some rows of a file that is gone into the store.

        Raises:
            StoreError: They cannot be stored.
        """
        assert self._store is not None
        left = self._left[0]
        try:
            rows = left.store.rows(left.after, _SAVED_AT_ONCE)
        except StoreError as error:
            _log.error("the events of a deleted or replaced store cannot be read any more: %s", error)
            rows = []
        if not rows:
            left.store.close()
            del self._left[0]
            return
        self.metrics.saved += self._store.add_rows([found[1:] for found in rows])[0]
        left.after = rows[-1][0]

    def _end(self) -> None:
        while self._left:
            try:
                if self._store is None:
                    self._try()
                self._save()
            except StoreError as error:
                _log.error("events of a deleted or replaced store go to the fallback: %s", error)
                self._drop()
                while self._left:
                    self._left_to_fallback(self._left.pop())
        self._stop_checkpoints()
        if self._store is not None:
            self._store.close()

    def _left_to_fallback(self, left: _Left) -> None:
        try:
            for found in left.store.events(after=left.after):
                if not self._fallback.wait_for_room():
                    break
                with self._changed:
                    self.metrics.not_stored += 1
                self._fallback.put(found.event)
        except StoreError as error:
            _log.error("the events of a deleted or replaced store cannot be read any more: %s", error)
        finally:
            left.store.close()


def _settle(entries: list[_Entry], stored: bool) -> None:
    for entry in entries:
        if not entry.future.done():
            entry.future.set_result(stored)

"""Where events go that cannot be stored: to standard error or into a file, one line of JSON each.

`linkwrap events import` brings the lines into the store later. Whoever puts an event in never waits: a thread writes. A
pipe that nobody reads holds the thread, the queue fills, and what does not fit is counted, and told once lines flow
again.

An event that stands for more and more requests is written once a second, each time with the count of all of them: an
import takes the highest.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from ..events import Event
from ._files import StoreError
from .lines import lost_line, not_stored_line

MAX_QUEUE: Final = 10_000
"""Events that wait at most."""
_STANDARD_ERROR: Final = 2
_PIPE: Final = 4096  # bytes that a pipe takes as one, whoever else writes (PIPE_BUF of Linux)
_BATCH: Final = 256
_RETRY_SECONDS: Final = 1.0
_COUNT_SECONDS: Final = 1.0
_log = logging.getLogger("linkwrap")


class Fallback:
    """Writes events that cannot be stored, from a thread of its own.

    Args:
        path: A file to append to, made for its owner alone if there is none; None is standard error. It is opened for
            each batch, so that it can be moved away at any time.
        max_queue: Events that wait at most. One more is lost, and counted.

    Attributes:
        written: Events that were written.
        lost: Events that were not, since the queue was full or could not be emptied at the end.

    Raises:
        StoreError: The file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, max_queue: int = MAX_QUEUE) -> None:
        self._path = None if path is None else os.fspath(path)
        self._max_queue = max_queue
        self._queue = deque[bytes]()
        self._counting: dict[str, bytes] = {}  # by id: those that stand for more and more requests
        self._due = 0.0
        self._changed = threading.Condition()
        self._closing = False
        self._untold = 0
        self._torn = False
        self.written: int = 0
        self.lost: int = 0
        if self._path is not None:
            try:
                os.close(self._open())
            except OSError as error:
                raise StoreError(f"the fallback {self._path!r} cannot be written: {error.strerror}") from None
        self._thread = threading.Thread(target=self._work, name="linkwrap-fallback", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> bool:
        """Have an event written, and return at once whether there was room for it."""
        try:
            line = not_stored_line(event)
        except (TypeError, ValueError, RecursionError):  # its metadata is nothing that JSON has
            line = None
        with self._changed:
            if line is not None and event.repeated > 1 and self._count(event.event_id, line):
                return True
            if line is None or self._closing or len(self._queue) >= self._max_queue:
                self.lost += 1
                self._untold += 1
                return False
            self._queue.append(line)
            self._changed.notify()
        return True

    def _count(self, event_id: str, line: bytes) -> bool:
        """Have the line of an event written in a second, in place of one that waits; False if there is no room."""
        if self._closing or (event_id not in self._counting and len(self._counting) >= self._max_queue):
            return False
        if not self._counting:
            self._due = time.monotonic() + _COUNT_SECONDS
            self._changed.notify()
        self._counting[event_id] = line
        return True

    def wait_for_room(self, seconds: float = 5.0) -> bool:
        """Wait until there is room for an event, and return whether there is. Only for those who may wait."""
        ends = time.monotonic() + seconds
        while len(self._queue) >= self._max_queue:
            if time.monotonic() >= ends:
                return False
            time.sleep(0.01)
        return True

    def close(self, seconds: float = 5.0) -> bool:
        """Write what waits, for some seconds at most, and return whether all of it was written; the rest is lost."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            rest = len(self._queue) + len(self._counting)
            self.lost += rest
            self._queue.clear()
            self._counting.clear()
        return not rest and not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._wait()
                lines = list(islice(self._queue, _BATCH))
                untold = self._untold
            if not lines and not untold:
                return
            told = [lost_line(untold)] if untold else []
            done = self._write(lines + told)
            with self._changed:
                for _ in range(min(done, len(lines), len(self._queue))):
                    self._queue.popleft()
                    self.written += 1
                if done == len(lines) + len(told):
                    self._untold -= untold
                    continue
            time.sleep(_RETRY_SECONDS)

    def _wait(self) -> None:
        """Wait until there are lines to write, or the end."""
        while not self._queue and not self._closing:
            left = self._due - time.monotonic() if self._counting else None
            if left is not None and left <= 0:
                break
            self._changed.wait(left)
        room = len(self._queue) < self._max_queue  # while nothing can be written, the lines take each other's place
        if self._counting and (self._closing or (room and time.monotonic() >= self._due)):
            self._queue.extend(self._counting.values())
            self._counting.clear()

    def _write(self, lines: list[bytes]) -> int:
        """Write lines, and return how many are whole in the file. An error ends it; a full pipe is waited for."""
        done = 0
        try:
            descriptor = self._open()
        except OSError:
            return 0
        try:
            while done < len(lines):
                count = 1
                size = len(lines[done])
                while done + count < len(lines) and size + len(lines[done + count]) < _PIPE:
                    size += len(lines[done + count])
                    count += 1
                piece = b"".join(lines[done : done + count])
                # After an error the last line may be there in part: an empty line ends it.
                self._write_all(descriptor, b"\n" + piece if self._torn else piece)
                self._torn = False
                done += count
        except OSError:
            self._torn = True
        finally:
            if descriptor != _STANDARD_ERROR:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        return done

    def _open(self) -> int:
        if self._path is None:
            return _STANDARD_ERROR
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @staticmethod
    def _write_all(descriptor: int, piece: bytes) -> None:
        rest = memoryview(piece)
        write: Callable[[int, memoryview], int] = os.write
        while rest:
            try:
                rest = rest[write(descriptor, rest) :]
            except BlockingIOError:  # another program made the pipe one that does not wait
                select.select([], [descriptor], [], 1.0)


def open_fallback(path: str | os.PathLike[str] | None) -> Fallback:
    """Return the fallback with this file; where it cannot be written, that is logged, and it is standard error."""
    try:
        return Fallback(path)
    except StoreError as error:
        _log.error("%s: standard error takes its place", error)
        return Fallback()

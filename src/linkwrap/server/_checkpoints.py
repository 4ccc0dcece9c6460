"""The checkpoints of the store, in a thread and connection of their own, so that no event waits for them."""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

from .store import Store, StoreError

_EVERY_SECONDS: Final = 1.0
_TRUNCATE_BYTES: Final = 64 << 20  # SQLite uses the log again from its beginning, but makes it no smaller


class Checkpoints:
    """Copies the log into the file each second.

    Args:
        store: The open store; the connection of its own must lead to the same file.
        progress: Returns a number that is another one after something was stored.
        wait_seconds: How long to wait for other connections.

    Raises:
        StoreError: The file was replaced, or cannot be opened.
    """

    def __init__(self, store: Store, progress: Callable[[], float], wait_seconds: float) -> None:
        self._path = store.path
        self._progress = progress
        self._stopped = threading.Event()
        self._store = Store(store.path, checkpoints=False, wait_seconds=wait_seconds)
        if self._store.identity != store.identity:
            self._store.close()
            raise StoreError(f"the store {str(store.path)!r} was replaced while it was opened")
        self._thread = threading.Thread(target=self._work, name="linkwrap-checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after its checkpoint if it is in one, and close the connection."""
        self._stopped.set()
        self._thread.join()
        self._store.close()

    def _work(self) -> None:
        seen = -1.0
        while not self._stopped.wait(_EVERY_SECONDS):
            if seen == (seen := self._progress()):
                continue
            with contextlib.suppress(StoreError):  # the writer tells what is wrong with the store
                self._store.checkpoint(truncate=_size(f"{self._path}-wal") > _TRUNCATE_BYTES)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0

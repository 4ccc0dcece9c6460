"""The log of the server: lines on standard error, for which nobody waits.

A pipe that nobody reads would hold whoever writes a line, and then all answers. So a thread writes; lines that do not
fit into its queue are left out.
"""

import contextlib
import logging
import os
import threading
import time
from collections import deque
from typing import Final

_MAX_LINES: Final = 1000
_FLUSH_SECONDS: Final = 1.0
_STANDARD_ERROR: Final = 2


class Line(logging.Formatter):
    """A record as one line of ASCII. Of an exception only the type: its words may hold what is in a request."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = " ".join(record.getMessage().split())
        if record.exc_info and record.exc_info[0]:
            text += f" ({record.exc_info[0].__name__})"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{moment} {record.levelname.lower()}: {text}".encode("ascii", "backslashreplace").decode()


class StandardError(logging.Handler):
    """Writes lines to standard error from a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = deque[bytes]()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="linkwrap-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written, and return at once."""
        line = self.format(record).encode("ascii", "backslashreplace") + b"\n"
        with self._changed:
            if len(self._lines) < _MAX_LINES:
                self._lines.append(line)
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is written, for a second at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, _FLUSH_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines[0]
            with contextlib.suppress(OSError):
                os.write(_STANDARD_ERROR, line)
            with self._changed:
                self._lines.popleft()
                self._changed.notify_all()

"""The processes of the redirect server: granian's workers, and the parent, which starts them and erases old events.

Each worker has a store's connection, a writer and a fallback of its own, which are closed when it is told to stop. A
worker that dies is started again; one that dies again within seconds ends the server.
"""

import atexit
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final, Protocol

from .._extras import missing_extra
from ..errors import LinkWrapError
from .app import RedirectApp, create_app
from .fallback import Fallback
from .files import WellKnownFiles
from .logs import Line, StandardError
from .pages import Pages
from .settings import Settings, StartError, find_keys
from .store import Store

try:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server import Server
except ModuleNotFoundError as _error:
    raise missing_extra(_error, "server", "granian") from None

_HEADER_SECONDS: Final = 10
"""How long a client may take for the head of a request; an idle connection is closed after it too."""
_HEADER_BYTES: Final = 65_536
_STOP_SECONDS: Final = 30
"""How long a worker may take to stop: requests that it has taken, then the writer, then the fallback."""
_CONNECTIONS: Final = 4096  # of one worker; more wait in the system's queue, also while all these are idle
_FILES: Final = 256  # that a worker opens beside its connections
_PRUNE_SECONDS: Final = 86_400
_MEASURE_SECONDS: Final = 60
_DAY: Final = 86_400
_log = logging.getLogger("linkwrap")


class Part(Protocol):
    """What runs in the parent beside the workers."""

    def start(self) -> None:
        """Begin; an error ends the server."""

    def stop(self) -> None:
        """End, within `_STOP_SECONDS`."""


_LOGGING: Final[dict[str, Any]] = {
    "formatters": {"line": {"()": Line}},
    "handlers": {"standard": {"()": StandardError, "formatter": "line"}},
    "loggers": {
        "_granian": {"handlers": ["standard"], "level": "WARNING", "propagate": False},
        "granian.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        "linkwrap": {"handlers": ["standard"], "level": "INFO", "propagate": False},
    },
}


def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT comes. To be called in the main thread of a process of its own.

    Raises:
        StartError: There are no keys, the address cannot be listened on, or a file or page has a fault.
        StoreError: The store or the fallback cannot be used.
    """
    find_keys()  # each worker reads them anew
    for faults in (WellKnownFiles(settings.files).faults, Pages(settings.pages).faults):
        if faults:
            raise StartError(faults[0])
    _probe(settings)
    Store(settings.store, create=True, durability=settings.durability).close()
    if settings.fallback is not None:
        Fallback(settings.fallback).close()
    if settings.blocks is not None and not os.path.exists(settings.blocks):
        _log.warning("there is no block list %r: nothing is blocked", os.path.abspath(settings.blocks))
    multiprocessing.set_start_method("spawn", force=True)
    server = _Server(
        "linkwrap",
        address=settings.address,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_SECONDS * 1000, max_buffer_size=_HEADER_BYTES),
        websockets=False,
        backpressure=_connections(),
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    )
    server.on_startup(partial(_tell_start, settings))
    with _running(_parts(settings)):
        try:
            server.serve(target_loader=partial(load, settings), wrap_loader=False)
        except SystemExit:
            # Its status is 1 too where a worker was stopped by the same signal as the parent.
            if not server.interrupt_signal:
                raise StartError("the workers end as soon as they start") from None


class _Server(Server):  # type: ignore[misc, valid-type]
    """granian's parent, which starts new workers at SIGHUP only if they will find keys."""

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        """Reload, or log why not: workers without keys would end, one after the other."""
        try:
            find_keys()
        except StartError as error:
            _log.error("not reloaded, and the workers go on as they are: %s", error)
        else:
            _log.info("reloading: keys, well-known files and pages are read anew")
            super().signal_handler_reload(*args, **kwargs)


def load(settings: Settings) -> RedirectApp:
    """Return the application, in a worker."""
    if sys.platform != "win32":
        # Ctrl-C reaches all processes of a terminal; the parent then stops the workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_after, args=(parent.join,), daemon=True).start()
        # The lifespan has closed everything by then; granian's threads may crash while an interpreter ends (issue 881).
        atexit.register(_end)
    return create_app(
        find_keys(),
        store=settings.store,
        fallback=settings.fallback,
        durability=settings.durability,
        ip=settings.ip,
        replay_limit=settings.replay_limit,
        blocks=settings.blocks,
        trusted_proxies=settings.trusted_proxies,
        forwarded_host=settings.forwarded_host,
        limit=settings.limit,
        files=settings.files,
        pages=settings.pages,
    )


def _end() -> None:
    logging.shutdown()
    os._exit(0)


def _stop_after(wait: Callable[[], object]) -> None:
    """Stop this worker once the parent has died: nobody else could."""
    wait()
    os.kill(os.getpid(), signal.SIGTERM)


def _probe(settings: Settings) -> None:
    """Raise an error if the address is taken: workers share a port, and so would another server's."""
    kind = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.address, settings.port))
            probe.listen()
    except OSError as error:
        raise StartError(
            f"cannot listen on {settings.listen}: {(error.strerror or 'no such address').lower()}"
        ) from None


def _connections() -> int:
    """Return how many connections a worker may hold; raise the limit of open files for them, which workers inherit."""
    if sys.platform == "win32":
        return _CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS + _FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _CONNECTIONS
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (ValueError, OSError):
        limit = soft
    return max(limit - _FILES, limit // 2)


def _tell_start(settings: Settings) -> None:
    days = settings.keep_seconds // _DAY
    _log.info(
        "serving http://%s, workers %d, store %r, events kept for %d days, durability %s",
        settings.listen,
        settings.workers,
        os.path.abspath(settings.store),
        days,
        settings.durability,
    )


class Loop:
    """Something that the parent does again and again, in a thread of its own.

    Args:
        name: Of the thread.
        step: Does it once; what it raises is told, and does not end the loop.
        seconds: How long to wait between two.
    """

    def __init__(self, name: str, step: Callable[[], object], seconds: float) -> None:
        self._name, self._step, self._seconds = name, step, seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"linkwrap-{name}", daemon=True)

    def start(self) -> None:
        """Begin with the first step."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being done."""
        self._stopped.set()
        self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while True:
            try:
                self._step()
            except LinkWrapError as error:
                _log.warning("%s: %s", self._name, error)
            except Exception as error:  # its words may hold what a stranger sent
                _log.error("%s failed with %s", self._name, type(error).__name__)
            if self._stopped.wait(self._seconds):
                return


def _parts(settings: Settings) -> list[Part]:
    """Return what runs in the parent beside the workers, in the order in which it is started."""
    parts: list[Part] = [Loop("retention", partial(_prune, settings), _PRUNE_SECONDS)]
    if settings.keep_bytes is not None:
        parts.append(Loop("size of the store", partial(_shrink, settings), _MEASURE_SECONDS))
    return parts


@contextmanager
def _running(parts: Sequence[Part]) -> Iterator[None]:
    with ExitStack() as stack:
        for part in parts:
            part.start()
            stack.callback(part.stop)
        yield


def _prune(settings: Settings) -> None:
    with Store(settings.store) as store:
        count = store.prune(now=int(time.time()), keep_seconds=settings.keep_seconds)
    if count:
        _log.info("old events erased: %d", count)


def _shrink(settings: Settings) -> None:
    with Store(settings.store) as store:
        count = store.prune(now=int(time.time()), keep_seconds=None, keep_bytes=settings.keep_bytes)
    if count:
        _log.warning("the store has more than --keep-bytes, events of accounts beyond their share erased: %d", count)

"""The redirect server as processes: `linkwrap serve`, or uvicorn with the same application; and clients of theirs."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.processes import free_port, wait
from helpers.redirects import HOST, KEY, click_path, import_fallback, numbers

COMMAND = [sys.executable, "-c", "from linkwrap.cli import main; main()"]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LINKWRAP_KEYS": KEY}
_UVICORN = """
import json
import sys
import uvicorn
from linkwrap import SigningKeys
from linkwrap.server import create_app

store, fallback, port, options = sys.argv[1:]
app = create_app(SigningKeys.from_env(), store=store, fallback=fallback, **json.loads(options))
uvicorn.run(app, port=int(port), log_level="warning", access_log=False, proxy_headers=False)
"""


@dataclass(eq=False)
class Server:
    """A server in a folder, in a process group of its own."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    store: Path

    @property
    def fallback(self) -> Path:
        """The fallback's file."""
        return self.folder / "fallback.jsonl"

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return (self.folder / "log").read_text()

    @property
    def lines(self) -> list[str]:
        """The lines of the log, but for those of a circuit, which a busy machine may open."""
        return [line for line in self.log.splitlines() if "warning: events are " not in line]

    @property
    def was_late(self) -> bool:
        """Whether storing took so long that events were written to the fallback after their answers."""
        return "events are not stored" in self.log

    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def stop(self) -> int:
        """Tell it to stop, and return its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """Kill all of its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    def exchange(self, *pieces: bytes, pause: float = 0.0, seconds: float = 20.0) -> bytes:
        """Send bytes as they are, and return all that comes back until the server closes, or is silent for long."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer = b""
            with suppress(OSError):
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
                while piece := connection.recv(65536):
                    answer += piece
            return answer

    def get(self, path: str, host: str = HOST) -> int:
        """Send one request, and return the status of its answer."""
        return int(self.exchange(request(path, host)).split(b" ", 2)[1])

    def assert_once(self, told: list[int]) -> None:
        """After an import of the fallback, each event that a client was told of is there once, and none twice."""
        import_fallback(self.store, self.fallback)
        found = numbers(self.store)
        assert set(found.values()) <= {1}
        assert [number for number in told if number not in found] == []


def request(path: str, host: str = HOST, *lines: str, close: bool = True) -> bytes:
    """A request for a path."""
    head = [f"GET {path} HTTP/1.1", f"Host: {host}", *lines, *["Connection: close"] * close]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


@contextmanager
def serving(
    folder: Path,
    *options: str,
    kind: str = "granian",
    store_at: Path | None = None,
    keys: Path | None = None,
    **app: Any,
) -> Iterator[Server]:
    """Start a server that takes requests; kill what is left of it in the end.

    Its store may be in another folder, and its keys in a file. `app` is for uvicorn's application.
    """
    port = free_port("127.0.0.1")
    store, fallback = str(store_at or folder / "events.db"), str(folder / "fallback.jsonl")
    if kind == "granian":
        files = ["--store", store, "--fallback", fallback]
        command = [*COMMAND, "serve", "--listen", f"127.0.0.1:{port}", *files, *options]
    else:
        command = [sys.executable, "-c", _UVICORN, store, fallback, str(port), json.dumps(app)]
    environment = ENVIRONMENT | ({} if keys is None else {"LINKWRAP_KEYS": "", "LINKWRAP_KEYS_FILE": str(keys)})
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, process_group=0
        )
    server = Server(folder, port, process, Path(store))
    try:
        wait(lambda: process.poll() is not None or is_up(port), "the server does not listen", folder / "log")
        assert process.poll() is None, server.log
        yield server
    finally:
        server.kill()


def is_up(port: int) -> bool:
    """Whether a server answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request("/healthz"))
            return connection.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Load:
    """Clients that ask for links, each with a number that no other link of the test has, unless `path_of` makes them.

    Attributes:
        told: The numbers of links whose redirects came.
        other: The first lines of answers that were anything else.
        waits: When each request was sent, and how many seconds its answer took.
    """

    def __init__(
        self, port: int, *, clients: int = 16, first: int = 0, path_of: Callable[[int], str] = click_path
    ) -> None:
        self.told: list[int] = []
        self.other: list[bytes] = []
        self.waits: list[tuple[float, float]] = []
        self._port = port
        self._clients = clients
        self._path_of = path_of
        self._next = first
        self._stopped = False

    def stop(self) -> None:
        """End after the answers that are on their way."""
        self._stopped = True

    async def run(self) -> None:
        """Ask until `stop` is called, or nobody answers any more."""
        await asyncio.gather(*[self._client() for _ in range(self._clients)])

    async def _client(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                while not self._stopped:
                    number, self._next = self._next, self._next + 1
                    started = time.monotonic()
                    writer.write(request(self._path_of(number), close=False))
                    head = await reader.readuntil(b"\r\n\r\n")
                    # The redirect is read, so it counts, whatever comes of its body.
                    if head.startswith(b"HTTP/1.1 302 "):
                        self.told.append(number)
                    else:
                        self.other.append(head)
                    self.waits.append((started, time.monotonic() - started))
                    [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                    await reader.readexactly(int(length.split(b":")[1]))
                    if b"connection: close" in head.lower():
                        return
            finally:
                writer.close()


def under_load(load: Load, *acts: Callable[[], object], before: int = 200, between: int = 200) -> None:
    """Do something while clients are busy: each act comes after so many redirects."""

    async def test() -> None:
        async def reach(count: int) -> None:
            ends = time.monotonic() + 60
            while len(load.told) < count and not clients.done():
                assert time.monotonic() < ends, (len(load.told), load.other[:3])
                await asyncio.sleep(0.005)

        clients = asyncio.create_task(load.run())
        count = before
        for act in acts:
            await reach(count)
            await asyncio.to_thread(act)
            count = len(load.told) + between
        await reach(count)
        load.stop()
        await clients

    asyncio.run(test())

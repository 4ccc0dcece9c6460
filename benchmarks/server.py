"""What a click costs the redirect server: requests a second beside an empty route, and beside others' order of things.

    python benchmarks/server.py [FOLDER] [--seconds 2] [--rounds 5]

All servers are granian's with one worker, as `linkwrap serve` starts it, on the first processor; the clients, the
database and the receiver are on the second one. They take turns, a round of all of them after the other. The clients
click links of one mail to many recipients, each at most some times, over connections that stay open.

- `empty`: a Starlette application with one route that answers 200.
- `serve`: `linkwrap serve`. `power` is the same with `--durability power`.
- `off`: the same, storing nothing.
- `postgres`: the event is inserted into PostgreSQL before the answer, in place of the store.
- `webhook`: it is posted to a receiver, whose answer is waited for.

FOLDER is where the stores are: a disk, not memory, if `power` is to mean anything. PostgreSQL needs the packages of the
group `test` and `PYTHONPATH=tests`; without it that line is left out.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, BinaryIO

from endpoint import BROWSER, HOST, HTML, LINKS

from linkwrap import LinkWrapper, SigningKeys
from linkwrap.events import Event
from linkwrap.server import serve
from linkwrap.server.settings import Settings
from linkwrap.server.store import Store
from linkwrap.server.writer import Writer

KEY = "a key that signs benchmarks only"
KINDS = ("empty", "serve", "power", "off", "postgres", "webhook")
RECIPIENTS = 1500
CLIENTS = 32
POOL = 16  # connections to the database, or to the receiver
BOUNDS = {("serve", "empty"): 0.35, ("serve", "off"): 0.75}


# The servers


class Off(Writer):
    """Stores nothing."""

    def submit(self, event: Event) -> "asyncio.Future[bool]":
        """Say at once that it is stored."""
        future = asyncio.get_running_loop().create_future()
        future.set_result(True)
        return future


class Elsewhere(Writer):
    """Hands each event to something else before the reader is answered, over connections that stay open."""

    pool: "asyncio.Queue[Any] | None" = None

    def submit(self, event: Event) -> "asyncio.Future[bool]":
        """Return a task that waits for it."""
        return asyncio.ensure_future(self._hand_over(event))

    async def _hand_over(self, event: Event) -> bool:
        if self.pool is None:
            self.pool = asyncio.Queue()
            for _ in range(POOL):
                self.pool.put_nowait(await self.connect())
        connection = await self.pool.get()
        try:
            await self.send(connection, event)
        finally:
            self.pool.put_nowait(connection)
        return True

    async def connect(self) -> Any:
        """Open a connection."""

    async def send(self, connection: Any, event: Event) -> None:
        """Send an event, and wait until it is taken."""


class Postgres(Elsewhere):
    """One INSERT, and so one transaction, for each event."""

    async def connect(self) -> Any:
        """Connect to the database in the environment."""
        import psycopg

        connection = await psycopg.AsyncConnection.connect(os.environ["BENCHMARK_POSTGRES"], autocommit=True)
        await connection.execute("CREATE TABLE IF NOT EXISTS events (id text PRIMARY KEY, event jsonb)")
        return connection

    async def send(self, connection: Any, event: Event) -> None:
        """Insert it."""
        values = (event.event_id, json.dumps(event.as_dict()))
        await connection.execute("INSERT INTO events VALUES (%s, %s) ON CONFLICT DO NOTHING", values, prepare=True)


class Webhook(Elsewhere):
    """One POST for each event."""

    async def connect(self) -> Any:
        """Connect to the receiver."""
        return await asyncio.open_connection("127.0.0.1", int(os.environ["BENCHMARK_RECEIVER"]))

    async def send(self, connection: Any, event: Event) -> None:
        """Post it, and read the answer."""
        reader, writer = connection
        body = json.dumps(event.as_dict()).encode()
        writer.write(b"POST / HTTP/1.1\r\nHost: receiver\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await reader.readuntil(b"\r\n\r\n")


async def empty(request: object) -> Any:
    """Answer with nothing."""
    from starlette.responses import Response

    return Response()


def load(settings: Settings) -> Any:
    """Return the application of a kind, in a worker."""
    kind = os.environ["BENCHMARK_KIND"]
    if kind == "empty":
        from starlette.applications import Starlette
        from starlette.routing import Route

        return Starlette(routes=[Route("/f/a/{token}", empty)])
    from linkwrap.server import app

    writers: dict[str, type[Writer]] = {"off": Off, "postgres": Postgres, "webhook": Webhook}
    app.Writer = writers.get(kind, Writer)
    return _load(settings)


_load = serve.load


def run_server(kind: str, port: int, folder: str) -> None:
    """Serve until a signal comes."""
    os.environ["BENCHMARK_KIND"] = kind
    serve.load = load
    durability = "power" if kind == "power" else "process"
    files = {"store": f"{folder}/{kind}.db", "fallback": f"{folder}/{kind}.jsonl"}
    serve.serve(Settings(port=port, durability=durability, **files))


class Receiver(asyncio.Protocol):
    """Answers each POST with 204, as soon as its body is there."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole; a client sends one request at a time."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.rpartition(b": ")[2]):
            self._buffer = b""
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def receive(port: int) -> None:
    """Take events."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


# The clients


@dataclass
class Turn:
    """What one server did in one round."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    statuses: Counter[bytes] = field(default_factory=Counter)
    own_seconds: float = 0.0
    server_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.waits) / self.seconds


class Client(asyncio.Protocol):
    """Sends a request when it has the answer to the one before."""

    def __init__(self, requests: Any, turn: Turn, ends: float) -> None:
        self._requests, self._turn, self._ends = requests, turn, ends
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._since = time.perf_counter()
        if self._since > self._ends:
            self._transport.close()
        else:
            self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Count an answer that is whole, and go on."""
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        start = buffer.find(b"content-length: ") + 16
        if len(buffer) < end + 4 + int(buffer[start : buffer.find(b"\r\n", start)]):
            return
        self._buffer = b""
        self._turn.waits.append(time.perf_counter() - self._since)
        self._turn.statuses[buffer[9:12]] += 1
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        if not self.done.done():
            self.done.set_result(None)


async def turn(port: int, requests: Any, seconds: float, process: int) -> Turn:
    """Have all clients ask one server for some seconds."""
    result = Turn()
    loop = asyncio.get_running_loop()
    own, theirs, start = time.process_time(), processor_seconds(process), time.perf_counter()
    clients = [
        await loop.create_connection(lambda: Client(requests, result, start + seconds), "127.0.0.1", port)
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*[client.done for _, client in clients])
    result.seconds = time.perf_counter() - start
    result.own_seconds = time.process_time() - own
    result.server_seconds = processor_seconds(process) - theirs
    return result


def processor_seconds(parent: int) -> float:
    """Return the processor time that a process and its children have taken."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(entry.name) == parent or int(fields[1]) == parent:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def make_requests() -> list[bytes]:
    """Return the requests of a browser for the links of one mail, those of each recipient."""
    wrapper = LinkWrapper(SigningKeys(KEY), account_id="acme", tracking_domain=HOST, open_tracking=False)
    rows = [
        {"message_id": f"0192f7a4-5f2e-{number:04}", "rcpt": f"r-{number}", "campaign_id": "may-2026"}
        for number in range(RECIPIENTS)
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in BROWSER.items())
    mails = [html.split(f'"https://{HOST}')[1:] for html in wrapper.render_many(wrapper.compile(HTML), rows)]
    # The links of one recipient do not follow one after the other.
    paths = [mail[link].partition('"')[0] for link in range(LINKS) for mail in mails]
    return [f"GET {path} HTTP/1.1\r\n{head}\r\n".encode() for path in paths]


# The run


def start(
    cleanup: ExitStack, log: BinaryIO, *arguments: str, processor: int, **environment: str
) -> "subprocess.Popen[bytes]":
    """Start this script as another process on a processor."""
    os.sched_setaffinity(0, {processor})  # inherited
    command = [sys.executable, __file__, *arguments]
    process = subprocess.Popen(command, env=os.environ | environment, stderr=log)
    cleanup.callback(process.wait, 20)
    cleanup.callback(process.send_signal, signal.SIGTERM)
    return process


def listens(port: int) -> bool:
    """Whether somebody listens on the port."""
    import socket

    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    return False


def database(cleanup: ExitStack) -> str | None:
    """Start PostgreSQL, and return how to connect to it; None if that cannot be done here."""
    try:
        from helpers.postgres import Postgres as Cluster

        return Cluster(cleanup).new_database().replace("+psycopg", "")
    except BaseException as error:  # pytest's skip is no Exception
        print(f"without postgres: {type(error).__name__}: {error}")
        return None


def run(folder: str, seconds: float, rounds: int, kinds: list[str]) -> dict[str, list[Turn]]:
    """Return the turns of each kind."""
    processors = sorted(os.sched_getaffinity(0))
    first, second = processors[0], processors[-1]
    os.sched_setaffinity(0, {second})
    ports = dict(zip((*KINDS, "receiver"), range(18_600, 18_700), strict=False))
    environment = {"LINKWRAP_KEYS": KEY, "BENCHMARK_RECEIVER": str(ports["receiver"])}
    with ExitStack() as cleanup:
        if "postgres" in kinds:
            if address := database(cleanup):
                environment["BENCHMARK_POSTGRES"] = address
            else:
                kinds.remove("postgres")
        log = cleanup.enter_context(Path(folder, "log").open("wb"))
        start(cleanup, log, "--receive", str(ports["receiver"]), processor=second)
        servers = {
            kind: start(cleanup, log, "--serve", kind, str(ports[kind]), folder, processor=first, **environment).pid
            for kind in kinds
        }
        os.sched_setaffinity(0, {second})
        requests = cycle(make_requests())
        ends = time.monotonic() + 60
        while not all(map(listens, [*(ports[kind] for kind in kinds), ports["receiver"]])):
            if time.monotonic() > ends:
                raise SystemExit(f"a server does not listen: {Path(folder, 'log').read_text()}")
            time.sleep(0.1)
        turns: dict[str, list[Turn]] = {kind: [] for kind in kinds}
        for kind in kinds:  # not counted
            asyncio.run(turn(ports[kind], requests, 1.0, servers[kind]))
        for number in range(rounds):
            for kind in kinds[:: 1 if number % 2 == 0 else -1]:
                turns[kind].append(asyncio.run(turn(ports[kind], requests, seconds, servers[kind])))
    return turns


def report(turns: dict[str, list[Turn]]) -> None:
    """Print a line for each kind, and the bounds."""
    print(f"{'':10}{'requests/s':>12}{': empty':>9}{'p50 ms':>9}{'p99 ms':>9}{'processor µs':>14}{'clients busy':>14}")
    for kind, done in turns.items():
        waits = sorted(wait for turn in done for wait in turn.waits)
        expected = {b"200" if kind == "empty" else b"302"}
        assert {status for turn in done for status in turn.statuses} == expected, (kind, done[0].statuses)
        processor = 1e6 * sum(turn.server_seconds for turn in done) / len(waits)
        busy = sum(turn.own_seconds for turn in done) / sum(turn.seconds for turn in done)
        print(
            f"{kind:10}{statistics.median(turn.rate for turn in done):12,.0f}{ratio(turns, kind, 'empty'):9.2f}"
            f"{1000 * waits[len(waits) // 2]:9.1f}{1000 * waits[len(waits) * 99 // 100]:9.1f}"
            f"{processor:14.0f}{busy:14.0%}"
        )
    for (one, other), bound in BOUNDS.items():
        if one in turns and other in turns:
            found = ratio(turns, one, other)
            print(f"{one} : {other} {found:.2f}, bound {bound}: {'holds' if found >= bound else 'missed'}")


def ratio(turns: dict[str, list[Turn]], one: str, other: str) -> float:
    """Return the median of the ratios of both rates, round by round."""
    pairs = zip(turns[one], turns[other], strict=True) if one in turns and other in turns else ()
    return statistics.median(left.rate / right.rate for left, right in pairs)


def main() -> None:
    """Print the figures of one run."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs="?", help="where the stores are made")
    arguments.add_argument("--seconds", type=float, default=2.0, help="of one server's turn")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", action="append", choices=KINDS, help="a kind; may be repeated")
    arguments.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments.add_argument("--receive", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        run_server(given.serve[0], int(given.serve[1]), given.serve[2])
    elif given.receive:
        with suppress(KeyboardInterrupt):
            asyncio.run(receive(given.receive))
    else:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            turns = run(folder, given.seconds, given.rounds, given.only or list(KINDS))
            report(turns)
            for kind in turns.keys() & {"serve", "power"}:
                with Store(f"{folder}/{kind}.db") as store:
                    events = store.stats().events
                lines = Path(f"{folder}/{kind}.jsonl").read_bytes().count(b"\n")
                print(f"{kind}: {events:,} events stored, warming up included, {lines:,} in the fallback")


if __name__ == "__main__":
    main()

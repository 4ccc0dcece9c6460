"""How tests start programs as servers, and one of them: PostgreSQL, in a temporary folder.

with ExitStack() as cleanup:
url = Postgres(cleanup).new_database()
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from glob import glob
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

Process = subprocess.Popen[bytes]


def program(name: str, packages: str) -> str:
    """The path of a program, also of one that is on root's path only; the test is skipped where it is not there."""
    places = [os.environ.get("PATH", os.defpath), "/usr/sbin", *sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    path = shutil.which(name, path=os.pathsep.join(places))
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {packages}")
    return path


def start(
    cleanup: ExitStack,
    log: Path,
    *command: str | Path,
    end: signal.Signals = signal.SIGTERM,
    user: str | None = None,
) -> Process:
    """Start a server; `cleanup` stops it with the signal `end`, and so does the kernel if this process is killed."""
    prefix = run_as(user)
    if setpriv := shutil.which("setpriv"):
        prefix = [*(prefix or [setpriv]), "--pdeathsig", end.name.removeprefix("SIG")]
    with log.open("wb") as output:
        # A process group of its own: Ctrl-C reaches the tests alone, which then stop the servers.
        process = subprocess.Popen(
            [*prefix, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
    cleanup.callback(stop, process, end)
    return process


def run_as(user: str | None) -> list[str]:
    """What to write before a command that a user is to run; None is whoever runs the tests."""
    if user is None:
        return []
    return [program("setpriv", "util-linux"), f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def stop(process: Process, end: signal.Signals) -> None:
    """Stop a server, by force if it takes longer than a few seconds."""
    process.send_signal(end)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait(ready: Callable[[], bool], complaint: str, log: Path, seconds: float = 10) -> None:
    """Ask until the answer is yes; an error with the end of the log if it never is."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{complaint} after {seconds} s:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.005)


def free_port(*places: str) -> int:
    """A port that is free at all these addresses, below those that the kernel gives to clients."""
    ports = random.sample(range(10000, 30000), 200)
    return next(port for port in ports if all(is_free(place, port) for place in places))


def is_free(place: str, port: int) -> bool:
    """Whether nothing listens there; port 0 asks whether the address is this machine's."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET, kind) as probe:
                probe.bind((place, port))
        except OSError:
            return False
    return True


class Postgres:
    """A PostgreSQL server that `cleanup` stops, or the one that `LINKWRAP_TEST_POSTGRES` names as SQLAlchemy URL."""

    def __init__(self, cleanup: ExitStack) -> None:
        given, self._names = os.environ.get("LINKWRAP_TEST_POSTGRES"), list[str]()
        self.url = make_url(given) if given else _cluster(cleanup)
        if given:
            cleanup.callback(self._drop_databases)

    def new_database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        self._names.append(f"linkwrap_{uuid.uuid4().hex}")
        _execute(self.url, f"CREATE DATABASE {self._names[-1]} TEMPLATE template0 ENCODING 'UTF8'")
        return self.url.set(database=self._names[-1]).render_as_string(hide_password=False)

    def _drop_databases(self) -> None:
        for name in self._names:
            _execute(self.url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


def _cluster(cleanup: ExitStack) -> URL:
    """Start a server of our own; as root, it runs as the user that Debian made for it."""
    initdb, postgres = program("initdb", "postgresql"), program("postgres", "postgresql")
    folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="linkwrap-postgres-")))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    data, log = folder / "data", folder / "log"
    made = subprocess.run(
        [*run_as(user), initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stdout}{made.stderr}")
    port = free_port("127.0.0.1")
    options = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200"]
    options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    # SIGQUIT: at once, whoever is connected.
    command = [postgres, "-D", data, *(part for option in options for part in ("-c", option))]
    process = start(cleanup, log, *command, end=signal.SIGQUIT, user=user)
    url = URL.create("postgresql+psycopg", username="postgres", host="127.0.0.1", port=port, database="postgres")

    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL stopped:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            _execute(url, "SELECT 1")
        except OperationalError:
            return False
        return True

    wait(ready, "PostgreSQL does not answer", log)
    return url

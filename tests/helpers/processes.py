"""How tests start programs as servers on loopback, and stop them."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from glob import glob
from pathlib import Path

import pytest

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


def wait(ready: Callable[[], bool], complaint: str, log: Path | None = None, seconds: float = 60) -> None:
    """Ask until the answer is yes; an error, with the end of a log, if it never is."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            logged = log.read_text(errors="replace")[-3000:] if log else ""
            raise RuntimeError(f"{complaint} after {seconds} s:\n{logged}")
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

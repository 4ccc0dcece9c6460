"""How the tests call the command: in this process through click's runner, or as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linkwrap.cli.app import commands

KEY = "a key for the tests of the command line"
COMMAND = [sys.executable, "-c", "from linkwrap.cli import main; main()"]

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that is configured."""
    monkeypatch.setenv("LINKWRAP_KEYS", KEY)
    return KEY


@pytest.fixture
def run() -> Run:
    """Call the command in this process; `input` is standard input."""
    return lambda *arguments, **options: CliRunner().invoke(commands, list(map(os.fspath, arguments)), **options)


@pytest.fixture
def command() -> list[str]:
    """What starts the command as a process of its own."""
    return COMMAND


@pytest.fixture
def execute() -> Execute:
    """Call the command as a process of its own, with `env` on top of the environment."""

    def call(
        *arguments: str | bytes, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        if "stdin" not in options and "input" not in options:
            streams["stdin"] = subprocess.DEVNULL
        return subprocess.run([*COMMAND, *arguments], env=os.environ | (env or {}), timeout=60, check=False, **streams)

    return call

"""How the tests call the command: in this process through click's runner, or as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linkwrap.cli.app import commands
from linkwrap.domains import Domain, Findings, Hop, Network, Proof, ResolverAnswer, ServerAnswer, Trace

KEY = "a key for the tests of the command line"
COMMAND = [sys.executable, "-c", "from linkwrap.cli import main; main()"]

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Let SIGINT do what it does at a terminal, here and in processes: nohup or & may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


class Checks:
    """What the checks of a test find in place of the network: `found` has the findings of each host."""

    def __init__(self) -> None:
        self.found: dict[str, Findings] = {}

    async def examine(self, domain: Domain, *_: object) -> Findings:
        """The findings for a domain, as `linkwrap.domains.examine.examine` returns them."""
        return self.found[domain.host]

    def works(self, host: str, *, secure: bool = True) -> None:
        """Let a host lead to the redirector, by both of its zone's servers."""
        https = Proof("https", "proven", "the redirector answers", "192.0.2.80")
        if not secure:
            https = Proof("https", "certificate", "no certificate that is valid for the host: it expired", "192.0.2.80")
        self.found[host] = Findings(
            self.trace(host, "spgo.io", "spgo.io"),
            None,
            True,
            (ResolverAnswer("192.0.2.53", True, True, "leads to spgo.io"),),
            Proof("http", "proven", "the redirector answers", "192.0.2.80"),
            https,
        )

    def leads(self, host: str, *targets: str | None) -> None:
        """Let a host lead to these names, one of each of its zone's servers; None is nowhere."""
        self.found[host] = Findings(self.trace(host, *targets), None, True)

    @staticmethod
    def trace(host: str, *targets: str | None) -> Trace:
        """What the servers of a host's zone say."""
        answers = [
            ServerAnswer(f"ns{number}.dns.test", f"192.0.2.{number}", "alias", (name,), 60, f"CNAME {name} (TTL 60)")
            if name
            else ServerAnswer(f"ns{number}.dns.test", f"192.0.2.{number}", "nothing", (), 0, "there is no such name")
            for number, name in enumerate(targets, 1)
        ]
        silent = ServerAnswer("ns9.dns.test", "192.0.2.9", "silent", (), 0, "no answer within 2 s")
        return Trace((Hop(host, host.partition(".")[2], (*answers, silent), 0),), "spgo.io")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """Checks that ask no network."""
    checks = Checks()
    monkeypatch.setattr("linkwrap.domains.checker.examine", checks.examine)
    return checks


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checks: Checks) -> str:
    """The URL of a registry, which the environment has too, and its checks ask no network."""
    url = f"sqlite:///{tmp_path / 'S3CRET.db'}"
    monkeypatch.setenv("LINKWRAP_REGISTRY", url)
    monkeypatch.setattr(
        "linkwrap.cli.registry.make_network",
        lambda resolvers=(), deadline=None: Network(resolvers=["192.0.2.53"], deadline=deadline or 20),
    )
    return url


@pytest.fixture
def verified(run: Run, registry: str, checks: Checks) -> Callable[..., None]:
    """Add a host for an account, and have it verified."""

    def verify(account: str, host: str, *options: str) -> None:
        checks.works(host)
        assert run("domain", "add", account, host, "--vouched", *options).exit_code == 0
        assert run("domain", "verify", host).exit_code == 0

    return verify

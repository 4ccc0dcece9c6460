"""How the tests call the command: in this process through click's runner, or as a process of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from linkwrap.cli.app import commands
from linkwrap.domains import DnsResolverAnswer, Domain, DomainRegistry, Evidence, Hop, Probe, ServerAnswer, Trace
from linkwrap.domains.checks.authoritative import NO_NAME

KEY = "a key for the tests of the command line"
COMMAND = [sys.executable, "-c", "from linkwrap.cli import main; main()"]

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that is configured, and a tracking domain, without which `wrap` says where the links lead."""
    monkeypatch.setenv("LINKWRAP_KEYS", KEY)
    monkeypatch.setenv("LINKWRAP_DOMAIN", "spgo.io")
    for name in ("LINKWRAP_REGISTRY", "LINKWRAP_CNAME_TARGET", "LINKWRAP_STORE", "LINKWRAP_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
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


class Shown(NamedTuple):
    """What a command did at a terminal."""

    status: int
    terminal: str
    stdout: str
    stderr: str


@pytest.fixture
def at_terminal() -> Callable[..., Shown]:
    """Call the command with some of its streams at a terminal, and return what came there and elsewhere."""

    def call(
        command: list[str], streams: Collection[str] = ("stdout", "stderr"), *, columns: int = 80, typed: bytes = b""
    ) -> Shown:
        import termios

        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
        os.write(ours, typed)
        with subprocess.Popen(
            command, **pipes | dict.fromkeys(streams, theirs), env=env | {"TERM": "xterm"}, text=True
        ) as process:
            os.close(theirs)
            written = b""
            with contextlib.suppress(OSError):  # how Linux says that the other end was closed
                while piece := os.read(ours, 1 << 16):
                    written += piece
            os.close(ours)
            stdout, stderr = process.communicate(timeout=60)
        return Shown(process.returncode, written.decode().replace("\r\n", "\n"), stdout or "", stderr or "")

    return call


class Checks:
    """What the checks of a test find in place of the network: `found` has the evidence on each host."""

    def __init__(self, target: str = "spgo.io") -> None:
        self.target = target
        self.found: dict[str, Evidence] = {}

    async def check(self, domain: Domain) -> Evidence:
        """Return the evidence on a domain, for `DomainRegistry(check=…)`."""
        return self.found[domain.host]

    def works(self, host: str, *, secure: bool = True) -> None:
        """Let a host lead to the redirect server, by both name servers of its zone."""
        https = Probe("https", "confirmed", "the redirect server answers", "192.0.2.80")
        if not secure:
            detail = "no certificate that is valid for the host: it expired"
            https = Probe("https", "invalid-certificate", detail, "192.0.2.80")
        self.found[host] = Evidence(
            cname=self.trace(host, self.target, self.target),
            ownership_verified=True,
            dns_resolvers=(DnsResolverAnswer("192.0.2.53", True, True, f"leads to {self.target}"),),
            http=Probe("http", "confirmed", "the redirect server answers", "192.0.2.80"),
            https=https,
        )

    def leads(self, host: str, *targets: str | None) -> None:
        """Let a host lead to these names, one of each name server of its zone; None is nowhere."""
        self.found[host] = Evidence(cname=self.trace(host, *targets), ownership_verified=True)

    def trace(self, host: str, *targets: str | None) -> Trace:
        """What the name servers of a host's zone say."""
        answers = [
            ServerAnswer(f"ns{number}.dns.test", f"192.0.2.{number}", "alias", (name,), 60, f"CNAME {name} (TTL 60)")
            if name
            else ServerAnswer(f"ns{number}.dns.test", f"192.0.2.{number}", "no-records", (), 0, NO_NAME)
            for number, name in enumerate(targets, 1)
        ]
        silent = ServerAnswer("ns9.dns.test", "192.0.2.9", "no-answer", (), 0, "no answer within 2 s")
        return Trace((Hop(host, host.partition(".")[2], (*answers, silent), 0),), self.target)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """Checks that ask no network."""
    checks = Checks()
    monkeypatch.setattr("linkwrap.domains.DomainRegistry", partial(DomainRegistry, check=checks.check))
    return checks


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checks: Checks) -> str:
    """The URL of a registry, which the environment has too, with its CNAME target; its checks ask no network."""
    url = f"sqlite:///{tmp_path / 'S3CRET.db'}"
    monkeypatch.setenv("LINKWRAP_REGISTRY", url)
    monkeypatch.setenv("LINKWRAP_CNAME_TARGET", "spgo.io")
    return url


@pytest.fixture
def verified(run: Run, registry: str, checks: Checks) -> Callable[..., None]:
    """Add a host for an account, and have it verified."""

    def verify(account: str, host: str, *options: str) -> None:
        checks.works(host)
        assert run("domain", "add", host, "--account", account, "--ownership-trusted", *options).exit_code == 0
        assert run("domain", "check", host).exit_code == 0

    return verify

"""What all tests share: the corpus of real email, hypothesis' profiles, and that nothing is skipped in CI.

`LINKWRAP_CORPUS` names the corpus folder; `LINKWRAP_REQUIRE_ALL=1` turns each skip into a failure that says its reason.
"""

import email
import email.policy
import os
import re
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from helpers import effort
from helpers.paths import CORPUS

pytest_plugins = ["helpers.domain_fixtures"]
REQUIRE_ALL = os.environ.get("LINKWRAP_REQUIRE_ALL") == "1"

settings.register_profile("default", deadline=None, max_examples=effort.count(50, ci=100, endurance=1000))
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") and not (effort.ENDURANCE or effort.BRIEF) else "default")


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Let SIGINT do what it does at a terminal, here and in processes: nohup or & may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real email; the test is skipped where it is not there."""
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus of real email is not at {CORPUS}: set LINKWRAP_CORPUS")
    return CORPUS


@pytest.fixture(scope="session")
def corpus_bodies(corpus: Path) -> list[tuple[str, bytes, str | None]]:
    """Every HTML body of the corpus: its name (and the part's number in a message), bytes and declared charset."""
    bodies: list[tuple[str, bytes, str | None]] = []
    for path in sorted(corpus.rglob("*")):
        name = path.relative_to(corpus).as_posix()
        if path.suffix in {".html", ".htm"}:
            bodies.append((name, path.read_bytes(), None))
        elif path.suffix == ".eml":
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
            for number, part in enumerate(message.walk()):
                content = part.get_payload(decode=True) if part.get_content_type() == "text/html" else None
                if isinstance(content, bytes) and content:
                    bodies.append((f"{name}#{number}", content, part.get_content_charset()))
    assert bodies, f"no HTML body under {corpus}"
    return bodies


TOKEN = re.compile(r"2[\w-]*\.[\w-]+\.[\w-]{22}")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a parameter without its token, which holds the time: all workers of pytest-xdist must see one name."""
    return TOKEN.sub("TOKEN", val) if isinstance(val, str) and TOKEN.search(val) else None


def refuse_skip(report: Any) -> Any:
    """The report, as a failure if it is a skip and nothing may be skipped; an expected failure did run."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"LINKWRAP_REQUIRE_ALL is set, but this was skipped. {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """A skipped test fails where all must run."""
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """A module that skips itself fails where all must run."""
    return refuse_skip((yield))

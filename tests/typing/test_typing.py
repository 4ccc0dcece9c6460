"""mypy and pyright accept what users write, and find the mistakes that these files show."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(str(path) for path in HERE.glob("*.py") if path.name not in {"conftest.py", "test_typing.py"})


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a type checker over this environment; the test is skipped where it is not installed."""
    if find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed: make types installs it")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=HERE.parents[1],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_mypy() -> None:
    """mypy is strict, and each `type: ignore` is needed."""
    done = run("mypy", "--strict", *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright() -> None:
    """pyright is strict, and each `pyright: ignore` is needed."""
    done = run("pyright", "--pythonpath", sys.executable, *FILES)
    assert done.returncode == 0, done.stdout + done.stderr

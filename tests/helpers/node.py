"""Programs of npm packages, installed once, beside the checkout's virtual environment."""

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from helpers.paths import ROOT
from helpers.processes import program

PACKAGES = ("juice@11.1.1", "mjml@4.18.0")
"""The newest that run on Node.js 18, which Debian 12 has."""


def node_programs() -> Path:
    """The folder with the programs `juice` and `mjml`; the test is skipped where they cannot be installed."""
    program("node", "nodejs")
    npm = program("npm", "npm")
    home = ROOT / ".venv-node"
    home.mkdir(exist_ok=True)
    done = home / "_".join(PACKAGES)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_dir():
            _install(npm, home, done)
    return done / "node_modules" / ".bin"


def _install(npm: str, home: Path, done: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=home))
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--prefer-offline"]
    try:
        installed = subprocess.run(
            [npm, "install", "--prefix", folder, *options, *PACKAGES],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if installed.returncode:
            pytest.skip(f"npm cannot install {' '.join(PACKAGES)}: {installed.stderr[-500:]}")
        folder.rename(done)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

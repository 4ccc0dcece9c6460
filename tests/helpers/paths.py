"""Where the repository keeps what tests read."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
CORPUS = Path(os.environ.get("LINKWRAP_CORPUS") or ROOT.parent / "shared" / "corpus")

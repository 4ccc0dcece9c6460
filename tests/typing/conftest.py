"""In CI, where no test may be skipped, `make types` checks these files: only it installs the type checkers."""

import os

collect_ignore = ["test_typing.py"] if os.environ.get("LINKWRAP_REQUIRE_ALL") == "1" else []

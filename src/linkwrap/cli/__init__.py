"""The command line: `linkwrap wrap`, `inspect`, `resolve`, `keygen` and `domain`.

It needs the extra `cli` (click and rich), and `domain` the extra `domains` too. No other module imports it.
"""

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        sys.stderr.write(f"Error: {' and '.join(missing)} not installed: pip install 'linkwrap[cli]'\n")
        sys.exit(2)
    try:
        from .app import commands

        commands(prog_name="linkwrap")
    except KeyboardInterrupt:
        sys.exit(130)

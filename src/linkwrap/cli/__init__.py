"""The command line: `linkwrap wrap`, `inspect`, `resolve`, `keygen`, `domain`, `events`, `block` and `serve`.

It needs the extra `cli` (click and rich), `domain` the extra `domains` too, and `serve` the extra `server`. No
other module imports it.
"""

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        names = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'}"
        sys.stderr.write(f"Error: {names} not installed: pip install '.[cli]' in a clone of linkwrap\n")
        sys.exit(2)
    try:
        from .app import commands

        commands(prog_name="linkwrap")
    except KeyboardInterrupt:
        sys.exit(130)

"""A spinner, for a person who waits."""

import sys
from contextlib import AbstractContextManager, nullcontext


def spinner(text: str) -> AbstractContextManager[object]:
    """Show that something is going on: on standard error, only where that is a terminal, and gone at the end.

    Print nothing while it turns.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.text import Text

    return Console(stderr=True).status(Text(text))

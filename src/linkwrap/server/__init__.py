"""The redirect server: it stores each event before the reader is answered. The extra `server` brings what it needs.

The store and what reads it need no third-party package, so `create_app` is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import RedirectApp, create_app

__all__ = ["RedirectApp", "create_app"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import app

    return getattr(app, name)

"""The command with its subcommands, and how everything that goes wrong ends: one line on standard error, no traceback.

The exit status is 2 for a call that cannot work as it was written, 1 if the work failed, 130 after Ctrl-C, 143 after
SIGTERM. No message holds a key or a metadata value.
"""

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

import click

from .block import block
from .domain import domain
from .events import events
from .inspect import inspect
from .keys import keygen
from .output import describe, tell
from .resolve import resolve
from .serve import serve
from .wrap import wrap


class _Commands(click.Group):
    def main(self, *args: Any, **options: Any) -> Any:
        sys.exit(_status(partial(super().main, *args, **{**options, "standalone_mode": False})))


@click.group("linkwrap", cls=_Commands, invoke_without_command=True, context_settings={"show_default": True})
@click.version_option(package_name="linkwrap", message="linkwrap %(version)s")
@click.pass_context
def commands(context: click.Context) -> None:
    """Wrap the links of HTML email in signed redirect URLs.

    Keys are read from LINKWRAP_KEYS (separated by commas, the current one first) or from --key-file.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


for _command in (wrap, inspect, resolve, keygen, domain, events, serve, block):
    commands.add_command(_command)


def _status(run: Callable[[], Any]) -> int:
    """Run a command to its end, print what went wrong, and return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8
    terminated: list[int] = []
    try:
        with _termination(terminated):
            status = run()
            if sys.stdout is not None:
                sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except (click.Abort, KeyboardInterrupt):
        message, status = ("terminated", 128 + signal.SIGTERM) if terminated else ("interrupted", 130)
    except (OSError, SystemExit) as error:  # click and rich make SystemExit of a broken pipe
        with suppress(OSError, AttributeError):  # what is still buffered goes nowhere, so that nothing complains of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError | SystemExit):
            return 1
        message, status = f"cannot write: {error.strerror or error}", 1
    except Exception as error:
        message, status = describe(error)
        if message.startswith("Got unexpected extra argument"):
            message = "there are more arguments than the command takes"  # one may be a metadata value without quotes
        if isinstance(error, click.UsageError) and error.ctx:
            message += f" (see {error.ctx.command_path} --help)"
    tell(f"Error: {message}")
    return status


@contextmanager
def _termination(came: list[int]) -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does: files stay whole, domains that are checked are given back."""

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # that of asyncio while checks run
        (interrupt if callable(interrupt) else signal.default_int_handler)(signal.SIGINT, frame)

    main = threading.current_thread() is threading.main_thread()
    handled = main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ignored = handled and sys.platform != "win32" and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        # A shell ignores SIGINT in the background, and asyncio then cannot call off checks: block it instead.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if handled:
        signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        if handled:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

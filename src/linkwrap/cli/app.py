"""The command with its subcommands, and how everything that goes wrong ends: one line on standard error, no traceback.

The exit status is 2 for a call that cannot work as it was written (an unknown option, no keys), 1 where the work
failed, 130 after Ctrl-C, 143 where SIGTERM ended `domain watch`. No message holds a key or a metadata value.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import metadata
from typing import Any

import click

from ..errors import InvalidToken, LinkWrapError
from .domain import domain
from .inspect import inspect
from .keys import keygen
from .resolve import resolve
from .text import tell
from .wrap import wrap


class _Commands(click.Group):
    def main(self, *args: Any, **options: Any) -> Any:
        sys.exit(_status(partial(super().main, *args, **{**options, "standalone_mode": False})))


def _version() -> str:
    try:
        return metadata.version("linkwrap")
    except metadata.PackageNotFoundError:
        return "(not installed)"


@click.group("linkwrap", cls=_Commands, invoke_without_command=True)
@click.version_option(_version(), message="linkwrap %(version)s")
@click.pass_context
def commands(context: click.Context) -> None:
    """Wrap the links of HTML email in signed redirect URLs.

    Keys are read from LINKWRAP_KEYS (separated by commas, the current one first) or from --key-file.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


for command in (wrap, inspect, resolve, keygen, domain):
    commands.add_command(command)


def _status(run: Callable[[], Any]) -> int:
    """Run a command to its end; return its exit status after having said what went wrong."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.Abort:
        return _fail("interrupted", 130)
    except click.ClickException as error:
        return _fail(_message(error), error.exit_code)
    except InvalidToken as error:
        return _fail(f"{error.reason}: {error}", 1)
    except LinkWrapError as error:
        # All that says what the call did wrong is a ValueError too; else the registry's database failed.
        return _fail(str(error), 2 if isinstance(error, ValueError) else 1)
    except OSError as error:
        _drop_output()
        return 1 if isinstance(error, BrokenPipeError) else _fail(f"cannot write: {error.strerror or error}", 1)
    except SystemExit:  # what click and rich make of a broken pipe
        _drop_output()
        return 1
    except MemoryError:
        return _fail("out of memory", 1)
    except Exception as error:
        if os.environ.get("LINKWRAP_TRACEBACK"):
            raise
        # Not the exception's own text, which may quote the mail.
        return _fail(f"a fault in linkwrap ({type(error).__name__}): LINKWRAP_TRACEBACK=1 shows where", 1)
    return status if isinstance(status, int) else 0


def _message(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    if not isinstance(error, click.UsageError):
        return message
    if message.startswith("Got unexpected extra argument"):
        # An unquoted metadata value lands here.
        message = "there are more arguments than the command takes"
    return message if error.ctx is None else f"{message} (see {error.ctx.command_path} --help)"


def _fail(message: str, status: int) -> int:
    tell(f"Error: {message}")
    return status


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain about it at its end."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

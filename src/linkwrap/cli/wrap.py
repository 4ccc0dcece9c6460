"""`linkwrap wrap`: HTML or messages in, the same with wrapped links out; one file or many, one after the other."""

import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

import click

from .._mime.template import MessageTemplate
from ..wrapper import LinkWrapper
from .files import STANDARD, shown, write_output
from .keys import key_file_option, require_keys
from .options import Wrapping, message_options
from .output import describe, tell

_FAULTS: Final = ("malformed", "transfer-encoding", "charset")  # the reasons to keep a body that should be wrapped
_Result = tuple[str, str | None]  # "wrapped", "left" or "failed", and what to say about the file


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path())
@click.option("-o", "--output", default=STANDARD, type=click.Path(), metavar="FILE|DIR", help="Where to write.")
@message_options
@click.option("--no-clicks", is_flag=True, help="Leave the links alone.")
@key_file_option
def wrap(files: tuple[str, ...], output: str, wrapping: Wrapping, no_clicks: bool, key_file: str | None) -> None:
    """Wrap the links of each FILE, and add an open pixel.

    FILE is HTML or a message (.eml); - or no FILE means standard input, and -o - standard output. Several FILEs are
    written to a folder. All else comes out byte for byte as it went in.
    """
    if not files and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("give a FILE, or pipe HTML into it")
    names = files or (STANDARD,)
    if len(names) > 1 and STANDARD in names:
        raise click.UsageError("standard input cannot be one of several files")
    if len(names) > 1 and output == STANDARD:
        raise click.UsageError("more than one FILE: give the folder for the output with -o DIR")
    if len(names) > 1 and os.path.exists(output) and not os.path.isdir(output):
        raise click.UsageError(f"more than one FILE: -o must be a folder, and {shown(output)} is not")
    wrapper = LinkWrapper(require_keys(key_file), click_tracking=not no_clicks, **wrapping.options)
    tell(wrapping.note)
    if len(names) > 1 or (names[0] != STANDARD and (output.endswith(("/", os.sep)) or os.path.isdir(output))):
        pairs = _output_names(names, output)
        wrapping.wrap(wrapper, b"", message=False)  # an option that cannot be used is an error before all else
        try:
            os.makedirs(output, exist_ok=True)
        except OSError as error:
            raise click.ClickException(f"cannot make the folder {shown(output)}: {error.strerror or error}") from error
        if len(pairs) > 1:
            click.get_current_context().exit(_wrap_many(wrapping, wrapper, pairs))
        [(_, output)] = pairs
    _, note = _wrap_file(wrapping, wrapper, names[0], output)
    tell(note)


def _wrap_file(wrapping: Wrapping, wrapper: LinkWrapper, name: str, output: str) -> _Result:
    source, message = wrapping.read(name)
    wrapped, template = wrapping.wrap(wrapper, source, message=message)
    write_output(output, wrapped)
    if not isinstance(template, MessageTemplate):
        return "wrapped", None
    kept = [part for part in template.parts if part.reason]
    if len(kept) == len(template.parts):
        reasons = ", ".join(dict.fromkeys(part.reason for part in kept if part.reason)) or "empty"
        return "left", f"Left as it was: {shown(name)}: {reasons}"
    faults = dict.fromkeys(f"{part.content_type} ({part.reason})" for part in kept if part.reason in _FAULTS)
    return "wrapped", f"Warning: {shown(name)}: left as it was: {', '.join(faults)}" if faults else None


def _wrap_many(wrapping: Wrapping, wrapper: LinkWrapper, pairs: Sequence[tuple[str, str]]) -> int:
    """Wrap each file, print what failed or was left, and return the exit status."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    results: list[_Result] = []
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True, disable=not terminal) as progress:
            for name, output in progress.track(pairs):
                results.append(_attempt(wrapping, wrapper, name, output))
    finally:
        for _, note in results:
            tell(note)
        count, rest = Counter(state for state, _ in results), len(pairs) - len(results)
        counts = f"{len(pairs)} files: {count['wrapped']} wrapped, {count['left']} left, {count['failed']} failed"
        tell(counts + (f", {rest} not done" if rest else ""))
    return 1 if count["failed"] else 0


def _attempt(wrapping: Wrapping, wrapper: LinkWrapper, name: str, output: str) -> _Result:
    """Wrap one of many files, whose failure must not stop the others."""
    try:
        return _wrap_file(wrapping, wrapper, name, output)
    except BrokenPipeError:
        message = f"cannot write {shown(output)}: its reader went away"
    except Exception as error:
        message = describe(error)[0]
        if not isinstance(error, click.ClickException):  # which names the file itself
            message = f"{shown(name)}: {message}"
    return "failed", f"Error: {message}"


def _output_names(names: Sequence[str], folder: str) -> list[tuple[str, str]]:
    """Return each file with its output in the folder; an error if that would replace another, or one of the files."""
    inputs = {identity: name for name in names if (identity := _identity(name))}
    pairs: list[tuple[str, str]] = []
    taken: dict[object, str] = {}
    for name in names:
        base = os.path.basename(os.path.normpath(name))
        output = os.path.join(folder, base)
        identity = _identity(output)
        if identity in inputs:
            replaced = f"{shown(output)} would replace {shown(inputs[identity])}, which is to be wrapped"
            raise click.UsageError(f"{replaced}: give another folder with -o")
        if sys.platform in ("darwin", "win32"):  # whose file systems do not tell such names apart
            base = unicodedata.normalize("NFC", base).casefold()
        for key in {base, identity} - {None}:
            if key in taken:
                both = f"{shown(taken[key])} and {shown(name)}"
                raise click.UsageError(f"{both} would both be written to {shown(output)}")
            taken[key] = name
        pairs.append((name, output))
    return pairs


def _identity(name: str) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever its name; None if it does not exist."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino

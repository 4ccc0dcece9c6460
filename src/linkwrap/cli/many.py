"""Many files: where each is written, which is settled before anything is, and what came of them."""

import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .files import STANDARD
from .one import Job, Outcome, failed
from .text import tell
from .workers import run_in_processes

if TYPE_CHECKING:
    from rich.progress import Progress

_FOLDS_NAMES = sys.platform in ("darwin", "win32")


def output_names(names: Sequence[str], folder: str) -> list[tuple[str, str]]:
    """Return each file with its output, the file of the same name in the folder.

    Raises `click.UsageError` where an output would be written over another or over one of the files.
    """
    inputs = {identity: name for name in names if (identity := _identity(name))}
    pairs: list[tuple[str, str]] = []
    taken: dict[object, str] = {}
    for name in names:
        base = os.path.basename(os.path.normpath(name))
        output = os.path.join(folder, base)
        identity = _identity(output)
        if identity in inputs:
            raise click.UsageError(
                f"{_shown(output)} would be written over {_shown(inputs[identity])}, which is to be wrapped: "
                "-o takes another folder"
            )
        for key in {_folded(base), identity} - {None}:
            if key in taken:
                raise click.UsageError(
                    f"{_shown(taken[key])} and {_shown(name)} would both be written to {_shown(output)}"
                )
            taken[key] = name
        pairs.append((name, output))
    return pairs


def is_folder(name: str) -> bool:
    """Tell whether a name given for the output is that of a folder."""
    return name.endswith(("/", os.sep)) or os.path.isdir(name)


def check_folder(names: Sequence[str], folder: str) -> None:
    """Raise `click.UsageError` where more than one file cannot be written to what is given as the output."""
    if STANDARD in names:
        raise click.UsageError("standard input cannot be one of several files")
    if folder == STANDARD:
        raise click.UsageError("more than one FILE: -o DIR says where they are written")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise click.UsageError(f"more than one FILE: -o takes a folder, and {_shown(folder)} is none")


def make_folder(name: str) -> None:
    """Make a folder where there is none; raises `click.ClickException` where that fails."""
    try:
        os.makedirs(name, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"cannot make the folder {_shown(name)}: {error.strerror or error}") from error


def wrap_many(job: Job, names: Sequence[str], folder: str, jobs: int) -> bool:
    """Wrap each file into the folder, `jobs` at a time, and tell what came of them; return whether none failed.

    Raises `click.UsageError` or `OptionError`, before anything is written, where the call cannot work.
    """
    pairs = output_names(names, folder)
    job.wrapping.wrap(b"", job.source.keys())
    make_folder(folder)
    outcomes: dict[int, Outcome] = {}
    try:
        with _progress() as progress:
            bar = progress.add_task("wrap", total=len(pairs))

            def done(number: int, outcome: Outcome | None) -> None:
                outcomes[number] = outcome or failed(
                    f"{_shown(pairs[number][0])}: its process ended before it was done"
                )
                progress.advance(bar)

            processes = min(jobs or _processors(), len(pairs))
            if processes > 1:
                run_in_processes(job.start, pairs, processes, done)
            else:
                attempt = job.start()
                for number, pair in enumerate(pairs):
                    done(number, attempt(pair))
    finally:
        _tell([outcomes[number] for number in sorted(outcomes)], len(pairs))
    return all(outcome.state != "failed" for outcome in outcomes.values())


def _tell(outcomes: Sequence[Outcome], count: int) -> None:
    for outcome in outcomes:
        if outcome.note:
            tell(outcome.note)
    states = Counter(outcome.state for outcome in outcomes)
    not_begun = count - len(outcomes)
    tell(
        f"{count} files: {states['wrapped']} wrapped, {states['left']} left, {states['failed']} failed"
        + (f", {not_begun} not done" if not_begun else "")
    )


def _progress() -> "Progress":
    """A progress bar on standard error, which shows only where that is a terminal and goes away at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    terminal = sys.stderr is not None and sys.stderr.isatty()
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not terminal,
    )


def _processors() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _identity(name: str) -> tuple[int, int] | None:
    """What tells a file from all others, whatever its name; None where it is not there."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _folded(name: str) -> str:
    """The name as the file system compares it."""
    return unicodedata.normalize("NFC", name).casefold() if _FOLDS_NAMES else name


def _shown(name: str) -> str:
    return click.format_filename(name)

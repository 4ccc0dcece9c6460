"""The output of commands: tables, facts and JSON on standard output, messages on standard error.

Text of others (mail, DNS answers, file names) is escaped here, so it cannot move the cursor or hide itself.
"""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice, zip_longest
from typing import Any, Final
from unicodedata import combining, east_asian_width

import click

from ..errors import InvalidToken, LinkWrapError

TIME: Final = "%Y-%m-%d %H:%M:%S UTC"
_BATCH, _WIDE = 1000, 120
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]  # an option of click's
Cell = str | tuple[str, str]  # a text, or a text and its colour


def printable(text: str) -> str:
    r"""Return the text with controls, direction marks and lone surrogates written as `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def tell(message: str | None) -> None:
    """Print a message, if there is one, on standard error, on one line, if anybody can read it."""
    if message:
        with suppress(OSError):
            click.echo(printable(" ".join(message.split())), err=True)


def describe(error: Exception) -> tuple[str, int]:
    """Return the sentence for an error, and the exit status."""
    if isinstance(error, click.ClickException):
        return error.format_message().rstrip("."), error.exit_code
    if isinstance(error, InvalidToken):
        return f"{error.reason}: {error}", 1
    if isinstance(error, LinkWrapError | ModuleNotFoundError):
        # An error about the call is a ValueError too; any other of ours is about the registry's database.
        return str(error), 2 if isinstance(error, ValueError | ModuleNotFoundError) else 1
    if isinstance(error, MemoryError):
        return "out of memory", 1
    if os.environ.get("LINKWRAP_TRACEBACK"):
        raise error
    # Not the exception's own text, which may quote the mail.
    return f"a fault in linkwrap ({type(error).__name__}): LINKWRAP_TRACEBACK=1 shows where", 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table for `print_lines`.

    A column has a title and a limit: its largest width in a terminal of less than 120 columns if the table would not
    fit otherwise, None for no limit, 0 if it must never be folded. An empty row stands for a line in a terminal.
    """

    columns: Mapping[str, int | None]
    rows: Sequence[Sequence[Cell]]

    def lines(self, width: int | None = None, *, colours: bool = False) -> Iterator[str]:
        """Yield lines of at most `width` terminal columns; None means one line for each row."""
        widths = [0] * len(self.columns)
        for cells in (tuple(self.columns), *self.rows):
            widths = [max(pair) for pair in zip(widths, map(_cells, _texts(cells)), strict=False)] or widths
        if width is not None:
            self._fit(widths, width)
        gap = "  " if width is None else " "
        for number, cells in enumerate((tuple(self.columns), *self.rows)):
            row = _texts(cells)
            paints = [cell[1] if colours and not isinstance(cell, str) else None for cell in cells]
            lines: Iterable[Sequence[str]] = [row] if row else []
            if width is not None and any(_cells(text) > limit for text, limit in zip(row, widths, strict=False)):
                lines = zip_longest(*map(_folded, row, widths), fillvalue="")
            for line in lines:
                yield gap.join(map(_padded, line, widths, paints)).rstrip()
            if width is not None and (number == 0 or not row):
                yield "-" * (sum(widths) + len(widths) - 1)

    def _fit(self, widths: list[int], width: int) -> None:
        """Make columns narrower until they fit: first by their limits, then the widest again and again."""
        limits = list(self.columns.values())
        room = width - len(limits) + 1
        if sum(widths) > room and width < _WIDE:
            widths[:] = [min(natural, limit or natural) for natural, limit in zip(widths, limits, strict=True)]
        folding = [index for index, limit in enumerate(limits) if limit != 0]
        while sum(widths) > room and max(widths[index] for index in folding) > 1:
            widths[max(folding, key=widths.__getitem__)] -= 1


def _texts(row: Sequence[Cell]) -> list[str]:
    return [printable(cell if isinstance(cell, str) else cell[0]) for cell in row]


def _padded(text: str, width: int, colour: str | None) -> str:
    if not text:
        return " " * width
    return (click.style(text, fg=colour) if colour else text) + " " * (width - _cells(text))


def _cells(text: str) -> int:
    """Return how many terminal columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else not combining(character) for character in text)


def _folded(text: str, width: int) -> list[str]:
    """Return the text in pieces of at most `width` terminal columns, cut at spaces if it has some."""
    characters = width if _cells(text) <= len(text) else max(width // 2, 1)
    if " " not in text:
        return [text[at : at + characters] for at in range(0, len(text), characters)] or [""]
    return textwrap.wrap(text, characters, break_on_hyphens=False) or [""]


def fact_lines(facts: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each fact: its name and its value."""
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        yield f"{name.replace('_', ' '):{width}}{_shown(value)}".rstrip(" ")


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else "" if value is None else "no"
    if isinstance(value, datetime):
        return f"{value:{TIME}}"
    if isinstance(value, tuple):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def print_lines(lines: Iterable[str | Table]) -> None:
    """Print lines and tables; a table is as wide as the terminal, or has a line for each row if there is none."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    colours = terminal and not os.environ.get("NO_COLOR")
    texts = (line.lines(width, colours=colours) if isinstance(line, Table) else [printable(line)] for line in lines)
    _write(f"{text}\n" for text in chain.from_iterable(texts))


def print_json(value: object, *, line: bool = False) -> None:
    """Print a value as JSON, indented or as one line; what is not JSON itself has a method `as_dict`."""
    encoder = json.JSONEncoder(indent=None if line else 2, default=lambda item: item.as_dict())
    _write(chain(encoder.iterencode(value), "\n"))


def _write(pieces: Iterable[str]) -> None:
    iterator = iter(pieces)
    while batch := "".join(islice(iterator, _BATCH)):
        click.echo(batch, nl=False)


def spinner(text: str) -> AbstractContextManager[object]:
    """Show on standard error that something is going on, only if that is a terminal; print nothing meanwhile."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.text import Text

    return Console(stderr=True).status(Text(text))

"""What commands print: tables, facts and JSON on standard output, messages on standard error.

Text of others (mail, DNS answers, file names) passes through `printable`, so it cannot move the cursor or hide itself.
"""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from itertools import chain, islice, zip_longest
from typing import Final, NamedTuple
from unicodedata import combining, east_asian_width

import click

from ..errors import InvalidToken, LinkWrapError

TIME: Final = "%Y-%m-%d %H:%M:%S UTC"
"""The format of a time in UTC."""

_BATCH: Final = 1000
_WIDE: Final = 120

Cell = str | tuple[str, str]
"""A text, or a text and its colour."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    limit: int | None = None
    """Its largest width in a terminal of less than 120 columns, if the table would not fit otherwise."""
    folds: bool = True
    """Whether a long cell continues on the next line; otherwise the column is as wide as its longest cell."""


def printable(text: str) -> str:
    r"""Return the text with controls, direction marks and lone surrogates written as `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def tell(message: str) -> None:
    """Print a message on standard error, on one line, if anybody can read it."""
    with suppress(OSError):
        click.echo(printable(" ".join(message.split())), err=True)


def describe(error: Exception) -> tuple[str, int]:
    """Return the sentence for an error, and the exit status."""
    if isinstance(error, click.ClickException):
        return error.format_message().rstrip("."), error.exit_code
    if isinstance(error, InvalidToken):
        return f"{error.reason}: {error}", 1
    if isinstance(error, LinkWrapError):
        # An error about the call is a ValueError too; any other is about the registry's database.
        return str(error), 2 if isinstance(error, ValueError) else 1
    if isinstance(error, ModuleNotFoundError):
        return str(error), 2
    if isinstance(error, MemoryError):
        return "out of memory", 1
    if os.environ.get("LINKWRAP_TRACEBACK"):
        raise error
    # Not the exception's own text, which may quote the mail.
    return f"a fault in linkwrap ({type(error).__name__}): LINKWRAP_TRACEBACK=1 shows where", 1


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, many at a time."""
    _write(f"{line}\n" for line in lines)


def print_json(value: object, *, line: bool = False) -> None:
    """Print a value as JSON, indented or as one line; what is not JSON itself has a method `as_dict`."""
    encoder = json.JSONEncoder(indent=None if line else 2, default=lambda item: item.as_dict())
    _write(chain(encoder.iterencode(value), "\n"))


def _write(pieces: Iterable[str]) -> None:
    iterator = iter(pieces)
    while batch := "".join(islice(iterator, _BATCH)):
        click.echo(batch, nl=False)


def fact_lines(facts: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each fact: its name and its value."""
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        yield f"{name.replace('_', ' '):{width}}{_shown(value)}".rstrip()


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:{TIME}}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    """Yield the lines of a table for standard output, in colours if it is a terminal; see `fitted_lines`."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    yield from fitted_lines(columns, rows, width, colours=terminal and not os.environ.get("NO_COLOR"))


def fitted_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None, *, colours: bool = False
) -> Iterator[str]:
    """Yield the lines of a table of at most `width` terminal columns; None means one line for each row.

    An empty row is a line between two groups of rows, if there is a width.
    """
    titles = [column.title for column in columns]
    widths = [max(_cells(_text(row[index])) for row in (titles, *rows) if row) for index in range(len(columns))]
    if width is not None:
        widths = _fitted(columns, widths, width)
    for number, row in enumerate((titles, *rows)):
        texts = [_text(cell) for cell in row]
        lines: Iterable[Sequence[str]] = [texts] if row else []
        if width is not None and any(_cells(text) > limit for text, limit in zip(texts, widths, strict=False)):
            lines = zip_longest(*map(_folded, texts, widths), fillvalue="")
        for line in lines:
            cells = zip(line, row, widths, strict=True)
            padded = (_painted(text, cell, colours) + " " * (limit - _cells(text)) for text, cell, limit in cells)
            yield ("  " if width is None else " ").join(padded).rstrip()
        if width is not None and (number == 0 or not row):
            yield "-" * (sum(widths) + len(columns) - 1)


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _painted(text: str, cell: Cell, colours: bool) -> str:
    return click.style(text, fg=cell[1]) if colours and text and not isinstance(cell, str) else text


def _cells(text: str) -> int:
    """Return how many terminal columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else not combining(character) for character in text)


def _fitted(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Return the widths of columns that fit into `width`: first by the limits, then the widest column shrinks."""
    room = width - len(columns) + 1
    if sum(widths) > room and width < _WIDE:
        widths = [min(natural, column.limit or natural) for natural, column in zip(widths, columns, strict=True)]
    folding = [index for index, column in enumerate(columns) if column.folds]
    while sum(widths) > room and max(widths[index] for index in folding) > 1:
        widths[max(folding, key=widths.__getitem__)] -= 1
    return widths


def _folded(text: str, width: int) -> list[str]:
    """Return the text in pieces of at most `width` terminal columns, cut at spaces if it has some."""
    return textwrap.wrap(text, width if _cells(text) <= len(text) else max(width // 2, 1), break_on_hyphens=False) or [
        ""
    ]


def spinner(text: str) -> AbstractContextManager[object]:
    """Show on standard error that something is going on, only if that is a terminal; print nothing meanwhile."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.text import Text

    return Console(stderr=True).status(Text(text))

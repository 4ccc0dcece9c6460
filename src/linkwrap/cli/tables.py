"""Tables: as wide as the terminal, or else, for grep and files, a line for each row however long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from rich.table import Table

_WIDE: Final = 120


def make_table(*columns: tuple[str, int | None]) -> Table:
    """Return an empty table with these columns: the title, and how wide it may be in a terminal of 80 columns.

    A column without a width takes what is left. Longer values are folded there.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for title, width in columns:
        table.add_column(title, max_width=width, overflow="fold")
    return table


def print_table(table: Table) -> None:
    """Print a table on standard output."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal or console.width >= _WIDE:
        for column in table.columns:
            column.max_width = None
    if console.is_terminal:
        console.print(table)
        return
    table.box, table.padding = None, (0, 2, 0, 0)
    console.width = console.measure(table, options=console.options.update(max_width=1 << 30)).maximum
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))

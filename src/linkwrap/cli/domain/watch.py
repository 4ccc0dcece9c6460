"""`linkwrap domain watch`: the worker that checks what is due, and tells of every change and result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from ...errors import LinkWrapError, OptionError
from .. import registry as registries
from ..spinner import spinner
from ..text import tell
from .data import all_changes, change_data, print_json, verification_data
from .options import Place, network_options, registry_options
from .view import change_line, result_line

if TYPE_CHECKING:
    from ...domains import Change, DomainRegistry, Verification

_BATCH: Final = 5
"""How many times as many domains as are checked at once come before their results are printed."""


@click.command()
@click.option(
    "--every",
    type=click.FloatRange(0, min_open=True),
    default=60,
    metavar="SECONDS",
    help="How long to wait between two rounds; else 60.",
)
@click.option("--once", is_flag=True, help="Check what is due now, and end.")
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=20, metavar="N", help="Domains at a time; else 20."
)
@click.option(
    "--after",
    type=click.IntRange(0),
    metavar="ID",
    help="Print the changes behind this one, whoever made them; else those that the checks make.",
)
@network_options
@registry_options
def watch(
    every: float,
    once: bool,
    concurrency: int,
    after: int | None,
    resolvers: tuple[str, ...],
    deadline: float | None,
    place: Place,
    as_json: bool,
) -> None:
    """Check the domains that are due, until Ctrl-C.

    Prints a line for each change and each result. Any number of these may run at a time.
    """
    network = registries.make_network(resolvers, deadline)
    made: list[Change] = []
    with place.open(network=network, on_change=made.append, make=True) as registry:
        watcher = _Watcher(registry, made, after, concurrency, as_json)
        watcher.look()
        while not once:
            with spinner("Nothing is due"):
                time.sleep(every)
            try:
                watcher.look()
            except OptionError:
                raise
            except LinkWrapError as error:  # a database that is away for a while
                tell(f"Warning: {error}: trying again in {every:.3g} s")


class _Watcher:
    def __init__(
        self, registry: DomainRegistry, made: list[Change], after: int | None, concurrency: int, as_json: bool
    ) -> None:
        self.registry = registry
        self.made = made
        self.after = after
        self.concurrency = concurrency
        self.as_json = as_json

    def look(self) -> None:
        """Check what is due, some of it at a time, and print what came of it."""
        self._print_changes()
        while results := self._check():
            for result in results:
                self._print_result(result)

    def _check(self) -> list[Verification]:
        try:
            with spinner("Checking what is due"):
                return self.registry.verify_due(limit=self.concurrency * _BATCH, concurrency=self.concurrency)
        finally:  # after Ctrl-C too: they are stored, and are told only once
            self._print_changes()

    def _print_changes(self) -> None:
        changes = self.made.copy() if self.after is None else all_changes(self.registry, self.after)
        self.made.clear()
        for change in changes:
            if self.after is not None:
                self.after = change.id
            if self.as_json:
                print_json({"kind": "change", **change_data(change)}, line=True)
            else:
                click.echo(change_line(change))

    def _print_result(self, result: Verification) -> None:
        if self.as_json:
            print_json({"kind": "result", **verification_data(result)}, line=True)
        else:
            click.echo(result_line(result))

"""`linkwrap domain watch`: the worker that checks what is due, and tells of every change and result.

SIGTERM ends it as Ctrl-C does: checks are called off, and their domains given back, so that another can take them.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Final, Self

import click

from ...account import TrackingDomain
from ...errors import LinkWrapError, OptionError
from .. import registry as registries
from ..keys import key_file_option, require_keys
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
@registries.target_option
@network_options
@key_file_option
@registry_options
def watch(
    every: float,
    once: bool,
    concurrency: int,
    after: int | None,
    target: TrackingDomain | None,
    resolvers: tuple[str, ...],
    deadline: float | None,
    key_file: str | None,
    place: Place,
    as_json: bool,
) -> None:
    """Check the domains that are due, until Ctrl-C or SIGTERM.

    Prints a line for each change and each result. Any number of these may run at a time.
    """
    network = registries.make_network(resolvers, deadline)
    keys = require_keys(key_file)
    made: list[Change] = []
    with (
        _Termination(),
        place.open(keys=keys, target=target, create=True, network=network, on_change=made.append) as registry,
    ):
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


class _Terminated(click.ClickException):
    exit_code = 128 + signal.SIGTERM


class _Termination:
    """SIGTERM ends what runs in this as Ctrl-C does, with an exit status of its own."""

    def __init__(self) -> None:
        self.came = False
        self.before: list[tuple[signal.Signals, signal.Handlers]] = []

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return self
        if sys.platform != "win32" and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # As a shell has it in the background. It is kept from us in another way, since asyncio lets checks be
            # called off only where Ctrl-C is not ignored.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.before.append((signal.SIGINT, signal.SIG_IGN))
        signal.signal(signal.SIGTERM, self.handle)
        self.before.append((signal.SIGTERM, signal.SIG_DFL))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in reversed(self.before):
            signal.signal(number, handler)
            if sys.platform != "win32" and number == signal.SIGINT:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if self.came and kind is not None and issubclass(kind, KeyboardInterrupt):
            raise _Terminated("terminated")

    def handle(self, _: int, frame: FrameType | None) -> None:
        self.came = True
        interrupt = signal.getsignal(signal.SIGINT)  # that of asyncio while checks run
        (interrupt if callable(interrupt) else signal.default_int_handler)(signal.SIGINT, frame)


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
                results = self.registry.verify_due(limit=self.concurrency * _BATCH, concurrency=self.concurrency)
        except BaseException:
            with suppress(LinkWrapError):  # which must not take the place of Ctrl-C
                self._print_changes()  # those that came before are stored, and are told only once
            raise
        self._print_changes()
        return results

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

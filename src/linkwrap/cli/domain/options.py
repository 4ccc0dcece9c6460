"""The options that the commands of `linkwrap domain` share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...account import TrackingDomain
from ...keys import SigningKeys
from ..registry import VARIABLE, open_registry, text

if TYPE_CHECKING:
    from ...domains import Change, DomainRegistry, Network

_Command = TypeVar("_Command", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Place:
    """Where the registry is."""

    url: str = field(repr=False)

    def open(
        self,
        *,
        keys: SigningKeys | None = None,
        target: TrackingDomain | None = None,
        create: bool = False,
        network: Network | None = None,
        on_change: Callable[[Change], object] | None = None,
    ) -> AbstractContextManager[DomainRegistry]:
        """Open the registry for a `with` block, as `open_registry` does."""
        return open_registry(self.url, keys=keys, target=target, create=create, network=network, on_change=on_change)


_REGISTRY_OPTIONS = (
    click.option(
        "--registry",
        envvar=VARIABLE,
        metavar="URL",
        help=f"Database with the domains, in place of {VARIABLE}.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)

_NETWORK_OPTIONS = (
    click.option(
        "--resolver",
        "resolvers",
        multiple=True,
        metavar="ADDRESS",
        help="DNS resolver in place of the system's, such as 1.1.1.1; any number of times.",
    ),
    click.option(
        "--deadline",
        type=click.FloatRange(0, 300, min_open=True),
        metavar="SECONDS",
        help="How long one check may take; else 20.",
    ),
)

account_option = click.option(
    "--account", callback=text, metavar="ID", help="Account that is meant, where several claim HOST."
)


def registry_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where the registry is, as one argument, `place`, and `as_json`."""

    @wraps(command)
    def call(*, registry: str | None, **rest: Any) -> None:
        if registry is None:
            raise click.UsageError(f"no registry: set {VARIABLE} or give --registry, such as sqlite:///domains.db")
        command(place=Place(registry), **rest)

    return _with(_REGISTRY_OPTIONS, call)


def network_options(command: _Command) -> _Command:
    """Give a command the options that say how checks reach the DNS, `resolvers` and `deadline`."""
    return _with(_NETWORK_OPTIONS, command)


def host_argument(command: _Command) -> _Command:
    """Give a command the argument `host`, and the option that tells which `account`'s it is."""
    return click.argument("host")(account_option(command))


def _with(options: Sequence[Callable[[_Command], _Command]], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command

"""The registry of tracking domains as commands reach it: opened for one call and closed after it, its URL never shown.

The extra `domains` is imported when a command asks for it, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from ..account import DEFAULT_TRACKING_DOMAIN, Account, TrackingDomain
from ..errors import DomainError, OptionError
from ..tokens import SigningKeys

if TYPE_CHECKING:
    from ..domains import Change, DomainRegistry, Network

VARIABLE: Final = "LINKWRAP_REGISTRY"
_NEEDED: Final = {"dns": "dnspython", "httpx": "httpx", "sqlalchemy": "SQLAlchemy"}


class _Missing(click.ClickException):
    exit_code = 2


def tracking_domain(_: click.Context, __: click.Parameter, host: str | None) -> TrackingDomain | None:
    """Return the tracking domain that an option names; for `click.option(callback=…)`."""
    if host is None:
        return None
    try:
        return TrackingDomain(host, verified=True)
    except DomainError as error:
        raise click.BadParameter(str(error).removeprefix(f"TrackingDomain({host!r}): ")) from None


def text(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return an argument that a database can hold; for `click.option(callback=…)`."""
    if value is not None and not is_text(value):
        raise click.BadParameter("it is not in the encoding of this system")
    return value


def is_text(value: str) -> bool:
    """Tell whether a database can hold an argument: not where its bytes are no text."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


target_option = click.option(
    "--target",
    envvar="LINKWRAP_TARGET",
    callback=tracking_domain,
    metavar="HOST",
    help=f"Host that all tracking domains lead to, or LINKWRAP_TARGET; else {DEFAULT_TRACKING_DOMAIN.host}.",
)


def make_network(resolvers: Sequence[str] = (), deadline: float | None = None) -> Network:
    """Return how checks reach the DNS and the redirector; raises `click.UsageError` for what is no resolver."""
    require_extra()
    from ..domains import Network

    try:
        return Network(resolvers=resolvers) if deadline is None else Network(resolvers=resolvers, deadline=deadline)
    except OptionError as error:
        raise click.UsageError(str(error).removeprefix("Network: ")) from None


@contextmanager
def open_registry(
    url: str,
    *,
    keys: SigningKeys,
    target: TrackingDomain | None,
    network: Network | None = None,
    on_change: Callable[[Change], object] | None = None,
    make: bool = False,
) -> Iterator[DomainRegistry]:
    """Open a registry for a `with` block. Where it would be a new file, `make` says whether that is made.

    Raises `click.ClickException` where the extra is not installed, and what `DomainRegistry` does.
    """
    require_extra()
    from ..domains import DomainRegistry

    if not make:
        _require_file(url)
    target = target or DEFAULT_TRACKING_DOMAIN
    with DomainRegistry(url, keys=keys, target=target, network=network, on_change=on_change) as registry:
        yield registry


def read_account(url: str, account_id: str, target: TrackingDomain | None) -> Account:
    """Return an account with its domains, as the registry has them now."""
    keys = SigningKeys(SigningKeys.generate())  # what is only read takes none
    with open_registry(url, keys=keys, target=target) as registry:
        return registry.account(account_id)


def require_extra() -> None:
    """Raise `click.ClickException` where the extra `domains` is not installed."""
    missing = [package for name, package in _NEEDED.items() if find_spec(name) is None]
    if missing:
        raise _Missing(f"{' and '.join(missing)} not installed: pip install 'linkwrap[domains]'")


def _require_file(url: str) -> None:
    """Raise where SQLite would make a new file: of a mistyped name, an account would seem to have no domains."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # which `DomainRegistry` tells
        return
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name.startswith((":", "file:")):
        return
    if not os.path.exists(name):
        raise click.ClickException("there is no such registry: linkwrap domain add makes the file")

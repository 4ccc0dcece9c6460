"""The registry of tracking domains as commands reach it: opened for one call and closed after it, its URL never shown.

The extra `domains` is imported when a command asks for it, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from ..account import DEFAULT_TRACKING_DOMAIN, Account, TrackingDomain
from ..errors import DomainError, OptionError
from ..keys import SigningKeys

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


def _target(context: click.Context, parameter: click.Parameter, host: str | None) -> TrackingDomain | None:
    target = tracking_domain(context, parameter, host)
    if target is not None and target.port is not None:
        raise click.BadParameter("it takes a host without a port: a CNAME leads to a name alone")
    return target


target_option = click.option(
    "--target",
    envvar="LINKWRAP_TARGET",
    callback=_target,
    metavar="HOST",
    help=f"For a new registry: host that all domains lead to, or LINKWRAP_TARGET; else {DEFAULT_TRACKING_DOMAIN.host}.",
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
    keys: SigningKeys | None = None,
    target: TrackingDomain | None = None,
    create: bool = False,
    network: Network | None = None,
    on_change: Callable[[Change], object] | None = None,
) -> Iterator[DomainRegistry]:
    """Open a registry for a `with` block; its options are those of `DomainRegistry`, but that it makes none by itself.

    Raises `click.ClickException` where the extra is not installed, and what `DomainRegistry` does.
    """
    require_extra()
    from ..domains import DomainRegistry

    with DomainRegistry(url, keys=keys, target=target, create=create, network=network, on_change=on_change) as registry:
        yield registry


def read_account(url: str, account_id: str) -> Account:
    """Return an account with its domains, as the registry has them now."""
    with open_registry(url) as registry:
        return registry.account(account_id)


def require_extra() -> None:
    """Raise `click.ClickException` where the extra `domains` is not installed."""
    missing = [package for name, package in _NEEDED.items() if find_spec(name) is None]
    if missing:
        raise _Missing(f"{' and '.join(missing)} not installed: pip install 'linkwrap[domains]'")

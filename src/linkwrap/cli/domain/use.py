"""`linkwrap domain default`, `secure`, `link` and `unlink`: how a domain is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..text import printable
from .data import domain_data, print_json
from .options import Place, host_argument, registry_options

if TYPE_CHECKING:
    from ...domains import Domain


@click.command()
@host_argument
@click.option("--off", is_flag=True, help="Make it no default any more.")
@registry_options
def default(host: str, account: str | None, off: bool, place: Place, as_json: bool) -> None:
    """Make HOST the default of its account.

    It must be verified, and takes the place of another default. A domain of a subaccount becomes that one's default.
    """
    with place.open() as registry:
        domain = registry.set_default(host, not off, account=account)
    owner = f"account {printable(domain.account_id)}"
    if domain.subaccount is not None:
        owner = f"subaccount {printable(domain.subaccount)} of {owner}"
    _tell(domain, f"is {'no' if off else 'the'} default of {owner}", as_json)


@click.command()
@host_argument
@click.option("--off", is_flag=True, help="Let its links be http.")
@registry_options
def secure(host: str, account: str | None, off: bool, place: Place, as_json: bool) -> None:
    """Let the links on HOST be https.

    The last check must have seen a valid certificate: https links would be dead without one.
    """
    with place.open() as registry:
        domain = registry.set_secure(host, not off, account=account)
    _tell(domain, f"has {'http' if off else 'https'} links", as_json)


@click.command()
@host_argument
@click.argument("sending_domain")
@registry_options
def link(host: str, account: str | None, sending_domain: str, place: Place, as_json: bool) -> None:
    """Link a sending domain to HOST.

    Mail whose From address is on SENDING_DOMAIN goes out on HOST, as soon as that is verified.
    """
    with place.open() as registry:
        domain = registry.link(host, sending_domain, account=account)
    _tell(domain, f"serves mail from {printable(sending_domain)}", as_json)


@click.command()
@host_argument
@click.argument("sending_domain")
@registry_options
def unlink(host: str, account: str | None, sending_domain: str, place: Place, as_json: bool) -> None:
    """Undo link.

    Mail whose From address is on SENDING_DOMAIN goes out on the default of its account again.
    """
    with place.open() as registry:
        domain = registry.unlink(host, sending_domain, account=account)
    _tell(domain, f"serves mail from {printable(sending_domain)} no more", as_json)


def _tell(domain: Domain, what: str, as_json: bool) -> None:
    if as_json:
        print_json(domain_data(domain))
        return
    waits = "" if domain.verified else f", once it is verified: it is {domain.state}"
    click.echo(f"{domain.host} {what}{waits}.")

"""`linkwrap domain add` and `remove`: an account's claim to a host, from its request to its end."""

import sys
from typing import Literal

import click

from ...account import TrackingDomain
from ..registry import target_option, text
from ..text import printable, tell
from .data import domain_data, print_json, record_data
from .options import Place, host_argument, registry_options


@click.command()
@click.argument("account", callback=text)
@click.argument("host")
@click.option("--subaccount", callback=text, metavar="ID", help="Subaccount that alone uses it; else all of ACCOUNT.")
@click.option(
    "--method",
    type=click.Choice(["cname", "http"]),
    default="cname",
    metavar="cname|http",
    help="How it is verified; http is for a host behind a CDN or proxy. Else cname.",
)
@click.option("--vouched", is_flag=True, help="You know that ACCOUNT owns it: no TXT record is asked for.")
@target_option
@registry_options
def add(
    account: str,
    host: str,
    subaccount: str | None,
    method: Literal["cname", "http"],
    vouched: bool,
    target: TrackingDomain | None,
    place: Place,
    as_json: bool,
) -> None:
    """Add HOST for ACCOUNT, and print the DNS records.

    They are lines of a zone file, for HOST's owner to create. Then verify or watch looks for them.
    """
    with place.open(target=target, create=True) as registry:
        request = registry.add(account, host, subaccount=subaccount, method=method, vouched=vouched)
    if as_json:
        print_json(domain_data(request.domain) | {"records": list(map(record_data, request.records))})
        return
    for line in request.zone_lines:
        click.echo(printable(line))
    name = request.domain.host
    needs = "until these records are there" if request.records else "and needs no record"
    tell(f"{name} is pending {needs}: linkwrap domain verify {name} looks for it now, linkwrap domain watch in time")


@click.command()
@host_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@registry_options
def remove(host: str, account: str | None, yes: bool, place: Place, as_json: bool) -> None:
    """Remove HOST, after asking.

    New mail goes out on another domain; links in old mail keep working. Without a terminal, --yes is needed.
    """
    asks = not yes
    if asks and not (sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError("there is no terminal to ask at: --yes removes without asking")
    with place.open() as registry:
        domain = registry.domain(host, account=account)
        whose = f"{domain.host} of account {printable(domain.account_id)}"
        if asks and not click.confirm(f"Remove {whose}, which is {domain.state}?", err=True):
            raise click.ClickException("nothing was removed")
        registry.remove(domain.host, account=domain.account_id)
    if as_json:
        print_json(domain_data(domain) | {"removed": True})
    else:
        click.echo(f"{whose} is removed.")

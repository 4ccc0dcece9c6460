"""`linkwrap domain list` and `show`: what the registry holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from ..registry import text
from ..tables import print_table
from ..text import printable, tell
from .data import all_changes, change_data, domain_data, print_json, record_data
from .options import Place, host_argument, registry_options
from .view import change_line, domains_table, facts, todo

if TYPE_CHECKING:
    from ...domains.domain import State

STATES: Final[tuple[State, ...]] = ("pending", "propagating", "verified", "invalid", "suspended", "lapsed")


@click.command("list")
@click.option("--account", callback=text, metavar="ID", help="Only those of an account.")
@click.option("--state", type=click.Choice(STATES), metavar="STATE", help=f"Only those that are {', '.join(STATES)}.")
@registry_options
def list_domains(account: str | None, state: State | None, place: Place, as_json: bool) -> None:
    """List the domains, with their states and uses."""
    with place.open() as registry:
        domains = registry.domains(account=account, state=state)
    if as_json:
        print_json(list(map(domain_data, domains)))
    elif domains:
        print_table(domains_table(domains))
    else:
        tell("there is no such domain in the registry" if account or state else "the registry holds no domain")


@click.command()
@host_argument
@registry_options
def show(host: str, account: str | None, place: Place, as_json: bool) -> None:
    """Show all that is known of HOST, and its history.

    Also the DNS records that it needs, and what the last check advises.
    """
    with place.open() as registry:
        request = registry.request(host, account=account)
        domain = request.domain
        changes = all_changes(registry, host=domain.host, account=domain.account_id)
    advice = [str(sentence) for sentence in (domain.evidence or {}).get("advice", ())]
    if as_json:
        print_json(
            domain_data(domain)
            | {
                "records": list(map(record_data, request.records)),
                "advice": advice,
                "evidence": domain.evidence,
                "history": list(map(change_data, changes)),
            }
        )
        return
    lines = facts(domain) + todo(advice)
    if request.records:
        lines += ["", "Records:", *(f"  {printable(line)}" for line in request.zone_lines)]
    lines += ["", "History:", *(f"  {change_line(change)}" for change in changes)]
    click.echo("\n".join(lines))

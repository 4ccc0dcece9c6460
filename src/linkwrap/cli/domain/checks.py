"""`linkwrap domain verify`: one domain checked now, and what each server said."""

from typing import Literal

import click

from .. import registry as registries
from ..keys import key_file_option, require_keys
from ..spinner import spinner
from ..tables import print_table
from .data import print_json, time, verification_data
from .options import Place, host_argument, network_options, registry_options
from .view import answers_table, state_line, todo


@click.command()
@host_argument
@click.option(
    "--method",
    type=click.Choice(["cname", "http"]),
    metavar="cname|http",
    help="How HOST is verified from now on: http where it is behind a CDN or a proxy.",
)
@network_options
@key_file_option
@registry_options
def verify(
    host: str,
    account: str | None,
    method: Literal["cname", "http"] | None,
    resolvers: tuple[str, ...],
    deadline: float | None,
    key_file: str | None,
    place: Place,
    as_json: bool,
) -> None:
    """Check HOST now, and show what each server says.

    The exit status is 0 where HOST is verified, and 1 where it is not.
    """
    network = registries.make_network(resolvers, deadline)
    with place.open(keys=require_keys(key_file), network=network) as registry:
        target = registry.target.host
        domain = registry.domain(host, account=account)
        with spinner(f"Checking {domain.host}"):
            result = registry.verify(domain.host, account=domain.account_id, method=method)
    if as_json:
        print_json(verification_data(result))
    else:
        click.echo(state_line(result))
        table = answers_table(result, target)
        if table.row_count:
            print_table(table)
        for line in todo(result.advice):
            click.echo(line)
        if result.domain.next_check:
            click.echo(f"Next check by watch: {time(result.domain.next_check)}")
    if not result.verified:
        click.get_current_context().exit(1)

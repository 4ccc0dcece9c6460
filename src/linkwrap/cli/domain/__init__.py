"""`linkwrap domain`: custom tracking domains, from an account's request to their use. It needs the extra `domains`."""

import click

from .checks import verify
from .claims import add, remove
from .look import list_domains, show
from .use import default, link, secure, unlink
from .watch import watch

__all__ = ["domain"]


@click.group(invoke_without_command=True)
@click.pass_context
def domain(context: click.Context) -> None:
    """Manage the custom tracking domains in a registry.

    The registry is a database: LINKWRAP_REGISTRY or --registry is its SQLAlchemy URL, such as sqlite:///domains.db.
    add and watch make it where there is none.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


for _command in (add, list_domains, show, verify, default, secure, link, unlink, remove, watch):
    domain.add_command(_command)

"""`linkwrap resolve`: show what a redirect URL holds."""

import click

from ..resolver import Click, Open, Resolver
from .files import STANDARD, read_input
from .keys import key_file_option, require_keys
from .options import json_option
from .output import fact_lines, print_json, print_lines


@click.command()
@click.argument("url")
@json_option
@key_file_option
def resolve(url: str, as_json: bool, key_file: str | None) -> None:
    """Show what a redirect URL holds.

    URL is - to read it from standard input. A URL that does not verify is an error, with the reason.
    """
    resolver = Resolver(require_keys(key_file))
    if url == STANDARD:
        url = read_input(STANDARD).decode("utf-8", "replace").strip()
    found = resolver.resolve(url)
    opened = found if isinstance(found, Open) else None
    clicked = found if isinstance(found, Click) else None
    facts = {
        "kind": "click" if clicked else "unsubscribe" if not opened else "initial_open" if opened.initial else "open",
        "destination": clicked and clicked.url,
        "link_name": clicked and clicked.link_name,
        "unsubscribe": clicked.unsubscribe if clicked else not opened,
        "part": opened.part if opened else clicked and clicked.part,
        "index": clicked and clicked.index,
        "account_id": found.account_id,
        "metadata": found.metadata,
        "host": found.host,
        "sent_at": found.sent_at.isoformat().replace("+00:00", "Z"),
        "expired": found.expired,
        "anonymous": found.anonymous,
        "token": found.token,
    }
    if as_json:
        print_json(facts)
    else:
        print_lines(fact_lines(facts))

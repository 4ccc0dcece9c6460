"""`linkwrap resolve`: what a redirect URL holds."""

import json
from typing import Any

import click

from ..resolver import Click, Open, Resolver, Unsubscribe
from .files import STANDARD, read_input
from .keys import key_file_option, require_keys
from .text import printable


@click.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@key_file_option
def resolve(url: str, as_json: bool, key_file: str | None) -> None:
    """Show what a redirect URL holds.

    URL is - to read it from standard input. One that does not verify is an error, with the reason.
    """
    resolver = Resolver(require_keys(key_file))
    if url == STANDARD:
        url = read_input(STANDARD).decode("utf-8", "replace").strip()
    facts = _facts(resolver.resolve(url))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{width}}{_shown(value)}".rstrip())


def _facts(found: Click | Open | Unsubscribe) -> dict[str, Any]:
    visit = found if isinstance(found, Click) else None
    opened = "initial_open" if isinstance(found, Open) and found.initial else "open"
    other = "unsubscribe" if isinstance(found, Unsubscribe) else opened
    return {
        "kind": "click" if visit else other,
        "destination": visit and visit.url,
        "link_name": visit and visit.link_name,
        "unsubscribe": visit is not None and visit.unsubscribe,
        "account_id": found.account_id,
        "metadata": found.metadata,
        "host": found.host,
        "sent_at": found.sent_at.isoformat().replace("+00:00", "Z"),
        "expired": found.expired,
    }


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

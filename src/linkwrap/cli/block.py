"""`linkwrap block`: the block list of the redirect server."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .files import shown
from .options import json_option, option, with_options
from .output import TIME, Table, print_json, print_lines, tell

if TYPE_CHECKING:
    from pathlib import Path

    from ..server.blocks import Block

_WHAT = (
    option("--account", multiple=True, metavar="ID", help="All links of an account."),
    option("--tracking-host", multiple=True, metavar="HOST", help="All links on a tracking domain."),
    option("--host", multiple=True, metavar="HOST", help="All links to a host, and to hosts under it."),
    option("--url", multiple=True, metavar="URL", help="All links to a URL, and to those under its path."),
)
_FILE = (
    option("--store", envvar="LINKWRAP_STORE", default="linkwrap-events.db", metavar="FILE", help="The store."),
    option("--blocks", metavar="FILE", help="The block list; else beside the store, with .blocks."),
)


@click.group(invoke_without_command=True)
@click.pass_context
def block(context: click.Context) -> None:
    """Block links, so that clicks lead nowhere any more.

    A redirect server with this block list answers them with 410 within seconds. Opens and unsubscribes go on.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


@block.command()
@with_options(*_WHAT, option("--note", default="", show_default=False, help="Why, for operators."), *_FILE)
def add(store: str, blocks: str | None, note: str, **what: tuple[str, ...]) -> None:
    """Block what the options name."""
    from ..server.blocks import add_blocks

    meant = _meant(what, note)
    new = add_blocks(_path(store, blocks), meant)
    for each in new:
        print_lines([f"blocked: {each.kind} {each.value}"])
    if not new:
        tell("Note: all of that was blocked already")


@block.command()
@with_options(*_WHAT, *_FILE)
def remove(store: str, blocks: str | None, **what: tuple[str, ...]) -> None:
    """Let links work again."""
    from ..server.blocks import remove_blocks

    path = _path(store, blocks)
    gone = remove_blocks(path, _meant(what, ""))
    for each in gone:
        print_lines([f"no longer blocked: {each.kind} {each.value}"])
    if not gone:
        raise click.ClickException(f"nothing of that is in {shown(str(path))}")


@block.command("list")
@with_options(json_option, *_FILE)
def list_blocks(store: str, blocks: str | None, as_json: bool) -> None:
    """List what is blocked, the oldest first."""
    from ..server.blocks import read_blocks

    found = read_blocks(_path(store, blocks))
    if as_json:
        for each in found:
            print_json(asdict(each), line=True)
    elif not found:
        tell("nothing is blocked")
    else:
        rows = [
            (each.kind, each.value, f"{datetime.fromtimestamp(each.timestamp, UTC):{TIME}}", each.note)
            for each in found
        ]
        print_lines([Table({"kind": 0, "what": None, "since": 0, "note": None}, rows)])


def _path(store: str, blocks: str | None) -> Path:
    from pathlib import Path

    from ..server.blocks import default_path

    return Path(blocks) if blocks is not None else default_path(store)


def _meant(what: dict[str, Any], note: str) -> list[Block]:
    from ..server.blocks import KINDS, make_block

    found = [make_block(kind, value, note) for kind in KINDS for value in what[kind.replace("-", "_")]]
    if not found:
        raise click.UsageError("say what: --account, --tracking-host, --host or --url")
    return found

"""`linkwrap wrap`: HTML in, the same HTML with its links wrapped out."""

import sys

import click

from .files import STANDARD, read_input, write_output
from .keys import key_file_option, require_keys
from .options import Wrapping, message_options


@click.command()
@click.argument("file", required=False, type=click.Path())
@click.option(
    "-o",
    "--output",
    default=STANDARD,
    type=click.Path(),
    metavar="FILE",
    help="Where to write, all or nothing; standard output where left out.",
)
@message_options
@click.option("--no-clicks", is_flag=True, help="Leave the links alone.")
@key_file_option
def wrap(file: str | None, output: str, wrapping: Wrapping, no_clicks: bool, key_file: str | None) -> None:
    """Wrap the links of FILE, and add an open pixel.

    FILE is - or left out for standard input. Everything else comes out byte for byte as it went in.
    """
    if file is None and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("give a FILE, or pipe HTML into it")
    keys = require_keys(key_file)
    wrapped, _ = wrapping.wrap(read_input(file or STANDARD), keys, click_tracking=not no_clicks)
    write_output(output, wrapped)

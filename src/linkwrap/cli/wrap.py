"""`linkwrap wrap`: HTML or messages in, the same with their links wrapped out."""

import sys

import click

from .files import STANDARD
from .keys import key_file_option, require_key_source
from .many import check_folder, is_folder, make_folder, output_names, wrap_many
from .one import Job
from .options import Wrapping, message_options
from .text import tell


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path())
@click.option(
    "-o",
    "--output",
    default=STANDARD,
    type=click.Path(),
    metavar="FILE|DIR",
    help="Where to write, all or nothing; a folder for several FILEs. Else to standard output.",
)
@click.option("--jobs", default=1, type=click.IntRange(0), metavar="N", help="Files at a time; 0: one a processor.")
@message_options
@click.option("--no-clicks", is_flag=True, help="Leave the links alone.")
@key_file_option
def wrap(
    files: tuple[str, ...], output: str, jobs: int, wrapping: Wrapping, no_clicks: bool, key_file: str | None
) -> None:
    """Wrap the links of each FILE, and add an open pixel.

    FILE is HTML or a message (.eml), - or left out for standard input. All else comes out byte for byte as it went in.
    """
    if not files and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("give a FILE, or pipe HTML into it")
    names = files or (STANDARD,)
    if len(names) > 1:
        check_folder(names, output)
    job = Job(wrapping, require_key_source(key_file), click_tracking=not no_clicks)
    if wrapping.choice and wrapping.choice.warning:
        tell(wrapping.choice.warning)
    if len(names) > 1:
        if not wrap_many(job, names, output, jobs):
            click.get_current_context().exit(1)
        return
    if names[0] != STANDARD and is_folder(output):
        folder = output
        [(_, output)] = output_names(names, folder)
        make_folder(folder)
    note = job.wrap(job.source.keys(), names[0], output).note
    if note:
        tell(note)

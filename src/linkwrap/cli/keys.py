"""The keys of the command line, from the environment or a file but never from an argument; and `linkwrap keygen`."""

import os
from typing import Any, Final

import click

from .._key_files import read_key_file
from ..keys import SigningKeys
from .output import Decorator, tell

_VARIABLE: Final = "LINKWRAP_KEYS"
key_file_option: Decorator = click.option("--key-file", metavar="FILE", help=f"Keys in place of {_VARIABLE}.")


def find_keys(key_file: str | None) -> SigningKeys | None:
    """Return the keys of the key file, or else those of the environment; None if there are none."""
    if key_file is None:
        return SigningKeys.from_env(_VARIABLE) if os.environ.get(_VARIABLE) else None
    return SigningKeys(**_read_key_file(key_file))


def require_keys(key_file: str | None) -> SigningKeys:
    """Return the keys as `find_keys` does; raises `click.UsageError` if there are none."""
    if keys := find_keys(key_file):
        return keys
    raise click.UsageError(f"no keys: set {_VARIABLE} or give --key-file; linkwrap keygen prints a key")


def _read_key_file(name: str) -> dict[str, Any]:
    try:
        keys, fault, open_to_all = read_key_file(name)
    except OSError as error:
        raise click.ClickException(f"cannot read the key file: {error.strerror}") from None
    if not keys:
        raise click.UsageError(fault)
    if open_to_all:
        tell("Warning: everybody on this machine can read the key file: chmod 600 changes that")
    return {"current": keys[0], "retired": keys[1:]}


@click.command()
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="Print exported keys for this tracking domain.")
@key_file_option
def keygen(hosts: tuple[str, ...], key_file: str | None) -> None:
    """Print a new key, or keys for some tracking domains.

    With --host, which can be repeated, it prints the exported keys of your keys, one a line: they sign and verify links
    on these hosts only. Separate them by commas in LINKWRAP_KEYS where they are used.
    """
    if not hosts and key_file is not None:
        raise click.UsageError("--key-file needs --host: a new key needs no other")
    # In one expression, so that no frame has a key in a variable.
    click.echo("\n".join(require_keys(key_file).for_hosts(hosts) if hosts else [SigningKeys.generate()]))

"""The keys of the command line, from the environment or a file but never from an argument; and `linkwrap keygen`."""

import os
import stat
from typing import Any, Final

import click

from ..keys import SigningKeys
from .output import Decorator, tell

_VARIABLE: Final = "LINKWRAP_KEYS"
_MAX_KEY_FILE: Final = 1 << 16
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
    # A traceback may show the variables of a frame: no function that can fail has a key in one.
    # No message names the file: whoever gives a key in place of a file name would find the key in a log.
    try:
        with open(name, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            keys, fault = _entries(file.read(_MAX_KEY_FILE + 1))
    except OSError as error:
        raise click.ClickException(f"cannot read the key file: {error.strerror}") from None
    if not keys:
        raise click.UsageError(fault)
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
        tell("Warning: everybody on this machine can read the key file: chmod 600 changes that")
    return {"current": keys[0], "retired": keys[1:]}


def _entries(content: bytes) -> tuple[list[bytes], str]:
    """Return the keys in a key file; none of them, and a sentence, if something is wrong with the file."""
    if len(content) > _MAX_KEY_FILE or b"\0" in content:
        return [], "the key file must be plain text with one key a line"
    lines = [line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    for number, line in enumerate(lines, 1):
        if line in keys and (b"," in line or line.startswith(f"{_VARIABLE}=".encode())):
            return [], f"line {number} of the key file must be one key, without a comma or a variable"
    return keys, "the key file holds no key; linkwrap keygen prints one"


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

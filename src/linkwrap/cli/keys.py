"""Where the command line has its keys from, the environment or a file but never an argument, and `linkwrap keygen`."""

import os
import stat

import click

from ..tokens import SigningKeys

_VARIABLE = "LINKWRAP_KEYS"
_MAX_KEY_FILE = 1 << 16

key_file_option = click.option(
    "--key-file",
    type=click.Path(),
    metavar="FILE",
    help=f"Keys, one a line, the current one first, in place of {_VARIABLE}. Lines that begin with # do not count.",
)


def find_keys(key_file: str | None) -> SigningKeys | None:
    """Return the keys that are configured; None where there are none. `key_file` goes before the environment."""
    if key_file is not None:
        return _read_key_file(key_file)
    return SigningKeys.from_env(_VARIABLE) if os.environ.get(_VARIABLE) else None


def require_keys(key_file: str | None) -> SigningKeys:
    """Return the keys that are configured; raises `click.UsageError` where there are none."""
    keys = find_keys(key_file)
    if keys is None:
        raise click.UsageError(f"no keys: set {_VARIABLE} or give --key-file; linkwrap keygen prints a key")
    return keys


def _read_key_file(name: str) -> SigningKeys:
    # No message names the file: whoever took the option for that of a key would find the key in a log.
    try:
        with open(name, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_KEY_FILE + 1)
    except OSError as error:
        raise click.ClickException(f"cannot read the key file: {error.strerror}") from None
    lines = [line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if len(content) > _MAX_KEY_FILE or b"\0" in content:
        raise click.UsageError("the key file is no plain text with a key a line")
    if not keys:
        raise click.UsageError("the key file holds no key; linkwrap keygen prints one")
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
        click.echo("Warning: everybody on this machine can read the key file: chmod 600 would change that", err=True)
    return SigningKeys(keys[0], retired=keys[1:])


@click.command()
def keygen() -> None:
    """Print a new key."""
    click.echo(SigningKeys.generate())

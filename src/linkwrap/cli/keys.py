"""Where the command line has its keys from, the environment or a file but never an argument, and `linkwrap keygen`."""

import os
import stat
from dataclasses import dataclass, field

import click

from ..keys import SigningKeys

_VARIABLE = "LINKWRAP_KEYS"
_MAX_KEY_FILE = 1 << 16

key_file_option = click.option(
    "--key-file",
    type=click.Path(),
    metavar="FILE",
    help=f"Keys, one a line, the current one first, in place of {_VARIABLE}. Lines that begin with # do not count.",
)


@dataclass(frozen=True, slots=True)
class KeySource:
    """What keys are made from; unlike the keys it can be handed to a process of our own, which has the environment."""

    lines: tuple[bytes, ...] = field(repr=False)
    """Those of the key file, which may be a pipe and is read once; none where the keys are in the environment."""

    def keys(self) -> SigningKeys:
        """Make the keys; raises `OptionError` where one is too short."""
        if self.lines:
            return SigningKeys(self.lines[0], retired=self.lines[1:])
        return SigningKeys.from_env(_VARIABLE)


def find_keys(key_file: str | None) -> SigningKeys | None:
    """Return the keys that are configured; None where there are none. `key_file` goes before the environment."""
    source = _find_source(key_file)
    return None if source is None else source.keys()


def require_keys(key_file: str | None) -> SigningKeys:
    """Return the keys that are configured; raises `click.UsageError` where there are none."""
    return require_key_source(key_file).keys()


def require_key_source(key_file: str | None) -> KeySource:
    """Return what the configured keys are made from; raises `click.UsageError` where there is nothing."""
    source = _find_source(key_file)
    if source is None:
        raise click.UsageError(f"no keys: set {_VARIABLE} or give --key-file; linkwrap keygen prints a key")
    return source


def _find_source(key_file: str | None) -> KeySource | None:
    if key_file is not None:
        return KeySource(_read_key_file(key_file))
    return KeySource(()) if os.environ.get(_VARIABLE) else None


def _read_key_file(name: str) -> tuple[bytes, ...]:
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
    for number, line in enumerate(lines, 1):
        if line in keys and (b"," in line or line.startswith(f"{_VARIABLE}=".encode())):
            raise click.UsageError(
                f"line {number} of the key file is no single key: it takes one key a line, and no more"
            )
    if not keys:
        raise click.UsageError("the key file holds no key; linkwrap keygen prints one")
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
        click.echo("Warning: everybody on this machine can read the key file: chmod 600 would change that", err=True)
    return tuple(keys)


@click.command()
def keygen() -> None:
    """Print a new key."""
    click.echo(SigningKeys.generate())

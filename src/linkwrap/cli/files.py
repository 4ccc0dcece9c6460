"""Bytes in, bytes out: nothing is decoded, no line end is translated, and no output file is ever half written."""

import os
import secrets
import stat
import sys
from contextlib import suppress
from typing import BinaryIO, Final, Literal, TextIO

import click

STANDARD: Final = "-"  # the name of standard input and standard output


def shown(name: str) -> str:
    """Return the name of a file for a message."""
    return "standard input" if name == STANDARD else click.format_filename(name)


def read_input(name: str) -> bytes:
    """Return the content of a file or of standard input; raises `click.ClickException` if it cannot be read."""
    try:
        if name == STANDARD:
            return _standard("stdin").read()
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise click.ClickException(f"cannot read {shown(name)}: {error.strerror or error}") from error


def write_output(name: str, content: bytes) -> None:
    """Write a file, all of it or nothing, or standard output; raises `click.ClickException` if it cannot be written.

    A file that exists keeps its permissions. A device or a pipe is written to, not replaced.
    """
    try:
        if name == STANDARD or _is_standard_output(name):
            _write(_standard("stdout"), content)
        else:
            _write_file(name, content)
    except BrokenPipeError:
        raise
    except OSError as error:
        if name == STANDARD:
            raise
        raise click.ClickException(f"cannot write {shown(name)}: {error.strerror or error}") from error


def _standard(name: Literal["stdin", "stdout"]) -> BinaryIO:
    stream: TextIO | None = getattr(sys, name)
    if stream is None:
        raise click.ClickException(f"{name} is closed")
    return stream.buffer


def _is_standard_output(name: str) -> bool:
    # If /dev/stdout is a file, it must not be replaced: others may have written to it before.
    try:
        return os.path.samestat(os.stat(name), os.fstat(sys.stdout.fileno()))
    except (OSError, AttributeError):
        return False


def _write(file: BinaryIO, content: bytes) -> None:
    # An unbuffered stream (PYTHONUNBUFFERED) may take less than it is given.
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) or 0 :]
    file.flush()


def _write_file(name: str, content: bytes) -> None:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with open(name, "wb", buffering=0) as device:
            _write(device, content)
        return
    path = os.path.realpath(name)
    temporary = os.path.join(os.path.dirname(path), f".linkwrap-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            _write(file, content)
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise

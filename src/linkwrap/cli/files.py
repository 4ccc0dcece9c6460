"""Bytes in, bytes out: nothing is decoded, no line end is translated, and no output file is ever half written."""

import io
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import BinaryIO, Final, Literal, TextIO

import click

STANDARD: Final = "-"  # the name of standard input and standard output


def shown(name: str) -> str:
    """Return the name of a file for a message."""
    return "standard input" if name == STANDARD else click.format_filename(name)


@contextmanager
def input_file(name: str) -> Iterator[BinaryIO]:
    """Open a file or standard input; raises `click.ClickException` if it cannot be read."""
    try:
        if name == STANDARD:
            yield _standard("stdin")
        else:
            with open(name, "rb") as file:
                yield file
    except OSError as error:
        raise click.ClickException(f"cannot read {shown(name)}: {error.strerror or error}") from error


def read_input(name: str) -> bytes:
    """Return the content of a file or of standard input; raises `click.ClickException` if it cannot be read."""
    with input_file(name) as file:
        return file.read()


@contextmanager
def output_file(name: str, *, private: bool = False) -> Iterator[BinaryIO]:
    """Open a file to write, all of it or nothing, or standard output.

    A file that exists keeps its permissions, unless the new one is private: for its owner alone. A device or a pipe is
    written to, not replaced. Raises `click.ClickException` if it cannot be written.
    """
    try:
        if name == STANDARD or _is_standard_output(name):
            with _whole(_standard("stdout")) as file:
                yield file
        else:
            with _replaced(name, private) as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        if name == STANDARD:
            raise
        raise click.ClickException(f"cannot write {shown(name)}: {error.strerror or error}") from error


def write_output(name: str, content: bytes) -> None:
    """Write a file, all of it or nothing, or standard output, as `output_file` does."""
    with output_file(name) as file:
        file.write(content)


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


@contextmanager
def _whole(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Buffer a stream that has no buffer (PYTHONUNBUFFERED), which may take less than it is given."""
    if not isinstance(stream, io.RawIOBase):
        yield stream
        stream.flush()
        return
    buffered = io.BufferedWriter(stream)
    try:
        yield buffered
    finally:
        buffered.detach()


@contextmanager
def _replaced(name: str, private: bool) -> Iterator[BinaryIO]:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with open(name, "wb") as device:
            yield device
        return
    path = os.path.realpath(name)
    temporary = os.path.join(os.path.dirname(path), f".linkwrap-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=0o600 if private else 0o666)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None and not private:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise

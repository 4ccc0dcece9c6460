"""Text of others, made fit for a terminal."""

from contextlib import suppress

import click


def printable(text: str) -> str:
    r"""Return the text with controls, direction marks and lone surrogates written as `\x1b` or `\u202e`.

    What a mail holds must not move the cursor or hide itself.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def tell(message: str) -> None:
    """Say something on standard error, in one line whatever is in it; no error where nobody can be told."""
    with suppress(OSError):
        click.echo(printable(" ".join(message.split())), err=True)

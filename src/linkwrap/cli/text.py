"""Text of others, made fit for a terminal."""


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

"""Lines and columns, for positions in a document of any encoding."""

import re
import sys
from collections.abc import Iterable, Iterator

from .source import open_source

_LINE_END = re.compile(r"\r\n?+|\n", re.ASCII)


def lines_and_columns(
    positions: Iterable[int], source: str | bytes, encoding: str | None = None
) -> Iterator[tuple[int, int]]:
    """Yield the line and the column of each position, both from 1 and in characters, as an editor shows them.

    Positions are in the source's units, as in `Link.start`; the time is linear if they ascend. A byte order mark is not
    a character. `encoding` is the one that `bytes` were compiled with, if one was given.
    """
    document = open_source(source, encoding)
    # The text of a document with shifted runs masks line ends inside of them.
    masked = isinstance(source, bytes) and document.unit == 1
    text = source.decode("latin-1") if masked and isinstance(source, bytes) else document.text
    line = start = 0
    following = 0  # the start of the next line
    at, column = 0, 1
    for position in positions:
        index = position // document.unit
        if index < start:
            line = following = 0
        while following <= index:
            line, start = line + 1, following
            end = _LINE_END.search(text, start)
            following = end.end() if end else sys.maxsize
        if not start <= at <= index:
            at, column = start, 1
        before = document.decode(at, index)
        column += len(before) - (at == 0 and before.startswith("\ufeff"))
        at = index
        yield line, column

"""Lines and columns in documents of any encoding and with any line ends."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwrap._markup.places import lines_and_columns

TEXT = "ß<a>\r\nソ\r<a>\n\n日本<a><a>\r"
PLACES = [(1, 2), (3, 1), (5, 3), (5, 6)]


@pytest.mark.parametrize(
    ("source", "encoding", "unit"),
    [
        (TEXT, None, "utf-32-le"),
        (TEXT.encode(), None, "utf-8"),
        (b"\xef\xbb\xbf" + TEXT.encode(), None, "utf-8"),
        (TEXT.replace("ß", "я").encode("cp932"), "shift_jis", "cp932"),
        (TEXT.replace("ß", "я").encode("iso-2022-jp"), "iso-2022-jp", "latin-1"),
        (("\ufeff" + TEXT).encode("utf-16-le"), None, "utf-16-le"),
        (("\ufeff" + TEXT).encode("utf-16-be"), None, "utf-16-be"),
    ],
)
def test_encodings(source: str | bytes, encoding: str | None, unit: str) -> None:
    """A character is a column whatever its bytes; CR LF, CR and LF each end a line; a byte order mark is nothing."""
    mark: str | bytes = "<a>" if isinstance(source, str) else "<a>".encode(unit if "16" in unit else "ascii")
    pattern = re.compile(re.escape(mark))  # type: ignore[type-var]
    positions = [found.start() for found in pattern.finditer(source)]  # type: ignore[arg-type]
    assert list(lines_and_columns(positions, source, encoding)) == PLACES
    # In any order.
    assert list(lines_and_columns(positions[::-1], source, encoding)) == PLACES[::-1]


@given(st.text(st.sampled_from("a\r\n𝄞é")), st.data())
def test_against_counting(text: str, data: st.DataObject) -> None:
    """A position's line and column are those that one gets by splitting all that stands before it into lines."""
    index = data.draw(st.integers(0, len(text)))
    before = text[:index]
    if text[index - 1 : index + 1] == "\r\n":  # between both: they end a line together
        before = before[:-1] + "x"
    lines = re.split(r"\r\n|\r|\n", before)
    expected = (len(lines), len(lines[-1]) + 1)
    assert list(lines_and_columns([index], text)) == [expected]
    source = text.encode()
    assert list(lines_and_columns([len(text[:index].encode())], source, "utf-8")) == [expected]


def test_one_long_line() -> None:
    """A mail that is one line takes time that grows with its length, not with its square."""
    source = b"<p>\xc3\xa9<a>" * 100_000
    places = list(lines_and_columns(range(5, len(source), 8), source, "utf-8"))
    assert places[-1] == (1, 100_000 * 7 - 2)

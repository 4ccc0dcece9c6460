"""For any bytes under any label: nothing is lost, positions fit, and markup is seen where the text has markup only."""

from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkwrap._markup.source import open_source

# label and codec of what hypothesis writes
ENCODINGS = [
    ("utf-8", "utf-8"),
    ("windows-1250", "cp1250"),
    ("windows-1251", "cp1251"),
    ("windows-1252", "cp1252"),
    ("windows-1256", "cp1256"),
    ("iso-8859-15", "iso8859-15"),
    ("koi8-r", "koi8-r"),
    ("x-mac-cyrillic", "mac-cyrillic"),
    ("shift_jis", "cp932"),
    ("big5", "big5hkscs"),
    ("gb18030", "gb18030"),
    ("euc-kr", "cp949"),
    ("euc-jp", "euc_jp"),
    ("iso-2022-jp", "iso2022_jp_ext"),
    ("iso-2022-kr", "iso2022_kr"),
    ("hz-gb-2312", "hz"),
    ("utf-16le", "utf-16-le"),
    ("utf-16be", "utf-16-be"),
]
LABELS = st.sampled_from([None, "utf-16", "iso-2022-cn", "x-user-defined", *(label for label, _ in ENCODINGS)])
MARKUP = frozenset("<>\"'=&/\t\n\f\r ")

# Bytes that switch something, among any others.
SWITCHES = [
    b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"<\0p\0", b"\0<\0p", b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b(I",
    b"\x1b$", b"\x1b", b"\x1b$)C", b"\x0e", b"\x0f", b"~{", b"~}", b"~~", b"~", b"\n", b"<h", b"\xd8\x3d", b"\x3d\xd8",
    b"\x81", b"\x810", b"<a href='", b"'>", b"<meta charset=iso-2022-jp>", b"<meta charset=hz-gb-2312>",
    b"<meta charset='", b"<!--", b"<?xml encoding='", b"\0",
]  # fmt: skip
DOCUMENTS = st.lists(st.sampled_from(SWITCHES) | st.binary(max_size=6), max_size=12).map(b"".join)


@cache
def characters(codec: str) -> str:
    """Characters that the encoding writes and reads back the same, from everywhere in its repertoire."""

    def reads_back(character: str) -> bool:
        try:
            return character.encode(codec).decode(codec) == character
        except UnicodeError:
            return False

    candidates = [
        *range(0xA0, 0x500, 3),
        *range(0x2010, 0x2200, 7),
        *range(0x3001, 0xD7A4, 97),
        *range(0xFF61, 0xFFA0, 5),
    ]
    return "".join(filter(reads_back, map(chr, [*candidates, 0x1F600])))


@cache
def texts(codec: str) -> st.SearchStrategy[str]:
    """Texts that the encoding can write, rich in markup."""
    return st.text(st.sampled_from("<>\"'=&/ \nah~{}") | st.sampled_from(characters(codec)), max_size=20)


@given(html=DOCUMENTS, label=LABELS, cuts=st.tuples(st.integers(0, 99), st.integers(0, 99)))
@example(html=b"", label=None, cuts=(0, 0))
@example(html=b"\xff\xfe<", label=None, cuts=(1, 1))
@example(html=b"~", label="hz-gb-2312", cuts=(0, 1))
def test_any_bytes_are_covered_and_handed_on(html: bytes, label: str | None, cuts: tuple[int, int]) -> None:
    """Whatever the bytes and the label, the text covers them, cuts make up the input, and nothing raises."""
    source = open_source(html, label)
    length = len(source.text)
    assert len(html) <= length * source.unit < len(html) + source.unit
    assert 0 <= source.tail <= length
    first, second = sorted(min(cut, length) for cut in cuts)
    assert source.join([source.cut(0, first), source.cut(first, second), source.cut(second, length)]) == html
    assert isinstance(source.decode(first, second), str)
    for index, character in enumerate(source.text):
        if character.isascii():
            unit = source.cut(index, index + 1)
            assert isinstance(unit, bytes)
            assert unit.strip(b"\0") == character.encode().strip(b"\0")


@given(html=DOCUMENTS, label=LABELS.filter(bool))
def test_what_is_inserted_at_the_tail_is_markup(html: bytes, label: str) -> None:
    """A tag put where the source says that the document's readable part ends is read as one."""
    source = open_source(html, label)
    parts = [source.cut(0, source.tail), source.encode("<p>"), source.cut(source.tail, len(source.text))]
    longer = source.join(parts)
    assert open_source(longer, label).text[source.tail : source.tail + 3] == "<p>"
    assert len(longer) == len(html) + 3 * source.unit


@given(text=st.text(st.characters(), max_size=30), cuts=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_any_str_is_handed_on(text: str, cuts: tuple[int, int]) -> None:
    """A str is its own text, surrogates and all."""
    source = open_source(text)
    first, second = sorted(cuts)
    assert source.join([source.cut(0, first), source.cut(first, second), source.cut(second, len(text))]) == text
    assert source.decode(first, second) == text[first:second]


@pytest.mark.parametrize(("label", "codec"), ENCODINGS)
@given(data=st.data())
def test_markup_is_seen_where_it_is(label: str, codec: str, data: st.DataObject) -> None:
    """The text of a valid document shows the markup characters of the document, and no other."""
    text = data.draw(texts(codec))
    html = text.encode(codec)
    source = open_source(html, label)
    seen = [character for character in source.text if character in MARKUP]
    assert seen == [character for character in text if character in MARKUP]
    assert source.tail == len(source.text)


@pytest.mark.parametrize(("label", "codec"), ENCODINGS)
@given(data=st.data())
def test_values_are_read(label: str, codec: str, data: st.DataObject) -> None:
    """A value anywhere in a document is read as what was written, wherever the document is cut."""
    before, value, after = (data.draw(texts(codec)).encode(codec) for _ in range(3))
    source = open_source(before + value + after, label)
    start, end = len(before) // source.unit, (len(before) + len(value)) // source.unit
    assert source.cut(start, end) == value
    assert source.decode(start, end) == value.decode(codec)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@given(text=st.text(st.characters() | st.sampled_from("<>\ud83d\ude00"), max_size=20), odd=st.sampled_from([b"", b"<"]))
def test_utf_16_counts_units(codec: str, text: str, odd: bytes) -> None:
    """Lone and paired surrogates count one position each, and an odd byte at the end is behind the last of them."""
    html = text.encode(codec, "surrogatepass") + odd
    source = open_source(html, codec)
    if source.charset != codec:  # the text itself looks like the other byte order
        return
    assert source.tail == len(html) // 2
    assert source.cut(source.tail, len(source.text)) == odd
    assert source.text.isascii() == (html.decode(codec, "replace").isascii())
    assert source.decode(0, source.tail) == html[: 2 * source.tail].decode(codec, "replace")
    seen = [index for index, character in enumerate(source.text) if character == "<"]
    written = [index for index in range(source.tail) if html[2 * index : 2 * index + 2] == "<".encode(codec)]
    assert seen == written

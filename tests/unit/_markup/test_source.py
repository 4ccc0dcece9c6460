"""Every encoding's document can be scanned, read at a position and cut up without a byte of it changing."""

import email
import os
import subprocess
import sys

import pytest

from helpers.paths import CORPUS
from linkwrap._markup.encodings import codec_of_label
from linkwrap._markup.source import Source, open_source
from linkwrap.errors import OptionError


def value_of(source: Source) -> str:
    """What the document says between the first `href="` and the quote that ends it, as a link scan would ask."""
    start = source.text.index('href="') + len('href="')
    return source.decode(start, source.text.index('"', start))


def whole(source: Source) -> str | bytes:
    """The document as its source hands it on, cut in three."""
    third = len(source.text) // 3
    end = len(source.text)
    return source.join([source.cut(0, third), source.cut(third, 2 * third), source.cut(2 * third, end)])


def test_str_is_its_own_text() -> None:
    """A str is scanned as it is, and what is put into it is str."""
    html = '\ufeff<a href="http://例え.jp/\ud83d">'
    source = open_source(html)
    assert source.text is html
    assert (source.unit, source.tail, source.charset) == (1, len(html), None)
    assert value_of(source) == "http://例え.jp/\ud83d"
    assert whole(source) == html
    assert source.join([source.cut(0, 1), source.encode("p>")]) == "\ufeffp>"
    assert source.join([]) == ""


@pytest.mark.parametrize(
    ("label", "codec", "value"),
    [
        ("utf-8", "utf-8", "http://例え.jp/é?q=😀"),
        ("UTF8 ", "utf-8-sig", "http://x.example/ü"),
        ("iso-8859-1", "cp1252", "http://x.example/€“"),
        ("us-ascii", "cp1252", "http://x.example/é"),
        ("iso-8859-9", "cp1254", "http://x.example/ığ"),
        ("windows-1251", "cp1251", "http://пример.example/я"),
        ("koi8-r", "koi8-r", "http://пример.example/я"),
        ("x-mac-cyrillic", "mac-cyrillic", "http://пример.example/я"),
        ("tis-620", "cp874", "http://x.example/ไทย"),
        ("shift_jis", "cp932", "http://x.example/表ソ能①ｱ"),
        ("big5", "big5hkscs", "http://x.example/功許蓋"),
        ("gb2312", "gb18030", "http://x.example/中文㐀😀"),
        ("gbk", "gb18030", "http://x.example/镕"),
        ("euc-jp", "euc_jp", "http://x.example/表ソ"),
        ("ks_c_5601-1987", "cp949", "http://x.example/똠방각하"),
        ("iso-2022-jp", "iso2022_jp_ext", "http://x.example/表ソｱ能"),
        ("iso-2022-kr", "iso2022_kr", "http://x.example/한국어"),
        ("hz-gb-2312", "hz", "http://x.example/~you/中文~"),
        ("utf-16", "utf-16-le", "http://例え.jp/😀"),
        ("utf-16be", "utf-16-be", "http://例え.jp/😀"),
    ],
)
def test_values_are_read_in_their_encoding(label: str, codec: str, value: str) -> None:
    """A value is found in the text and read in the encoding that the label stands for; the bytes stay as they are."""
    html = f'<p title="{value}">{value}</p><a href="{value}">{value}</a>'.encode(codec)
    source = open_source(html, label)
    assert value_of(source) == value
    assert whole(source) == html
    assert source.tail == len(source.text)
    ascii_text = '<img src="https://spgo.io/q/2">'
    assert source.encode(ascii_text) == ascii_text.encode(codec.removesuffix("-sig"))
    assert source.join([]) == b""


def test_shift_jis_sequences_that_encode_otherwise_survive() -> None:
    """The two-byte sequences of cp932 that decoding and encoding would change come out as they went in."""
    html = b'<a href="http://x.example/\xee\xef\x87\x90">\xed\x40\x81\xca</a>'
    assert html.decode("cp932").encode("cp932") != html
    assert whole(open_source(html, "shift_jis")) == html


def test_unknown_encoding_is_refused() -> None:
    """An encoding that nobody knows is refused before anything is read, for a `str` too."""
    for html in (b"<p>", "<p>"):
        with pytest.raises(OptionError, match="unknown encoding 'x-unknown'"):
            open_source(html, "x-unknown")
        with pytest.raises(TypeError, match="encoding must be str or None, not int"):
            open_source(html, 5)  # type: ignore[arg-type]


def test_declaration_is_followed() -> None:
    """A value is read in what the markup declares, and in what the caller says where both speak."""
    html = '<meta charset="windows-1251"><a href="http://x.example/я">'.encode("cp1251")
    assert value_of(open_source(html)) == "http://x.example/я"
    assert value_of(open_source(html, "koi8-r")) == "http://x.example/Ъ"
    assert value_of(open_source(b"\xef\xbb\xbf" + html)) == "http://x.example/\ufffd"


def test_invalid_bytes_are_replaced_in_values_and_kept_in_the_document() -> None:
    """What cannot be read in the encoding is U+FFFD to the reader and stays in the output."""
    html = b'<a href="http://x.example/\xff\xc3(">\xe9</a>'
    source = open_source(html, "utf-8")
    assert value_of(source) == "http://x.example/\ufffd\ufffd("
    assert whole(source) == html


def test_undeclared_encoding_is_detected() -> None:
    """Without label, BOM and declaration UTF-8 is tried, then what BeautifulSoup detects."""
    text = '<p>Crème brûlée à la carte, déjà vu</p><a href="http://x.example/é">'
    assert value_of(open_source(text.encode())) == "http://x.example/é"
    assert value_of(open_source(text.encode("cp1252"))) == "http://x.example/é"
    declared_late = b" " * 1024 + b'<meta charset="koi8-r"><a href="http://x.example/\xd1">'
    assert value_of(open_source(declared_late)) == "http://x.example/я"


def test_ordinary_mail_needs_no_detector() -> None:
    """Opening and reading what is ASCII, declared or UTF-8 does not import BeautifulSoup."""
    program = (
        "import sys; from linkwrap._markup.source import open_source\n"
        "for html in (b'<a href=x>', b'<p>\\xff<a href=x>', b'\\xc3\\xa9', b'\\x1b$B!!'):\n"
        "    source = open_source(html); source.decode(0, 3)\n"
        "open_source(b'<meta charset=koi8-r>\\xd1').decode(0, 22)\n"
        "sys.exit('bs4' in sys.modules)\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    assert subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}).returncode == 0


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("label", [None, "utf-16", "utf-16le", "unicode"])
def test_utf_16_is_recognised(codec: str, bom: str, label: str | None) -> None:
    """UTF-16 is read in the byte order that a BOM or the first tag shows, whatever order a label would imply."""
    html = f'{bom}漢字😀 <!-- é --><a href="http://例え.jp/😀">'.encode(codec)
    source = open_source(html, label)
    assert (source.unit, source.charset) == (2, codec)
    assert len(source.text) * 2 == len(html)
    assert value_of(source) == "http://例え.jp/😀"
    start = source.text.index("http")
    assert html[2 * start :].decode(codec).startswith("http://例え")
    assert source.encode("a") == "a".encode(codec)
    assert whole(source) == html


def test_utf_16_without_any_tag_is_read_by_its_label() -> None:
    """A label is enough where neither BOM nor tag shows the byte order."""
    source = open_source("漢字".encode("utf-16-be"), "utf-16be")
    assert source.decode(0, 2) == "漢字"
    assert open_source("漢字".encode("utf-16-le"), "utf-16").decode(0, 2) == "漢字"


def test_utf_16_of_broken_units() -> None:
    """Unpaired surrogates are one character each, and an odd byte at the end is kept, with nothing put behind it."""
    for codec in ("utf-16-le", "utf-16-be"):
        html = 'x\ud83d<a href="\ude00\ud83d">\ud83d\ude00'.encode(codec, "surrogatepass") + b"<"
        source = open_source(html, codec)
        assert [index for index, character in enumerate(source.text) if character in "<>"] == [2, 14]
        assert value_of(source) == "\ufffd\ufffd"
        assert source.decode(15, 17) == "😀"
        assert source.tail == len(source.text) - 1 == len(html) // 2
        assert whole(source) == html


@pytest.mark.parametrize("html", [b"<\0a href=x>", b"\0<a href=x>", b"a\0<b>", b"<p>\0\0</p>", b"\0", b"\0\0\0\0"])
def test_nul_bytes_alone_are_not_utf_16(html: bytes) -> None:
    """Stray NULs in a document of bytes leave it one."""
    source = open_source(html)
    assert source.text == html.decode("latin-1")
    assert source.unit == 1


def test_iso_2022_jp_hides_markup_inside_characters() -> None:
    """The bytes `<h` inside a shifted run are half of two characters, not the start of a tag."""
    html = b'<p>\x1b$B<h0!<a>b\x1b(B</p><a href="http://x.example/\x1b$B<h>!\x1b(B">'
    source = open_source(html, "iso-2022-jp")
    assert source.text == '<p>¤¤¤¤¤¤¤¤¤¤¤¤¤¤</p><a href="http://x.example/¤¤¤¤¤¤¤¤¤¤">'
    assert value_of(source) == "http://x.example/" + html[-12:-2].decode("iso2022_jp")
    assert whole(source) == html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (b"a<\x1b$B<h\x1b(B>", "a<¤¤¤¤¤¤¤¤>"),
        (b"\x1b(J<b>\\~\x1b(B<i>", "¤¤¤<b>\\~¤¤¤<i>"),
        (b"\x1b(I<h>\x1b(J<b>", "¤¤¤¤¤¤¤¤¤<b>"),
        (b"\x1b$@<h\x1b(I<h>\x1b$B<b\x1b(B<i>", "¤" * 19 + "<i>"),
        (b"\x1b$(D<h\x1b(B<i>", "¤¤¤¤¤¤¤¤¤<i>"),
        (b"\x1b$B<h\n<b\x1b(X<i\x1b(B<u>", "¤" * 16 + "<u>"),
        (b"\x1b<b>\x1b(<i>\x1b$<u>\x1b(X<s>", "\x1b<b>\x1b(<i>\x1b$<u>\x1b(X<s>"),
    ],
)
def test_iso_2022_jp_states(html: bytes, text: str) -> None:
    """Two-byte sets and katakana are masked up to ASCII or JIS-Roman; an escape sequence of neither changes nothing."""
    source = open_source(html, "iso-2022-jp")
    assert source.text == text
    assert source.tail == len(text)


@pytest.mark.parametrize(
    ("label", "shifted"),
    [
        ("iso-2022-jp", b"\x1b$B<h"),
        ("iso-2022-jp", b"\x1b(I<h>"),
        ("iso-2022-jp", b"\x1b$B<h\x1b$B"),
        ("iso-2022-kr", b"\x0e<h"),
        ("iso-2022-cn", b"\x0e<h"),
        ("hz-gb-2312", b"~{<h"),
        ("hz-gb-2312", b"~{"),
        ("hz-gb-2312", b"~"),
    ],
)
def test_nothing_is_inserted_into_an_open_run(label: str, shifted: bytes) -> None:
    """Where the document ends inside a shifted run, text goes before that run."""
    html = b"<p>\x1b$)C</p>" + shifted
    source = open_source(html, label)
    assert source.tail == len(html) - len(shifted)
    assert source.text[source.tail :].strip("¤") == ""
    assert whole(source) == html


@pytest.mark.parametrize(
    ("label", "html", "text"),
    [
        ("iso-2022-kr", b"\x1b$)C<p>\x0e<h\x0f<b>\x0e<i>\n<u>", "¤¤¤¤<p>¤¤¤¤<b>¤¤¤¤\n<u>"),
        ("iso-2022-cn", b"\x1b$)A<p>\x0e<h\x0f<b>\x1b$*H\x1bN<h<u>", "¤¤¤¤<p>¤¤¤¤<b>¤¤¤¤¤¤¤¤<u>"),
        ("hz-gb-2312", b"<p>~{<h~|~}<b>~~<i>~\n<u>~{<h\n<s>~x", "<p>¤¤¤¤¤¤¤¤<b>¤¤<i>¤¤<u>¤¤¤¤\n<s>~x"),
    ],
)
def test_other_shifted_encodings_are_masked(label: str, html: bytes, text: str) -> None:
    """Shifted runs are masked up to the shift back or the end of their line, and escape sequences by themselves."""
    source = open_source(html, label)
    assert source.text == text
    assert source.tail == len(text)
    assert whole(source) == html


def test_iso_2022_cn_is_not_read() -> None:
    """A value with a shifted run of ISO-2022-CN says that there is something which cannot be read."""
    html = b'\x1b$)A<a href="http://x.example/\x0e<h\x0f"><a href="http://x.example/">'
    assert value_of(open_source(html, "iso-2022-cn")) == "http://x.example/\ufffd\ufffd\ufffd\ufffd"


@pytest.mark.parametrize(
    "html",
    [
        b"\x1b$B<h\x1b(B",
        b"\x1b$@<h\x1b(B",
        b"<meta charset=ISO-2022-JP>\x1b$B<h\x1b(B",
        b"\x1b$)C\x0e<h\x0f",
        b"<meta charset=iso-2022-kr>\x1b$)C\x0e<h\x0f",
        b"<meta charset=hz-gb-2312>~{<h~}",
    ],
)
def test_shifted_encodings_are_recognised_without_a_label(html: bytes) -> None:
    """A declaration or, in ASCII text, the escape sequence of two-byte characters is enough."""
    assert "<h" not in open_source(html).text


@pytest.mark.parametrize(
    "html", [b"<meta charset=utf-8>\x1b$B<h\x1b(B", b"\x1b$B<h\x1b(B\xc3\xa9", b"~{<h~}", b"\x1b[1m<h", b"\x0e<h\x0f"]
)
def test_escapes_in_other_encodings_are_text(html: bytes) -> None:
    """Where the encoding is another one, an escape sequence hides nothing."""
    assert open_source(html).text == html.decode("latin-1")


def test_corpus_is_handed_on_byte_for_byte() -> None:
    """Every HTML body of the corpus comes out of its source as it went in, by its label and without it."""
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}: set LINKWRAP_CORPUS")
    bodies: list[tuple[bytes, str | None]] = [(path.read_bytes(), "utf-8") for path in CORPUS.rglob("*.htm*")]
    for path in CORPUS.rglob("*.eml"):
        for part in email.message_from_bytes(path.read_bytes()).walk():
            body = part.get_payload(decode=True)
            if part.get_content_type() == "text/html" and isinstance(body, bytes):
                bodies.append((body, part.get_content_charset()))
    assert bodies
    for body, charset in bodies:
        for label in {None, charset if charset and codec_of_label(charset) else None}:
            source = open_source(body, label)
            assert whole(source) == body
            assert "\x1b" not in source.text
            assert len(source.text) * source.unit == len(body)

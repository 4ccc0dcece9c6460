"""Labels mean what the WHATWG standard says, and a document without one is read as its own markup or bytes tell."""

import pytest
import webencodings
from webencodings.labels import LABELS

from linkwrap._markup.encodings import codec_of_caller, codec_of_label, find_codec
from linkwrap.errors import OptionError

MARKUP = "<>\"'=&/\t\n\f\r "

# Encodings in which two bytes or more make a character: every one of them that is scanned as Latin-1.
MULTI_BYTE = ["cp932", "big5hkscs", "gb18030", "cp949", "euc_jp", "utf-8"]


@pytest.mark.parametrize("label", sorted(LABELS))
def test_labels_are_those_of_the_standard(label: str) -> None:
    """Every WHATWG label, in any case, means what the standard says, but for what mail clients read all the same."""
    name = LABELS[label]
    ours = {
        "gbk": "gb18030",  # the same decoder in the standard
        "iso-2022-jp": "iso2022_jp_ext",  # half-width katakana
        "x-user-defined": "cp1252",
    }.get(name)
    if name == "replacement":
        ours = {"csiso2022kr": "iso2022_kr", "iso-2022-kr": "iso2022_kr", "hz-gb-2312": "hz", "replacement": None}.get(
            label, "iso2022_cn"
        )
    elif ours is None:
        encoding = webencodings.lookup(label)
        assert encoding is not None
        ours = encoding.codec_info.name
    assert codec_of_label(f" {label.upper()}\n") == ours


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("latin-1", "cp1252"),
        ("iso8859_15", "iso8859-15"),
        ("CP932", "cp932"),
        ("cp949", "cp949"),
        ("cp950", "big5hkscs"),
        ("euc_jp", "euc_jp"),
        ("euc_kr", "cp949"),
        ("iso2022_jp", "iso2022_jp_ext"),
        ("utf_8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16-be", "utf-16-be"),
        ("mac_cyrillic", "mac-cyrillic"),
    ],
)
def test_python_names_are_labels_too(name: str, codec: str) -> None:
    """A caller may say what Python calls an encoding."""
    assert codec_of_caller(name) == codec


@pytest.mark.parametrize(
    "encoding", ["", "utf-7", "unicode-1-1-utf-7", "x-unknown", "rot13", "idna", "a\0b", "é" * 999]
)
def test_unknown_encoding_is_the_callers_fault(encoding: str) -> None:
    """An encoding that nobody knows is refused by name, with what to do instead."""
    with pytest.raises(OptionError) as caught:
        codec_of_caller(encoding)
    assert repr(encoding) in str(caught.value)
    assert "detected" in str(caught.value)


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<meta charset="koi8-r">', "koi8-r"),
        ("<META/CHARSET = KOI8-R />", "koi8-r"),
        ("<meta name=x charset='koi8-r' charset=utf-8>", "koi8-r"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ("<meta content='text/html;charset = \"koi8-r\";x' http-equiv=content-type>", "koi8-r"),
        ('<meta content="text/html; charset=big5"><meta charset=koi8-r>', "koi8-r"),
        ('<meta charset="x-unknown"><meta charset=koi8-r>', "koi8-r"),
        ('<meta charset="unicode-1-1-utf-7"><meta charset=koi8-r>', "koi8-r"),
        ('<meta http-equiv=content-type content="text/html"><meta charset=koi8-r>', "koi8-r"),
        ("<!--<meta charset=big5>--><!--><meta charset=koi8-r>", "koi8-r"),
        ("<!doctype html <meta charset=big5><meta charset=koi8-r>", "koi8-r"),
        ("<p title='<meta charset=big5>'><meta charset=koi8-r>", "koi8-r"),
        ("</p title='<meta charset=big5>'><meta charset=koi8-r>", "koi8-r"),
        ("<metax charset=big5><meta charset=koi8-r>", "koi8-r"),
        ('<meta charset="utf-16"><p>', "utf-8"),
        ('<meta charset="x-user-defined"><p>', "cp1252"),
        ('<?xml version="1.0" encoding="koi8-r"?><html>', "koi8-r"),
        ("<?xml version='1.0' encoding = 'UTF-16'?><html>", "utf-8"),
        ('<?xml version="1.0" encoding="big5"?><meta charset=koi8-r>', "koi8-r"),
        ('<?xml version="1.0" encoding="x-unknown"?>', "utf-8"),
        ('<meta charset="koi8-r', "utf-8"),
        ('<meta charset="koi8-r"', "utf-8"),
        ("<!-- <meta charset=koi8-r>", "utf-8"),
        ("<meta charset=>", "utf-8"),
        (" " * 1024 + "<meta charset=koi8-r>", "utf-8"),
        ('\ufeff<meta charset="koi8-r">', "utf-8"),
        ("", "utf-8"),
    ],
)
def test_declared_encoding(head: str, codec: str) -> None:
    """The markup's own declaration counts, as a browser finds it; what declares nothing is UTF-8 where it can be."""
    assert find_codec(head.encode()) == codec


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1, 1 << 18])
def test_detection_looks_at_the_first_text_that_is_not_ascii(size: int) -> None:
    """However far down a document the first such character is, it counts; a cut in the middle of one does not."""
    ascii_part = b"<p>" + b"x" * size
    assert find_codec(ascii_part + "é".encode() * size) == "utf-8"
    assert find_codec(ascii_part + b"\xe9\xff" * 10) != "utf-8"
    assert find_codec("é".encode() * size) == find_codec(b"x" + "é".encode() * size) == "utf-8"


def test_detector_that_says_utf_16_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is being read byte by byte is in none of the encodings that cannot be."""
    monkeypatch.setattr("bs4.dammit._chardet_dammit", lambda markup: "UTF-16")
    assert find_codec(b"<p>\xff\xe9 ") == "cp1252"
    monkeypatch.setattr("bs4.dammit._chardet_dammit", lambda markup: None)
    assert find_codec(b"<p>\xff\x81\xe9 ") == "cp1252"


@pytest.mark.parametrize("codec", MULTI_BYTE)
def test_no_character_has_markup_among_its_bytes(codec: str) -> None:
    """Of all characters that an encoding has, none is written with a byte that is markup."""
    characters = "".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x110000)]))
    assert not set(characters.encode(codec, "ignore")) & set(MARKUP.encode())


@pytest.mark.parametrize("codec", MULTI_BYTE)
def test_lead_byte_does_not_swallow_markup(codec: str) -> None:
    """No lead byte takes a byte of markup behind it into a character, so the text shows markup where it is."""
    for lead in range(0x80, 0x100):
        if (codec, lead) == ("euc_jp", 0x8F):
            continue  # Python's decoder, unlike the standard's, always takes the two bytes behind it
        for byte in MARKUP.encode():
            assert bytes([lead, byte]).decode(codec, "replace")[-1] == chr(byte)

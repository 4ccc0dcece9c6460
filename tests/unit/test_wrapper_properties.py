"""Properties of wrapping any bytes in any charset, and any text: only values change, and twice is once."""

import re

import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkwrap import LinkWrapper, SigningKeys
from linkwrap._decide.controls import REMOVED
from linkwrap._pixels import OPEN_PIXEL

KEYS = SigningKeys("a key for the properties of wrapping")
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test")
URL = r"https://click\.acme\.test/(?:f/[A-Za-z0-9_-]+|q)/[A-Za-z0-9._-]+"
PIXEL = re.escape(OPEN_PIXEL).replace(r"\{\}", URL)

# What Python calls the codec, and text that its characters can say.
CHARSETS = {
    "shift_jis": ("cp932", "表示ソ能ァ<b>"),
    "big5": ("big5", "許功蓋中文"),
    "gb18030": ("gb18030", "中文€\U00020000"),
    "euc-kr": ("cp949", "한국어똠"),
    "iso-2022-jp": ("iso2022_jp", "日本語ア<a"),
    "koi8-r": ("koi8_r", "Привет"),
    "windows-1251": ("cp1251", "Привет"),
    "windows-1252": ("cp1252", "Grüße €"),
    "windows-1254": ("cp1254", "ığüş"),
    "utf-8": ("utf-8", "Grüße 日本 😀"),
    "utf-16le": ("utf-16-le", "Grüße 日本 😀"),
    "utf-16be": ("utf-16-be", "Grüße 日本 😀"),
}
PIECES = [
    '<a href="https://shop.test/{}">',
    "<a href='http://shop.test/?q={}&amp;b=1'>",
    "<p title='{}>'>",
    "<!--[if mso]><a href=https://shop.test/{}><![endif]-->",
    "<!-- {} -->",
    "</a>",
    "</body>",
    "{}",
]


def put_back(wrapped: bytes, template_values: list[bytes], unit: int, charset: str) -> bytes:
    """The wrapped bytes with pixels cut and values put back, one character for one unit."""
    text = wrapped.decode("latin-1")
    url, pixel = URL, PIXEL
    if unit == 2:
        url, pixel = (_wide(pattern, charset) for pattern in (URL, PIXEL))
    text = re.sub(pixel, "", text)
    values = iter(template_values)
    return re.sub(url, lambda _: next(values).decode("latin-1"), text).encode("latin-1")


def _wide(pattern: str, charset: str) -> str:
    """The pattern of ASCII text as that of its UTF-16 bytes."""
    unit = r"(?:[ -~]\0)" if charset == "utf-16-le" else r"(?:\0[ -~])"
    lead = "https://click.acme.test/".encode(charset).decode("latin-1")
    token = unit.replace("[ -~]", "[A-Za-z0-9._/-]")
    if pattern == URL:
        return re.escape(lead) + f"{token}+"
    before, after = (part.encode(charset).decode("latin-1") for part in OPEN_PIXEL.split("{}"))
    return re.escape(before) + re.escape(lead) + f"{token}+?" + re.escape(after)


def check(html: bytes, encoding: str) -> None:
    """Everything outside the values survives, byte for byte; wrapping again changes nothing."""
    template = WRAPPER.compile(html, encoding=encoding)
    values = [html[link.start : link.end] for link in template.links if link.wrapped]
    wrapped = WRAPPER.render(template)
    assert put_back(wrapped, values, template._compiled.unit, template._compiled.charset or "") == html
    assert WRAPPER.wrap(wrapped, encoding=encoding) == wrapped


@pytest.mark.parametrize("label", CHARSETS)
@given(data=st.data())
def test_text_in_any_charset_survives(label: str, data: st.DataObject) -> None:
    """Mail in each charset keeps every byte but those of its links."""
    codec, alphabet = CHARSETS[label]
    words = st.text(st.sampled_from(alphabet + "a <>'\"=&"), max_size=8)
    parts = data.draw(st.lists(st.tuples(st.sampled_from(PIECES), words), max_size=8))
    html = "".join(piece.format(word) for piece, word in parts).encode(codec, "ignore")
    check(html, label)


@pytest.mark.parametrize("label", CHARSETS)
@given(noise=st.lists(st.binary(max_size=12), max_size=6))
@example(noise=[b"\x1b$B<a ", b"\x1b(B"])
@example(noise=[b"\xff\xfe", b"\x00"])
@example(noise=[b"\x83<", b"\x81"])
def test_any_bytes_survive(label: str, noise: list[bytes]) -> None:
    """Bytes that are invalid in the charset they are said to be in are handed on as they are."""
    link = '<a href="https://shop.test/1">'.encode(CHARSETS[label][0])
    check(link.join(noise), label)


@given(
    html=st.lists(st.sampled_from([*PIECES, "<", ">", '"', "é", "\ud800", "\0", "<svg>", "</"]), max_size=12).map(
        "".join
    )
)
def test_any_text_survives(html: str) -> None:
    """Text with anything in it, lone surrogates too, keeps every character but those of its links."""
    template = WRAPPER.compile(html)
    values = iter([html[link.start : link.end] for link in template.links if link.wrapped])
    wrapped = WRAPPER.render(template)
    assert re.sub(URL, lambda _: next(values), re.sub(PIXEL, "", wrapped)) == html
    assert WRAPPER.wrap(wrapped) == wrapped


ATTRIBUTES = [
    ' data-msys-linkname="n"',
    " data-msys-linkname=n",
    " data-msys-link-name",
    "/data-msys-sublink='s'",
    'data-msys-unsubscribe="1"',
    ' title="t"',
    " title=t",
    " title",
    ' class=""',
    "=",
    " =",
    " = x",
    "/",
    " /",
    '="y"',
    "\n",
    " data-msys-linkname=second",
]


@given(
    before=st.lists(st.sampled_from(ATTRIBUTES), max_size=5).map("".join),
    after=st.lists(st.sampled_from(ATTRIBUTES), max_size=5).map("".join),
    href=st.sampled_from([' href="http://a.test/"', " href=http://a.test/", "/href='http://a.test/'"]),
)
def test_taking_markup_out_changes_nothing_else(before: str, after: str, href: str) -> None:
    """However attributes are written, a browser engine reads the others, and what follows the tag, as it did before."""
    html = f"<a {before}{href}{after}>text</a><p>more</p>"

    def read(markup: str) -> tuple[dict[str, str], str]:
        tree = html5lib.parseFragment(markup, namespaceHTMLElements=False)
        (link,) = tree.findall("a")
        attributes = {name: value for name, value in link.attrib.items() if name not in REMOVED}
        if attributes.get("href", "").startswith(("https://click.acme.test/", "http://a.test/")):
            attributes["href"] = "wrapped or not"
        return attributes, "".join(tree.itertext())

    assert read(WRAPPER.wrap(html, open_tracking=False)) == read(html)

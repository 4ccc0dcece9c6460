"""What `linkwrap.testing` says of wrapped mail, and what it gives back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import lxml.html
import pytest
from bs4 import BeautifulSoup

from linkwrap import LinkWrapper, SigningKeys
from linkwrap.testing import TrackedLink, tracked_links, unwrap

KEYS = SigningKeys("a key for the tests of testing")
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test", initial_open=True)
OTHER = LinkWrapper(SigningKeys("a key that the tests do not have"), tracking_domain="click.acme.test")

# Its destinations are written as browsers write them, so that it comes back to the byte.
MAIL = """<!DOCTYPE html>\r
<html><body class=x>Hi\xa0there &nbsp; <A data-x='"' HREF = 'https://acme.test/?a=1&amp;b=2'>one</A\r
><a href=https://acme.test/two/>two</a><a href="https://acme.test/it's">three</a>
<!--[if mso]><v:rect href="https://acme.test/vml"></v:rect><![endif]-->
<a href="mailto:me@acme.test">mail</a><a href="https://acme.test/{{ x }}">merge</a><img src="https://acme.test/q/1.gif">
<a href="https://acme.test/no" clicktracking=off>out</a></BODY></html>
"""


def texts(html: str | bytes) -> list[str]:
    """The texts of a wrapped mail's links."""
    return [link.text for link in tracked_links(html, KEYS)]


def test_unwrap_gives_the_mail_back() -> None:
    """A mail whose URLs are as browsers write them comes back to the byte, both pixels gone."""
    wrapped = WRAPPER.wrap(MAIL, {"rcpt": "r-42"})
    assert wrapped.count("https://click.acme.test/") == 6
    assert unwrap(wrapped, KEYS) == MAIL


@pytest.mark.parametrize("charset", ["utf-8", "windows-1252", "utf-16", "utf-16-be", "shift_jis", "iso-2022-jp"])
def test_unwrap_bytes(charset: str) -> None:
    """Bytes of any charset come back as those bytes."""
    mail = MAIL.replace("\xa0", "é" if charset == "windows-1252" else "に").encode(charset)
    wrapped = WRAPPER.wrap(mail, {"rcpt": "r-42"})
    assert wrapped != mail
    assert unwrap(wrapped, KEYS) == mail


def test_unwrap_is_stable() -> None:
    """Recipient, time, host, account and the source's way of writing a URL make no difference to a golden file."""
    golden = '<a href="https://acme.test/?a=1&amp;b=2">x</a>'
    for href in ("https://acme.test/?a=1&b=2", "HTTPS://ACME.test?a=1&amp;b=2", " https:\\\\acme.test/?a=1&#38;b=2"):
        for rcpt in ("r-1", "r-2"):
            wrapped = WRAPPER.wrap(
                f'<a href="{href}" data-msys-linkname="x">x</a>',
                {"rcpt": rcpt},
                account_id=rcpt,
                tracking_domain="click.other.test:8080",
                sent_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            assert unwrap(wrapped, KEYS) == golden
    assert unwrap(golden, KEYS) == golden


def test_unwrap_escapes_for_where_the_value_stands() -> None:
    """A destination is escaped for the quotes that it stands in, and not where it stands in a text."""
    url = WRAPPER.wrap_url("https://acme.test/it's?a=1&b=2")
    mail = f"<a href='{url}'>{url}.</a><a href=\"{url}\"></a><a href={url}></a>"
    assert unwrap(mail, KEYS) == (
        "<a href='https://acme.test/it&#39;s?a=1&amp;b=2'>https://acme.test/it's?a=1&b=2.</a>"
        "<a href=\"https://acme.test/it's?a=1&amp;b=2\"></a><a href=https://acme.test/it's?a=1&amp;b=2></a>"
    )


def test_unwrap_plain_text() -> None:
    """A wrapped plain text comes back too."""
    text = "Shop: https://acme.test/?a=1&b=2 (or <https://acme.test/b>).\nBye, https://acme.test/c\n"
    wrapped = WRAPPER.wrap_text(text)
    assert wrapped.count("click.acme.test") == 3
    assert unwrap(wrapped, KEYS) == text
    assert unwrap(wrapped.encode("utf-16"), KEYS).decode("utf-16") == text


def test_unwrap_amp() -> None:
    """The pixel of AMP for Email is taken out whole."""
    mail = '<!doctype html><html amp4email><head></head><body><a href="https://acme.test/">x</a></body></html>'
    wrapped = WRAPPER.wrap(mail)
    assert "amp-img" in wrapped
    assert unwrap(wrapped, KEYS) == mail


@pytest.mark.parametrize(
    "write",
    [
        lambda html: str(BeautifulSoup(html, "html.parser")),
        lambda html: lxml.html.tostring(lxml.html.fromstring(html), encoding="unicode"),
    ],
    ids=["bs4", "lxml"],
)
def test_unwrap_after_a_parser(write: Callable[[str], str]) -> None:
    """Pixels are taken out of a mail too that was parsed and written anew behind the wrapper."""
    mail = '<html><body><p title="1 &lt; 2"><a href="https://acme.test/?a=1&amp;b=2">x</a></p></body></html>'
    assert unwrap(write(WRAPPER.wrap(mail)), KEYS) == write(mail)


def test_unwrap_leaves_what_is_not_ours() -> None:
    """URLs of other keys, forged ones and images that are no pixels stay as they are."""
    ours = WRAPPER.wrap_url("https://acme.test/")
    mail = (
        OTHER.wrap('<a href="https://acme.test/">x</a>')
        + f'<a href="{ours}x">x</a><a href="{ours[:-1]}">x</a><a href="{ours.replace("click", "clack")}">x</a>'
        + '<img src="https://click.acme.test/q/1.gif">'
    )
    assert unwrap(mail, KEYS) == mail
    assert tracked_links(mail, KEYS) == []


def test_tracked_links() -> None:
    """Each link of a mail has its text, its element and what a click on it means, in the order of the source."""
    mail = WRAPPER.wrap(
        '<!--[if mso]><v:roundrect href="https://acme.test/vml"><w:anchorlock/><center>Shop\nnow</center></v:roundrect>'
        '<![endif]--><a href="https://acme.test/1" data-msys-linkname="One" data-msys-unsubscribe="1">'
        'Shop <b>n</b>ow</a><map><area alt="An &lt;area&gt;" href="https://acme.test/2"></map>'
        '<a href="mailto:x@acme.test">mail</a>',
        {"rcpt": "r-42"},
    )
    links = tracked_links(mail, KEYS)
    assert [(link.text, link.element, link.click.url) for link in links] == [
        ("Shop now", "v:roundrect", "https://acme.test/vml"),
        ("Shop now", "a", "https://acme.test/1"),
        ("An <area>", "area", "https://acme.test/2"),
    ]
    assert isinstance(links[1], TrackedLink)
    assert (links[1].click.link_name, links[1].click.unsubscribe) == ("One", True)
    assert (links[1].click.metadata, links[1].click.host) == ({"rcpt": "r-42"}, "click.acme.test")
    assert tracked_links(mail.encode(), KEYS) == tracked_links(mail.encode("utf-16"), KEYS) == links


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("", ""),
        ("  Read\n\t<i>our</i>\xa0&nbsp;blog ", "Read our blog"),
        ("<table><tr><td>Shop</td><td>now</td></tr></table>", "Shop now"),
        ("one<br>two<p>three</p>four", "one two three four"),
        ('<img alt="A &amp; B" src=x>', "A & B"),
        ('<img alt=""><img src=x><img alt=" The\nlogo ">', "The logo"),
        ('<img alt="Logo">Home', "Home"),
        ("<!-- hidden </a> --><style>p { color: red }</style>seen", "seen"),
        ("<!--[if mso]>&nbsp;<a href=x>no</a><![endif]-->seen", "seen"),
        ("<![if !mso]>seen<![endif]>", "seen"),
        ("https://acme.test/ 1 < 2 &lt; 3", "https://acme.test/ 1 < 2 < 3"),
        ("<span title='</a>'>seen</span>", "seen"),
        ("seen</A\n><p>not</p>", "seen"),
        ("seen<a href='#x'>not", "seen"),
        ("<!-- never closed </a> not", ""),
        ("1 <! 2", "1 behind"),
        ("日本", "日本"),
    ],
)
def test_visible_text(inside: str, text: str) -> None:
    """A link's text is what a reader sees of it; of images the alternative text."""
    wrapped = WRAPPER.wrap(f'<p>before<a href="https://acme.test/">{inside}</a>behind')
    assert texts(wrapped)[0] == text


def test_text_of_an_outlook_link_around_live_markup() -> None:
    """A VML element that is opened in one conditional comment and closed in another has the text between them."""
    mail = (
        '<!--[if mso]><v:rect href="https://acme.test/" fill="t"><v:textbox><![endif]--><div>Sale <!-- x -->today</div>'
        '<!--[if mso]></v:textbox></v:rect><![endif]--><a href="https://acme.test/2">Shop</a>'
    )
    assert texts(WRAPPER.wrap(mail)) == ["Sale today", "Shop"]


def test_other_charsets() -> None:
    """The text is decoded as the mail is."""
    mail = '<meta charset="shift_jis"><a href="https://acme.test/">日本語ソ</a>'.encode("shift_jis")
    assert texts(WRAPPER.wrap(mail)) == ["日本語ソ"]


def test_values_cannot_be_changed() -> None:
    """What a test has found stays what it was."""
    (link,) = tracked_links(WRAPPER.wrap('<a href="https://acme.test/">x</a>'), KEYS)
    field: Any = "text"
    with pytest.raises(AttributeError):
        setattr(link, field, "y")


def test_corpus(corpus_bodies: list[tuple[str, bytes, str | None]]) -> None:
    """On real email, unwrapping what was unwrapped and wrapped again changes nothing, and no link is missed."""
    for name, body, _ in corpus_bodies:
        wrapped = WRAPPER.wrap(body)
        golden = unwrap(wrapped, KEYS)
        assert b"click.acme.test" not in golden, name
        assert unwrap(WRAPPER.wrap(golden), KEYS) == golden, name
        links = [link for link in WRAPPER.compile(body).links if link.wrapped]
        found = tracked_links(wrapped, KEYS)
        assert [(link.element, link.click.url) for link in found] == [(link.element, link.url) for link in links], name

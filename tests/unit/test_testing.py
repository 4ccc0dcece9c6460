"""What `linkwrap.testing` says of wrapped mail, and what it gives back."""

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.mime.text import MIMEText
from typing import Any

import lxml.html
import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

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


# Messages

HTML = '<body><p>Hi é, <a href="https://acme.test/?a=1&amp;b=2">Shop <b>now</b></a></p></body>\n'
AMP = '<!doctype html><html amp4email><body><a href="https://acme.test/amp">AMP</a></body></html>\n'
PLAIN = "Hi é, https://acme.test/plain?a=1&b=2 <https://acme.test/brackets>\n"


def multipart(cte: str | None = None, charset: str = "utf-8") -> EmailMessage:
    """A message with all three bodies, an attachment and a forwarded message."""
    message = EmailMessage()
    message["Subject"] = "Sale"
    message.set_content(PLAIN, cte=cte, charset=charset)
    message.add_alternative(AMP, subtype="x-amp-html", cte=cte, charset=charset)
    message.add_alternative(HTML, subtype="html", cte=cte, charset=charset)
    return message


def bodies(message: Message) -> dict[str, bytes]:
    """The content of each part of a message that has no parts itself."""
    parts = [part for part in message.walk() if not part.is_multipart()]
    contents = [(part.get_content_type(), part.get_payload(decode=True)) for part in parts]
    return {kind: content for kind, content in contents if isinstance(content, bytes)}


@pytest.mark.parametrize("cte", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_message_is_unwrapped_in_its_transfer_encodings(cte: str, charset: str) -> None:
    """All bodies come back, whatever their charset and transfer encoding; headers stay; the message is a new one."""
    original = multipart(cte, charset)
    original.as_bytes()  # makes the boundary
    wrapped = WRAPPER.wrap_message(original, {"rcpt": "r-42"}, text=True)
    before = wrapped.as_bytes()
    assert all(b"click.acme.test" in content for content in bodies(wrapped).values())
    golden = unwrap(wrapped, KEYS)
    assert type(golden) is EmailMessage
    assert golden.policy is wrapped.policy
    assert bodies(golden) == bodies(original)
    assert golden.items() == original.items()
    assert [part["Content-Transfer-Encoding"] for part in golden.walk()] == [
        part["Content-Transfer-Encoding"] for part in original.walk()
    ]
    assert wrapped.as_bytes() == before
    original.set_boundary("b")
    one, other = (
        WRAPPER.wrap_message(original, {"rcpt": host}, text=True, tracking_domain=host)
        for host in ("click.acme.test", "go.acme.test")
    )
    assert one.as_bytes() != other.as_bytes()
    assert unwrap(one, KEYS).as_bytes() == unwrap(other, KEYS).as_bytes()


@pytest.mark.parametrize("cte", ["8bit", "quoted-printable", "base64"])
def test_tracked_links_of_a_message(cte: str) -> None:
    """The links of all bodies are listed in the order of the message; those of plain text have no text or element."""
    links = tracked_links(WRAPPER.wrap_message(multipart(cte), {"rcpt": "r-42"}, text=True), KEYS)
    assert [(link.text, link.element, link.click.url) for link in links] == [
        ("", "", "https://acme.test/plain?a=1&b=2"),
        ("", "", "https://acme.test/brackets"),
        ("AMP", "a", "https://acme.test/amp"),
        ("Shop now", "a", "https://acme.test/?a=1&b=2"),
    ]
    assert {str(link.click.metadata) for link in links} == {"{'rcpt': 'r-42'}"}


def test_plain_text_of_a_message_is_no_markup() -> None:
    """A destination is not escaped in a plain-text part, even where it looks like HTML."""
    message = EmailMessage()
    message.set_content(f'<a href="{WRAPPER.wrap_url("https://acme.test/?a=1&b=2")}">x</a>')
    assert unwrap(message, KEYS).get_content() == '<a href="https://acme.test/?a=1&b=2">x</a>\n'
    assert [link.element for link in tracked_links(message, KEYS)] == [""]


def test_legacy_message() -> None:
    """A `Message`, and one that was parsed from bytes, are read as an `EmailMessage` is."""
    raw = WRAPPER.wrap_message(multipart("8bit").as_bytes(), text=True)
    parsed = email.message_from_bytes(raw)
    assert len(tracked_links(parsed, KEYS)) == 4
    assert type(unwrap(parsed, KEYS)) is Message
    assert bodies(unwrap(parsed, KEYS)) == bodies(multipart("8bit"))
    text = MIMEText(WRAPPER.wrap(HTML), "html", "utf-8")
    assert type(unwrap(text, KEYS)) is MIMEText
    assert bodies(unwrap(text, KEYS)) == {"text/html": HTML.encode()}


def test_message_whose_payload_is_characters() -> None:
    """A payload with characters that no mail can have is read as the text it is."""
    message = Message()
    message["Content-Type"] = "text/html"
    message.set_payload(WRAPPER.wrap('<a href="https://acme.test/">日本</a></body>'))
    assert [link.text for link in tracked_links(message, KEYS)] == ["日本"]
    assert unwrap(message, KEYS).get_payload() == '<a href="https://acme.test/">日本</a></body>'


def test_attachments_and_forwarded_messages_stay() -> None:
    """A wrapped mail that is attached is a document of its own."""
    message = multipart()
    message.add_attachment(WRAPPER.wrap(HTML), subtype="html", filename="mail.html")
    message.add_attachment(WRAPPER.wrap_message(multipart()))
    message = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert tracked_links(message, KEYS) == []
    assert unwrap(message, KEYS).as_bytes() == message.as_bytes()


def test_signed_message_is_read() -> None:
    """What was signed after it was wrapped, as a mail that has arrived, has its links."""
    message = WRAPPER.wrap_message(multipart())
    message["DKIM-Signature"] = "v=1; a=rsa-sha256"
    assert [link.text for link in tracked_links(message, KEYS)] == ["AMP", "Shop now"]
    assert b"click.acme.test" not in unwrap(message, KEYS).as_bytes()


def test_message_that_cannot_be_decoded_stays() -> None:
    """Of a body whose base64 is cut off nothing is read and nothing is changed."""
    message = Message()
    message["Content-Type"], message["Content-Transfer-Encoding"] = "text/html", "base64"
    message.set_payload("abcde")
    assert tracked_links(message, KEYS) == []
    assert unwrap(message, KEYS).as_bytes() == message.as_bytes()


@pytest.mark.parametrize(
    "mail", [None, 5, ["<a>"], bytearray(b"<a>"), WRAPPER.compile(MAIL), WRAPPER.compile_message(b"a: b\n\n")]
)
def test_other_types_are_named(mail: Any) -> None:
    """What is no mail is a TypeError that names its type, and what would do."""
    kind = "None" if mail is None else type(mail).__name__
    for call in (unwrap, tracked_links):
        with pytest.raises(TypeError, match=f"^mail must be str, bytes or email.message.Message, not {kind}$"):
            call(mail, KEYS)
        with pytest.raises(TypeError, match=f"not {kind}; keys must be SigningKeys, not str$"):
            call(mail, "a key for the tests of testing")


def test_string_type_that_escapes_what_is_joined_to_it() -> None:
    """A template engine's safe string comes back as its plain text."""
    golden = unwrap(Markup(WRAPPER.wrap(MAIL)), KEYS)  # noqa: S704
    assert (type(golden), golden) == (str, MAIL)


# Time is linear in the mail


def test_outlook_links_that_nothing_closes() -> None:
    """Each ends where the next one starts, so that thousands of them take no longer than their length asks for."""
    url = WRAPPER.wrap_url("https://acme.test/")
    links = tracked_links(f"<!--[if mso]>{f'<v:rect href={url}>x' * 2_000}<![endif]-->", KEYS)
    assert [link.text for link in links] == ["x"] * 2_000


@pytest.mark.parametrize(
    ("unit", "texts_of_one"),
    [
        ("<v:rect href={}>", [""]),
        ("<v:x{n} href={}>x", ["x"]),
        ("<v:x{n} href={}><v:fill/><b>x<b>", ["x"]),
        ("<!--[if mso]><v:x{n} href={}>x<![endif]-->", ["x"]),
        ("<v:x{n} href={}>x<a href={}>y", ["xy", "yx"]),
        ("<a href={}>x</v:rect>", ["x"]),
    ],
)
def test_links_that_nothing_closes(unit: str, texts_of_one: list[str]) -> None:
    """No text is read again for each of the links before it, whatever their names are."""
    url = WRAPPER.wrap_url("https://acme.test/")
    html = "".join([unit.replace("{}", url).replace("{n}", str(number)) for number in range(1_500)])
    found = texts(html)
    assert len(found) == 1_500 * len(texts_of_one)
    assert found[: len(texts_of_one)] == texts_of_one


def test_outlook_link_around_elements_that_are_no_links() -> None:
    """Its text is that of Outlook's other elements in it too."""
    url = WRAPPER.wrap_url("https://acme.test/")
    inside = "<v:fill color=red /><v:textbox>Sho<v:path></v:path><a>p</a></v:textbox>"
    assert texts(f"<v:roundrect href={url}>{inside}</v:roundrect>now") == ["Shop"]
    assert texts(f"<v:roundrect href={url}>{inside}<v:rect href={url}>now</v:rect></v:roundrect>") == ["Shop", "now"]


def test_text_of_a_link_without_end_is_bounded() -> None:
    """An unclosed link's text is that of the markup behind it, up to a bound."""
    url = WRAPPER.wrap_url("https://acme.test/")
    (link,) = tracked_links(f"<a href={url}>{'x' * 20_000}", KEYS)
    assert link.text == "x" * 16_384
    (link,) = tracked_links(f"<a href={url}>{'seen <b ' * 20_000}", KEYS)
    assert link.text == "seen"


def test_pixels_behind_a_tag_that_nothing_closes() -> None:
    """Each URL is taken out alone, and no search goes back to the beginning of the mail for it."""
    html = WRAPPER.wrap("</body>", initial_open=False)
    pixel = html[html.index("https") : html.index('"', html.index("https"))]
    assert unwrap("<" + f"{pixel} " * 20_000, KEYS) == "<" + " " * 20_000
    assert unwrap("<img " + f"{pixel} " * 20_000, KEYS) == "<img " + " " * 20_000
    assert unwrap(f'<p><img alt="x" src={pixel} width=1>', KEYS) == "<p>"


@pytest.mark.parametrize("unit", ["<img src='{} ", "<!-- {} ", "<b {} ", "<{}> ", "'{}\" "])
def test_pixels_in_broken_markup(unit: str) -> None:
    """The URL is taken out, and what is around it stays unless it is the pixel's own tag."""
    html = WRAPPER.wrap("</body>", initial_open=False)
    pixel = html[html.index("https") : html.index('"', html.index("https"))]
    unwrapped = unwrap(unit.replace("{}", pixel) * 5_000, KEYS)
    assert pixel not in unwrapped
    assert len(unwrapped) <= 5_000 * len(unit)

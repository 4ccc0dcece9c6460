"""Redirect URLs and pixels that a mail holds already: they are known again, also with a rest behind their token."""

import html as entities
from email.message import EmailMessage

import lxml.html
import pytest

from helpers.rests import IGNORED, REFUSED
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.testing import tracked_links, unwrap

KEYS = SigningKeys("a key for the tests of own tokens")
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test")
SHOP = "https://shop.test/sale"
LINK = WRAPPER.wrap_url(SHOP, {"rcpt": "r-1"}, link_name="Sale")
PIXEL = WRAPPER.urls(WRAPPER.compile(""), {"rcpt": "r-1"})[0]

# A URL parser resolves dot segments, and trims; braces and brackets may be a template's.
MAILED = [rest for rest in IGNORED if not any(part in rest for part in ("/..", "[link]", "{x}", "<b>", "\\", "%%"))]
OTHERS = [rest for rest in REFUSED if ".." not in rest]
IN_TEXT = ["&source=gmail&ust=1", "%29", "%3E", "=", "~", "&sa=D", "@x", "/"]
"""Rests that a client shows as part of the link in a plain text."""


def test_link_with_a_rest_is_wrapped_already() -> None:
    """A link that a mail client has lengthened was wrapped a second time, over another redirect."""
    for rest in MAILED:
        html = f'<a href="{entities.escape(LINK + rest)}">x</a>'
        (link,) = WRAPPER.compile(html).links
        assert link.reason == "already-wrapped", rest
        assert WRAPPER.wrap(html, open_tracking=False) == html, rest
        assert WRAPPER.wrap_url(LINK + rest) == LINK + rest


def test_link_that_is_another_path_is_wrapped() -> None:
    """What the endpoint does not redirect is no redirect URL, and is wrapped as any link."""
    for rest in OTHERS:
        (link,) = WRAPPER.compile(f'<a href="{entities.escape(LINK + rest)}">x</a>').links
        assert link.wrapped, rest


@pytest.mark.parametrize("encoded", [{0}, {1}, {0, 1, 2}, {2, 3, 4}, set(range(1000))])
@pytest.mark.parametrize("url", [LINK, WRAPPER.unsubscribe_url({"rcpt": "r-1"})])
def test_percent_encoded_url_is_known_again(url: str, encoded: set[int]) -> None:
    """Wherever a mail system has encoded the path: the endpoint decodes it, and so does the wrapper."""
    origin, path = url[: url.index("/", 8) + 1], url[url.index("/", 8) + 1 :]
    spelled = origin + "".join(f"%{ord(one):02X}" if at in encoded else one for at, one in enumerate(path))
    assert WRAPPER.compile(f'<a href="{spelled}">x</a>').links[0].reason == "already-wrapped"


@pytest.mark.parametrize("rest", IN_TEXT)
def test_link_with_a_rest_stays_in_every_form(rest: str) -> None:
    """Text, messages, trees and bytes read a link as HTML does."""
    assert WRAPPER.wrap_text(f"See {LINK}{rest} now") == f"See {LINK}{rest} now"
    html = f'<body><a href="{entities.escape(LINK + rest)}">x</a></body>'
    assert WRAPPER.wrap(html.encode(), open_tracking=False) == html.encode()
    message = EmailMessage()
    message.set_content(f"See {LINK}{rest} now", cte="8bit")
    message.add_alternative(html, subtype="html", cte="8bit")
    message.set_boundary("x")
    wrapped = WRAPPER.wrap_message(message, text=True, open_tracking=False)
    assert wrapped.as_bytes() == message.as_bytes()
    tree = lxml.html.fromstring(html)
    WRAPPER.wrap_tree(tree, open_tracking=False)
    assert tree.xpath("//a/@href") == [LINK + rest]


@pytest.mark.parametrize("rest", ["", *MAILED[::9]])
def test_pixel_with_a_rest_is_known_again(rest: str) -> None:
    """A mail that has a pixel gets no second one."""
    html = f'<body><p>x</p><img src="{entities.escape(PIXEL + rest)}" alt=""></body>'
    assert WRAPPER.wrap(html) == html
    assert "<img" not in unwrap(html, KEYS)


@pytest.mark.parametrize("rest", ["/x", ";x", "%2Fx", "A"])
def test_pixel_that_is_another_path_does_not_count(rest: str) -> None:
    """What makes no event is no pixel."""
    html = f'<body><p>x</p><img src="{PIXEL}{rest}" alt=""></body>'
    assert WRAPPER.wrap(html).count("<img") == 2
    assert unwrap(html, KEYS) == html


def test_testing_reads_links_as_the_endpoint_does() -> None:
    """A link of a mail is tracked if a click on it redirects."""
    for rest in MAILED:
        html = f'<a href="{entities.escape(LINK + rest)}">x</a>'
        (link,) = tracked_links(html, KEYS)
        assert (link.click.url, link.click.link_name) == (SHOP, "Sale"), rest
        assert unwrap(html, KEYS) == f'<a href="{SHOP}">x</a>', rest
    for rest in OTHERS:
        html = f'<a href="{entities.escape(LINK + rest)}">x</a>'
        assert tracked_links(html, KEYS) == [], rest
    for rest in ("/x", ";x", "%2Fx", "%3Bx", "%252Fx", "/x.css", "A", "%41"):
        html = f'<a href="{LINK}{rest}">x</a> {LINK}{rest}'
        assert unwrap(html, KEYS) == html, rest


@pytest.mark.parametrize(
    "around",
    ["({})", "<{}>", "{}.", "{};", "{}; then", "{};)", "{}/ then", "{},https://x.test/", "「{}」", '"{}"', "{};;)"],
)
def test_unwrap_leaves_the_text_around_a_url(around: str) -> None:
    """What is around a URL in a text is no part of it."""
    message = EmailMessage()
    message.set_content(around.format(LINK))
    (link,) = tracked_links(message, KEYS)
    assert link.click.url == SHOP
    assert unwrap(around.format(LINK), KEYS) == around.format(SHOP)

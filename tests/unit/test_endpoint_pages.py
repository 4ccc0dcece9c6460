"""The pages of the redirect endpoint: browsers get HTML, everything else a line of text."""

import re
from html.parser import HTMLParser

import pytest

from helpers.redirects import HOST, ONE_CLICK, RESOLVER, click_path, unsubscribe_path
from linkwrap.endpoint import Response, respond
from linkwrap.resolver import Resolver

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OTHERS: list[dict[str, str]] = [{}, {"Accept": "*/*"}, {"accept": "image/avif,image/webp,*/*"}]


def ask(
    path: str, headers: dict[str, str], *, method: str = "GET", body: bytes = b"", refuse: bool = False
) -> Response:
    """Send a request."""
    resolver = RESOLVER
    if refuse:
        from helpers.redirects import KEY
        from linkwrap import SigningKeys

        resolver = Resolver(SigningKeys(KEY), refuse=lambda account, host, destination: True)
    return respond(resolver, method=method, raw_path=path, host=HOST, headers=headers, body=body)


def pages() -> dict[str, tuple[str, str, bytes, bool]]:
    """The request for each page: method, path, body, whether links are refused; and its status by its name."""
    return {
        "404 forged": ("GET", "/f/a/2forged", b"", False),
        "404 unsubscribe": ("GET", "/u/2forged", b"", False),
        "404 other": ("GET", "/", b"", False),
        "410": ("GET", click_path(1), b"", True),
        "200 unsubscribed": ("POST", unsubscribe_path(1), ONE_CLICK, False),
    }


@pytest.mark.parametrize("name", pages())
def test_browsers_get_a_page_and_others_a_line(name: str) -> None:
    """Status, event and the promise about caches are the same for both."""
    method, path, body, refuse = pages()[name]
    shown = ask(path, BROWSER, method=method, body=body, refuse=refuse)
    assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
    assert shown.body.startswith(b"<!DOCTYPE html>")
    for headers in OTHERS:
        line = ask(path, headers, method=method, body=body, refuse=refuse)
        assert line.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert line.body.count(b"\n") == 1
        assert (
            (line.status, line.event is None)
            == (shown.status, shown.event is None)
            == (
                int(name[:3]),
                name != "200 unsubscribed",
            )
        )
    assert shown.headers["Cache-Control"] == "no-store"
    assert int(shown.headers["Content-Length"]) == len(shown.body)


@pytest.mark.parametrize("name", [*pages(), "question"])
def test_pages_load_nothing(name: str) -> None:
    """A page has no script, image or URL, says its language, and may not be shown in a frame."""
    method, path, body, refuse = pages().get(name, ("GET", unsubscribe_path(1), b"", False))
    shown = ask(path, BROWSER, method=method, body=body, refuse=refuse)
    text = shown.body.decode()
    assert not re.search(r"<script|<img|<link|@import|url\(|https?:|\bon\w+=", text)
    assert '<html lang="en">' in text
    assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
    assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert shown.headers["X-Frame-Options"] == "DENY"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"


def test_button_of_the_question_unsubscribes() -> None:
    """What a browser sends for the page's form is a reader's wish."""
    fields: list[tuple[str | None, str | None]] = []

    class Form(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "input":
                fields.append((dict(attrs)["name"], dict(attrs)["value"]))

    Form().feed(ask(unsubscribe_path(1), BROWSER).body.decode())
    body = "&".join(f"{name}={value}" for name, value in fields).encode()
    done = ask(unsubscribe_path(1), BROWSER, method="POST", body=body)
    assert done.event is not None
    assert done.event.type == "list_unsubscribe"


def test_redirects_and_pixels_are_not_touched() -> None:
    """A browser is redirected as before, and HEAD has no body."""
    assert ask(click_path(1), BROWSER).status == 302
    assert ask("/f/a/2forged", BROWSER, method="HEAD").body == b""


def luminance(color: str) -> float:
    """The relative luminance of a colour (WCAG 2.2)."""
    digits = color * 2 if len(color) == 3 else color
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_have_the_contrast_of_wcag_aa() -> None:
    """Text on its background has at least 4.5 to 1, light and dark (WCAG 2.2, 1.4.3)."""
    text = ask(unsubscribe_path(1), BROWSER).body.decode()
    pairs = re.findall(r"background: #(\w+);(?: border[^;]*;)? color: #(\w+)", text)
    assert len(pairs) == 4
    for one, other in pairs:
        dark, light = sorted((luminance(one), luminance(other)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5

"""Warnings about a mail: its links, its metadata, its HTML."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from linkwrap import Link, LinkWrapper, SigningKeys
from linkwrap._decide.warnings import (
    document_warnings,
    link_warnings,
    looks_wrapped,
    metadata_warnings,
    opt_out_warnings,
    pixel_warnings,
    visible_texts,
)

WRAPPER = LinkWrapper(SigningKeys("a key for the tests of warnings"), tracking_domain="click.acme.test")
REDIRECT = "https://click.acme.test/f/a/2x"
MJML = '<mjml><mj-body><mj-button href="https://acme.test/">Shop</mj-button></mj-body></mjml>'


@pytest.mark.parametrize(
    "source",
    [
        MJML,
        MJML.encode(),
        "\ufeff" + MJML,
        b"\xef\xbb\xbf" + MJML.encode(),
        MJML.encode("utf-16"),
        MJML.encode("utf-16-be"),
        "\n  <mjml lang='en'>\n",
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE mjml>' + MJML,
        "<!-- a newsletter: <a href=x> --><!----><!---><!-->" + MJML,
        "<!-- -- --!>" + MJML,
        "{% set name = 'Ada' %}{% if 1 < 2 %}" + MJML,
        "<MJML>",
        "<mj-section><mj-column>",
    ],
)
def test_mjml_source_is_told(source: str | bytes) -> None:
    """Source of MJML is recognised by its first element, whatever stands before it."""
    (warning,) = document_warnings(source)
    assert warning.kind == "mjml"
    assert "MJML source: compile it to HTML first" in warning.message


@pytest.mark.parametrize(
    "source",
    [
        "",
        b"",
        "mjml",
        "<",
        "<mjml",
        "<!-- <mjml> -->",
        "<!-- never closed <mjml>",
        "<!--<mjml>--",
        "<![CDATA[<mjml>]]><p>",
        "</mjml>",
        "<?mjml><p>",
        "<p>Write <mjml>, not <mj-body></p>",
        "<!DOCTYPE html><html><body><mjml></mjml></body></html>",
        "<mjmlx>",
        "<mjx-container>",
        '<a title="<mjml>" href="https://acme.test/">',
        "< mjml>",
        b"\xff\xfe<\0p\0>\0<\0m\0j\0m\0l\0>\0",
    ],
)
def test_html_is_not_mjml(source: str | bytes) -> None:
    """A document whose first element is HTML has no warning, even if it speaks of MJML."""
    assert document_warnings(source) == []


def test_compiled_mjml_is_html() -> None:
    """The comments that the compiler leaves at the top, and its doctype, are not MJML."""
    assert document_warnings("<!-- FILE: mail.mjml -->\n<!doctype html>\n<html><head><!--[if mso]><xml>") == []


@pytest.mark.parametrize(
    "piece", ["<!--", "<!-- -", "<!-- -->", "<", "</", "<?", "<!", "-->", "<!---", "a", "<!-- -- "]
)
def test_takes_linear_time(piece: str) -> None:
    """A hostile beginning costs no more than reading it; in quadratic time, this test would take hours."""
    assert document_warnings(piece * 4_000_000) == []


# Links


def link(url: str | None = "https://shop.test/", **fields: Any) -> Link:
    """A link that is wrapped, as far as warnings look at it."""
    facts = {"href": url, "url": url, "element": "a", "wrapped": True, "reason": None, "warning": None, **fields}
    return cast("Link", SimpleNamespace(**facts))


def kinds(found: Link, redirect_url: str | None = REDIRECT, text: str = "") -> list[str]:
    """The kinds of the warnings about a link."""
    return [warning.kind for warning in link_warnings(found, redirect_url, text)]


@pytest.mark.parametrize(
    ("length", "limit"), [(1024, None), (1025, "1,024"), (2083, "1,024"), (2084, "2,083"), (9000, "2,083")]
)
def test_long_redirect_url(length: int, limit: str | None) -> None:
    """A redirect URL over 1,024 and over 2,083 characters is told, with its length."""
    warnings = link_warnings(link(), "https://click.acme.test/".ljust(length, "x"))
    assert [warning.kind for warning in warnings] == ["long-url"] * bool(limit)
    for warning in warnings:
        assert f"has {length:,} characters" in warning.message
        assert f"from {limit} on" in warning.message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.test/", []),
        ("http://shop.test/", ["http"]),
        ("http://intranet/x", ["http", "single-label"]),
        ("https://localhost:8080/", ["single-label"]),
        ("https://u:p@wiki/", ["single-label"]),
        ("https://a.b@wiki/", ["single-label"]),
        ("https://[2001:db8::1]/", []),
        ("https://192.0.2.1/", []),
        ("https://shop.test?http://x", []),
        (None, []),
    ],
)
def test_hosts_and_schemes(url: str | None, expected: list[str]) -> None:
    """http destinations, and hosts that only one network knows, are told; also of links that are left alone."""
    assert kinds(link(url)) == expected
    assert kinds(link(url, wrapped=False), None) == expected


def test_one_time_link() -> None:
    """A link that works once is told where it is wrapped."""
    assert kinds(link(one_time=True)) == ["one-time"]
    assert kinds(link(one_time=True, wrapped=False, reason="one-time"), None) == []
    assert kinds(link(one_time=False)) == []


def test_ignored_markup() -> None:
    """What was ignored on a link comes first, in its own words."""
    assert link_warnings(link("http://a/", warning="a sentence"))[0] == ("markup", "a sentence")


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.test/",
        "http://www.shop.test/sale?x=1#y",
        "HTTPS://SHOP.TEST",
        "www.shop.test",
        "WWW.shop.test/sale.",
        "<https://shop.test/>",
        "(https://shop.test:8080/),",
        "https://müller.test/",
        "https://click.acme.test.evil.test/",
    ],
)
def test_text_is_a_url_of_another_host(text: str) -> None:
    """A reader who sees one host and gets another, the tracking domain too, is warned by clients and filters."""
    [warning] = link_warnings(link(), REDIRECT, text)
    assert warning.kind == "other-host"
    assert "but it leads to click.acme.test: " in warning.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The shop",
        "Go to https://shop.test/",
        "shop.test",
        "https://click.acme.test/x",
        "https://www.acme.test/",
        "www.acme.test",
        "https://acme.test/",
        "https://acme.test./",
        "https://",
        "https://{{ host }}/",
        "https://*|HOST|*/",
        "https://%%host%%/",
        "wwwacme.test",
        "https://a b.test/",
    ],
)
def test_text_that_is_no_url_of_another_host(text: str) -> None:
    """Words, placeholders, and hosts of the same site are not told."""
    assert kinds(link(), REDIRECT, text) == []


def test_text_of_a_link_that_is_left_alone() -> None:
    """Of a link that is left alone, the destination's own host counts."""
    assert kinds(link(wrapped=False), None, "https://shop.test/") == []
    assert kinds(link(wrapped=False), None, "https://other.test/") == ["other-host"]
    assert kinds(link(None, wrapped=False), None, "https://other.test/") == []


@pytest.mark.parametrize(
    ("host", "tracking_domain"),
    [
        ("acme.io", "spgo.io"),
        ("a.co.uk", "b.co.uk"),
        ("www.a.com.br", "click.b.com.br"),
        ("www.a.com.au", "a.net.au"),
        ("a.or.jp", "b.or.jp"),
        ("a.gob.mx", "b.gob.mx"),
        ("co.uk", "a.co.uk"),
        ("a.github.io", "b.github.io"),
        ("a.github.io", "github.io"),
        ("a.myshopify.com", "b.myshopify.com"),
        ("a.s3.amazonaws.com", "b.s3.amazonaws.com"),
        ("a.blob.core.windows.net", "b.blob.core.windows.net"),
        ("a.uk.com", "b.uk.com"),
        ("192.0.2.1", "198.51.2.1"),
        ("192.0.2.1", "192.0.2.2"),
        ("acme.com", "acme.com.evil.test"),
        ("notacme.com", "acme.com"),
    ],
)
def test_two_sites_below_one_suffix(host: str, tracking_domain: str) -> None:
    """Two hosts with nothing in common but a suffix that anybody can register a name below are two sites."""
    assert kinds(link(), f"https://{tracking_domain}/f/a/2x", f"https://{host}/") == ["other-host"]
    assert kinds(link(), f"https://{host}/f/a/2x", f"https://{tracking_domain}/") == ["other-host"]


@pytest.mark.parametrize(
    ("host", "tracking_domain"),
    [
        ("spgo.io", "spgo.io"),
        ("www.spgo.io", "spgo.io"),
        ("www.acme.com", "click.acme.com"),
        ("www.shop.acme.com", "click.mail.acme.com"),
        ("www.acme.co.uk", "click.mail.acme.co.uk"),
        ("acme.com.br", "click.acme.com.br"),
        ("co.com.br", "click.co.com.br"),
        ("www.gov.uk", "gov.uk"),
        ("web.de", "click.web.de"),
        ("com.acme.de", "click.acme.de"),
        ("a.github.io", "a.github.io"),
        ("www.a.github.io", "a.github.io"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1:8080"),
    ],
)
def test_two_hosts_of_one_site(host: str, tracking_domain: str) -> None:
    """Hosts at or below one registered domain are one site, also below a suffix of two labels."""
    assert kinds(link(), f"https://{tracking_domain}/f/a/2x", f"https://{host}/") == []
    assert kinds(link(), f"https://{host}/f/a/2x", f"https://{tracking_domain}/") == []


# The visible text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="{}">https://shop.test/</a>', "https://shop.test/"),
        ("<a href='{}' title='a > b' class=\"x'>\">https://shop.test/</a>", "https://shop.test/"),
        ("<a href={}>https://shop.test/</a>", "https://shop.test/"),
        ("<A HREF={}>https://shop.test/</A >", "https://shop.test/"),
        ('<a href="{}"> <b>https:</b>//<i class="x">shop</i>.test/\n x </a>', "https://shop.test/ x"),
        ('<a href="{}">https&#58;//shop.test/?a=1&amp;b</a>', "https://shop.test/?a=1&b"),
        ('<a href="{}"><!-- https://b.test -->www.shop.test</a>', "www.shop.test"),
        ('<a href="{}"><!-- https://b.test </a>', ""),
        ('<a href="{}">https://shop.test/', ""),
        ('<a href="{}">https://shop.test/<a href="https://b.test">x</a>', ""),
        ('<a href="{}">words</a>', ""),
        ('<area href="{}">https://shop.test/', ""),
        ('<a href="{}">https://shop.test/' + "x" * 3000 + "</a>", ""),
        ('<v:rect href="{}">https://shop.test/</v:rect>', "https://shop.test/"),
        ('<a href="{}">https://müller.test/</a>', "https://müller.test/"),
    ],
)
def test_visible_text(html: str, expected: str) -> None:
    """The text is what is between a link's tags, without markup; only one that may hold a URL is read."""
    if html.startswith("<v:"):
        html = f"<!--[if mso]>{html}<![endif]-->"
    html = html.replace("{}", "https://shop.test/")
    sources: list[str | bytes] = [html, html.encode("utf-16"), html.encode(), html.encode("utf-16-le")]
    for source, encoding in zip(sources, [None, None, "utf-8", "utf-16-le"], strict=True):
        links = WRAPPER.compile(source, encoding=encoding).links
        assert next(visible_texts(source, encoding, links)) == expected


@pytest.mark.parametrize("piece", ['<a href="https://a.test/">https://', "<!--", "<!-- -", "<", "</a", "'", "&#"])
def test_visible_texts_take_linear_time(piece: str) -> None:
    """Each link's text is read up to the next link at most: these would be hours where it is read to the end."""
    html = '<a href="https://a.test/">www.' * 3 + piece * 60_000
    links = WRAPPER.compile(html).links
    assert len(list(visible_texts(html, None, links))) == len(links)


# A message, its metadata, its HTML


def test_opted_out_in_one_part_only() -> None:
    """A destination that one part leaves alone wherever it stands, and another part wraps, is told where it is."""
    out = link("https://a.test/", wrapped=False, reason="opted-out")
    left = link("https://b.test/", wrapped=False, reason="policy")
    text, html = [link("https://b.test/"), link("https://a.test/")], [out, out, left]
    assert [found[:2] for found in opt_out_warnings([html, text])] == [(1, 1)]
    assert [found[:2] for found in opt_out_warnings([text, [], html])] == [(0, 1)]
    assert [found[2].kind for found in opt_out_warnings([html, text])] == ["opted-out"]
    assert opt_out_warnings([[out, link("https://a.test/")], text]) == []
    assert opt_out_warnings([html, html]) == opt_out_warnings([html]) == opt_out_warnings([]) == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"rcpt": "ada@acme.test"},
        {"rcpt": "Ada <ada+x@mail.acme.co.uk>"},
        {"rcpt": "ä@müller.test"},
        {"user": {"mail": ["x", "ada@acme.test"]}},
        {"user": {"ada@acme.test": 1}},
    ],
)
def test_metadata_that_looks_like_an_address(metadata: dict[str, Any]) -> None:
    """The key is named, the address is not quoted."""
    [warning] = metadata_warnings(metadata | {"id": 3, "none": None})
    assert warning.kind == "metadata"
    assert warning.message.startswith(f"the metadata {next(iter(metadata))!r} looks like an email address")
    assert "acme" not in warning.message


def test_address_as_a_key_of_the_metadata() -> None:
    """A key that is an address is not quoted either."""
    assert "ada@" not in metadata_warnings({"ada@acme.test": "x"})[0].message


@pytest.mark.parametrize("value", ["r-42", "a@b", "@acme.test", "a @ b.test", "x@.test", 42, True, None, [], {}])
def test_metadata_without_addresses(value: object) -> None:
    """Ids are what metadata is for."""
    assert metadata_warnings({"rcpt": value}) == metadata_warnings({}) == metadata_warnings(None) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_short_html_whose_only_image_is_the_pixel(encoding: str) -> None:
    """SpamAssassin adds points for images in HTML of at most 3,200 bytes: told where the pixel brings the image."""
    source = "<p>Hi</p>".encode(encoding)
    wrapped = WRAPPER.wrap(source)
    assert [warning.kind for warning in pixel_warnings(source, wrapped)] == ["image-only"]
    assert pixel_warnings(source, WRAPPER.wrap(source, open_tracking=False)) == []
    assert pixel_warnings(source, wrapped.ljust(3200, b"\0"))
    assert pixel_warnings(source, wrapped.ljust(3202, b"\0")) == []
    with_image = "<p><IMG\nsrc=x>".encode(encoding)
    assert pixel_warnings(with_image, WRAPPER.wrap(with_image)) == []


def test_what_looks_wrapped() -> None:
    """A redirect URL is told by its form."""
    url = WRAPPER.wrap_url("https://shop.test/")
    assert looks_wrapped(url)
    assert looks_wrapped(url + "?x")
    assert not looks_wrapped("https://shop.test/f/a/2x")

"""Real email, wrapped: nothing but the links' values and the pixels may differ, and every link leads where it led."""

import re

import ada_url
import html5lib

from helpers.oracles import html5lib_links
from linkwrap import LinkTemplate, LinkWrapper, Open, Resolver, SigningKeys
from linkwrap._markup.encodings import codec_of_label
from linkwrap._pixels import AMP_PIXEL, INITIAL_PIXEL, OPEN_PIXEL

KEYS = SigningKeys("the key of the tests on real mail")
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test", initial_open=True)
METADATA = {"message_id": "m-0123456789", "rcpt": "r-0123456789"}
URL = re.compile(r"https://click\.acme\.test/(?:f/[A-Za-z0-9_-]+|q)/[A-Za-z0-9._-]+")


def put_back(wrapped: str, originals: list[str]) -> str:
    """The wrapped mail with its pixels cut and each redirect URL replaced by the value it stands for."""
    for pixel in (OPEN_PIXEL, INITIAL_PIXEL, AMP_PIXEL):
        wrapped = re.sub(re.escape(pixel).replace(r"\{\}", URL.pattern), "", wrapped)
    values = iter(originals)
    restored = URL.sub(lambda _: next(values), wrapped)
    assert next(values, None) is None, "fewer redirect URLs than wrapped links"
    return restored


def wrapped_values(template: LinkTemplate[str] | LinkTemplate[bytes]) -> list[str]:
    """What stood where redirect URLs stand now, one character for one unit."""
    source = template.source
    spans = [(link.start, link.end) for link in template.links if link.wrapped]
    if isinstance(source, bytes):
        return [source[start:end].decode("latin-1") for start, end in spans]
    return [source[start:end] for start, end in spans]


def test_text_is_kept_to_the_character(corpus_bodies: list[tuple[str, bytes, str | None]]) -> None:
    """As `str`: values put back and pixels cut, the mail is the one that went in."""
    for name, body, charset in corpus_bodies:
        codec = codec_of_label(charset or "") or "utf-8"
        html = body.decode(codec, "replace")
        template = WRAPPER.compile(html)
        wrapped = WRAPPER.render(template, METADATA)
        assert put_back(wrapped, wrapped_values(template)) == html, name
        assert WRAPPER.wrap(wrapped, METADATA) == wrapped, name


def test_bytes_are_kept_to_the_byte(corpus_bodies: list[tuple[str, bytes, str | None]]) -> None:
    """As `bytes` in their own charset: values put back and pixels cut, the mail is the one that went in."""
    for name, body, charset in corpus_bodies:
        encoding = charset if charset and codec_of_label(charset) else None
        template = WRAPPER.compile(body, encoding=encoding)
        wrapped = WRAPPER.render(template, METADATA)
        if template._compiled.unit == 2:
            utf_16 = template._compiled.charset or ""
            restored = put_back(wrapped.decode(utf_16), wrapped_values(template))
            assert restored.encode(utf_16) == body, name
        else:
            restored = put_back(wrapped.decode("latin-1"), wrapped_values(template))
            assert restored == body.decode("latin-1"), name
        assert WRAPPER.wrap(wrapped, METADATA, encoding=encoding) == wrapped, name


def test_every_wrapped_link_leads_where_a_browser_goes(corpus_bodies: list[tuple[str, bytes, str | None]]) -> None:
    """Redeemed, each live redirect URL gives what ada-url makes of the href that html5lib reads in that place."""
    resolver = Resolver(KEYS)
    clicks = 0
    for name, body, charset in corpus_bodies:
        html = body.decode(codec_of_label(charset or "") or "utf-8", "replace").replace("\r\n", "\n")
        found = html5lib.parse(html, namespaceHTMLElements=False).find(".//base[@href]")
        base = None if found is None else found.get("href").strip()
        base = f"https:{base}" if base and base.startswith("//") else base
        template = WRAPPER.compile(html)
        urls = iter(WRAPPER.urls(template, METADATA))
        redirects = [(link, next(urls) if link.wrapped else None) for link in template.links]
        live = [(link, url) for link, url in redirects if not link.conditional]
        for (element, href), (link, url) in zip(html5lib_links(html), live, strict=True):
            assert element == link.element, name
            if url is not None:
                click = resolver.resolve_click(url)
                assert click.url == ada_url.URL(href, base=base).href, name
                assert (click.metadata, click.account_id) == (METADATA, "acme")
                clicks += 1
    assert clicks > 250


def test_every_link_is_wrapped_or_says_why_not(corpus_bodies: list[tuple[str, bytes, str | None]]) -> None:
    """Each link of each mail, conditional ones too, redeems to its destination or has a reason."""
    resolver = Resolver(KEYS)
    for name, body, charset in corpus_bodies:
        template = WRAPPER.compile(body, encoding=charset if charset and codec_of_label(charset) else None)
        urls = WRAPPER.urls(template, METADATA)
        wrapped = [link for link in template.links if link.wrapped]
        assert [resolver.resolve_click(url).url for url in urls[:-2]] == [link.url for link in wrapped], name
        assert all(link.reason is not None for link in template.links if not link.wrapped), name
        opens = [resolver.resolve(url) for url in urls[-2:]]
        assert [isinstance(found, Open) and found.initial for found in opens] == [False, True]


def test_no_pixel_and_no_link_means_no_change(corpus_bodies: list[tuple[str, bytes, str | None]]) -> None:
    """With clicks and opens off, what comes out is what went in."""
    for name, body, _ in corpus_bodies:
        assert WRAPPER.wrap(body, METADATA, click_tracking=False, open_tracking=False, initial_open=False) == body, name

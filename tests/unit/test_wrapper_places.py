"""Which link of a message a redirect URL says it is: its part, and its number among all links."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from bs4 import BeautifulSoup
from lxml import etree, html

from linkwrap import Click, Link, LinkPolicy, LinkWrapper, Open, Resolver, SigningKeys
from linkwrap.testing import tracked_links

KEYS = SigningKeys("a key for the tests of places")
WRAPPER = LinkWrapper(KEYS, tracking_domain="click.acme.test")
RESOLVER = Resolver(KEYS)
SENT = datetime(2026, 1, 2, tzinfo=UTC)
URL = re.compile(r"https://click\.acme\.test/[fq]/[\w/.-]+", re.ASCII)

MAIL = """<html><body><a href="#top">0</a><a href="https://shop.test/">1</a><a href="{{ x }}">2</a>
<!--[if mso]><v:roundrect href="https://shop.test/">3</v:roundrect><a href="mailto:a@shop.test">4</a><![endif]-->
<a href="https://shop.test/" data-msys-clicktrack="0">5</a><a name="none">-</a><a href="https://shop.test/">6</a>
<map><area href="https://shop.test/area"></map></body></html>"""
NUMBERS = [1, 3, 6, 7]
AMP = '<!doctype html><html ⚡4email><body><a href="#x">0</a><a href="https://shop.test/">1</a></body></html>'


def clicks(mail: str) -> list[Click]:
    """What the redirect URLs of a mail mean, in their order."""
    found = [RESOLVER.resolve(url) for url in URL.findall(mail)]
    return [click for click in found if isinstance(click, Click)]


def opens(mail: str) -> list[Open]:
    """What the pixels of a mail mean, in their order."""
    found = [RESOLVER.resolve(url) for url in URL.findall(mail)]
    return [opened for opened in found if isinstance(opened, Open)]


def wrapped(links: tuple[Link, ...]) -> list[tuple[int, str | None]]:
    """The numbers and destinations of the links that are wrapped."""
    return [(number, link.url) for number, link in enumerate(links) if link.wrapped]


def test_number_is_that_of_the_list_of_links() -> None:
    """Links that are not wrapped count too, and so do those of Outlook; all links of one destination differ."""
    sent = WRAPPER.wrap(MAIL, initial_open=True)
    found = clicks(sent)
    assert [(click.part, click.index) for click in found] == [("html", number) for number in NUMBERS]
    assert [(click.index, click.url) for click in found] == wrapped(WRAPPER.compile(MAIL).links)
    assert len({click.token for click in found}) == len(found)
    assert [(opened.part, opened.initial) for opened in opens(sent)] == [("html", True), ("html", False)]


def test_number_does_not_depend_on_the_recipient_or_the_options() -> None:
    """Reports can join all recipients of a template, whatever was asked for each."""
    template = WRAPPER.compile(MAIL)
    for options in ({}, {"initial_open": True}, {"open_tracking": False}, {"tracking_domain": "click.acme.test"}):
        assert [click.index for click in clicks(WRAPPER.render(template, {"rcpt": "r-1"}, **options))] == NUMBERS
    assert [click.index for click in clicks(" ".join(WRAPPER.urls(template)))] == NUMBERS


def test_number_is_the_same_where_a_policy_is_asked() -> None:
    """Links that a policy refuses count as well."""
    policy = LinkPolicy(destination=lambda link: None if link.element == "area" else link.url)
    wrapper = LinkWrapper(KEYS, tracking_domain="click.acme.test", policy=policy)
    assert [click.index for click in clicks(wrapper.wrap(MAIL))] == NUMBERS[:-1]


@pytest.mark.parametrize("count", [31, 32, 33, 249, 250, 251, 501, 2047, 2048, 2050])
def test_number_of_many_links(count: int) -> None:
    """Numbers go on over all batches of a document, and end at 2,047."""
    mail = '<a href="https://shop.test/">x</a>' * count
    found = [click.index for click in clicks(WRAPPER.wrap(mail, open_tracking=False))]
    assert found == [number if number <= 2047 else None for number in range(count)]


@pytest.mark.parametrize("parse", [html.document_fromstring, lambda text: BeautifulSoup(text, "html.parser")])
def test_link_of_a_tree_has_the_number_of_the_returned_list(parse: object) -> None:
    """A tree's links are numbered as those of its source, comments included."""
    tree = parse(MAIL)  # type: ignore[operator]
    links = WRAPPER.wrap_tree(tree)
    text = etree.tostring(tree, encoding="unicode") if isinstance(tree, etree._Element) else str(tree)
    found = clicks(text)
    assert [(click.part, click.index) for click in found] == [("html", number) for number in NUMBERS]
    assert [(click.index, click.url) for click in found] == wrapped(links)


def test_part_of_an_amp_document() -> None:
    """Its links and its pixel say AMP, from text and from a tree."""
    tree = BeautifulSoup(AMP, "html.parser")
    links = WRAPPER.wrap_tree(tree)
    for sent in (WRAPPER.wrap(AMP), str(tree)):
        assert [(click.part, click.index) for click in clicks(sent)] == [("amp", 1)]
        assert [(opened.part, opened.initial) for opened in opens(sent)] == [("amp", False)]
    assert wrapped(links) == [(1, "https://shop.test/")]
    urls = WRAPPER.urls(WRAPPER.compile(AMP))
    assert [opened.part for opened in opens(urls[-2])] == ["amp"]


def test_link_in_a_comment_of_an_amp_tree_is_of_that_part() -> None:
    """The part is that of the document, as it is when its source is wrapped."""
    mail = AMP.replace("</body>", '<!--[if mso]><a href="https://shop.test/mso">2</a><![endif]--></body>')
    tree = BeautifulSoup(mail, "html.parser")
    WRAPPER.wrap_tree(tree)
    for sent in (WRAPPER.wrap(mail), str(tree)):
        assert [(click.part, click.index) for click in clicks(sent)] == [("amp", 1), ("amp", 2)]


def test_part_of_plain_text() -> None:
    """URLs that are left alone count too."""
    text = "https://shop.test/a {https://shop.test/b} https://shop.test/c"
    template = WRAPPER.compile_text(text)
    found = clicks(WRAPPER.wrap_text(text))
    assert {click.part for click in found} == {"text"}
    assert [(click.index, click.url) for click in found] == wrapped(template.links)
    assert [click.index for click in found] == [0, 2]


def test_each_part_of_a_message_counts_its_own_links() -> None:
    """One message, three bodies: the numbers begin at 0 in each."""
    message = EmailMessage()
    message.set_content("https://shop.test/text https://shop.test/text")
    message.add_alternative(AMP, subtype="x-amp-html")
    message.add_alternative(MAIL, subtype="html")
    found = [
        (link.click.part, link.click.index) for link in tracked_links(WRAPPER.wrap_message(message, text=True), KEYS)
    ]
    assert found == [("text", 0), ("text", 1), ("amp", 1), *(("html", number) for number in NUMBERS)]


def test_amp_body_without_amp_markup_is_one() -> None:
    """The type of the part decides, since a client goes by that."""
    message = EmailMessage()
    message.set_content(MAIL, subtype="x-amp-html")
    found = {link.click.part for link in tracked_links(WRAPPER.wrap_message(message), KEYS)}
    assert found == {"amp"}


def test_single_url_has_no_number() -> None:
    """`wrap_url` knows no document."""
    found = RESOLVER.resolve_click(WRAPPER.wrap_url("https://shop.test/"))
    assert (found.part, found.index) == ("url", None)


def test_one_link_has_one_token_in_all_its_spellings() -> None:
    """Duplicates are found by the canonical token, whatever clients made of the URL."""
    url = WRAPPER.wrap_url("https://shop.test/", sent_at=SENT)
    path = url.removeprefix("https://click.acme.test")
    encoded = "".join(f"%{ord(character):02x}" for character in path[1:])
    spellings = [url, url + ")", url + "?x=1", url + "#x", url + "/", f"https://CLICK.acme.test.:443/{encoded}%29"]
    assert {RESOLVER.resolve_click(spelled).token for spelled in spellings} == {path}
    other = WRAPPER.wrap_url("https://shop.test/", {"rcpt": "r-2"}, sent_at=SENT)
    assert RESOLVER.resolve_click(other).token != path


def test_token_and_keys_are_in_no_repr() -> None:
    """A log of what was resolved holds no token, with which others could follow the link."""
    for url in (
        WRAPPER.wrap_url("https://shop.test/"),
        WRAPPER.unsubscribe_url(),
        WRAPPER.urls(WRAPPER.compile(""))[0],
    ):
        found = RESOLVER.resolve(url)
        assert found.token in url
        assert found.token[-22:] not in repr(found)

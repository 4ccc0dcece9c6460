"""Trees of lxml and BeautifulSoup, wrapped in place: what `wrap` does to a source, done to what was parsed from it.

How the parsers' trees differ from the source is told by name at the end, and `test_trees_corpus` counts it.
"""

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import lxml.html
import pytest
from bs4 import BeautifulSoup, Comment, Tag, XMLParsedAsHTMLWarning
from lxml import etree

from helpers import effort
from linkwrap import Link, LinkPolicy, LinkWrapper, Open, OptionError, Resolver, SigningKeys
from linkwrap.testing import tracked_links, unwrap

KEYS = SigningKeys("a key for the tests of trees")
SENT_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test")
VML = "urn:schemas-microsoft-com:vml"

Parse = Callable[[str], Any]


def lxml_html(html: str) -> Any:
    """The root element of lxml's tree."""
    return lxml.html.document_fromstring(html)


def soup(builder: str) -> Parse:
    """What parses with one of BeautifulSoup's tree builders."""

    def parse(html: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
            return BeautifulSoup(html, builder)

    return parse


PARSERS: dict[str, Parse] = {
    "lxml.html": lxml_html,
    **{builder: soup(builder) for builder in ("html.parser", "lxml", "html5lib")},
}
every_parser = pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)


def written(tree: Any) -> str:
    """A tree as its own library writes it."""
    if isinstance(tree, Tag):
        return str(tree)
    return etree.tostring(tree, encoding="unicode", method="html", with_tail=False)


def destinations(html: str) -> list[str]:
    """Where the redirect URLs in a mail lead."""
    return [link.click.url for link in tracked_links(html, KEYS)]


def pixels(html: str) -> list[Open]:
    """What the images of a mail say that are pixels."""
    sources = [str(image.get("src")) for image in BeautifulSoup(html, "html.parser").find_all(["img", "amp-img"])]
    found = [Resolver(KEYS).resolve(src) for src in sources if "/q/" in src]
    return [opened for opened in found if isinstance(opened, Open)]


def without_places(links: tuple[Link, ...]) -> list[tuple[Any, ...]]:
    """All that links say, but for where they stand."""
    fields = "href url element name unsubscribe sublink wrapped reason conditional warning".split()
    return [tuple(getattr(link, field) for field in fields) for link in links]


MAIL = """<!DOCTYPE html>
<!--[if mso]><a href="https://acme.test/before">Before</a><![endif]-->
<html xmlns:v="urn:schemas-microsoft-com:vml"><head><title>Sale</title><base href="https://acme.test/mail/"></head>
<body class="mail">Hello
<!--[if mso]><v:roundrect href="https://acme.test/vml?a=1&amp;b=2" data-msys-linkname="Button" fill="t">
<center>Shop</center></v:roundrect><a href="relative?c=1">there</a><![endif]-->
<!--[if !mso]><!--><a href="https://acme.test/live?a=1&amp;b=2" data-msys-linkname="Live">Live</a><!--<![endif]-->
<A HREF='page.html#top' data-msys-unsubscribe="1" data-msys-sublink="my link">Leave</A>
<v:rect href="https://acme.test/open-vml">x</v:rect>
<map name="m"><area href="//maps.test/area" alt="Area"></map>
<a href="https://acme.test/no" class="a untracked b">out</a> <a href="https://acme.test/no" ses:no-track>out</a>
<a href="mailto:me@acme.test">mail</a> <a href="#top">top</a> <a href="">empty</a> <a name="x">none</a>
<a href="{{ url }}">merge</a> <a href="https://acme.test/bad" data-msys-sublink="a/b">bad sublink</a>
<!-- <a href="https://acme.test/comment">no link</a> -->
</body></html>"""


@every_parser
def test_wraps_what_wrap_wraps(parse: Parse) -> None:
    """A tree's links, opt-outs, names, base and conditional comments are read as those of the source are."""
    tree = parse(MAIL)
    links = WRAPPER.wrap_tree(tree, {"rcpt": "r-42"}, sent_at=SENT_AT)
    source = WRAPPER.wrap(MAIL, {"rcpt": "r-42"}, sent_at=SENT_AT)

    assert without_places(links) == without_places(WRAPPER.compile(MAIL).links)
    assert {(link.start, link.end) for link in links} == {(None, None)}

    html = written(tree.getroottree() if isinstance(tree, etree._Element) else tree)
    assert destinations(html) == destinations(source)
    assert [link.click for link in tracked_links(html, KEYS)] == [link.click for link in tracked_links(source, KEYS)]
    assert pixels(html) == pixels(source)
    assert html.count("data-msys-linkname") == html.count("data-msys-unsubscribe") == 0
    assert html.count("data-msys-sublink") == 0
    assert "untracked" in html
    assert "ses:no-track" in html
    assert "/f/my_link/" in html


@every_parser
def test_twice_changes_nothing(parse: Parse) -> None:
    """A tree that passes a second wrapper has no link wrapped twice and no second pixel."""
    tree = parse(MAIL)
    WRAPPER.wrap_tree(tree, initial_open=True)
    once = written(tree)
    links = WRAPPER.wrap_tree(tree, initial_open=True)
    assert written(tree) == once
    assert not any(link.wrapped for link in links)
    again = parse(once)
    WRAPPER.wrap_tree(again, initial_open=True)
    assert written(again) == once


@every_parser
def test_pixels(parse: Parse) -> None:
    """The open pixel is the last thing in the body, the initial one the first, before its text."""
    tree = parse("<html><body>text<p>first</p>last</body></html>")
    WRAPPER.wrap_tree(tree, initial_open=True)
    html = written(tree)
    assert unwrap(html, KEYS) == written(parse("<html><body>text<p>first</p>last</body></html>"))
    assert [opened.initial for opened in pixels(html)] == [True, False]
    body = BeautifulSoup(html, "html.parser").body
    assert body is not None
    assert [getattr(node, "name", None) or node for node in body] == ["img", "text", "p", "last", "img"]
    first, last = body.find_all("img")
    assert list(last.attrs) == ["alt", "border", "height", "src", "width"] or last.attrs["border"] == "0"
    assert "opacity:0" in str(first["style"])
    assert "opacity" not in str(last["style"])
    assert all("float:right" in str(pixel["style"]) for pixel in (first, last))


@every_parser
def test_pixel_of_another_account(parse: Parse) -> None:
    """Only a pixel of the same account stands in for the pixel."""
    tree = parse("<html><body><p>x</p></body></html>")
    WRAPPER.wrap_tree(tree)
    WRAPPER.wrap_tree(tree, account_id="other")
    WRAPPER.wrap_tree(tree, account_id="other")
    assert [opened.account_id for opened in pixels(written(tree))] == ["acme", "other"]


@every_parser
def test_tracking_off(parse: Parse) -> None:
    """With both kinds of tracking off a tree stays as it was; its links are reported all the same."""
    tree = parse(MAIL)
    links = WRAPPER.wrap_tree(tree, click_tracking=False, open_tracking=False)
    assert written(tree) == written(parse(MAIL))
    assert without_places(links) == without_places(WRAPPER.compile(MAIL).links)


@every_parser
def test_amp(parse: Parse) -> None:
    """AMP for Email gets its own kind of pixel, one at the end."""
    tree = parse('<!doctype html><html amp4email><head></head><body><a href="https://acme.test/">x</a></body></html>')
    WRAPPER.wrap_tree(tree, initial_open=True)
    html = written(tree)
    assert "<img" not in html
    assert re.search('<amp-img [^>]*src="https://click.acme.test/q/', html)
    assert html.index("</a>") < html.index("<amp-img")
    assert "></amp-img>" in html
    assert len(pixels(html)) == 1
    WRAPPER.wrap_tree(tree, initial_open=True)
    assert written(tree) == html


@every_parser
def test_policy(parse: Parse) -> None:
    """A policy's destinations are signed, skipped hosts stay, and the policy sees no place of a link in a tree."""
    seen: list[Link] = []

    def destination(link: Link) -> str | None:
        seen.append(link)
        return None if "no" in link.href else f"{link.url}?utm=1"

    policy = LinkPolicy(skip_hosts=["own.test"], destination=destination, honour=[])
    tree = parse(
        '<p><a href="https://own.test/">o</a><a href="https://acme.test/no">n</a><a href="https://acme.test/a" '
        'clicktracking="off">a</a><!--[if mso]><v:rect href="https://acme.test/v"></v:rect><![endif]--></p>'
    )
    links = LinkWrapper(KEYS, tracking_domain="click.acme.test", policy=policy).wrap_tree(tree)
    assert [link.reason for link in links] == ["policy", "policy", None, None]
    assert destinations(written(tree)) == ["https://acme.test/a?utm=1", "https://acme.test/v?utm=1"]
    assert [link.element for link in seen] == ["a", "a", "v:rect"]
    assert {(link.start, link.end) for link in seen} == {(None, None)}


@every_parser
def test_a_fault_of_the_caller_changes_nothing(parse: Parse) -> None:
    """Where an option or the policy raises, the tree is as it was."""

    def fail(link: Link) -> str:
        raise RuntimeError(link.href if link.conditional else "")

    failing = LinkWrapper(KEYS, tracking_domain="click.acme.test", policy=LinkPolicy(destination=fail))
    tree = parse(MAIL)
    with pytest.raises(RuntimeError):
        failing.wrap_tree(tree)
    with pytest.raises(OptionError, match="metadata"):
        WRAPPER.wrap_tree(tree, {"x": object()})
    with pytest.raises(TypeError, match="open_tracking must be bool, not str"):
        WRAPPER.wrap_tree(tree, open_tracking="no")  # type: ignore[arg-type]
    assert written(tree) == written(parse(MAIL))


@every_parser
def test_comments(parse: Parse) -> None:
    """In a conditional comment only the values change, and what stands behind it stays; other comments stay whole."""
    mail = (
        "<p>a<!--[if mso]> <A data-msys-linkname=n HREF=https://acme.test/?a=1&amp;b>&nbsp;x</A>\t<![endif]-->b"
        '<!-- [if mso]><a href="https://acme.test/no"> -->c<!--[if mso]--><a href="https://acme.test/c">d</a></p>'
    )
    tree = parse(mail)
    links = WRAPPER.wrap_tree(tree, open_tracking=False)
    assert [(link.url, link.conditional) for link in links] == [
        ("https://acme.test/?a=1&b", True),
        ("https://acme.test/c", False),
    ]
    unwrapped = unwrap(written(tree), KEYS)
    assert (
        "<p>a<!--[if mso]> <A HREF=https://acme.test/?a=1&amp;b>&nbsp;x</A>\t<![endif]-->b<!-- [if mso]>" in unwrapped
    )


@pytest.mark.parametrize("builder", ["html.parser", "lxml", "html5lib"])
def test_soup_keeps_what_its_nodes_are(builder: str) -> None:
    """A rewritten comment is still a `Comment`, in its place among its siblings."""
    tree = soup(builder)('<p>a<!--[if mso]><a href="https://acme.test/">x</a><![endif]-->b</p>')
    WRAPPER.wrap_tree(tree, open_tracking=False)
    assert tree.p is not None
    before, comment, behind = tree.p.contents
    assert (before, behind) == ("a", "b")
    assert type(comment) is Comment
    assert comment.next_sibling is behind


CONDITIONAL = '<!--[if mso]><a href="https://acme.test/">x</a><![endif]-->'


@pytest.mark.parametrize("builder", ["html.parser", "lxml", "html5lib"])
@pytest.mark.parametrize(
    "html",
    [
        CONDITIONAL,
        f"<p>{CONDITIONAL * 3}</p>",
        f"{CONDITIONAL}<p>a{CONDITIONAL}b<i>c{CONDITIONAL}</i>{CONDITIONAL}d</p>{CONDITIONAL}",
        f"<table>{CONDITIONAL}<tr><td>x{CONDITIONAL}</table>{CONDITIONAL} y",
    ],
)
def test_soup_is_whole_after_rewriting(builder: str, html: str) -> None:
    """Each node knows its parent and its neighbours, as the parser has left them."""
    tree = soup(builder)(html)
    before = neighbours(tree)
    comments = tree.find_all(string=lambda text: isinstance(text, Comment))
    WRAPPER.wrap_tree(tree, open_tracking=False)
    assert neighbours(tree) == before
    assert str(tree).count("click.acme.test") == html.count(CONDITIONAL)
    for comment in comments:
        assert comment.parent is comment.next_element is comment.previous_element is comment.next_sibling is None


def neighbours(tree: Tag) -> list[tuple[int | None, ...]]:
    """For each node of a tree, the numbers of its parent and of those beside it."""
    nodes = [tree, *tree.descendants]
    number = {id(node): place for place, node in enumerate(nodes)}
    known = "parent next_element previous_element next_sibling previous_sibling".split()
    found = [[getattr(node, name) for name in known] for node in nodes]
    return [tuple(None if other is None else number[id(other)] for other in row) for row in found]


def test_soup_changed_by_hand() -> None:
    """Where a node does not know its neighbours, BeautifulSoup itself replaces it."""
    tree = soup("html.parser")(f"<p>a{CONDITIONAL}b</p>")
    assert tree.p is not None
    comment = tree.p.contents[1]
    comment.previous_element = tree
    WRAPPER.wrap_tree(tree, open_tracking=False)
    assert destinations(str(tree)) == ["https://acme.test/"]
    assert comment.parent is None


@pytest.mark.parametrize(
    "unit",
    [
        CONDITIONAL,
        f"text{CONDITIONAL}",
        f"<b></b>{CONDITIONAL}{CONDITIONAL}",
        "<!--[if mso]><v:rect href=https://acme.test/><![endif]--><!-- no link <b> -->",
        "<![CDATA[<a href=https://acme.test/>x</a>]]>",
    ],
)
@pytest.mark.parametrize("around", ["<div>{}</div>", "{}", "<p>a</p>{}<p>b</p>"])
def test_soup_with_thousands_of_comments(unit: str, around: str) -> None:
    """Those of one parent are replaced without a search among them, which would take quadratic time."""
    tree = soup("html.parser")(around.format(unit * effort.count(2_000, ci=8_000, endurance=8_000)))
    links = WRAPPER.wrap_tree(tree, open_tracking=False)
    wrapped = sum(link.wrapped for link in links)
    assert wrapped == len(links)
    assert str(tree).count("click.acme.test") == wrapped


@every_parser
def test_part_of_a_tree(parse: Parse) -> None:
    """Of a document, a part can be wrapped alone; the pixel is its last child."""
    tree = parse(
        '<div><p id="one"><a href="https://acme.test/1">1</a></p>tail<a href="https://acme.test/2">2</a></div>'
    )
    part = tree.find(".//p") if isinstance(tree, etree._Element) else tree.p
    assert len(WRAPPER.wrap_tree(part)) == 1
    html = written(tree)
    assert destinations(html) == ["https://acme.test/1"]
    assert "><img" in html.partition("</p>")[0]
    assert "</p>tail<a" in html
    assert len(WRAPPER.wrap_tree(part.a if isinstance(part, Tag) else part[0], open_tracking=False)) == 1


def test_lxml_fragments_and_trees() -> None:
    """A fragment's root and an `ElementTree` are taken as they are; the comments beside a root belong to it."""
    fragment = lxml.html.fragment_fromstring('<a href="https://acme.test/">x</a> tail', create_parent="div")
    WRAPPER.wrap_tree(fragment)
    assert unwrap(written(fragment), KEYS) == '<div><a href="https://acme.test/">x</a> tail</div>'
    assert len(pixels(written(fragment))) == 1

    outlook = '<!--[if mso]><a href="https://acme.test/{}">x</a><![endif]-->'
    document = lxml.html.document_fromstring(f"{outlook.format(1)}<html><body>x</body></html>{outlook.format(2)}")
    links = WRAPPER.wrap_tree(document.getroottree())
    assert [link.url for link in links] == ["https://acme.test/1", "https://acme.test/2"]
    assert destinations(written(document.getroottree()))[0] == "https://acme.test/1"


def test_soup_without_body() -> None:
    """Without a body the pixel goes before `</html>`, and without that to the end."""
    for mail, expected in (
        ("<html><p>x</p></html>\n<!-- end -->", "<p>x</p><img"),
        ("<p>x</p>\n<!-- end -->", "<!-- end --><img"),
    ):
        tree = BeautifulSoup(mail, "html.parser")
        WRAPPER.wrap_tree(tree, initial_open=True)
        assert expected in str(tree)
        assert len(pixels(str(tree))) == 1


def test_xhtml() -> None:
    """In an XHTML tree names are local ones, VML and opt-outs known by their prefix, and pixels XHTML elements."""
    mail = (
        f'<html xmlns="http://www.w3.org/1999/xhtml" xmlns:v="{VML}" xmlns:ses="urn:ses"><head>'
        '<base href="https://acme.test/"/></head><body>Hi'
        '<a href="a?x=1&amp;y=2" data-msys-linkname="A">a</a><a ses:no-track="" href="out">out</a>'
        '<v:rect href="vml">b</v:rect><h:a xmlns:h="http://www.w3.org/1999/xhtml" href="h">h</h:a>'
        '<o:a xmlns:o="urn:other" href="other">o</o:a>'
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<style><a xlink:href="no" href="svg">s</a></style></svg></body></html>'
    )
    for tree, write in (
        (etree.fromstring(mail), lambda tree: etree.tostring(tree, encoding="unicode")),
        (BeautifulSoup(mail, "xml"), lambda tree: str(tree.html)),
    ):
        links = WRAPPER.wrap_tree(tree, initial_open=True)
        assert [(link.element, link.href, link.reason) for link in links] == [
            ("a", "a?x=1&y=2", None),
            ("a", "out", "opted-out"),
            ("v:rect", "vml", None),
            ("a", "h", None),
            ("a", "svg", None),
        ]
        html = write(tree)
        again = etree.fromstring(html)
        images = again.findall(".//{http://www.w3.org/1999/xhtml}img")
        assert len(images) == 2
        assert html.count("xmlns:h=") == 1
        assert 'ses:no-track=""' in html
        assert "data-msys" not in html
        assert [again[1][0], again[1][-1]] == images
        assert images[0].tail == "Hi"


def test_names_are_those_that_are_written() -> None:
    """A prefix counts as it is written at the element, also where others stand for the same namespace."""
    tree = etree.fromstring(
        '<html xmlns:x="urn:ses" xmlns:ses="urn:ses"><body>'
        '<a ses:no-track="" href="https://acme.test/out">out</a><a x:no-track="" href="https://acme.test/1">in</a>'
        '<a xmlns:ses="urn:other" xml:lang="en" ses:no-track="" href="https://acme.test/out">out</a>'
        '<p xmlns:ses="urn:x" xmlns:y="urn:ses"><a y:no-track="" href="https://acme.test/2">in</a></p></body></html>'
    )
    assert [link.reason for link in WRAPPER.wrap_tree(tree)] == ["opted-out", None, "opted-out", None]
    assert "no-track" in written(tree)


@pytest.mark.parametrize(
    ("element", "count"),
    [
        ("<a p7:no-track='' href='https://acme.test/'/>", 8_000),
        ("<a xmlns:q='urn:q' q:no-track='' xml:lang='en' href='https://acme.test/'>x</a>", 4_000),
        ("<p><a p0:x='' href='https://acme.test/'/></p>", 4_000),
        ("<a " + "".join([f"p{number}:no-track='' " for number in range(6_000)]) + "href='https://acme.test/'/>", 1),
    ],
    ids=["links", "links with prefixes of their own", "paragraphs", "attributes"],
)
def test_very_many_prefixes(element: str, count: int) -> None:
    """No prefix is looked for among all that are in scope, which would take quadratic time."""
    prefixes = " ".join([f"xmlns:p{number}='urn:p{number}'" for number in range(6_000)])
    tree = etree.fromstring(f"<html {prefixes}>{element * count}</html>", etree.XMLParser(huge_tree=True))
    links = WRAPPER.wrap_tree(tree, open_tracking=False)
    assert [link.wrapped for link in links] == [True] * count


@pytest.mark.parametrize("order", ["before", "behind", "among"])
def test_very_many_attributes(order: str) -> None:
    """lxml looks for each value among all attributes; one that counts is found wherever it is."""
    many = [f"a{number}=x" for number in range(8_000)]
    at = {"before": 0, "behind": len(many), "among": 100}[order]
    ours = ["data-msys-linkname='é&amp;'", "data-msys-sublink=s", "HREF='https://acme.test/?a=1&amp;b=2'"]
    tree = lxml_html(f"<p><a {' '.join([*many[:at], *ours, *many[at:]])}>x</a></p>")
    (link,) = WRAPPER.wrap_tree(tree, open_tracking=False)
    assert (link.url, link.name, link.sublink) == ("https://acme.test/?a=1&b=2", "é&", "s")
    assert len(tree.find(".//a").attrib) == len(many) + 1


def test_names_set_by_hand() -> None:
    """A tree that was made by hand may have names in any case, and BeautifulSoup's values may be lists or missing."""
    element = etree.Element("A", HREF="https://acme.test/", **{"Data-Msys-LinkName": "A"})
    (link,) = WRAPPER.wrap_tree(element, open_tracking=False)
    assert (link.element, link.name) == ("a", "A")
    assert list(element.attrib) == ["HREF"]

    tag = Tag(name="a")
    tag.attrs = {"href": None, "class": ["a", "untracked"]}
    assert [link.reason for link in WRAPPER.wrap_tree(tag, open_tracking=False)] == ["opted-out"]
    tag.attrs = {"href": None}
    assert [link.reason for link in WRAPPER.wrap_tree(tag, open_tracking=False)] == ["empty"]
    assert tag.attrs == {"href": None}


@every_parser
def test_strange_attributes(parse: Parse) -> None:
    """Names that are no names, such as those of a placeholder in a tag, do not get in the way."""
    tree = parse('<p><a {{ x }} {y} " <b =c 4="" href="https://acme.test/">x</a></p>')
    WRAPPER.wrap_tree(tree)
    assert destinations(written(tree)) == ["https://acme.test/"]


def test_comment_that_lxml_would_not_take() -> None:
    """Control characters, which lxml may read from a comment but lets nobody write into one, are no obstacle."""
    tree = lxml_html('<p><!--[if mso]>\x01\ufffe<a href="https://acme.test/">x</a><![endif]--></p>')
    WRAPPER.wrap_tree(tree)
    assert destinations(written(tree)) == ["https://acme.test/"]
    assert written(tree).replace("\ufffd", "").startswith("<html><body><p><!--[if mso]><a href=")


@pytest.mark.parametrize(
    "other",
    [
        "<a href='https://acme.test/'>x</a>",
        b"<p>",
        None,
        [lxml.html.fromstring("<p>x</p>")],
        etree.Comment("x"),
        etree.ElementTree(),
        BeautifulSoup("<p>text</p>", "html.parser").get_text(),
    ],
    ids=lambda other: type(other).__name__,
)
def test_wrong_type(other: Any) -> None:
    """What is no tree is refused with a sentence that says what is taken, and what came."""
    with pytest.raises(
        TypeError, match=rf"an lxml element.*BeautifulSoup.*not {'None' if other is None else type(other).__name__}"
    ):
        WRAPPER.wrap_tree(other)


def test_libraries_stay_unloaded() -> None:
    """A program that refuses what is no tree, or has lxml only, does not load what it has no use for."""
    code = """
import sys
from linkwrap import LinkWrapper, SigningKeys
wrapper = LinkWrapper(SigningKeys("a key for the tests of trees"), tracking_domain="click.acme.test")
try:
    wrapper.wrap_tree("<p>")
except TypeError:
    assert not {"lxml", "bs4"} & set(sys.modules)
import lxml.etree
assert wrapper.wrap_tree(lxml.etree.fromstring("<a href='https://acme.test/'/>"))[0].wrapped
assert "bs4" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# Where a tree is not what a mail client makes of the source. Wrapping what is in the tree is right then.


def found(parse: Parse, html: str) -> list[str]:
    """The hrefs that are wrapped in a tree."""
    return [link.href for link in WRAPPER.wrap_tree(parse(html)) if link.wrapped]


@pytest.mark.parametrize("element", ["textarea", "title", "iframe", "xmp", "noembed", "noframes", "plaintext"])
@every_parser
def test_text_only_elements(parse: Parse, element: str) -> None:
    """What is text to a mail client is no link, even where a parser makes elements of it."""
    outlook = '<!--[if mso]><a href="https://acme.test/1">x</a><![endif]-->'
    html = f'<p>x</p><{element}><a href="https://acme.test/2">x</a>{outlook}</{element}>'
    assert found(parse, html) == []


def test_html_parser_takes_the_last_attribute() -> None:
    """BeautifulSoup's html.parser keeps the last of two attributes, a mail client the first."""
    html = '<a href="https://acme.test/1" href="https://acme.test/2">x</a>'
    assert found(PARSERS["html.parser"], html) == ["https://acme.test/2"]
    assert found(PARSERS["lxml"], html) == ["https://acme.test/1"]


def test_html_parser_reads_references_without_semicolon() -> None:
    """Python's html.parser makes "©" of `&copy=`, but for the newest; a mail client does not."""
    html = '<a href="https://acme.test/?a=1&copy=2">x</a>'
    assert found(PARSERS["html.parser"], html)[0] in ("https://acme.test/?a=1©=2", "https://acme.test/?a=1&copy=2")
    assert found(PARSERS["html5lib"], html) == ["https://acme.test/?a=1&copy=2"]


def test_html_parser_swallows_markup_behind_an_endif() -> None:
    """What html.parser takes into a declaration, BeautifulSoup writes as it stands; the links in there are wrapped."""
    html = '<p><![endif]--><a href="https://acme.test/1">x</a><![if !mso]><a href="https://acme.test/2">y</a></p>'
    tree = PARSERS["html.parser"](html)
    links = WRAPPER.wrap_tree(tree)
    assert [link.url for link in links] == destinations(str(tree)) == ["https://acme.test/1", "https://acme.test/2"]


def test_markup_that_ends_outside_its_node() -> None:
    """A tag that takes in what BeautifulSoup writes behind the node's text is left alone."""
    tree = BeautifulSoup("<p></p>", "html.parser")
    assert tree.p is not None
    from bs4 import Declaration

    tree.p.append(Declaration("x><a href=https://acme.test/"))
    before = str(tree)
    assert WRAPPER.wrap_tree(tree, open_tracking=False) == ()
    assert str(tree) == before


def test_html5lib_copies_links() -> None:
    """html5lib repeats a link around a block as the standard has it, and each copy is wrapped."""
    html = '<a href="https://acme.test/"><div>x</a>y</div>'
    assert found(PARSERS["html5lib"], html) == ["https://acme.test/", "https://acme.test/"]


def test_lxml_leaves_out_what_follows_html() -> None:
    """lxml puts what follows `</html>` beside its tree and never writes it."""
    html = '<html><body><a href="https://acme.test/1">1</a></body></html><p><a href="https://acme.test/2">2</a></p>'
    assert found(lxml_html, html) == ["https://acme.test/1"]
    assert "acme.test/2" not in written(lxml_html(html).getroottree())


def test_lxml_stops_where_elements_are_nested_too_deep() -> None:
    """lxml reads no more than some 250 elements in each other, unless it is told to."""
    html = "<div>" * 300 + '<a href="https://acme.test/">x</a>'
    deep = lxml.html.document_fromstring(html, parser=lxml.html.HTMLParser(huge_tree=True))
    assert found(lxml_html, html) == []
    assert len(WRAPPER.wrap_tree(deep)) == 1

"""On real email, the links of a tree redeem to the same destinations as those of the source it was parsed from.

Both are read as a mail client reads what is sent: the wrapped tree is written, and the redirect URLs are taken from
what was written. A parser's tree may differ from the source by these rules only, of 100 bodies in as many as `BOUNDS`
allows:

- `after-html` (lxml.html, BeautifulSoup on an older lxml): what follows `</html>` is beside the tree, never written.
- `copies` (html5lib): a link that is open around a block is repeated in it (HTML 13.2.6.4.7, the adoption agency).
- `moved` (html5lib): what stands in a table but in no cell comes before the table (13.2.6.1, foster parenting).
- `attributes` (html.parser): of two attributes with one name the last counts, and a character reference without a
  semicolon counts before "=" too.
- `no-tree`: the parser refuses the body.
- `line-end` (lxml): in a URL it writes a line end, which browsers leave out, as `%0A`.
"""

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any

import lxml.html
import pytest
from bs4 import BeautifulSoup, ParserRejectedMarkup
from lxml import etree

from linkwrap import Link, LinkWrapper, Resolver, SigningKeys
from linkwrap._decide.destination import read_destination
from linkwrap._markup.scan import scan
from linkwrap._markup.source import open_source
from linkwrap._markup.tokenizer import decode_references

Body = tuple[str, bytes, str | None]
Destinations = list[tuple[str, str]]

KEYS = SigningKeys("a key for the tests of trees")
SENT_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test")
PARSERS = ("lxml.html", "html.parser", "lxml", "html5lib")
BOUNDS = {"after-html": 20, "copies": 15, "moved": 2, "attributes": 2, "no-tree": 2, "line-end": 5}

_HREF = re.compile(r"""[\s"'/]href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)


def text_of(body: bytes) -> str:
    """A body as the text that every parser is given."""
    source = open_source(body)
    return source.decode(0, len(source.text))


def parse(parser: str, html: str) -> Any:
    """The tree of one parser; None where it refuses."""
    try:
        if parser == "lxml.html":
            utf_8 = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
            return lxml.html.document_fromstring(html.encode("utf-8"), utf_8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return BeautifulSoup(html, parser)
    except (etree.ParserError, ParserRejectedMarkup, AssertionError):
        return None


def written(tree: Any) -> str:
    """A tree as its own library writes it."""
    if isinstance(tree, BeautifulSoup):
        return str(tree)
    return lxml.html.tostring(tree.getroottree(), encoding="unicode")


def destinations(html: str) -> Destinations:
    """The element and the destination of each redirect URL in a mail."""
    resolver = Resolver(KEYS)
    values = ((link.element, html[link.start : link.end]) for link in scan(html).links)
    return [(element, resolver.resolve_click(url).url) for element, url in values if "//click.acme.test/f/" in url]


def by_html_parser(html: str) -> Destinations:
    """The links of a source by the rule `attributes`."""
    read = []
    for link in scan(html).links:
        href = decode_references(html[link.start : link.end])
        if not link.conditional:
            values = _HREF.findall(html, link.tag_start, link.tag_end)
            href = unescape("".join(values[-1])) if values else href
        url, _ = read_destination(href)
        if url is not None:
            read.append((link.element, url))
    return read


def rule(parser: str, html: str, expected: Destinations, got: Destinations) -> str | None:
    """The rule by which a parser's tree has other links than its source."""
    if parser in ("lxml.html", "lxml") and got == expected[: len(got)]:
        wrapped: Sequence[Link] = [link for link in WRAPPER.compile(html).links if link.wrapped]
        return "after-html" if re.search("</html", html[: wrapped[len(got)].start], re.IGNORECASE) else None
    if parser == "html5lib" and set(got) == set(expected) and Counter(got) >= Counter(expected):
        return "moved" if len(got) == len(expected) else "copies"
    if parser == "html.parser" and got == by_html_parser(html):
        return "attributes"
    return None


def within_bounds(rules: Counter[str], bodies: int) -> bool:
    """Whether no rule was used more often than it may."""
    return all(used * 100 <= BOUNDS[name] * bodies for name, used in rules.items())


@pytest.mark.parametrize("parser", PARSERS)
def test_same_destinations(parser: str, corpus_bodies: list[Body]) -> None:
    """A tree's links lead where those of its source lead, in the same order, and it gets one pixel."""
    rules: Counter[str] = Counter()
    faults = {}
    links = 0
    for name, body, _ in corpus_bodies:
        html = text_of(body)
        tree = parse(parser, html)
        if tree is None:
            rules["no-tree"] += 1
            continue
        reported = WRAPPER.wrap_tree(tree)
        wrapped = written(tree)
        expected, got = destinations(WRAPPER.wrap(html)), destinations(wrapped)
        links += len(got)
        if got != expected:
            excuse = rule(parser, html, expected, got)
            if excuse is None:
                faults[name] = {"missing": Counter(expected) - Counter(got), "more": Counter(got) - Counter(expected)}
            else:
                rules[excuse] += 1
        assert sum(link.wrapped for link in reported) == len(got), name
        assert wrapped.count("https://click.acme.test/q/") == 1, name
    assert faults == {}
    assert within_bounds(rules, len(corpus_bodies)), rules
    assert links > len(corpus_bodies)


@pytest.mark.parametrize("parser", PARSERS)
def test_wrapping_then_writing_is_writing_then_wrapping(parser: str, corpus_bodies: list[Body]) -> None:
    """Nothing of a tree changes but what `wrap` changes of the source that is written from it, to the byte."""
    rules: Counter[str] = Counter()
    faults = []
    pixels = parser == "lxml.html"  # BeautifulSoup writes an <img> in its own way
    for name, body, _ in corpus_bodies:
        tree = parse(parser, text_of(body))
        if tree is None:
            continue
        before = written(tree)
        links = WRAPPER.wrap_tree(tree, sent_at=SENT_AT, open_tracking=pixels, initial_open=pixels)
        if written(tree) != WRAPPER.wrap(before, sent_at=SENT_AT, open_tracking=pixels, initial_open=pixels):
            if parser == "lxml.html" and any("\n" in link.href or "\r" in link.href for link in links):
                rules["line-end"] += 1
            else:
                faults.append(name)
    assert faults == []
    assert within_bounds(rules, len(corpus_bodies)), rules

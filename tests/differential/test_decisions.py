"""Random documents of pieces that come near a placeholder or an opt-out: every way to wrap them decides the same.

`make test` compares 300 of them; with CI or LINKWRAP_REQUIRE_ALL set, 2,000; `make endurance` 20,000.
"""

import random
from collections.abc import Iterable
from email.message import EmailMessage
from html import escape

import lxml.html
from bs4 import BeautifulSoup

from helpers import effort
from linkwrap import Link, LinkPolicy, LinkWrapper, SigningKeys

DOCUMENTS = effort.count(300, ci=2_000, endurance=20_000)
POLICY = LinkPolicy(opt_outs=[".mktNoTrack", "class=a&b", "class=ä", ".fjord", "hstracking=false"])
WRAPPER = LinkWrapper(SigningKeys("a key for the tests of decisions"), tracking_domain="click.acme.test", policy=POLICY)

HEADS = """https://a.test/ https://a.test/?q= https://a.test/# https+notrack://a.test/ https:// https://a.test:
mailto: HTTPS://A.test:443/?a=1&b=""".split()
PIECES = [
    *"""{ } {{ }} {% %} [ ] [[ ]] (( )) ( ) % %% ## *| |* ${ < > %7B%7B %7D%7D %5B%5B %5D%5D *%7C %7C* $%7B %7D %7B%25
    fe80::1 fe80%3A%3A1 %25eth0 [fe80::1] {%0A%22a%22:1} {%09" {\\"b\\":1} {"id":1} x%5E *%7Cwarn* 5%or10%x %name%
    %FIRST%20NAME% %C3%A9 %u4E2D %20 %E9t 10%off [[1,2],[3]] [[- f[0]=1 ((a: a id 1 5 , : / & = - _ ' " ? # + \\ é 名
    """.split(),
    *(" ", "%FIRST NAME%", "%DATE OF%"),
]
MARKS = """class="untracked" class="untrack&#101;d" class="x-&#x75;ntracked" class=untracked class="unt&Tab;racked"
CLASS="a&Tab;untracked" class="UNTRACKED" class="mktNo&#84;rack" class="mktnotrack" class="a&amp;b" class="a&b"
class="&fjlig;ord" class="fjord" clicktracking="o&#102;f" clicktracking="off" data-skip-click title="&nbsp;untracked"
alt="&#117;ntracked" class="a&nbsp;untracked" disable-tracking=tru&#101; hstracking="f&#97;lse" class="é&#32;untracked"
class="ä" class="&auml;&#32;b" data-msys-linkname="&#110;" data-msys-unsubscribe="&#49;" data-msys-sublink="&lt;"
""".split()


def said(links: Iterable[Link]) -> list[tuple[object, ...]]:
    """What is decided about each link."""
    return [(link.reason, link.placeholder, link.url, link.name, link.unsubscribe, link.sublink) for link in links]


def test_every_way_to_wrap_decides_the_same() -> None:
    """Text, bytes, UTF-16, trees, messages and single URLs; a destination that is wrapped is one that stays."""
    chance = random.Random(9)  # noqa: S311
    for _ in range(DOCUMENTS):
        hrefs = [
            chance.choice(HEADS) + "".join(chance.choices(PIECES, k=chance.randrange(6)))
            for _ in range(chance.randint(1, 3))
        ]
        marks = [chance.choice(MARKS) if chance.random() < 0.5 else "" for _ in hrefs]
        tags = [f'<a {mark} href="{escape(href)}">x</a>' for href, mark in zip(hrefs, marks, strict=True)]
        html = f'<html><head><meta charset="utf-8"></head><body><p>{" ".join(tags)}</p></body></html>'
        links = WRAPPER.compile(html).links
        assert [link.href for link in links] == hrefs
        message = EmailMessage()
        message.set_content(html, subtype="html")
        (part,) = WRAPPER.compile_message(message).parts
        assert part.template is not None
        for other in (
            WRAPPER.compile(html.encode()).links,
            WRAPPER.compile(html.encode("utf-16")).links,
            WRAPPER.wrap_tree(lxml.html.document_fromstring(html)),
            WRAPPER.wrap_tree(BeautifulSoup(html, "html.parser")),
            WRAPPER.wrap_tree(BeautifulSoup(html, "html5lib")),
            part.template.links,
        ):
            assert said(other) == said(links), html
        for href, link in zip(hrefs, links, strict=True):
            if link.reason != "opted-out":
                assert (WRAPPER.wrap_url(href) != href) is link.wrapped, href
            if link.wrapped and link.url is not None:
                (again,) = WRAPPER.compile(f'<a href="{escape(link.url)}">').links
                assert (again.url, again.reason) == (link.url, None), href


def test_no_placeholder_is_cut_in_plain_text() -> None:
    """What an attribute leaves alone is not signed up to the middle of the placeholder in a text."""
    chance = random.Random(10)  # noqa: S311
    for _ in range(DOCUMENTS * 2):
        href = "https://a.test/" + "".join(chance.choices(PIECES, k=chance.randint(1, 5)))
        (link,) = WRAPPER.compile(f'<a href="{escape(href)}">').links
        # A text ends a URL before "<".
        if link.placeholder is None or (start := href.find(link.placeholder)) < 0 or link.placeholder[0] == "<":
            continue
        for found in WRAPPER.compile_text(f"see {href} end").links:
            assert not (found.wrapped and start < found.end - len("see ") < start + len(link.placeholder)), href

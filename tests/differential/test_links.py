"""The links that linkwrap finds are those that html5lib and Lexbor find: named cases, the corpus, random documents.

The rules by which the parsers themselves may differ are in `oracles`. They excuse one parser for one document, never
both sides of a comparison at once, and each may be used only as often as `BOUNDS` says.
`make test` compares 10,000 random documents; with CI or LINKWRAP_REQUIRE_ALL set, 200,000; `make endurance` a million.
"""

import email
import email.message
import multiprocessing
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from helpers import effort
from helpers.generator import document, shrink
from helpers.oracles import Pairs, compare, html5lib_links, lexbor_links
from helpers.paths import CORPUS
from linkwrap._markup.scan import scan
from linkwrap._markup.tokenizer import decode_references

DOCUMENTS = effort.count(10_000, ci=200_000, endurance=1_000_000)
# Of 10,000 random documents, in how many a rule may excuse a parser.
BOUNDS = {
    "linkwrap:implied": 1,
    "html5lib:select": 30,
    "html5lib:end-tag": 70,
    "html5lib:template": 10,
    "html5lib:frameset": 8,
    "html5lib:crash": 1,
    "html5lib:comment-nul": 1,
    "lexbor:frameset": 10,
    "lexbor:sup": 8,
    "lexbor:template-column": 12,
}


def found_links(text: str) -> Pairs:
    """Linkwrap's live links in the order of the source, as (element, decoded href)."""
    return [
        (link.element, decode_references(text[link.start : link.end]))
        for link in scan(text).links
        if not link.conditional
    ]


# A link is written `href`, or `element=href` where the element is not <a>.
CASES = {
    # Attributes (13.2.5.32 to 13.2.5.39)
    "double-quoted": ('<a href="1">', "1"),
    "single-quoted": ("<a href='1'>", "1"),
    "unquoted": ("<a href=1>", "1"),
    "unquoted, with a slash before the end": ("<a href=1/>", "1/"),
    "unquoted, holding quotes and signs": ("<a href=1\"'=`<b>", "1\"'=`<b"),
    "self-closing": ('<a href="1"/>', "1"),
    "upper case": ('<A HREF="1">', "1"),
    "the first of two counts": ('<a href="1" HREF="2">', "1"),
    "slash in place of white space": ('<a/href="1"/>', "1"),
    "lone slashes between attributes": ("<a / x / href=1>", "1"),
    "white space of every kind": ("<a\t\n\f\r href\n=\f1\r>", "1"),
    "vertical tab is no white space": ("<a\vhref=1><a x\vhref=2><a href=3>", "3"),
    "no-break space is no white space": ("<a\xa0href=1><a href=2>", "2"),
    "equals sign begins a name": ("<a =href=1 href=2>", "2"),
    "two equals signs": ("<a href==1>", "=1"),
    "value begins after white space": ("<a href= \n 1>", "1"),
    "value missing before the end": ("<a href= ><a href=1>", " 1"),
    "name without a value": ("<a href><a href x=1>", " "),
    "empty value": ("<a href=\"\"><a href=''>", " "),
    "no href": ("<a><a name=1><a data-href=2><a xlink:href=3><a href2=4>", ""),
    "no space after a quoted value": ('<a x="1"href="2"y>', "2"),
    "> in a quoted value": ("<a x='>' y=\">\" href=1>", "1"),
    "quote in a name": ('<a " href=1><a x" href=2>">', "1 2"),
    "lone quote takes no value": ('<p " title=">"><a href=1>">', "1"),
    "quotes in an unquoted value": ("<p x=a\"b'c><a href=1>", "1"),
    "quote right after an equals sign of a name": ('<p ="><a href=1>">', "1"),
    "less-than sign in names": ("<a <b href=1><a<b href=2><a <href=3 href=4>", "1 4"),
    "link inside a value": ("<a x='<a href=1>' href=2>", "2"),
    "link inside an unquoted value": ("<a x=<a href=1>", "1"),
    "unclosed quote takes all": ('<a href=1><a href="2><a href=3>', "1"),
    "unclosed quote ends at the next one": ('<a x="><a href=1>" href=2>', "2"),
    "NUL in a name": ("<a\0 href=1><a hre\0f=2><a \0href=3 href=4>", "4"),
    "end of file in a tag": ("<a href=1><a href=2", "1"),
    "end of file in a value": ("<a href=1><a href='2'", "1"),
    # Tag names (13.2.5.6 to 13.2.5.8)
    "area": ("<area href=1><AREA/href=2>", "area=1 area=2"),
    "VML": ("<v:rect href=1><V:Oval href='2'/><v: href=3>", "v:rect=1 v:oval=2 v:=3"),
    "other names": ("<ab href=1><a-b href=2><areas href=3><v href=4><a: href=5><link href=6>", ""),
    "letters that only look like ASCII": ("<\u212a href=1><a\u017f href=2><\u017ftyle><a href=3>", "3"),
    "stray less-than signs": ("<<a href=1>< a href=2><3 <a href=3><=<>", "1 3"),
    "end tags": ("</a href=1></a\n></a/></v:rect href=2><a href=3>", "3"),
    "> in an end tag's quotes": ("</p x=\">\" y='>'><a href=1></a '><a href=2>", "1 2"),
    "end of file in an end tag": ("</p x='><a href=1>", ""),
    # Comments and declarations (13.2.5.41 to 13.2.5.68)
    "comment": ("<!-- <a href=1> > -- ><a href=2> --><a href=3>", "3"),
    "empty comments": ("<!--><a href=1>--><!---><a href=2>--><!----><a href=3><!-----><a href=4>", "1 2 3 4"),
    "comment ended by a bang": ("<!--a--!><a href=1><!----!><a href=2>", "1 2"),
    "comment not ended by a bang": ("<!--a--!b--><a href=1><!--a--!-><a href=2>--><!--!><a href=3>-->", "1"),
    "bang and dashes": ("<!--a--!--><a href=1><!---!><a href=2>--><!--a--!--!><a href=3>", "1 3"),
    "comment opener in a comment": ("<!--<!--><a href=1><!--<!---><a href=2><!--<!-- <a href=3>--><a href=4>", "1 2 4"),
    "nested comment's bang": (
        "<!--<!--!><a href=1><!--<!---!><a href=2>--><!--<!->-!><a href=3>--><a href=4>",
        "1 2 4",
    ),
    "NUL in a comment's end": ("<!--a-\0-><a href=1>--\0><a href=2>--><a href=3>", "3"),
    "unclosed comment": ("<a href=1><!-- <a href=2> -- ><a href=3>", "1"),
    "bogus comments": ("<!x><a href=1><?x><a href=2></ x><a href=3><!><a href=4><!-x><a href=5>", "1 2 3 4 5"),
    "bogus comments know no quotes": ("<!x '><a href=1>'><?x \"><a href=2>\"></ x '><a href=3>", "1 2 3"),
    "bogus comment holds a tag": ("<!x <a href=1>></3 <a href=2>><?<a href=3>>", ""),
    "end tag without a name": ("</><a href=1></", "1"),
    "bogus comment at the end of the file": ("<a href=1><!x <a href=2", "1"),
    "doctype": ("<!DOCTYPE html PUBLIC '-//W3C//DTD HTML 4.01//EN' \"x\"><a href=1>", "1"),
    "> in a doctype's quotes": ("<!DOCTYPE html PUBLIC '><a href=1>'><!doctype x \">\"><a href=2>", "1 2"),
    "conditional comment": ("<!--[if mso]><a href=1><![endif]--><a href=2>", "2"),
    "revealed conditional comment": ("<!--[if !mso]><!--><a href=1><!--<![endif]--><a href=2>", "1 2"),
    "downlevel-revealed": ("<![if !mso]><a href=1><![endif]><a href=2>", "1 2"),
    "CDATA in HTML is a bogus comment": ("<![CDATA[ <a href=1> ]]><![CDATA[><a href=2>]]>", "2"),
    # Raw text, RCDATA, script data, PLAINTEXT (13.2.5.2 to 13.2.5.5, 13.2.5.9 to 13.2.5.31)
    "title and textarea": ("<title><a href=1></title><textarea><a href=2></textarea><a href=3>", "3"),
    "raw text": (
        "<style><a href=1></style><xmp><a href=2></xmp><iframe><a href=3></iframe><noframes><a href=4></noframes>",
        "",
    ),
    "raw text ends at its own name only": (
        "<style></title></styles></sty</style\0><a href=1></STYLE\n><a href=2>",
        "2",
    ),
    "raw text knows no comments": ("<style><!--</style><a href=1>--></style><a href=2>", "1 2"),
    "raw text end tag's attributes": ("<title></title x='><a href=1>'><a href=2>", "2"),
    "raw text ended by a slash": ("<style></style/><a href=1><xmp></xmp/x='>'><a href=2>", "1 2"),
    "raw text ended with a space inside": ("<style></ style>< /style><a href=1></style ><a href=2>", "2"),
    "raw text, noembed": ("<noembed><a href=1><!--</noembed><a href=2>--></noembed>", "2"),
    "raw text never closed": ("<a href=1><style><a href=2></styl", "1"),
    "raw text opener is self-closing": ("<style/><a href=1></style><title/><a href=2></title><a href=3>", "3"),
    "raw text opener in a comment": ("<!--<style>--><a href=1><p x='<style>'><a href=2>", "1 2"),
    "names that begin alike": ("<styles><a href=1><xmpp><a href=2><x-title><a href=3>", "1 2 3"),
    "noscript without scripting": ("<noscript><a href=1></noscript><body><noscript><a href=2></noscript>", "1 2"),
    "plaintext": ("<a href=1><plaintext><a href=2></plaintext><a href=3>", "1"),
    "pre, listing and textarea newlines": ("<pre>\n<a href=1></pre><listing>\n<a href=2>", "1 2"),
    "script": ("<script>a<b<a href=1></script><a href=2>", "2"),
    "script, escaped": ("<script><!--<a href=1></script><a href=2>", "2"),
    "script, double escaped": ("<script><!--<script></script><a href=1></script><a href=2>", "2"),
    "script, double escape ended by a comment's end": ("<script><!--<script>--></script><a href=1>", "1"),
    "script, comment that is closed at once": ("<script><!--><script></script><a href=1>", "1"),
    "script, comment of three dashes": ("<script><!---><script></script><a href=1>", "1"),
    "script, no double escape without a delimiter": ("<script><!--<scriptx></script><a href=1>", "1"),
    "script, double escape after a slash": ("<script><!--<script/</script><a href=1></script><a href=2>", "2"),
    "script, dashes and a bang do not end": ("<script><!--<script>--!></script><a href=1>--></script><a href=2>", "2"),
    "script, upper case": ("<SCRIPT><!--<Script ></SCRIPT\f><a href=1></script/><a href=2>", "2"),
    "script, escaped and never closed": ("<a href=1><script><!--<script></script><a href=2>", "1"),
    "script, other letters": ("<\u017fcript><a href=1><script></\u017fcript><a href=2></script><a href=3>", "1 3"),
    # Foreign content (13.2.6.5)
    "links in svg and math": ("<svg><a href=1><g/><a xlink:href=2></svg><math><mi><a href=3>", "1 3"),
    "raw-text names in svg": ("<svg><style><a href=1></style><xmp><a href=2></xmp><title><a href=3>", "1 2 3"),
    "raw-text names in math": ("<math><style><a href=1></style><iframe><a href=2></math><style><a href=3>", "1 2"),
    "script in svg": ("<svg><script><a href=1></script><script/><a href=2></svg><script><a href=3>", "1 2"),
    "plaintext in svg": ("<svg><plaintext><a href=1></svg><a href=2>", "1 2"),
    "after a closed svg": ("<svg></svg><style><a href=1></style><math/><style><a href=2></style><a href=3>", "3"),
    "CDATA in svg": ("<svg><![CDATA[ <a href=1> > --> ]]><a href=2>", "2"),
    "CDATA's odd ends": ("<svg><![CDATA[]><a href=1>]]]><a href=2><![CDATA[]]><a href=3><![CDATA[]]", "2 3"),
    "CDATA is upper case": ("<svg><![cdata[><a href=1>]]>", "1"),
    "CDATA never closed": ("<svg><a href=1><![CDATA[ ]] > <a href=2>", "1"),
    "CDATA after svg": ("<svg></svg><![CDATA[><a href=1>]]>", "1"),
    "HTML inside svg's title and desc": (
        "<svg><title><style><a href=1></style></title><desc><xmp><a href=2></xmp></desc><style><a href=3>",
        "3",
    ),
    "HTML inside foreignObject": (
        "<svg><foreignObject><style><a href=1></style></foreignObject><style><a href=2>",
        "2",
    ),
    "CDATA at and below an integration point": (
        "<svg><desc><![CDATA[<a href=1>]]><b><![CDATA[><a href=2>]]>",
        "2",
    ),
    "HTML inside MathML's text": ("<math><mi><style><a href=1></style></mi><mtext><xmp><a href=2></xmp>", ""),
    "mglyph stays MathML": ("<math><mi><mglyph><style><a href=1></style></mglyph><style><a href=2></style>", "1"),
    "annotation-xml of HTML": ("<math><annotation-xml encoding=Text/HTML><style><a href=1></style>", ""),
    "annotation-xml of anything else": ("<math><annotation-xml encoding=x><style><a href=1></style>", "1"),
    "svg in annotation-xml": (
        "<math><annotation-xml><svg><desc><style><a href=1></style></desc><style><a href=2>",
        "2",
    ),
    "a breakout tag leaves svg": ("<svg><g><p><style><a href=1></style><a href=2>", "2"),
    "a breakout tag stops at an integration point": (
        "<svg><desc><svg><b><style><a href=1></style></desc><a href=2>",
        "2",
    ),
    "font breaks out with three attributes": (
        "<svg><font x><style><a href=1></style><font COLOR><style><a href=2>",
        "1",
    ),
    "svg in svg": ("<svg><svg></svg><style><a href=1></style></svg><style><a href=2>", "1"),
    "self-closing svg tags": ("<svg><title/><style><a href=1></style><desc/><style><a href=2></style>", "1 2"),
    "an end tag of HTML closes svg": ("<div><svg><g></div><style><a href=1></style><a href=2>", "2"),
    "an end tag without a start in svg": ("<svg></g></x><style><a href=1></style>", "1"),
}


def _expected(links: str) -> Pairs:
    """The links that a case's shorthand stands for; a lone space is two empty hrefs."""
    pairs = (
        link.rpartition("=") if re.match("(area|v:[a-z]*)=", link) else ("", "", link) for link in links.split(" ")
    )
    return [(element or "a", href) for element, _, href in pairs] if links else []


@pytest.mark.parametrize(("text", "links"), CASES.values(), ids=CASES)
def test_case(text: str, links: str) -> None:
    """A construct of the standard gives the links that are written down for it, by both parsers and by us."""
    expected = _expected(links)
    assert html5lib_links(text) == expected
    assert set(lexbor_links(text)) == set(expected)
    assert found_links(text) == expected


def corpus_bodies() -> Iterator[tuple[str, str]]:
    """The HTML files and the text/html parts of the messages in the corpus, with names."""
    for path in sorted(CORPUS.rglob("*")):
        if path.suffix in (".html", ".htm"):
            yield str(path.relative_to(CORPUS)), path.read_bytes().decode("utf-8", "replace")
        elif path.suffix == ".eml":
            message = email.message_from_bytes(path.read_bytes())
            for number, part in enumerate(message.walk()):
                if part.get_content_type() == "text/html":
                    # Latin-1 is right for every charset here: what matters to tags is ASCII in all of them.
                    payload = part.get_payload(decode=True)
                    assert isinstance(payload, bytes)
                    yield f"{path.relative_to(CORPUS)}#{number}", payload.decode("latin-1")


@pytest.mark.skipif(not CORPUS.is_dir() and not effort.COMPLETE, reason=f"no corpus of real mail at {CORPUS}")
def test_corpus() -> None:
    """On every body of real mail, both parsers agree with us, without any excuse."""
    bodies = list(corpus_bodies())
    comparisons = {name: compare(text, found_links(text)) for name, text in bodies}
    assert len(bodies) > 50
    assert {name: found.faults for name, found in comparisons.items() if found.faults} == {}
    assert {name: found.excuses for name, found in comparisons.items() if found.excuses} == {}


def _compare_documents(seeds: range) -> tuple[list[int], Counter[str], int, int]:
    """Seeds of the documents at fault, the excuses used, links found, and documents on which `_naive` is right."""
    failed: list[int] = []
    excuses: Counter[str] = Counter()
    links = 0
    easy = 0
    for seed in seeds:
        text = document(seed)
        found = found_links(text)
        comparison = compare(text, found)
        if comparison.faults:
            failed.append(seed)
        excuses.update(comparison.excuses)
        links += len(found)
        easy += found == _naive(text)
    return failed, excuses, links, easy


def _naive(text: str) -> Pairs:
    """What a usual regular expression for links finds."""
    return [("a", value) for value in re.findall(r"""<a\s[^>]*?href\s*=\s*["']?([^"'>\s]+)""", text, re.IGNORECASE)]


def _explain(text: str) -> str:
    """A document at fault, made as small as it can be, with what each side finds in it."""
    small = shrink(text, lambda shorter: bool(compare(shorter, found_links(shorter)).faults))
    return "\n  ".join(
        [repr(small), f"linkwrap finds {found_links(small)}", *compare(small, found_links(small)).faults]
    )


def test_random_documents() -> None:
    """On random documents of hostile pieces, both parsers agree with us but for the bounded rules."""
    step = 500
    with multiprocessing.get_context("spawn").Pool() as pool:
        results = pool.map(_compare_documents, [range(at, at + step) for at in range(0, DOCUMENTS, step)], chunksize=1)
    failed = [seed for seeds, *_ in results for seed in seeds]
    faults = dict.fromkeys(_explain(document(seed)) for seed in failed[:20])
    assert not failed, f"{len(failed)} documents differ, such as\n" + "\n".join(faults)

    excuses = sum((used for _, used, *_ in results), Counter[str]())
    bounds = {rule: bound * DOCUMENTS / 10_000 for rule, bound in BOUNDS.items()}
    assert {rule: used for rule, used in excuses.items() if used > bounds.get(rule, 0)} == {}

    # The documents are worth their time: they hold links, and mislead what does not read them as a browser does.
    assert sum(links for *_, links, _ in results) > 3 * DOCUMENTS
    assert sum(easy for *_, easy in results) < DOCUMENTS / 2

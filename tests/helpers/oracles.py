"""Two independent parsers that say which links a document has: html5lib and Lexbor.

html5lib is read at its tokenizer while its tree builder drives it: start tags in the order of the source, each counted
once however often the tree repeats its element. Lexbor is read at its finished tree, where an element may stand more
than once (the adoption agency clones it) and in another place than in the source.

Both build trees and linkwrap does not; html5lib besides follows the standard of 2020. A `Reading` therefore names the
rules by which its parser left the links that the tags of today's standard make, wherever such a rule was applied, and
`compare` lets these excuse it:

- `select` (html5lib): start tags that its "in select" insertion mode drops. The standard has had none since 2025.
- `end-tag` (html5lib): an end tag in HTML content that closes a foreign element of its name, or that passes, on its
  way to its element, one that is special today; or `</p>` or `</br>` that does not leave foreign content.
- `template` (html5lib): it does not know the element; told where there is also foreign content or a frameset.
- `crash` (html5lib): it raises, where a select, a frameset or a table is in an odd place.
- `comment-nul` (html5lib): NULs behind `<!--` are passed over before `>` or `->`, so that these end the comment.
- `frameset` (both): start tags that the frameset modes drop, and (Lexbor) links that left the tree with the body.
- `sup` (Lexbor): the only one of the elements that leave foreign content which does not leave it here.
- `template-column` (Lexbor): after a `<col>` right inside a `<template>` all start tags but `<col>` are dropped.

One rule excuses linkwrap, `implied`: the document holds foreign content, and HTML elements in it are opened or closed
otherwise than by their own tags (the adoption agency, `<li>` after `<li>`, a table's missing rows). linkwrap follows
the tags, so that it may differ on which end tags lie beyond foreign content.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from html5lib import HTMLParser
from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import (
    htmlIntegrationPointElements,
    mathmlTextIntegrationPointElements,
    namespaces,
    specialElements,
    tokenTypes,
)
from html5lib.html5parser import getPhases
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one parser says: its links as (element, decoded href), and the rules that it applied (see above)."""

    links: Pairs
    departures: frozenset[str]
    base: str | None = None
    """The decoded href of the first `<base href>`; told by html5lib only."""
    implied: bool = False
    """Whether there is foreign content, and elements were opened or closed by tags other than their own; ditto."""


def html5lib_links(text: str) -> Pairs:
    """html5lib's links in the order of the source; scripting is disabled."""
    return read_html5lib(text).links


def lexbor_links(text: str) -> Pairs:
    """Lexbor's links, those in templates last, repeated ones dropped."""
    return read_lexbor(text).links


def is_link_element(name: str) -> bool:
    """Whether an element of this lower-case name is a link when it has an href."""
    return name in ("a", "area") or name.startswith("v:")


_START_TAG = tokenTypes["StartTag"]
_PHASES = getPhases(False)
_INTEGRATION_POINTS = htmlIntegrationPointElements | mathmlTextIntegrationPointElements
_NEW_SPECIAL = _INTEGRATION_POINTS | {(namespaces["html"], name) for name in ("main", "search", "summary", "template")}
# Start tags after which the tokenizer reads on differently; <noframes> is read as such in the frameset modes too.
_SWITCHES = frozenset(["title", "textarea", "style", "xmp", "iframe", "noembed", "script", "plaintext", "svg", "math"])
_FOREIGN_SUP = "svg sup, math sup"
_COMMENT_NUL = re.compile(r"<!--(?:\0+-?\0*|-\0+|\0*-\0+-!?)>")


class _Tokenizer(HTMLTokenizer):
    """html5lib's tokenizer, which keeps the links among the tokens that it hands to the tree builder."""

    def __init__(self, text: str, parser: HTMLParser) -> None:
        super().__init__(text, parser=parser)
        self.links: Pairs = []
        self.base: str | None = None
        self.start_tags: set[str] = set()
        self.implied = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for token in super().__iter__():
            if token["type"] == _START_TAG:
                self.start_tags.add(token["name"])
                href = token["data"].get("href")
                if href is not None and is_link_element(token["name"]):
                    self.links.append((token["name"], href))
            before = self.parser.tree.openElements[:]
            yield token
            starts_base = token["type"] == _START_TAG and token["name"] == "base"
            if starts_base and self.base is None and not _is_foreign(before):
                self.base = token["data"].get("href")
            self.implied = self.implied or _implies(token, before, self.parser.tree.openElements)


def _is_foreign(parents: list[Any]) -> bool:
    """Whether the element that was just made is one of SVG or MathML; a <base> there sets no base URL."""
    made = parents[-1].childNodes[-1:] if parents else []
    return bool(made) and getattr(made[0], "namespace", namespaces["html"]) != namespaces["html"]


def _implies(token: dict[str, Any], before: list[Any], after: list[Any]) -> bool:
    """Whether a token opened or closed other HTML elements than its own, <html>, <head> and <body> aside."""
    if before == after:
        return False
    kept = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] is pair[1], zip(before, after, strict=False)))
    closed = [node for node in before[kept:] if node.namespace == namespaces["html"] and node.name != "head"]
    opened = [node for node in after[kept:] if node.name not in ("html", "head", "body")]
    if token["type"] == _START_TAG:
        return bool(closed) or len(opened) > 1
    return bool(opened) or (bool(closed) and before[kept].name != token.get("name"))


class _InBody(_PHASES["inBody"]):
    __slots__ = ()

    def processEndTag(self, token: dict[str, Any]) -> Any:  # noqa: N802
        self._watch(token["name"])
        return super().processEndTag(token)

    def endTagOther(self, token: dict[str, Any]) -> Any:  # noqa: N802
        self._watch(token["name"])  # reached from start tags that imply an end tag
        return super().endTagOther(token)

    def _watch(self, name: str) -> None:
        by_scope = self.endTagHandler[name].__name__ not in ("endTagOther", "endTagFormatting")
        foreign = passed = False
        for node in reversed(self.tree.openElements):
            foreign |= node.namespace != namespaces["html"]
            if node.name == name:
                if node.namespace != namespaces["html"] or (foreign and passed):
                    self.parser.departures.add("end-tag")
                return
            if node.nameTuple in specialElements or (by_scope and node.nameTuple in _INTEGRATION_POINTS):
                return
            passed |= not by_scope and node.nameTuple in _NEW_SPECIAL


class _InForeignContent(_PHASES["inForeignContent"]):
    __slots__ = ()

    def processEndTag(self, token: dict[str, Any]) -> Any:  # noqa: N802
        if token["name"] in ("p", "br"):
            self.parser.departures.add("end-tag")
        return super().processEndTag(token)


class _InSelect(_PHASES["inSelect"]):
    __slots__ = ()

    def processStartTag(self, token: dict[str, Any]) -> Any:  # noqa: N802
        if token["name"] in _SWITCHES - {"script", "textarea"} | {"noframes"}:
            self.parser.departures.add("select")
        return super().processStartTag(token)


def _watched(name: str) -> type:
    """The phase of a frameset mode, which records that it dropped a start tag."""

    class Phase(_PHASES[name]):
        __slots__ = ()

        def processStartTag(self, token: dict[str, Any]) -> Any:  # noqa: N802
            if token["name"] in _SWITCHES:
                self.parser.departures.add("frameset")
            return super().processStartTag(token)

    return Phase


_WATCHED = {
    "inBody": _InBody,
    "inForeignContent": _InForeignContent,
    "inSelect": _InSelect,
    **{name: _watched(name) for name in ("inFrameset", "afterFrameset", "afterAfterFrameset")},
}


class _Parser(HTMLParser):
    """html5lib's parser over a `_Tokenizer`; it keeps no list of parse errors, which would be half its work."""

    def __init__(self) -> None:
        super().__init__()
        self.departures: set[str] = set()
        self.phases.update({name: phase(self, self.tree) for name, phase in _WATCHED.items()})

    def read(self, text: str) -> Reading:
        self.innerHTMLMode = False
        self.scripting = False
        self.tokenizer = _Tokenizer(text, self)
        self.reset()
        try:
            self.mainLoop()
        except Exception:
            self.departures.add("crash")
        start_tags = self.tokenizer.start_tags
        if "template" in start_tags and start_tags & {"svg", "math", "frameset"}:
            self.departures.add("template")
        if _COMMENT_NUL.search(text):
            self.departures.add("comment-nul")
        implied = self.tokenizer.implied and bool(start_tags & {"svg", "math"})
        return Reading(self.tokenizer.links, frozenset(self.departures), self.tokenizer.base, implied)

    def parseError(self, errorcode: str = "", datavars: dict[str, Any] | None = None) -> None:  # noqa: N802
        pass


def read_html5lib(text: str) -> Reading:
    """html5lib's links in the order of the source; scripting is disabled."""
    return _Parser().read(text)


def read_lexbor(text: str) -> Reading:
    """Lexbor's links, those in templates last, repeated ones dropped."""
    parser = LexborHTMLParser(text, options=LexborDocumentOptions.WO_EVENTS)
    departures = set()
    found = parser.css("[href]")
    if parser.css_first("frameset") is not None:
        departures.add("frameset")
    if parser.css_first(_FOREIGN_SUP) is not None:
        departures.add("sup")
    fragments = parser.template_fragments()
    while fragments:
        fragment = fragments.pop()
        found += fragment.css("[href]")
        fragments += fragment.template_fragments()
        if fragment.css_first("col") is not None:
            departures.add("template-column")
        if fragment.css_first(_FOREIGN_SUP) is not None:
            departures.add("sup")
    attributes = ((node.tag or "", node.attributes) for node in found)  # [href] finds xlink:href too
    links = ((tag, own["href"] or "") for tag, own in attributes if is_link_element(tag) and "href" in own)
    return Reading(list(dict.fromkeys(links)), frozenset(departures))


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a list of links compares with the parsers: what differs without a rule, and the rules of what else does."""

    faults: tuple[str, ...]
    excuses: frozenset[str]


def compare(text: str, links: Sequence[tuple[str, str]]) -> Comparison:
    """Hold links found in a text, in the order of the source, against both parsers."""
    html5lib = read_html5lib(text)
    lexbor = read_lexbor(text)
    faults = []
    excuses: set[str] = set()
    for name, reading, agrees in (
        ("html5lib", html5lib, html5lib.links == list(links)),
        ("lexbor", lexbor, set(lexbor.links) == set(links)),
    ):
        if agrees:
            continue
        if reading.departures:
            excuses.update(f"{name}:{rule}" for rule in reading.departures)
        elif html5lib.implied:
            excuses.add("linkwrap:implied")
        else:
            faults.append(f"{name} finds {reading.links}")
    return Comparison(tuple(faults), frozenset(excuses))

"""The open elements of a document with SVG or MathML, as far as they decide how it is tokenized.

In foreign content `<style>` or `<title>` are elements like any other, whose text is markup, and `<![CDATA[` is real.
Only the tree builder knows whether a tag is in foreign content (WHATWG HTML 13.2.6.5). This approximates its stack:
foreign elements, integration points and the elements that break out are followed exactly. For HTML elements one rule
replaces all insertion modes: **an end tag closes the nearest open element of its name with all in it, unless an
integration point or an element that bounds the scope is between (for a name without a meaning in HTML, any special
element); otherwise it is ignored.**
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Mapping

_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr".split()
)
_BREAKOUT = frozenset(
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
_BREAKOUT_FONT = frozenset(("color", "face", "size"))
FOREIGN_ATTRIBUTES = _BREAKOUT_FONT | {"encoding"}
"""The attributes that `OpenElements.start` reads."""
_SVG_INTEGRATION = frozenset(("foreignobject", "desc", "title"))
_MATHML_TEXT = frozenset(("mi", "mo", "mn", "ms", "mtext"))
_SCOPE = frozenset(("applet", "caption", "marquee", "object", "select", "table", "td", "template", "th"))
_SCOPED = frozenset("a b big code dialog em font i nobr s small strike strong tt u".split())
_SPECIAL = _SCOPE | frozenset(
    "address article aside blockquote body button center dd details dir div dl dt fieldset figcaption figure footer "
    "form h1 header hgroup iframe li listing main menu nav noembed noframes noscript ol p plaintext pre script search "
    "section style summary tbody textarea tfoot thead title tr ul xmp".split()
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_IN_TABLE = frozenset(("caption", "tbody", "td", "tfoot", "th", "thead", "tr"))
_IGNORED = frozenset(("body", "frameset", "head", "html"))
_HTML_ANNOTATIONS = ("text/html", "application/xhtml+xml")

_NOWHERE = array("I")

HTML, FOREIGN, HTML_POINT, MATHML_POINT, ANNOTATION = range(5)


class OpenElements:
    """A stack of open elements; it takes each tag, and returns whether it makes an HTML element."""

    __slots__ = ("_by_name", "_html", "_kinds", "_names", "_points", "_spaces", "_special", "_walls")

    def __init__(self) -> None:
        self._names: list[str] = []
        self._kinds = bytearray()
        self._spaces: list[str] = []
        self._by_name: dict[str, array[int]] = {}
        self._html = array("I")
        self._points = array("I")
        self._walls = array("I")
        self._special = array("I")

    @property
    def foreign(self) -> bool:
        """Tell whether the current node is foreign, so that CDATA sections are real (13.2.5.42)."""
        return bool(self._kinds) and self._kinds[-1] != HTML

    def start(self, name: str, *, self_closing: bool, attributes: Callable[[], Mapping[str, str]]) -> bool:
        """Take a start tag; return whether it makes an HTML element, so that raw-text names switch the tokenizer."""
        if self._by_foreign_rules(name):
            if name not in _BREAKOUT and not (name == "font" and not _BREAKOUT_FONT.isdisjoint(attributes())):
                if not self_closing:
                    space = self._spaces[-1]
                    self._push(name, _kind(name, space, attributes), space)
                return False
            self._break_out()
        if name in ("svg", "math"):
            if not self_closing:
                self._push(name, FOREIGN, name)
            return False
        if name in _IN_TABLE:
            if not self._is_open("table", self._templates()):
                return True
            table = self._by_name["table"][-1]
            if self._points and self._points[-1] > table:
                self._pop_to(table + 1)
        if name not in _VOID and name not in _IGNORED:
            self._push("h1" if name in _HEADINGS else name, HTML, "")
        return True

    def end(self, name: str) -> None:
        """Take an end tag."""
        if self.foreign:
            if name in ("br", "p"):
                self._break_out()
            else:
                places = self._by_name.get(name)
                if places and places[-1] > (self._html[-1] if self._html else -1):
                    self._pop_to(places[-1])
                    return
        if name in _HEADINGS:  # the end tag of any heading closes the open one
            name = "h1"
        if name in _IN_TABLE or name == "table":
            walls = self._templates()
        else:
            walls = self._walls if name in _SPECIAL or name in _SCOPED else self._special
        if not self._is_open(name, walls) or self._kinds[self._by_name[name][-1]] != HTML:
            return
        place = self._by_name[name][-1]
        if name == "form" and place + 1 < len(self._names):  # its end tag takes only the form itself off the stack
            self._by_name[name].pop()
            self._names[place] = ""
            self._by_name.setdefault("", array("I")).append(place)
        else:
            self._pop_to(place)

    def _templates(self) -> array[int]:
        return self._by_name.get("template", _NOWHERE)

    def _is_open(self, name: str, walls: array[int]) -> bool:
        places = self._by_name.get(name, _NOWHERE)
        return bool(places) and (not walls or places[-1] >= walls[-1])

    def _by_foreign_rules(self, name: str) -> bool:
        kind = self._kinds[-1] if self._kinds else HTML
        if kind == MATHML_POINT:
            return name in ("mglyph", "malignmark")
        return kind == FOREIGN or (kind == ANNOTATION and name != "svg")

    def _push(self, name: str, kind: int, space: str) -> None:
        place = len(self._names)
        self._names.append(sys.intern(name))
        self._kinds.append(kind)
        self._spaces.append(sys.intern(space))
        self._by_name.setdefault(name, array("I")).append(place)
        if kind == HTML:
            self._html.append(place)
        elif kind != FOREIGN:
            self._points.append(place)
        if kind not in (HTML, FOREIGN) or (kind == HTML and name in _SCOPE):
            self._walls.append(place)
        if kind not in (HTML, FOREIGN) or (kind == HTML and name in _SPECIAL):
            self._special.append(place)

    def _pop_to(self, place: int) -> None:
        while len(self._names) > place:
            self._by_name[self._names.pop()].pop()
            self._kinds.pop()
            self._spaces.pop()
        for places in (self._html, self._points, self._walls, self._special):
            while places and places[-1] >= place:
                places.pop()

    def _break_out(self) -> None:
        place = len(self._kinds)
        while place and self._kinds[place - 1] in (FOREIGN, ANNOTATION):
            place -= 1
        self._pop_to(place)


def _kind(name: str, space: str, attributes: Callable[[], Mapping[str, str]]) -> int:
    if space == "svg":
        return HTML_POINT if name in _SVG_INTEGRATION else FOREIGN
    if name in _MATHML_TEXT:
        return MATHML_POINT
    if name == "annotation-xml":
        return HTML_POINT if attributes().get("encoding", "").lower() in _HTML_ANNOTATIONS else ANNOTATION
    return FOREIGN

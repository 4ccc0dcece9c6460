"""The links of a tree that a pipeline holds already, wrapped in place: lxml or BeautifulSoup, without a second parse.

A tree is read as a mail client will read what is written from it. Elements are links by their names as written, except
inside elements whose content is text to a client. Comments, and whatever else BeautifulSoup writes as it stands, are
read as source text, so that the links in Outlook's conditional comments are found too. Nothing is serialised here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ._compiler import Compiler
from ._decide.controls import DEFAULT_SUBLINK, REMOVED
from ._decide.destination import read_base
from ._markup import tokenizer
from ._markup.amp import AMP_NAMES
from ._markup.scan import RAW_TEXT
from ._markup.tokenizer import lower
from .link import Link
from .template import make_link

if TYPE_CHECKING:
    from bs4 import Tag
    from lxml import etree

    Tree = etree._Element | etree._ElementTree | Tag

_XHTML = "http://www.w3.org/1999/xhtml"
_TEXT_ONLY = RAW_TEXT | {"plaintext"}
# lxml lets no text hold these, though its HTML parser does.
_NOT_FOR_LXML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class TreeLinks:
    """The links of a tree and what was decided about each, for a `LinkWrapper` to fill in; the tree is only read here.

    Raises `TypeError` for what is no tree of lxml or BeautifulSoup.
    """

    __slots__ = ("_first_body", "_last", "_places", "_tree", "amp", "links", "pixels", "slots")

    def __init__(self, tree: object, compiler: Compiler) -> None:
        self._tree = _open(tree)
        self._first_body: Any = None
        self._last = self._tree.root
        self.amp = False
        """Whether it is AMP for Email."""
        found, base, images = self._find()
        places = (_place(self._tree, node, name, base, compiler) for node, name in found)
        self._places = [place for place in places if place is not None]
        own = {compiler.own_pixel(src) for src in images}.union(*(place.pixels for place in self._places))
        self.pixels = frozenset(filter(None, own))
        """Account and kind (initial or not) of our own pixels that the tree holds already."""
        self.links: tuple[Link, ...] = tuple(link for place in self._places for link in place.links)
        """Every link that was found, in the order of the tree, with what was decided."""
        self.slots = tuple(slot for place in self._places for slot in place.slots)
        """Of each link that is wrapped: its share of the token and its sublink."""

    @property
    def initial_at(self) -> int | None:
        """None where there is no place for the initial-open pixel, as in AMP."""
        return None if self.amp or self._first_body is None else 0

    def fill(self, urls: list[str] | None, pixel: str, initial: str) -> None:
        """Put URLs in place of the links' values; the pixels are tags as source text."""
        if urls is not None:
            following = iter(urls)
            for place in self._places:
                if place.slots:
                    place.write([next(following) for _ in place.slots])
        if initial:
            self._tree.insert(self._first_body, *_read_tag(initial), first=True)
        if pixel:
            self._tree.insert(self._last, *_read_tag(pixel), first=False)

    def _find(self) -> tuple[list[tuple[Any, str | None]], str | None, list[str]]:
        """Return the nodes that may hold links, with their names, the base URL, and the URLs of what may be pixels."""
        tree = self._tree
        nodes = list(tree.nodes())  # kept until the end, so that an id is that of one node
        text: set[int] = set()
        found: list[tuple[Any, str | None]] = []
        bases: list[str] = []
        images: list[str] = []
        for node in nodes:
            if id(node) in text:
                continue
            name = tree.name(node)
            if name is None or name in ("a", "area") or name.startswith("v:"):
                found.append((node, name))
            elif name in _TEXT_ONLY and tree.namespace(node) in (None, _XHTML):
                text.update(map(id, tree.below(node)))
            elif name == "base":
                bases += tree.attributes(node).get("href", ())[1:]
            elif name in ("amp-img", "img"):
                images += tree.attributes(node).get("src", ())[1:]
            elif name == "body":
                self._first_body = node if self._first_body is None else self._first_body
                self._last = node
            elif name == "html" and self._first_body is None:
                self._last = node
                self.amp = self.amp or not AMP_NAMES.isdisjoint(tree.attributes(node))
        return found, read_base(bases[0]) if bases else None, images


class _Place(NamedTuple):
    """The links of one node of a tree; `write` takes a URL for each slot."""

    links: tuple[Link, ...]
    slots: tuple[tuple[str, str], ...]
    pixels: frozenset[tuple[str, bool]]
    write: Callable[[list[str]], None]


def _place(tree: _Tree, node: Any, name: str | None, base: str | None, compiler: Compiler) -> _Place | None:
    """An element, which is a link where it has an href, or a node that is written as it stands."""
    if name is None:
        return _markup_place(tree, node, base, compiler)
    attributes = tree.attributes(node)
    values = {said: value for said, (_, value) in attributes.items()}
    if "href" not in values:
        return None
    decision = compiler.decide_element(name, values, base)

    def write(urls: list[str]) -> None:
        held = tree.held(node)
        held[attributes["href"][0]] = urls[0]
        for said in REMOVED:
            if said in attributes:
                del held[attributes[said][0]]

    slots = () if decision.part is None else ((decision.part, decision.sublink or DEFAULT_SUBLINK),)
    return _Place((make_link(decision, values["href"], name),), slots, frozenset(), write)


def _markup_place(tree: _Tree, node: Any, base: str | None, compiler: Compiler) -> _Place | None:
    """The text of such a node, between an opener and a closer, is a document of its own."""
    opener, content, closer = tree.markup(node)
    if "<" not in content:
        return None
    template = compiler.compile(opener + content + closer, None, base=base, placed=False)
    start, end = len(opener), len(opener) + len(content)
    if any(tag_end > end for tag_end in template.positions[3::5]):
        return None  # the tag takes in what follows the node's own text

    def write(urls: list[str]) -> None:
        written = template.fill(urls, "", "")
        tree.rewrite(node, written[start : len(written) - len(closer)])

    links = tuple(replace(link, start=None, end=None) for link in template.links)
    return _Place(links, template.slots, template.pixels, write)


class _LxmlTree:
    """What lxml does in its own way: names with a namespace, text that belongs to the element before it."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def nodes(self) -> Iterator[Any]:
        """The elements and the nodes that are written as they stand, in document order."""
        from lxml.etree import Comment, Element

        beside = self.root.getparent() is None
        if beside:
            yield from reversed(list(self.root.itersiblings(Comment, preceding=True)))
        yield from self.root.iter(Element, Comment)
        if beside:
            yield from self.root.itersiblings(Comment)

    def below(self, node: Any) -> Iterator[Any]:
        """What an element holds, at any depth."""
        yield from node.iterdescendants()

    def name(self, node: Any) -> str | None:
        """The name of an element as written, in lower case, but without a prefix for XHTML; None for other nodes."""
        if not isinstance(node.tag, str):
            return None
        namespace, local = _split(node.tag)
        return lower(f"{node.prefix}:{local}" if node.prefix and namespace != _XHTML else local)

    def namespace(self, node: Any) -> str | None:
        """The namespace of an element, None where the parser knows none."""
        return _split(node.tag)[0]

    def held(self, node: Any) -> Any:
        """The attributes of an element as the tree holds them, to be changed."""
        return node.attrib

    def attributes(self, node: Any) -> dict[str, tuple[str, str]]:
        """The attributes by their names as written, in lower case: the tree's name for it, and its value."""
        found: dict[str, tuple[str, str]] = {}
        for key, value in node.attrib.items():
            namespace, name = _split(key)
            if namespace is not None:
                prefixes = (prefix for prefix, uri in node.nsmap.items() if prefix and uri == namespace)
                name = f"{next(prefixes, '')}:{name}"
            found.setdefault(lower(name), (key, value))
        return found

    def markup(self, node: Any) -> tuple[str, str, str]:
        """What a node without a name is written as: opener, content, closer."""
        return "<!--", node.text or "", "-->"

    def rewrite(self, node: Any, content: str) -> None:
        """Replace the content of such a node."""
        node.text = _NOT_FOR_LXML.sub("\ufffd", content)

    def insert(self, parent: Any, name: str, attributes: dict[str, str], *, first: bool) -> None:
        """Put a new element into another, as its first child or its last."""
        namespace = self.namespace(parent)
        pixel = parent.makeelement(f"{{{namespace}}}{name}" if namespace else name, attributes)
        if first:
            pixel.tail, parent.text = parent.text, None
            parent.insert(0, pixel)
        else:
            parent.append(pixel)


class _SoupTree:
    """The same for BeautifulSoup: values that are lists, several kinds of nodes that are written as they stand."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def nodes(self) -> Iterator[Any]:
        from bs4.element import PreformattedString, Tag

        yield self.root
        for node in self.root.descendants:
            if isinstance(node, (Tag, PreformattedString)):
                yield node

    def below(self, node: Any) -> Iterator[Any]:
        yield from node.descendants

    def name(self, node: Any) -> str | None:
        from bs4 import Tag

        if not isinstance(node, Tag):
            return None
        local = node.name.removeprefix(f"{node.prefix}:")
        return lower(f"{node.prefix}:{local}" if node.prefix and node.namespace != _XHTML else local)

    def namespace(self, node: Any) -> str | None:
        return node.namespace or None

    def held(self, node: Any) -> Any:
        return node.attrs

    def attributes(self, node: Any) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for key, value in node.attrs.items():
            text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
            found.setdefault(lower(key), (key, text))
        return found

    def markup(self, node: Any) -> tuple[str, str, str]:
        return node.PREFIX, str(node), node.SUFFIX

    def rewrite(self, node: Any, content: str) -> None:
        node.replace_with(type(node)(content))

    def insert(self, parent: Any, name: str, attributes: dict[str, str], *, first: bool) -> None:
        from bs4 import Tag

        space = {"prefix": parent.prefix, "namespace": parent.namespace}
        pixel = Tag(name=name, attrs=dict(attributes), can_be_empty_element=name == "img", **space)
        parent.insert(0 if first else len(parent.contents), pixel)


_Tree = _LxmlTree | _SoupTree


def _open(tree: object) -> _Tree:
    """Return the tree as one of ours; a library that nobody has imported made none."""
    if (lxml := sys.modules.get("lxml.etree")) is not None:
        root = tree.getroot() if isinstance(tree, lxml._ElementTree) else tree
        if isinstance(root, lxml._Element) and isinstance(root.tag, str):
            return _LxmlTree(root)
    if (bs4 := sys.modules.get("bs4")) is not None and isinstance(tree, bs4.Tag):
        return _SoupTree(tree)
    raise TypeError(
        "tree takes an lxml element, an lxml tree with a root element, or a BeautifulSoup document or tag, "
        f"not {type(tree).__module__}.{type(tree).__qualname__}"
    )


def _split(name: str) -> tuple[str | None, str]:
    """The namespace and the local name in lxml's spelling, "{namespace}name"."""
    namespace, closed, local = name[1:].partition("}")
    return (namespace, local) if closed and name[0] == "{" else (None, name)


def _read_tag(markup: str) -> tuple[str, dict[str, str]]:
    tag = tokenizer.TAG.match(markup)
    assert tag is not None
    return tag[2], {name: markup[slice(*at.value)] for name, at in tokenizer.attributes(markup, *tag.span()).items()}

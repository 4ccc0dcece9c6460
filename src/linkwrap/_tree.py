"""The links of a tree of lxml or BeautifulSoup, wrapped in place, without a second parse.

A tree is read as a mail client will read its serialised form. Elements are links by their names as written, except
inside elements whose content is text to a client. Comments, and other nodes that BeautifulSoup writes unchanged, are
read as source text, so that the links in Outlook's conditional comments are found too. Nothing is serialised here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ._compiled import Filling, compile_html
from ._decide.controls import REMOVED
from ._decide.decider import Decider, OwnPixel, slot_of
from ._faults import Faults
from ._markup import tokenizer
from ._markup.scan import AMP_NAMES, RAW_TEXT
from ._markup.tokenizer import lower
from ._pixels import Pixels
from .link import Link, Part

if TYPE_CHECKING:
    from bs4 import Tag
    from lxml import etree

    Tree = etree._Element | etree._ElementTree | Tag

_XHTML = "http://www.w3.org/1999/xhtml"
_TEXT_ONLY = RAW_TEXT | {"plaintext"}
# lxml refuses these in text, though its HTML parser lets them through.
_NOT_FOR_LXML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_FEW = 64  # attributes
# How a node of BeautifulSoup knows those beside it, and how they know it.
_NEIGHBOURS = (
    ("previous_element", "next_element"),
    ("next_element", "previous_element"),
    ("previous_sibling", "next_sibling"),
    ("next_sibling", "previous_sibling"),
)


class TreeLinks:
    """The links of a tree and the decisions about them; only `fill` changes the tree."""

    __slots__ = ("_first_body", "_last", "_places", "_tree", "links", "pixels", "slots", "unsubscribes")

    def __init__(self, tree: object, decider: Decider) -> None:
        opened = _open(tree)
        assert opened is not None  # check_tree has seen it
        self._tree = opened
        self._first_body: Any = None
        self._last = opened.root
        found, base, images, amp = self._find(decider)
        part: Part = "amp" if amp else "html"
        self._places: list[_Place] = []
        count = 0
        for node, name in found:
            place = _place(opened, node, name, base, decider, part, count)
            if place is not None:
                self._places.append(place)
                count += len(place.links)
        own = decider.own_pixels(images).union(*(place.pixels for place in self._places))
        initial_at = None if amp or self._first_body is None else 0
        self.pixels = Pixels(0, 0, initial_at, 0, own, amp)
        """Which pixels it has; positions say only whether there is one."""
        self.links: tuple[Link, ...] = tuple(link for place in self._places for link in place.links)
        """Every link, in the order of the tree."""
        self.slots = tuple(slot for place in self._places for slot in place.slots)
        """A slot for each link that is wrapped."""
        wrapped = (link for link in self.links if link.wrapped)
        self.unsubscribes = tuple(number for number, link in enumerate(wrapped) if link.unsubscribe)
        """The numbers of the slots whose links are marked as unsubscribe links."""

    def fill(self, filling: Filling) -> None:
        """Put these texts into the tree."""
        if filling.urls is not None:
            following = iter(filling.urls)
            for place in self._places:
                if place.slots:
                    place.write([next(following) for _ in place.slots])
        if filling.initial:
            self._tree.insert(self._first_body, *_read_tag(filling.initial), first=True)
        if filling.pixel:
            self._tree.insert(self._last, *_read_tag(filling.pixel), first=False)

    def _find(self, decider: Decider) -> tuple[list[tuple[Any, str | None]], str | None, list[str], bool]:
        """Return nodes that can hold links, with their names, the base URL, the images' URLs, and whether it is AMP."""
        tree = self._tree
        amp = False
        text: dict[int, Any] = {}  # by their ids; kept, so that an id is that of one node
        found: list[tuple[Any, str | None]] = []
        bases: list[str] = []
        images: list[str] = []
        for node in tree.nodes():
            if id(node) in text:
                continue
            name = tree.name(node)
            if name is None or name in ("a", "area") or name.startswith("v:"):
                if name is None or tree.held(node):
                    found.append((node, name))
            elif name in _TEXT_ONLY and tree.namespace(node) in (None, _XHTML):
                text.update((id(below), below) for below in tree.below(node))
            elif name == "base":
                bases += tree.attributes(node).get("href", ())[1:]
            elif name in ("amp-img", "img"):
                images += tree.attributes(node).get("src", ())[1:]
            elif name == "body":
                self._first_body = node if self._first_body is None else self._first_body
                self._last = node
            elif name == "html" and self._first_body is None:
                self._last = node
                amp = amp or not AMP_NAMES.isdisjoint(tree.attributes(node))
        return found, decider.base(bases[0]) if bases else None, images, amp


class _Place(NamedTuple):
    """The links of one node of a tree; `write` takes a URL for each slot."""

    links: tuple[Link, ...]
    slots: tuple[str, ...]
    pixels: frozenset[OwnPixel]
    write: Callable[[list[str]], None]


def _place(
    tree: _Tree, node: Any, name: str | None, base: str | None, decider: Decider, part: Part, first: int
) -> _Place | None:
    """Return the links of a node: an element, which is a link where it has an href, or a node of source text.

    `first` is the number of its first link in the tree.
    """
    if name is None:
        return _markup_place(tree, node, base, decider, part, first)
    attributes = tree.attributes(node)
    values = {known: value for known, (_, value) in attributes.items()}
    if "href" not in values:
        return None
    decision = decider.element(name, values, base)

    def write(urls: list[str]) -> None:
        held = tree.held(node)
        held[attributes["href"][0]] = urls[0]
        for removed in REMOVED:
            if removed in attributes:
                del held[attributes[removed][0]]

    slot = slot_of(decision, part, first)
    return _Place((decision.link(values["href"], name),), () if slot is None else (slot,), frozenset(), write)


def _markup_place(tree: _Tree, node: Any, base: str | None, decider: Decider, part: Part, first: int) -> _Place | None:
    """Return the links of a node of source text, between an opener and a closer, which is a document of its own."""
    opener, content, closer = tree.markup(node)
    if "<" not in content:
        return None
    compiled = compile_html(opener + content + closer, decider, base=base, placed=False, part=part, first=first)
    start, end = len(opener), len(opener) + len(content)
    if any(at.tag_end > end for at in compiled.positions):
        return None  # the tag takes in the text behind the node

    def write(urls: list[str]) -> None:
        written = compiled.fill(Filling(urls))
        tree.rewrite(node, written[start : len(written) - len(closer)])

    links = tuple(replace(link, start=None, end=None) for link in compiled.links())
    own: frozenset[OwnPixel] = frozenset() if compiled.pixels is None else compiled.pixels.own
    return _Place(links, compiled.slots, own, write)


class _LxmlTree:
    """A tree of lxml: names have a namespace, text belongs to the element before it."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._expression: Any = None
        """An XPath expression that adds each attribute of an element to `_found`."""
        self._found: dict[str, tuple[str, str]] = {}

    def nodes(self) -> Iterator[Any]:
        """Yield the elements and the nodes of source text, in document order."""
        from lxml.etree import Comment, Element

        beside = self.root.getparent() is None
        if beside:
            yield from reversed(list(self.root.itersiblings(Comment, preceding=True)))
        yield from self.root.iter(Element, Comment)
        if beside:
            yield from self.root.itersiblings(Comment)

    def below(self, node: Any) -> Iterator[Any]:
        """Yield the nodes in an element, at any depth."""
        yield from node.iterdescendants()

    def name(self, node: Any) -> str | None:
        """Return the name of an element as written, in lower case, without a prefix for XHTML; None for other nodes."""
        if not isinstance(node.tag, str):
            return None
        namespace, local = _split(node.tag)
        return lower(f"{node.prefix}:{local}" if node.prefix and namespace != _XHTML else local)

    def namespace(self, node: Any) -> str | None:
        """Return the namespace of an element, None where the parser gives none."""
        return _split(node.tag)[0]

    def held(self, node: Any) -> Any:
        """Return the attributes of an element as the tree holds them, to be changed."""
        return node.attrib

    def attributes(self, node: Any) -> dict[str, tuple[str, str]]:
        """Return, by the names as written, in lower case, each attribute's name in the tree and its value."""
        attributes = node.attrib
        items = attributes.items() if len(attributes) <= _FEW else []
        if not items or any(key.startswith("{") for key, _ in items):
            return self._read(node)
        found: dict[str, tuple[str, str]] = {}
        for key, value in items:
            found.setdefault(lower(key), (key, value))
        return found

    def _read(self, node: Any) -> dict[str, tuple[str, str]]:
        """Do the same for an element with prefixes or very many attributes, in linear time.

        lxml has prefixes in `nsmap` only, which is made anew of all elements around this one, and looks for the value
        of each attribute among all of them.
        """
        if self._expression is None:
            from lxml.etree import XPath

            found = self._found

            def see(_: Any, name: str, namespace: str, local: str, value: str) -> bool:
                found.setdefault(lower(name), (f"{{{namespace}}}{local}" if namespace else name, value))
                return False

            names, functions = {"x": "urn:linkwrap"}, {("urn:linkwrap", "see"): see}
            expression = "@*[x:see(name(), namespace-uri(), local-name(), string())]"
            self._expression = XPath(expression, namespaces=names, extensions=functions)
        self._expression(node)
        attributes = self._found.copy()
        self._found.clear()
        return attributes

    def markup(self, node: Any) -> tuple[str, str, str]:
        """Return the source text of a node without a name: opener, content, closer."""
        return "<!--", node.text or "", "-->"

    def rewrite(self, node: Any, content: str) -> None:
        """Replace the content of such a node."""
        node.text = _NOT_FOR_LXML.sub("\ufffd", content)

    def insert(self, parent: Any, name: str, attributes: dict[str, str], *, first: bool) -> None:
        """Insert a new element into another, as its first child or its last."""
        namespace = self.namespace(parent)
        pixel = parent.makeelement(f"{{{namespace}}}{name}" if namespace else name, attributes)
        if first:
            pixel.tail, parent.text = parent.text, None
            parent.insert(0, pixel)
        else:
            parent.append(pixel)


class _SoupTree:
    """A tree of BeautifulSoup: values can be lists, and there are several kinds of nodes of source text."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._indexes: dict[int, int] = {}
        """By its id, the index of a node in its parent; of those whose siblings were rewritten."""

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
        parent, new = node.parent, type(node)(content)
        around = [(getattr(node, name), name, back) for name, back in _NEIGHBOURS]
        if not all(other is None or getattr(other, back) is node for other, _, back in around):
            node.replace_with(new)  # the tree was changed by hand
            return
        # As replace_with, but that looks for the node among its siblings, which takes quadratic time for many of them.
        contents = parent.contents
        index = self._indexes.get(id(node), len(contents))
        if index >= len(contents) or contents[index] is not node:
            self._indexes.update((id(child), index) for index, child in enumerate(contents))
            index = self._indexes[id(node)]
        contents[index], new.parent, node.parent = new, parent, None
        for other, name, back in around:
            setattr(new, name, other)
            setattr(node, name, None)
            if other is not None:
                setattr(other, back, new)

    def insert(self, parent: Any, name: str, attributes: dict[str, str], *, first: bool) -> None:
        from bs4 import Tag

        space = {"prefix": parent.prefix, "namespace": parent.namespace}
        pixel = Tag(name=name, attrs=dict(attributes), can_be_empty_element=name == "img", **space)
        parent.insert(0 if first else len(parent.contents), pixel)


_Tree = _LxmlTree | _SoupTree


def check_tree(tree: object, faults: Faults) -> None:
    """Add a fault for an object that is no tree of lxml or BeautifulSoup."""
    if _open(tree) is None:
        expected = "an lxml element, an lxml tree with a root element, or a BeautifulSoup document or tag"
        faults.wrong_type("tree", expected, tree)


def _open(tree: object) -> _Tree | None:
    """Return a tree as one of ours, None for others; a library that nobody has imported made none."""
    if (lxml := sys.modules.get("lxml.etree")) is not None:
        root = tree.getroot() if isinstance(tree, lxml._ElementTree) else tree
        if isinstance(root, lxml._Element) and isinstance(root.tag, str):
            return _LxmlTree(root)
    if (bs4 := sys.modules.get("bs4")) is not None and isinstance(tree, bs4.Tag):
        return _SoupTree(tree)
    return None


def _split(name: str) -> tuple[str | None, str]:
    """Return the namespace and the local name of lxml's spelling, "{namespace}name"."""
    namespace, closed, local = name[1:].partition("}")
    return (namespace, local) if closed and name[0] == "{" else (None, name)


def _read_tag(markup: str) -> tuple[str, dict[str, str]]:
    tag = tokenizer.TAG.match(markup)
    assert tag is not None
    return tag[2], {name: markup[slice(*at.value)] for name, at in tokenizer.attributes(markup, *tag.span()).items()}

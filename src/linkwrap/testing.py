"""For the tests of those who wrap mail: the mail with its destinations, and what its links are.

Only URLs that verify under the keys count, on whatever host they are. Nothing else of a mail is touched.
"""

import html as entities
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from ._markup import tokenizer
from ._markup.scan import LinkTag, scan
from ._markup.source import open_source
from ._markup.tokenizer import decode_references
from ._pixels import AMP_PIXEL, INITIAL_PIXEL, OPEN_PIXEL
from .errors import InvalidToken
from .keys import SigningKeys
from .resolver import Click, Open, Resolver

__all__ = ["TrackedLink", "tracked_links", "unwrap"]

Text = TypeVar("Text", str, bytes)

_PIXELS = [pixel.split("{}") for pixel in (OPEN_PIXEL, INITIAL_PIXEL, AMP_PIXEL)]
_OURS = re.compile(
    r"https?://[^/?#\0-\x20\"'<>]++/(?:f/[\w-]{1,64}+|q)/1[\w-]*+\.[\w-]++\.[\w-]{22}(?![\w-])", re.ASCII
)
# Text on two sides of one of these is not one word.
_BREAKS = "br center dd div dt h1 h2 h3 h4 h5 h6 hr li ol p table tbody td th tr ul".split()


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """A link of a wrapped mail that leads over the tracking domain."""

    text: str
    """What a reader sees of it, white space (no-break spaces too) as single spaces; if that is nothing, the `alt`."""
    element: str
    """`a`, `area`, or one of Outlook's, such as `v:roundrect`."""
    click: Click
    """What a click on it means."""


def unwrap(html: Text, keys: SigningKeys) -> Text:
    """Return wrapped mail with its destinations in place of the redirect URLs, and without the pixels.

    Everything else stays byte for byte, so that all wrappings of one mail unwrap to the same. Where a link's value
    stood, the destination is escaped as HTML (`&amp;`); anywhere else, in plain text for example, it is not. It is the
    URL that a browser opens, `https://acme.com/` for what was `https://acme.com`, and attributes that wrapping takes
    off, such as `data-msys-linkname`, do not come back.
    """
    source, resolver = open_source(html), Resolver(keys)
    text = source.text
    changes: dict[int, tuple[int, str]] = {}
    for link in scan(text).links:
        found = _resolve(resolver, decode_references(source.decode(link.start, link.end)))
        if isinstance(found, Click):
            changes[link.start] = link.end, _escape(found.url, text[link.start - 1])
    for url in _OURS.finditer(text):
        if url.start() not in changes:
            found = _resolve(resolver, url[0])
            if isinstance(found, Click):
                changes[url.start()] = url.end(), found.url
            elif isinstance(found, Open):
                start, end = _pixel_around(text, *url.span())
                changes[start] = end, ""
    parts: list[str | bytes] = []
    position = 0
    for start, (end, new) in sorted(changes.items()):
        parts += [source.cut(position, start), source.encode(new)]
        position = end
    return cast("Text", source.join([*parts, source.cut(position, len(text))]))


def tracked_links(html: str | bytes, keys: SigningKeys) -> list[TrackedLink]:
    """Return each link of a wrapped mail, those in conditional comments included, in the order of the source."""
    source, resolver = open_source(html), Resolver(keys)
    links = []
    for link in scan(source.text).links:
        click = _resolve(resolver, decode_references(source.decode(link.start, link.end)))
        if isinstance(click, Click):
            markup = "".join(source.decode(start, end) for start, end in _inside(source.text, link))
            links.append(TrackedLink(_visible_text(markup), link.element, click))
    return links


def _resolve(resolver: Resolver, url: str) -> Click | Open | None:
    try:
        return resolver.resolve(url.strip())
    except InvalidToken:
        return None


def _escape(url: str, quote: str) -> str:
    escaped = entities.escape(url, quote=False).replace('"', "&quot;")
    return escaped.replace("'", "&#39;") if quote == "'" else escaped


def _pixel_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the pixel with this URL stands: as we write it, or as an `<img>` that something has written anew."""
    for before, behind in _PIXELS:
        if text.endswith(before, 0, start) and text.startswith(behind, end):
            return start - len(before), end + len(behind)
    tag = tokenizer.TAG.match(text, max(text.rfind("<", 0, start), 0))
    return tag.span() if tag and tag.end() > end and tokenizer.lower(tag[2]) == "img" else (start, end)


def _inside(text: str, link: LinkTag) -> Iterator[tuple[int, int]]:
    """The spans of a link's own tag and of its content, which end at its end tag, without comments and declarations.

    A link in one conditional comment may end in another one, so its content is that of both and what is between.
    """
    start, position = link.tag_start, link.tag_end
    while link.element != "area" and (found := text.find("<", position)) >= 0:
        if tag := tokenizer.TAG.match(text, found):
            if tokenizer.lower(tag[2]) == link.element and (tag[1] or link.element == "a"):
                position = found
                break
            position = tag.end()
            continue
        behind: int | None
        if text.startswith("<!--", found):
            condition = tokenizer.CONDITIONAL_COMMENT.match(text, found) if link.conditional else None
            comment = tokenizer.comment_end(text, found, len(text))
            behind = condition.end() if condition else comment[1] if comment else len(text)
        else:
            behind = tokenizer.declaration_end(text, found, len(text))
        if behind is None:
            position = found + 1
        else:
            yield start, found
            start = position = behind
    else:
        position = link.tag_end if link.element == "area" else len(text)
    yield start, position


def _visible_text(markup: str) -> str:
    """The text of a link given as its start tag and its content; of images the `alt` where there is no text."""
    from bs4 import BeautifulSoup

    link = BeautifulSoup(markup, "html.parser").find(True)
    if link is None:
        return ""
    for element in link.find_all(_BREAKS):
        element.insert_before(" ")
        element.insert_after(" ")
    words = link.get_text().split()
    if not words:
        words = " ".join(str(image["alt"]) for image in [link, *link.find_all("img")] if image.get("alt")).split()
    return " ".join(words)

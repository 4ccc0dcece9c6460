"""For tests of code that wraps mail: the mail with its destinations, and its links.

Only URLs that verify under the keys count, on whatever host they are. Nothing else of a mail is touched.
"""

import html as entities
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any, TypeVar, overload

from ._faults import Faults
from ._markup import tokenizer
from ._markup.scan import Position, element_name, scan
from ._markup.source import open_source
from ._markup.tokenizer import decode_references
from ._mime.bodies import PLAIN
from ._mime.compile import open_bodies, replace_content
from ._mime.objects import copy_message, with_headers
from ._pixels import AMP_PIXEL, INITIAL_PIXEL, OPEN_PIXEL
from .errors import InvalidToken
from .keys import SigningKeys
from .resolver import Click, Open, Resolver, Unsubscribe

__all__ = ["TrackedLink", "tracked_links", "unwrap"]

MessageT = TypeVar("MessageT", bound="Message[Any, Any]")

_PIXELS = [pixel.split("{}") for pixel in (OPEN_PIXEL, INITIAL_PIXEL, AMP_PIXEL)]
# A redirect URL, and the beginning of what is behind it where that may make it another URL.
_OURS = re.compile(
    r"https?://[^/?#\0-\x20\"'<>]++/(?:f/[\w-]{1,64}+|q)/2[\w-]*+\.[\w-]++\.[\w-]{22}(?![\w-])"
    r"(?=([/;%]++[\w%-]{1,16}+)?+)",
    re.ASCII,
)
_NEVER_ENDS = re.compile(r"<(?:[!?a-zA-Z]|/[^>])")  # where no ">" follows: a browser drops the rest
# Text on two sides of one of these is not one word.
_BREAKS = "br center dd div dt h1 h2 h3 h4 h5 h6 hr li ol p table tbody td th tr ul".split()
# These bounds keep the time linear in the mail.
_MAX_TAG = 1024  # characters of an <img> around a pixel's URL, before and behind it
_MAX_CONTENT = 16_384  # characters of a link's content that are read for its text


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """A link of a wrapped mail that leads over the tracking domain."""

    text: str
    """The text that a reader sees, white space (no-break spaces too) as single spaces; if there is none, the `alt`.
    Empty for a URL in plain text."""
    element: str
    """`a`, `area`, or one of Outlook's, such as `v:roundrect`; empty for a URL in plain text."""
    click: Click
    """The click that the link's URL means."""


@overload
def unwrap(mail: str, keys: SigningKeys) -> str: ...
@overload
def unwrap(mail: bytes, keys: SigningKeys) -> bytes: ...
@overload
def unwrap(mail: MessageT, keys: SigningKeys) -> MessageT: ...
def unwrap(mail: "str | bytes | Message[Any, Any]", keys: SigningKeys) -> Any:
    """Return wrapped mail with its destinations in place of the redirect URLs, and without the pixels.

    Everything else stays byte for byte, so that all wrappings of one mail unwrap to the same. Where a link's value
    stood, the destination is escaped as HTML (`&amp;`); anywhere else, in plain text for example, it is not. It is the
    URL that a browser opens, `https://acme.com/` for `https://acme.com`, and attributes that wrapping removes, such as
    `data-msys-linkname`, do not come back.

    Args:
        mail: An HTML or plain-text body, or a message: of a message, its HTML, AMP and plain-text bodies are unwrapped,
            in their transfer encodings. A message is copied, and not changed.
        keys: The keys that the mail was wrapped with.

    Raises:
        TypeError: An argument is of another type.
    """
    faults = _faults(mail, keys)
    if not isinstance(keys, SigningKeys):
        del keys  # a traceback may show the variables of a frame, and this may be a key
    faults.raise_any()
    resolver = Resolver(keys)
    if not isinstance(mail, Message):
        return _unwrapped(mail, None, resolver)
    message = with_headers(copy_message(mail))
    for part, content in open_bodies(message):
        new = _unwrapped(content.content, content.encoding, resolver, plain=part.content_type == PLAIN)
        if new != content.content:
            replace_content(part, content, new)
    return message


def tracked_links(mail: "str | bytes | Message[Any, Any]", keys: SigningKeys) -> list[TrackedLink]:
    """Return each link of a wrapped mail, those in conditional comments included, in the order of the source.

    Args:
        mail: An HTML body, or a message: of a message, the links of its HTML and AMP bodies and the URLs of its
            plain-text bodies are returned.
        keys: The keys that the mail was wrapped with.

    Raises:
        TypeError: An argument is of another type.
    """
    faults = _faults(mail, keys)
    if not isinstance(keys, SigningKeys):
        del keys  # as above
    faults.raise_any()
    resolver = Resolver(keys)
    if not isinstance(mail, Message):
        return list(_links(mail, None, resolver))
    links: list[TrackedLink] = []
    for part, content in open_bodies(with_headers(mail)):
        find = _plain_links if part.content_type == PLAIN else _links
        links += find(content.content, content.encoding, resolver)
    return links


def _faults(mail: object, keys: object) -> Faults:
    faults = Faults()
    if not isinstance(mail, str | bytes | Message):
        faults.wrong_type("mail", "str, bytes or email.message.Message", mail)
    if not isinstance(keys, SigningKeys):
        faults.wrong_type("keys", "SigningKeys", keys)
    return faults


def _links(html: str | bytes, encoding: str | None, resolver: Resolver) -> Iterator[TrackedLink]:
    source = open_source(html, encoding)
    for at in scan(source.text).positions:
        click = _resolve(resolver, decode_references(source.decode(at.start, at.end)))
        if isinstance(click, Click):
            element = element_name(source.text, at.tag_start)
            markup = "".join(source.decode(start, end) for start, end in _inside(source.text, at, element))
            yield TrackedLink(_visible_text(markup), element, click)


def _plain_links(text: bytes, encoding: str | None, resolver: Resolver) -> Iterator[TrackedLink]:
    for url in _OURS.finditer(open_source(text, encoding).text):
        click = _resolve(resolver, url[0] + (url[1] or ""))
        if isinstance(click, Click):
            yield TrackedLink("", "", click)


def _unwrapped(mail: str | bytes, encoding: str | None, resolver: Resolver, *, plain: bool = False) -> Any:
    # The plain text of a string type that escapes what is joined to it.
    source = open_source(str.__str__(mail) if isinstance(mail, str) else mail, encoding)
    text = source.text
    changes: dict[int, tuple[int, str]] = {}
    for link in () if plain else scan(text).positions:
        found = _resolve(resolver, decode_references(source.decode(link.start, link.end)))
        if isinstance(found, Click):
            changes[link.start] = link.end, _escape(found.url, text[link.start - 1])
    for url in _OURS.finditer(text):
        if url.start() not in changes:
            found = _resolve(resolver, url[0] + (url[1] or ""))
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
    return source.join([*parts, source.cut(position, len(text))])


def _resolve(resolver: Resolver, url: str) -> Click | Open | Unsubscribe | None:
    try:
        return resolver.resolve(url.strip())
    except InvalidToken:
        return None


def _escape(url: str, quote: str) -> str:
    escaped = entities.escape(url, quote=False).replace('"', "&quot;")
    return escaped.replace("'", "&#39;") if quote == "'" else escaped


def _pixel_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the pixel with this URL stands: as linkwrap writes it, or as an `<img>` that others wrote anew."""
    for before, behind in _PIXELS:
        if text.endswith(before, 0, start) and text.startswith(behind, end):
            return start - len(before), end + len(behind)
    opener = text.rfind("<", max(start - _MAX_TAG, 0), start)
    tag = tokenizer.TAG.match(text, opener, end + _MAX_TAG) if opener >= 0 else None
    return tag.span() if tag and tag.end() > end and tokenizer.lower(tag[2]) == "img" else (start, end)


def _inside(text: str, link: Position, element: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of a link's own tag and of its content, without comments and declarations.

    The content ends at the link's end tag, or where another link of that name starts. That of one of Outlook's links
    ends where another one starts, whatever its name, so that no text is read again for each of many links. A link in
    one conditional comment may end in another one, so its content is that of both and what is between.
    """
    start, position = link.tag_start, link.tag_end
    last = min(len(text), position + _MAX_CONTENT)
    outlook = element.startswith("v:")
    while element != "area" and (found := text.find("<", position, last)) >= 0:
        if tag := tokenizer.TAG.match(text, found, last):
            name = tokenizer.lower(tag[2])
            if name == element or (outlook and name.startswith("v:") and _is_link(text, *tag.span())):
                position = found
                break
            position = tag.end()
            continue
        behind: int | None
        if text.startswith("<!--", found):
            condition = tokenizer.CONDITIONAL_COMMENT.match(text, found) if link.conditional else None
            comment = tokenizer.comment_end(text, found, last)
            behind = condition.end() if condition else comment[1] if comment else last
        else:
            behind = tokenizer.declaration_end(text, found, last)
        if behind is not None:
            yield start, found
            start = position = behind
        elif _NEVER_ENDS.match(text, found):
            position = found
            break
        else:
            position = found + 1
    else:
        position = link.tag_end if element == "area" else max(start, last)
    yield start, position


def _is_link(text: str, start: int, end: int) -> bool:
    return text[start + 1] != "/" and "href" in tokenizer.attributes(text, start, end, ("href",))


def _visible_text(markup: str) -> str:
    """Return the text of a link given as its start tag and its content; without text, the `alt` of its images."""
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

"""The ways to wrap a document that are timed against each other.

A way is a function that takes a document, does outside the clock what a sender does once, and returns the call to time.
To add one, write the function and name it in `WAYS`.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from itertools import cycle
from time import time
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup
from documents import Document
from lxml.html import document_fromstring, fragment_fromstring, tostring
from measure import Call

from linkwrap import LinkTemplate, LinkWrapper, SigningKeys
from linkwrap._decide.destination import read_destination
from linkwrap._pixels import OPEN_PIXEL
from linkwrap._token.wire import OPEN, encode_context, encode_link, message_urls, slot

if TYPE_CHECKING:
    from turbohtml.rewrite import Element

Way = Callable[[Document], Call]

KEYS = SigningKeys("a key that signs benchmarks only")
HOST = "click.example.com"
ORIGIN = f"https://{HOST}"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)

# The metadata of one message after another, made outside the clock.
_messages = cycle([{"message_id": f"m-{number}", "rcpt": f"r-{number}"} for number in range(1_000_000, 1_001_000)])
metadata = partial(next, _messages)


def lxml_parse(document: Document) -> Call:
    """Parse the document with lxml, and do nothing with the tree."""
    return partial(document_fromstring, document.for_lxml)


def wrap_text(document: Document) -> Call:
    """Wrap the document as text, pixel and signing included."""
    return lambda: WRAPPER.wrap(document.text, metadata())


def wrap_bytes(document: Document) -> Call:
    """Wrap the document as bytes, of which nothing is known but what they say themselves."""
    return lambda: WRAPPER.wrap(document.data, metadata())


def rewriter(document: Document) -> Call:
    """Rewrite the document by turbohtml, in C, which calls a function for each link that decides, packs and signs.

    It makes the same tokens and the same pixel by the same functions, but sees neither control attributes nor Outlook's
    comments, writes the tags of links anew, and adds no pixel where there is no `<body>`.
    """
    from turbohtml.rewrite import rewrite  # the tests run the other sections without it

    def call() -> str:
        context = encode_context("acme", int(time()), metadata())

        def link(element: "Element") -> None:
            url, _ = read_destination(element.get("href") or "")
            if url is not None:
                path = slot("a", "html", 0, encode_link(url))
                element.set_attribute("href", message_urls(KEYS, ORIGIN, HOST, context, [path])[0])

        def body(element: "Element") -> None:
            (url,) = message_urls(KEYS, ORIGIN, HOST, context, (), [OPEN])
            element.append(OPEN_PIXEL.replace("{}", url), html=True)

        return rewrite(document.text, elements=[("a[href], area[href]", link), ("body", body)])

    return call


def lxml_loop(document: Document) -> Call:
    """Parse the document with lxml, set each link and append the pixel, and write it anew."""

    def call() -> str:
        context = encode_context("acme", int(time()), metadata())
        root = document_fromstring(document.for_lxml)
        for link in root.xpath("//a[@href]|//area[@href]"):
            link.set("href", _redirect(link.get("href"), context))
        (url,) = message_urls(KEYS, ORIGIN, HOST, context, (), [OPEN])
        root.append(fragment_fromstring(OPEN_PIXEL.replace("{}", url)))
        return tostring(root, encoding="unicode")

    return call


def soup_loop(document: Document) -> Call:
    """Do the same with BeautifulSoup on the standard library's parser."""

    def call() -> str:
        context = encode_context("acme", int(time()), metadata())
        soup = BeautifulSoup(document.text, "html.parser")
        for link in soup.find_all(["a", "area"], href=True):
            link["href"] = _redirect(str(link["href"]), context)
        (url,) = message_urls(KEYS, ORIGIN, HOST, context, (), [OPEN])
        soup.append(BeautifulSoup(OPEN_PIXEL.replace("{}", url), "html.parser"))
        return str(soup)

    return call


def pytracking(document: Document) -> Call:
    """Wrap the document by pytracking, whose URLs hold the metadata, and neither a signature nor a time."""
    from pytracking.html import adapt_html

    return lambda: adapt_html(
        document.text,
        extra_metadata=metadata(),
        base_open_tracking_url=f"{ORIGIN}/q/",
        base_click_tracking_url=f"{ORIGIN}/f/",
    )


def _redirect(href: str, context: str) -> str:
    url, _ = read_destination(href)
    return (
        href if url is None else message_urls(KEYS, ORIGIN, HOST, context, [slot("a", "html", 0, encode_link(url))])[0]
    )


PEERS: dict[str, Way] = {
    "turbohtml's rewriter": rewriter,
    "a loop over lxml's tree": lxml_loop,
    "a loop over BeautifulSoup's tree": soup_loop,
    "pytracking, unsigned": pytracking,
}
"""How it is done without linkwrap; the loops make linkwrap's tokens."""

OURS = "wrap() of text"
WAYS: dict[str, Way] = {
    OURS: wrap_text,
    "wrap() of bytes": wrap_bytes,
    "turbohtml's rewriter": rewriter,
}


def forget() -> None:
    """Make the wrapper forget what it knows about links of other documents."""
    WRAPPER._decider.forget()


def render(template: LinkTemplate[str]) -> Call:
    """Make one recipient's document of a compiled one."""
    return lambda: WRAPPER.render(template, metadata())


def render_many(template: LinkTemplate[str]) -> Call:
    """Make the next recipient's document of many."""
    return partial(next, WRAPPER.render_many(template, iter(metadata, None)))


def bare_loop(template: LinkTemplate[str]) -> Call:
    """Do what no rendering can do without: a MAC for each URL over its path, and one join of all the strings.

    The MAC is made from the same prepared states, and the base64 of all in one call. The document is cut up and the
    context is encoded outside the clock; the pixel is one more URL.
    """
    example = WRAPPER.render(template, metadata())
    pixel, context, _ = example.rpartition("/q/")[2].split(".", 2)
    compiled = template._compiled
    pieces = ["" for _ in range(2 * len(compiled.static) - 1)]
    pieces[0::2] = compiled.static
    starts = [*compiled.slots, f"/q/{pixel}."]
    states = KEYS._states(HOST)

    def loop() -> str:
        paths = [start + context for start in starts]
        macs = []
        for path in paths:
            inner, outer = states.inner.copy(), states.outer.copy()
            inner.update(path.encode())
            outer.update(inner.digest())
            macs.append(outer.digest()[:16] + b"\0\0")
        signatures = urlsafe_b64encode(b"".join(macs)).decode()
        urls = [f"https://{HOST}{path}.{signatures[24 * at : 24 * at + 22]}" for at, path in enumerate(paths)]
        pieces[1 : 2 * len(urls) : 2] = urls
        return "".join(pieces)

    return loop

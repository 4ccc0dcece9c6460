"""The ways to wrap a document that are timed against each other.

A way is a function that takes a document, does outside the clock what a sender does once, and returns the call to time.
To add one, write the function and name it in `WAYS`.
"""

from collections.abc import Callable
from functools import partial
from itertools import cycle

from documents import Document
from lxml.html import document_fromstring
from measure import Call

from linkwrap import LinkTemplate, LinkWrapper, SigningKeys

Way = Callable[[Document], Call]

KEYS = SigningKeys("a key that signs benchmarks only")
HOST = "click.example.com"
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


OURS = "wrap() of text"
WAYS: dict[str, Way] = {
    OURS: wrap_text,
    "wrap() of bytes": wrap_bytes,
}


def render(template: LinkTemplate[str]) -> Call:
    """Make one recipient's document of a compiled one."""
    return lambda: WRAPPER.render(template, metadata())


def bare_loop(template: LinkTemplate[str]) -> Call:
    """Do what no rendering can do without: a MAC for each URL over its message, and one join of all the strings.

    The document is cut up and the context is encoded outside the clock; the pixel is one more URL.
    """
    example = WRAPPER.render(template, metadata())
    pixel, context, _ = example.rpartition("/q/2")[2].split(".", 2)
    compiled = template._compiled
    pieces = ["" for _ in range(2 * len(compiled.static) - 1)]
    pieces[0::2] = compiled.static
    links = [(slot.link, slot.sublink) for slot in compiled.slots]
    sign = KEYS.sign

    def loop() -> str:
        urls = []
        for link, sublink in links:
            signature = sign(f"linkwrap1\0click\0{HOST}\0{sublink}\0{link}.{context}")
            urls.append(f"https://{HOST}/f/{sublink}/1{link}.{context}.{signature}")
        signature = sign(f"linkwrap1\0open\0{HOST}\0\0{pixel}.{context}")
        urls.append(f"https://{HOST}/q/1{pixel}.{context}.{signature}")
        pieces[1 : 2 * len(urls) : 2] = urls
        return "".join(pieces)

    return loop

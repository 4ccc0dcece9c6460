"""`LinkWrapper`: what it keeps about the links of one document changes nothing in others."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from linkwrap import Link, LinkPolicy, LinkWrapper, SigningKeys

KEYS = SigningKeys("a key for the tests of repeated links")
SENT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LINKS = (
    '<a href="https://shop.test/?a=1&amp;b=2">1</a><a href="sale">2</a><a href="{{ url }}">3</a><a href="#top">4</a>'
    '<a href="https://shop.test/sale" data-msys-linkname="sale" data-msys-sublink="s">5</a>'
    '<a href="https://shop.test/sale" data-msys-unsubscribe="1">6</a><a href="https://shop.test/sale">7</a>'
    '<a href="https://shop.test/sale" data-msys-clicktrack="0">8</a><a href="https://sh\xf6p.test/">9</a>'
    f'<a href="https://shop.test/{"x" * 600}">10</a>'
)
DOCUMENTS = [
    LINKS,
    f"<base href='https://a.test/'>{LINKS}",
    f"<base href='https://b.test/'>{LINKS}",
    f"<html amp4email><body>{LINKS}",
    LINKS * 30,
]


def wrapper(policy: LinkPolicy | None = None) -> LinkWrapper:
    """One that has seen no link yet."""
    return LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test", policy=policy or LinkPolicy())


def wrap(one: LinkWrapper, document: str | bytes) -> str | bytes:
    """Wrap a document for one recipient, always at the same time."""
    return one.wrap(document, {"rcpt": "r-1"}, sent_at=SENT_AT)


def test_links_that_were_seen_give_the_same_documents() -> None:
    """Whatever a wrapper has seen before, documents and decisions are those of a new one."""
    inputs = [
        data for text in DOCUMENTS for data in (text, text.encode(), text.encode("latin-1"), text.encode("utf-16"))
    ]
    expected = [wrap(wrapper(), data) for data in inputs]
    decided = [wrapper().compile(data).links for data in inputs]
    seen = wrapper()
    for _ in range(2):
        assert [wrap(seen, data) for data in inputs] == expected
        assert [seen.compile(data).links for data in inputs] == decided


def test_policy_is_asked_each_time() -> None:
    """A `destination` may say something else for each document."""
    asked: list[str] = []

    def destination(link: Link) -> str:
        asked.append(link.url or "")
        return f"https://shop.test/{len(asked)}"

    one = wrapper(LinkPolicy(destination=destination))
    document = '<a href="https://shop.test/sale">Sale</a>'
    found = [link.url for _ in range(3) for link in one.compile(document).links]
    assert found == ["https://shop.test/1", "https://shop.test/2", "https://shop.test/3"]


def test_threads_share_one_wrapper() -> None:
    """They get the documents that one thread gets, also while others fill up what is kept."""
    documents = [
        "".join(f'<a href="https://shop.test/{at % 97}/{at + 40 * n}">x</a>' for at in range(60)) for n in range(300)
    ]
    expected = [wrap(wrapper(), document) for document in documents]
    seen = wrapper()
    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(partial(wrap, seen), documents)] == expected


@pytest.mark.parametrize(
    ("tail", "documents"), [("x" * 3000, 250), ("\N{GRINNING FACE}" * 300, 100)], ids=["long", "long when encoded"]
)
def test_memory_of_what_is_kept_is_bounded(tail: str, documents: int) -> None:
    """A service that sends ever new links, long ones among them, does not grow with them."""
    one = wrapper()

    def send(first: int, last: int) -> None:
        for number in range(first, last):
            links = [f'<a href="https://shop.test/{number}/{at}/{tail * (at % 2)}">x</a>' for at in range(20)]
            wrap(one, "".join(links))

    tracemalloc.start()
    try:
        send(0, documents)
        tracemalloc.reset_peak()
        send(documents, 2 * documents)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()

"""How long redirect URLs are and what encoding them costs, in our layout and in others.

`python benchmarks/token_size.py` takes the destinations that linkwrap wraps in the documents of `documents.py`.
Every layout carries the same: destination, account, time of sending and metadata, behind the same host and path, and a
signature of 128 bits (22 characters), unless the peer brings its own.
"""

import base64
import heapq
import json
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median

from documents import read_documents
from itsdangerous import URLSafeSerializer
from measure import best_times, machine

from linkwrap import LinkWrapper, SigningKeys
from linkwrap._token.wire import encode_context, encode_link

HOST = "click.acme.test"
START = f"https://{HOST}/f/a/"
OVERHEAD = len(START) + len("1") + 2 * len(".") + 22
ACCOUNT = "acme"
SENT_AT = 1_764_000_000
METADATA = {"message_id": "m-0123456789", "rcpt": "r-0123456789"}
KEY = "a key that signs benchmarks only"

WORDS = (
    b'"}", "recipient":"subaccount_id":"rcpt":"user_id":"campaign_id":"message_id":"",{".org/.net/.htmlnewsletter?id='
    b"unsubscribe&utm_content=&utm_campaign=&utm_medium=emailutm_source=.com/http://www.http://https://https://www."
)

to_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to write a token's two parts; `context` is None where each URL is made as a whole."""

    name: str
    link: Callable[[str], str]
    context: Callable[[], str] | None


def base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def packed_fields() -> bytes:
    """Return the context in bytes: 4 for the time, then the account and the metadata."""
    return SENT_AT.to_bytes(4, "big") + to_json([ACCOUNT, METADATA])[2:-1].encode()


def deflater() -> Callable[[bytes], bytes]:
    """Return raw deflate with a preset dictionary and the smallest window, used where it is shorter."""
    ready = zlib.compressobj(9, zlib.DEFLATED, -9, 1, zlib.Z_DEFAULT_STRATEGY, WORDS)

    def deflate(data: bytes) -> bytes:
        compressor = ready.copy()
        packed = compressor.compress(data) + compressor.flush()
        return b"\1" + packed if len(packed) < len(data) else b"\0" + data

    return deflate


def layouts() -> list[Layout]:
    """Return what is compared, the one that is used last."""
    deflate = deflater()
    serializer = URLSafeSerializer(KEY)
    return [
        Layout(
            "itsdangerous' URLSafeSerializer, one JSON value",
            lambda url: str(serializer.dumps([url, ACCOUNT, SENT_AT, METADATA])),
            None,
        ),
        Layout(
            "JSON in base64",
            lambda url: base64url(to_json([url]).encode()),
            lambda: base64url(to_json([ACCOUNT, SENT_AT, METADATA]).encode()),
        ),
        Layout(
            "fields in base64",
            lambda url: base64url(url.encode()),
            lambda: base64url(packed_fields()),
        ),
        Layout(
            "deflate with a preset dictionary",
            lambda url: base64url(deflate(url.encode())),
            lambda: base64url(deflate(packed_fields())),
        ),
        Layout(
            "alphabets (wire format 1)",
            encode_link,
            lambda: encode_context(ACCOUNT, SENT_AT, METADATA),
        ),
    ]


def sizes(layout: Layout, urls: list[str]) -> list[int]:
    """Return the length of each redirect URL."""
    if layout.context is None:
        return [len(START) + len(layout.link(url)) for url in urls]
    context = len(layout.context())
    return [OVERHEAD + len(layout.link(url)) + context for url in urls]


def huffman_bits(counts: Counter[str]) -> int:
    """Return the bits that the counted characters take in the best code of one codeword for each."""
    total, heap = 0, list(counts.values())
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


def pytracking_sizes(urls: list[str], encrypted: bool) -> list[int] | None:
    """Return the lengths of pytracking's URLs, which hold no account and no time; None where it is not installed."""
    try:
        from cryptography.fernet import Fernet
        from pytracking import Configuration, get_click_tracking_url
    except ImportError:
        return None
    key = Fernet.generate_key() if encrypted else None
    configuration = Configuration(base_click_tracking_url=START, encryption_bytestring_key=key)
    return [len(get_click_tracking_url(url, metadata=METADATA, configuration=configuration)) for url in urls]


def print_sizes(title: str, urls: list[str]) -> None:
    """Print a table of all layouts for these destinations."""
    print(f"\n{title}: {len(urls)} destinations of {fmean(map(len, urls)):.1f} bytes in the mean")
    print(f"{'layout':<50} {'mean':>6} {'median':>6}  {'link':>8} {'context':>8}")
    for layout in layouts():
        lengths = sizes(layout, urls)
        calls = [lambda layout=layout: [layout.link(url) for url in urls]]
        if layout.context is not None:
            context = layout.context
            calls.append(lambda context=context: [context() for _ in range(100)])
        times = best_times(calls, turns=60)
        cells = [f"{times[0] / len(urls) * 1e6:5.1f} us", *(f"{time / 100 * 1e6:5.1f} us" for time in times[1:])]
        print(f"{layout.name:<50} {fmean(lengths):6.1f} {median(lengths):6.0f}  {'  '.join(cells)}")
    for encrypted in (False, True):
        found = pytracking_sizes(urls, encrypted)
        name = f"pytracking, {'encrypted' if encrypted else 'unsigned'}"
        print(f"{name:<50} {fmean(found):6.1f} {median(found):6.0f}" if found else f"{name}: not installed")
    parts = [encode_link(url) for url in urls]
    saved = fmean(map(len, parts)) - huffman_bits(Counter("".join(parts))) / 6 / len(urls)
    print(f"A Huffman code fitted to these very LINK parts would save {saved:.1f} more.")


def main() -> None:
    """Print the tables, and what metadata costs."""
    source, documents = read_documents()
    wrapper = LinkWrapper(SigningKeys(KEY), account_id=ACCOUNT, tracking_domain=HOST)
    links = [link for document in documents for link in wrapper.compile(document.text).links if link.wrapped]
    urls = [link.url for link in links if link.url]
    print(machine())
    print(f"Destinations in {source}")
    print_sizes("All", urls)
    print_sizes("Those of 60 to 90 bytes", [url for url in urls if 60 <= len(url) <= 90])
    bare = len(encode_context(ACCOUNT, SENT_AT, None))
    entries = {
        "list": "spring",
        "rcpt": "0123456789",
        "token": "Q7kZp0XyVb",
        "id": "6b8a1f0e-2c4d-4b7a-9e21-5d3c0f7a8b96",
    }
    print("\nWhat an entry of metadata adds to every link:")
    for key, value in entries.items():
        added = len(encode_context(ACCOUNT, SENT_AT, {key: value})) - bare
        text = to_json({key: value})[1:-1]
        print(f"{text:<50} {len(text):3} bytes  {added:3} in the URL")


if __name__ == "__main__":
    main()

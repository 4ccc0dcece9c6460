"""How long redirect URLs are and what encoding them costs, in our layout and in others.

`python benchmarks/token_size.py` takes the destinations that linkwrap wraps in the documents of `documents.py`.
Every layout carries the same: the place of the link, destination, account, time of sending and metadata, behind the
same host and path, and a signature of 128 bits (22 characters), unless the peer brings its own. Behind these tables it
prints what an entry of metadata adds, and how long the packed forms are of texts full of capitals or escapes.
"""

import base64
import heapq
import json
import random
import string
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median
from urllib.parse import quote

from documents import read_documents
from itsdangerous import URLSafeSerializer
from measure import best_times, machine

from linkwrap import LinkWrapper, SigningKeys
from linkwrap._token.packing import LINK, encode_context, encode_link, pack_place

HOST = "click.acme.test"
START = f"https://{HOST}/f/a/"
OVERHEAD = len(START) + len("2") + 2 * len(".") + 22
ACCOUNT = "acme"
SENT_AT = 1_764_000_000
METADATA = {"message_id": "m-0123456789", "rcpt": "r-0123456789"}
KEY = "a key that signs benchmarks only"

WORDS = (
    b'"}", "recipient":"subaccount_id":"rcpt":"user_id":"campaign_id":"message_id":"",{".org/.net/.htmlnewsletter?id='
    b"unsubscribe&utm_content=&utm_campaign=&utm_medium=emailutm_source=.com/http://www.http://https://https://www."
)

Links = list[tuple[str, str]]
"""PLACE and destination of each link."""

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
            "alphabets (wire format 2)",
            encode_link,
            lambda: encode_context(ACCOUNT, SENT_AT, METADATA),
        ),
    ]


def sizes(layout: Layout, links: Links) -> list[int]:
    """Return the length of each redirect URL."""
    overhead = len(START) if layout.context is None else OVERHEAD + len(layout.context())
    return [overhead + len(place) + len(layout.link(url)) for place, url in links]


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
    """Return the lengths of pytracking's URLs, without account, time and place; None where it is not installed."""
    try:
        from cryptography.fernet import Fernet
        from pytracking import Configuration, get_click_tracking_url
    except ImportError:
        return None
    key = Fernet.generate_key() if encrypted else None
    configuration = Configuration(base_click_tracking_url=START, encryption_bytestring_key=key)
    return [len(get_click_tracking_url(url, metadata=METADATA, configuration=configuration)) for url in urls]


def print_sizes(title: str, links: Links) -> None:
    """Print a table of all layouts for these links."""
    urls = [url for _, url in links]
    print(f"\n{title}: {len(urls)} destinations of {fmean(map(len, urls)):.1f} bytes in the mean")
    print(f"{'layout':<50} {'mean':>6} {'median':>6}  {'link':>8} {'context':>8}")
    for layout in layouts():
        lengths = sizes(layout, links)
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


def kinds() -> dict[str, Callable[[random.Random], str]]:
    """Return makers of texts that are full of capitals or escapes, by name."""
    shop, start = "https://www.example.com/", "https://t.example.com/c/"

    def some(source: random.Random, size: int, letters: str) -> str:
        return "".join(source.choices(letters, k=size))

    def token(source: random.Random, size: int) -> str:
        return base64url(source.randbytes(size))

    def jwt(source: random.Random) -> str:
        claims = {
            "sub": some(source, 10, string.digits),
            "name": "Jane Doe",
            "iat": 1_764_000_000,
            "scope": "read write",
        }
        return ".".join(
            [*(base64url(to_json(part).encode()) for part in ({"alg": "HS256"}, claims)), token(source, 32)]
        )

    def safe_link(source: random.Random) -> str:
        inner = f"{shop}shoes?id={some(source, 5, string.digits)}&utm_source=news&utm_medium=email"
        data = f"05|02|jane@example.com|{source.randbytes(16).hex()}|0|0|638|Unknown|TWFpbGZsb3d8eyJWIjoiMC4wLjAwMDAi|"
        secret = base64.b64encode(source.randbytes(32)).decode()
        outer = "https://nam02.safelinks.protection.outlook.com/"
        return f"{outer}?url={quote(inner, '')}&data={quote(data, '')}&sdata={quote(secret, '')}&reserved=0"

    return {
        "base64url, 500 characters": lambda source: token(source, 375),
        "base64url with a dot every 40 characters, 500": lambda source: ".".join(token(source, 30) for _ in range(12))[
            :500
        ],
        "a JWT in a query": lambda source: f"https://app.example.com/login?token={jwt(source)}&next=/home",
        "lower-case hexadecimal, 120 characters": lambda source: start + source.randbytes(60).hex(),
        "upper-case hexadecimal, 120 characters": lambda source: start + source.randbytes(60).hex().upper(),
        "2,088 characters, half of them capitals": lambda source: start + some(source, 2064, string.ascii_letters),
        "a Chinese path of 30 letters, %E4%B8%AD": lambda source: (
            shop + quote("".join(chr(source.randrange(0x4E00, 0x9FA5)) for _ in range(30)))
        ),
        "a Russian path of 30 letters, %D0%B0": lambda source: (
            shop + quote("".join(chr(source.randrange(0x430, 0x450)) for _ in range(30)))
        ),
        "a URL in a query, https%3A%2F%2F": lambda source: (
            f"{start}?u={quote(f'{shop}a/b?c={some(source, 5, string.digits)}&d=e', '')}"
        ),
        "a URL of Outlook's Safe Links": safe_link,
    }


def print_growth() -> None:
    """Print how many times as long as the text its packed form is, of 200 texts a kind."""
    print(f"\n{'How long the packed form is':<50} {'mean':>6} {'most':>6}")
    for name, make in kinds().items():
        source = random.Random(1)  # noqa: S311
        texts = [make(source) for _ in range(200)]
        ratios = [len(LINK.pack(text)) / len(text) for text in texts]
        print(f"{name:<50} {fmean(ratios):6.2f} {max(ratios):6.2f}")


def main() -> None:
    """Print the tables, what metadata costs, and the growth of other texts."""
    source, documents = read_documents()
    wrapper = LinkWrapper(SigningKeys(KEY), account_id=ACCOUNT, tracking_domain=HOST)
    links = [
        (pack_place("html", index), link.url)
        for document in documents
        for index, link in enumerate(wrapper.compile(document.text).links)
        if link.wrapped and link.url
    ]
    print(machine())
    print(f"Destinations in {source}")
    print_sizes("All", links)
    print_sizes("Those of 60 to 90 bytes", [link for link in links if 60 <= len(link[1]) <= 90])
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
    print_growth()


if __name__ == "__main__":
    main()

"""Time and memory of each entry point on hostile input: how both grow where the input grows to eight times its size."""

import gc
import math
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from time import process_time
from typing import Any

from bs4 import BeautifulSoup
from hostile import CASES
from hostile_calls import MESSAGES, OBJECTS, REQUESTS, TEXTS, TEXTS_AS_BYTES, URLS, WRAPPED, Make
from lxml import etree
from lxml.html import HTMLParser, document_fromstring
from ways import KEYS, WRAPPER, metadata

from linkwrap import InvalidToken, Resolver
from linkwrap._decide.warnings import document_warnings
from linkwrap._inspection import find_links
from linkwrap.cli.inspect import links_table
from linkwrap.endpoint import respond
from linkwrap.testing import tracked_links, unwrap

RESOLVER = Resolver(KEYS)
TIMES = 8
MAX_EXPONENT = 1.25
CLEAR = 1.0  # a first turn that is not over this is enough
STEPS = 3  # an input that seems to grow too fast is measured again, each time at twice its size
MOST_TURNS = 4
LONGEST = 2.0  # seconds that are measured once only


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A function, and the hostile inputs for it."""

    call: Callable[[Any], object]
    cases: dict[str, Make]
    prepare: Callable[[Any], Any] = lambda given: given
    """Makes the argument of an input, outside of the clock; None where that fails."""
    largest: int = 1_000_000
    """The largest size of the smaller input: parsers take quadratic time for some inputs."""
    share: int = 1
    """A measurement in a hurry takes one case of so many, and all of wrapped mail and XML."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one entry point does with one input."""

    case: str
    exponent: float
    """Time is proportional to size to the power of this."""
    seconds: float
    """For the larger input."""
    size: int
    """Of the larger input: characters or bytes; of other objects the number that it was made for."""
    memory: float
    """The peak, the input included, against input and output."""
    peak: int
    """In bytes."""


def _lxml(html: str) -> Any:
    if html.startswith("<?xml version"):
        return etree.fromstring(html.encode(), etree.XMLParser(huge_tree=True))
    try:
        return document_fromstring(html.encode(), parser=HTMLParser(encoding="utf-8", huge_tree=True))
    except (etree.LxmlError, AssertionError):
        return None


def _soup(html: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return BeautifulSoup(html, "lxml")
    except (RecursionError, AssertionError):
        return None


def _message(body: str | bytes) -> bytes:
    """Return a message with this body, in quoted-printable: what the encoding must write as "=XX" only."""
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    head = b"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    return head + data.replace(b"=", b"=3D").replace(b"\0", b"=00")


def _wrap_message(message: bytes | Message) -> object:
    return WRAPPER.wrap_message(message, metadata(), text=True)


def _resolve(url: str) -> object:
    try:
        return RESOLVER.resolve(url)
    except InvalidToken:
        return None


def _inspect(html: str) -> object:
    found = find_links(WRAPPER.compile(html))
    return document_warnings(html), links_table(found), [item.as_dict() for item in found]


_HTML: dict[str, Make] = {name: make for name, make in CASES.items() if isinstance(make(1000), str)}
_MAIL = {**WRAPPED, **_HTML}
_XML: dict[str, Make] = {
    "xml: prefixes": lambda n: (
        "<?xml version='1.0'?><html "
        + "".join([f"xmlns:p{number}='u{number}' " for number in range(n)])
        + ">"
        + "<a p0:x='' href='http://a.b'/>" * n
        + "</html>"
    ),
    "xml: prefixes of attributes": lambda n: (
        "<?xml version='1.0'?><html xmlns:p='u'><a href='http://a.b' "
        + "".join([f"p:a{number}='' " for number in range(n)])
        + "/></html>"
    ),
}

ENTRY_POINTS: dict[str, EntryPoint] = {
    "wrap_text, str": EntryPoint(lambda text: WRAPPER.wrap_text(text, metadata()), TEXTS),
    "wrap_text, bytes": EntryPoint(
        lambda text: WRAPPER.wrap_text(text, metadata()),
        {**TEXTS, **TEXTS_AS_BYTES},
        lambda text: text if isinstance(text, bytes) else text.encode(),
    ),
    "wrap_message, bytes": EntryPoint(_wrap_message, MESSAGES),
    "wrap_message, HTML in quoted-printable": EntryPoint(_wrap_message, dict(CASES), _message, share=3),
    "wrap_message, EmailMessage": EntryPoint(_wrap_message, OBJECTS),
    "wrap_tree, lxml": EntryPoint(
        lambda tree: WRAPPER.wrap_tree(tree, metadata()), {**_XML, **_HTML}, _lxml, 4000, share=3
    ),
    "wrap_tree, BeautifulSoup": EntryPoint(
        lambda tree: WRAPPER.wrap_tree(tree, metadata()), _HTML, _soup, 4000, share=6
    ),
    "tracked_links": EntryPoint(lambda mail: tracked_links(mail, KEYS), _MAIL, share=2),
    "unwrap": EntryPoint(lambda mail: unwrap(mail, KEYS), _MAIL, share=2),
    "resolve": EntryPoint(_resolve, dict(URLS)),
    "respond": EntryPoint(lambda request: respond(RESOLVER, **request), REQUESTS),
    "inspect": EntryPoint(_inspect, _HTML, share=4),
}


def measure(name: str, size: int, *, hurry: bool) -> Iterator[Figure]:
    """Yield the figures of an entry point, from inputs of about this size and from eight times as large ones."""
    point = ENTRY_POINTS[name]
    size = min(size, point.largest)
    for number, (case, make) in enumerate(point.cases.items()):
        if hurry and number % point.share and case not in WRAPPED and case not in _XML:
            continue
        count = max(size * 8000 // _length(make(8000), 8000), 1)
        while not make(count):
            count *= 2
        if point.prepare(make(count)) is not None and point.prepare(make(count * TIMES)) is not None:
            yield _figure(case, point, make, count)


def _figure(case: str, point: EntryPoint, make: Make, count: int) -> Figure:
    exponent = math.inf
    for _ in range(STEPS):
        times = [math.inf, math.inf]
        for turn in range(MOST_TURNS):
            for place, number in enumerate((count, count * TIMES)):
                times[place] = min(times[place], _seconds(point, make(number)))
            exponent = min(exponent, math.log(times[1] / times[0], TIMES))
            if exponent <= (MAX_EXPONENT if turn else CLEAR) or times[1] > LONGEST:
                break
        if exponent <= MAX_EXPONENT or times[1] > LONGEST:
            break
        count *= 2  # a fixed cost of the smaller one, or a cache of the processor, may have changed sides
    largest = make(count * TIMES)
    memory, peak = _memory(point, make, count * TIMES)
    return Figure(case, exponent, times[1], _length(largest, count * TIMES), memory, peak)


def _seconds(point: EntryPoint, given: Any) -> float:
    prepared = point.prepare(given)
    start = process_time()
    point.call(prepared)
    return max(process_time() - start, 1e-6)


def _memory(point: EntryPoint, make: Make, count: int) -> tuple[float, int]:
    point.call(point.prepare(make(count // TIMES)))  # what is made once only is not counted
    gc.collect()
    tracemalloc.start()
    try:
        given = make(count)
        prepared = point.prepare(given)
        # The trees of lxml are not in Python's memory: their source stands for them.
        foreign = 0 if prepared is given else _length(given, 0)
        del given
        tracemalloc.reset_peak()
        result = point.call(prepared)
        kept, peak = tracemalloc.get_traced_memory()
        del result
        return (peak + foreign) / (kept + foreign), peak + foreign
    finally:
        tracemalloc.stop()


def _length(given: Any, otherwise: int) -> int:
    return len(given) if isinstance(given, str | bytes) else otherwise

"""Time and memory of each entry point on hostile input: how both grow where the input grows to eight times its size."""

import gc
import math
import sys
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
from linkwrap.cli.inspect import find_links, links_table
from linkwrap.endpoint import respond
from linkwrap.testing import tracked_links, unwrap

RESOLVER = Resolver(KEYS)
TIMES = 8
STEPS = 2  # how often an input that seems to grow too fast is measured again, each time at twice its size


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A function, and the hostile inputs for it."""

    call: Callable[[Any], object]
    cases: dict[str, Make]
    prepare: Callable[[Any], Any] = lambda given: given
    """Makes the argument of an input, outside of the clock; None where that fails."""
    share: int = 1
    """A measurement in a hurry takes every case of this number."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one entry point does with one input."""

    entry_point: str
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
    return WRAPPER.wrap_message(message, metadata(), text=True)  # type: ignore[type-var]


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
    "wrap_tree, lxml": EntryPoint(lambda tree: WRAPPER.wrap_tree(tree, metadata()), _HTML, _lxml, share=3),
    "wrap_tree, BeautifulSoup": EntryPoint(lambda tree: WRAPPER.wrap_tree(tree, metadata()), _HTML, _soup, share=6),
    "tracked_links": EntryPoint(lambda mail: tracked_links(mail, KEYS), _MAIL, share=2),
    "unwrap": EntryPoint(lambda mail: unwrap(mail, KEYS), _MAIL, share=2),
    "resolve": EntryPoint(_resolve, dict(URLS)),
    "respond": EntryPoint(lambda request: respond(RESOLVER, **request), REQUESTS),
    "inspect": EntryPoint(_inspect, _HTML, share=4),
}


def measure(name: str, size: int, *, quick: bool = False) -> Iterator[Figure]:
    """Yield the figures of an entry point, from inputs of about this size and from eight times as large ones."""
    point = ENTRY_POINTS[name]
    for number, (case, make) in enumerate(point.cases.items()):
        if quick and number % point.share and not case.startswith("ours"):
            continue
        unit = _length(make(8000), 8000) / 8000
        count = max(int(size / unit), 1)
        figure = _figure(name, case, point, make, count)
        if figure is not None:
            yield figure


def _figure(name: str, case: str, point: EntryPoint, make: Make, count: int) -> Figure | None:
    if point.prepare(make(count)) is None or point.prepare(make(count * TIMES)) is None:
        return None
    times = [math.inf, math.inf]
    exponent = math.inf
    for step in range(STEPS + 1):
        times = [math.inf, math.inf]
        for _ in range(3):
            for place, number in enumerate((count, count * TIMES)):
                times[place] = min(times[place], _seconds(point, make(number)))
            exponent = min(exponent, math.log(max(times[1], 1e-7) / max(times[0], 1e-7), TIMES))
            if exponent <= MAX_EXPONENT and _ >= 1 or times[1] > 3:
                break
        if exponent <= MAX_EXPONENT or step == STEPS or times[1] > 1:
            break
        count *= 2
    memory, peak = _memory(point, make, count * TIMES)
    return Figure(name, case, exponent, times[1], _length(make(count * TIMES), count * TIMES), memory, peak)


MAX_EXPONENT = 1.25
MAX_RATIO = 8.0


def _seconds(point: EntryPoint, given: Any) -> float:
    prepared = point.prepare(given)
    start = process_time()
    point.call(prepared)
    return process_time() - start


def _memory(point: EntryPoint, make: Make, count: int) -> tuple[float, int]:
    point.call(point.prepare(make(count // TIMES)))  # what is made once only, such as compiled patterns, is not counted
    gc.collect()
    tracemalloc.start()
    try:
        given = make(count)
        prepared = point.prepare(given)
        # lxml's trees are not Python's memory: their source stands for them.
        foreign = 0 if prepared is given else _length(given, 0)
        if prepared is not given:
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


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    import time

    size = int(sys.argv[1])
    for wanted in sys.argv[2:] or ENTRY_POINTS:
        start = time.time()
        for f in measure(wanted, size, quick=size <= 4000):
            flag = "SLOW" if f.exponent > 1.25 else ""
            flag += " BIG" if f.memory > 8 else ""
            print(
                f"{f.exponent:5.2f} {f.seconds * 1e3:8.1f} ms {f.seconds / f.size * 1e9:9.0f} ns/B {f.memory:7.1f} {f.peak:10} {f.size:9} {wanted}: {f.case} {flag}",
                flush=True,
            )
        print("==", wanted, round(time.time() - start, 1), "s", flush=True)

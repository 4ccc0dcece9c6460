"""What wrapping costs, as ratios within one run, so that the machine cancels out: `make bench ARGS=--quick`.

Ends with a table of the bounds, the figures and whether they hold. It is a measurement and no test: it always succeeds.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from tempfile import TemporaryDirectory
from time import process_time

from documents import Document, read_documents
from endpoint import click_seconds, start_seconds
from entry_points import ENTRY_POINTS, MAX_EXPONENT, Figure, measure
from hostile import CASES, Case
from measure import best_times, children_time, geometric_mean, machine, peak_memory, python_run
from ways import (
    OURS,
    PEERS,
    WAYS,
    WRAPPER,
    bare_loop,
    forget,
    lxml_parse,
    metadata,
    render,
    render_many,
    rewriter,
    wrap_text,
)

MB = 1_000_000

SMALL = 1000  # characters under which a fixed cost decides about memory
LONG = 4000  # characters from which it does not decide about time

MAX_FIRST, AIM = 1.1, 1.0  # wrap() : lxml's parse, geometric mean
MAX_REPEATED = 0.9  # the same, where destinations repeat
SLOWER = 1.1  # wrap() : a rewriter in C, of one document
MAX_SLOWER = 0.05  # of the documents from LONG characters
MAX_RENDER = 1.6  # render() : a bare loop
MIN_MANY = 1.8  # render() : render_many()
MAX_GROWTH = 2.2  # twice the input : the input
MAX_MEMORY, MAX_HOSTILE_MEMORY = 4.0, 8.0  # peak : input + output
MAX_IMPORT = 0.060  # `import linkwrap` - bare Python, in seconds
MAX_CLICK = 40e-6  # 0.6 of what it took before, both in seconds, on the machine of docs/performance.md
MAX_START = 0.073  # 0.8 of that


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    turns: int
    """How often each call is timed."""
    least: float
    """The time in seconds that the smaller of two hostile inputs takes at least."""
    largest: int
    """The size of the largest ordinary mail in bytes."""
    traced: tuple[int, ...]
    """The sizes of the hostile inputs whose memory is traced."""
    called: int
    """The size of the hostile inputs of entry points; eight times that is measured too."""
    hurry: bool
    """Whether some of those inputs are left out."""


FULL = Effort(turns=40, least=0.020, largest=10 * MB, traced=(40_000, 400_000), called=8000, hurry=False)
QUICK = Effort(turns=6, least=0.004, largest=3 * MB, traced=(40_000,), called=4000, hurry=True)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the closing table."""

    what: str
    bound: str
    figure: str
    holds: bool


def compare_ways(documents: list[Document], effort: Effort) -> list[Row]:
    """Time each way to wrap each document against lxml's parse of it; no link has been seen before."""
    ratios: dict[str, list[float]] = {name: [] for name in WAYS}
    heading("wrap() of one document, its links seen for the first time : lxml's parse of it")
    print(f"µs: lxml's parse, {', '.join(WAYS)}; links; document")
    for document in documents:
        columns = []
        for name, way in WAYS.items():
            parse, seconds = best_times([lxml_parse(document), way(document)], turns=effort.turns, before=forget)
            ratios[name].append(seconds / parse)
            columns += [seconds] if columns else [parse, seconds]
        links = len(WRAPPER.compile(document.text).links)
        print("".join([f"{seconds * 1e6:8.0f}" for seconds in columns]), f"{links:6}  {document.name}")
    print()
    for name, found in ratios.items():
        _print_means(name, found, documents)
    mean = geometric_mean(ratios[OURS])
    return [Row("wrap() : lxml's parse, first time", f"≤ {MAX_FIRST}, aim {AIM}", f"{mean:.2f}", mean <= MAX_FIRST)]


def compare_repeated(documents: list[Document], effort: Effort) -> list[Row]:
    """Time wrapping a document with links that the wrapper has seen in others."""
    heading("wrap() of one document, its links seen in others : lxml's parse of it")
    for document in documents:
        WRAPPER.wrap(document.text)
    ratios, alone = [], []
    for document in documents:
        calls = [lxml_parse(document), wrap_text(document)]
        parse, seconds = best_times(calls, turns=effort.turns)
        ratios.append(seconds / parse)
        parse, seconds = best_times(calls, turns=effort.turns, twice=True)
        alone.append(seconds / parse)
    _print_means("in turns with lxml", ratios, documents)
    _print_means("each call after one of its own kind, as in a process that does nothing else", alone, documents)
    mean = geometric_mean(ratios)
    return [Row("wrap() : lxml's parse, links seen before", f"≤ {MAX_REPEATED}", f"{mean:.2f}", mean <= MAX_REPEATED)]


def compare_rewriter(documents: list[Document], effort: Effort) -> list[Row]:
    """Time wrap() of each document that is not short against a rewriter in C."""
    heading("wrap() : turbohtml's rewriter in C, which makes the same tokens")
    slower, ratios = [], []
    long = [document for document in documents if len(document.text) >= LONG]
    for document in long:
        ours, theirs = best_times([wrap_text(document), rewriter(document)], turns=effort.turns, before=forget)
        ratios.append(ours / theirs)
        if ours > SLOWER * theirs:
            slower.append(document.name)
            print(f"{ours / theirs:5.2f}  {document.name}")
    print(f"{len(long)} documents from {LONG} characters: geometric mean {geometric_mean(ratios):.2f}")
    return [
        Row(
            "wrap() over 10 % slower than a rewriter in C",
            f"≤ {MAX_SLOWER:.0%} of documents",
            f"{len(slower)} of {len(long)}",
            len(slower) <= MAX_SLOWER * len(long),
        )
    ]


def compare_peers(documents: list[Document], effort: Effort) -> list[Row]:
    """Time other ways to wrap a document against lxml's parse of it, and count the documents that they raise at."""
    heading("other ways to wrap a document : lxml's parse of it, geometric means")
    print(f"all documents; from {LONG} characters; raises")
    for name, way in {OURS: wrap_text, **PEERS}.items():
        ratios, long, raised = [], [], 0
        for document in documents:
            try:
                call = way(document)
                call()
            except Exception:
                raised += 1
                continue
            parse, seconds = best_times([lxml_parse(document), call], turns=effort.turns // 2, before=forget)
            ratios.append(seconds / parse)
            if len(document.text) >= LONG:
                long.append(seconds / parse)
        if ratios:
            print(f"{geometric_mean(ratios):7.2f} {geometric_mean(long or ratios):7.2f} {raised:4}  {name}")
    return []


def _print_means(name: str, ratios: list[float], documents: list[Document]) -> None:
    print(f"{name}: geometric mean {geometric_mean(ratios):.2f}, worst {max(ratios):.2f}")
    long = [len(document.text) >= LONG for document in documents]
    if any(long):
        mean = geometric_mean(compress(ratios, long))
        print(f"  of the {sum(long)} documents from {LONG} characters: geometric mean {mean:.2f}")


def compare_render(documents: list[Document], effort: Effort) -> list[Row]:
    """Time the rendering of each compiled document against a bare loop that makes the same MACs."""
    heading("render() per recipient : a bare loop of MACs and one join")
    ratios = []
    for document in documents:
        template = WRAPPER.compile(document.text)
        compiled = template._compiled
        if compiled.pixels and not compiled.pixels.own:
            rendered, bare = best_times([render(template), bare_loop(template)], turns=5 * effort.turns)
            ratios.append((rendered / bare, len(compiled.slots), rendered, document.name))
    for ratio, links, seconds, name in sorted(ratios, reverse=True)[:3] + sorted(ratios)[:1]:
        print(f"{ratio:5.2f}  {seconds * 1e6:6.0f} µs {links:4} wrapped links  {name}")
    linked = [entry for entry in ratios if entry[1]]
    for least in (0, 1, 5, 10):
        some = [ratio for ratio, links, *_ in ratios if links >= least]
        if some:
            mean = geometric_mean(some)
            print(
                f"{len(some):4} documents with at least {least} wrapped links: mean {mean:.2f}, worst {max(some):.2f}"
            )
    mean, most = geometric_mean(ratio for ratio, *_ in linked), max(linked)[0]
    return [
        Row("render() : bare loop, documents with links, mean", f"≤ {MAX_RENDER}", f"{mean:.2f}", mean <= MAX_RENDER),
        Row("render() : bare loop, documents with links, worst", f"≤ {MAX_RENDER}", f"{most:.2f}", most <= MAX_RENDER),
    ]


def compare_many(documents: list[Document], effort: Effort) -> list[Row]:
    """Time a recipient of render_many() against one of render(), and say what a million cost."""
    heading("render() : render_many(), per recipient")
    ratios, seconds_of_many = [], []
    for document in documents:
        template = WRAPPER.compile(document.text)
        one, many = best_times([render(template), render_many(template)], turns=5 * effort.turns)
        ratios.append((one / many, len(template._compiled.slots), many, document.name))
        seconds_of_many.append(many)
    for ratio, links, seconds, name in [min(ratios), max(ratios)]:
        print(f"{ratio:5.2f}  {seconds * 1e6:6.0f} µs {links:4} wrapped links  {name}")
    mean = geometric_mean(ratio for ratio, *_ in ratios)
    average = sum(seconds_of_many) / len(seconds_of_many)
    print(f"a million recipients on one core, mean of all documents: {average * 1e6:.0f} s")
    return [Row("render() : render_many(), per recipient, mean", f"≥ {MIN_MANY}", f"{mean:.2f}", mean >= MIN_MANY)]


def compare_growth(documents: list[Document], effort: Effort) -> list[Row]:
    """Time twice the input against the input, for mail of many sizes and for hostile input."""
    heading(f"growth: time for twice the input, ordinary mail up to {effort.largest / MB:.0f} MB")
    ordinary = []
    for name, text in _long_mail(documents).items():
        most = max(effort.largest // len(text), 2)
        copies = [1 << doublings for doublings in range(most.bit_length())][-4:]
        times = _steady_times([text * number for number in copies])
        ordinary.append(max(later / earlier for earlier, later in pairwise(times)))
        sizes = [len(text) * number / MB for number in copies]
        shown = [f"{size:.2f} MB {seconds * 1e3:.0f} ms" for size, seconds in zip(sizes, times, strict=True)]
        print(f"{ordinary[-1]:5.2f}  {', '.join(shown)}  {name}")
    heading("growth: time for twice the input, hostile input")
    hostile = []
    for name, make in CASES.items():
        ratio, size, seconds = _growth(make, effort)
        hostile.append(ratio)
        print(
            f"{ratio:5.2f} {size:9} at {seconds / size * 1e9:7.1f} ns {'OVER' if ratio > MAX_GROWTH else '':4} {name}"
        )
    bound = f"≤ {MAX_GROWTH}"
    return [
        Row("twice the input, ordinary mail, worst", bound, f"{max(ordinary):.2f}", max(ordinary) <= MAX_GROWTH),
        Row(
            f"twice the input, {len(CASES)} hostile inputs, worst",
            bound,
            f"{max(hostile):.2f}, {sum(ratio > MAX_GROWTH for ratio in hostile)} over",
            max(hostile) <= MAX_GROWTH,
        ),
    ]


def _long_mail(documents: list[Document]) -> dict[str, str]:
    """Return what is repeated to make long mail: all documents, the longest, the one with most links for its length.

    In ASCII, where a character is a byte: one wide character makes four bytes of each in a `str`.
    """
    plain = [document for document in documents if document.text.isascii()]
    longest = max(plain, key=lambda document: len(document.text))
    densest = max(plain, key=lambda document: document.text.count("<a ") / len(document.text))
    return {
        "all documents in ASCII": "".join([document.text for document in plain]),
        longest.name: longest.text,
        densest.name: densest.text,
    }


def _growth(make: Case, effort: Effort) -> tuple[float, int, float]:
    """Return the ratio, the length of the larger input and its time."""
    size = 1000
    while True:
        small = make(size)
        seconds = best_times([_wrap(small)], turns=2, clock=process_time)[0]
        if seconds >= effort.least or len(small) > MB // 2:
            break
        size *= 4 if seconds * 8 < effort.least else 2
    # Where an input outgrows a cache of the processor the time jumps once: a jump is looked at one doubling later.
    for _ in range(2):
        large = make(2 * size)
        times = _steady_times([small, large])
        found = times[1] / times[0], len(large), times[1]
        if found[0] <= MAX_GROWTH:
            break
        small = large
        size *= 2
    return found


def _steady_times(inputs: Sequence[str | bytes]) -> list[float]:
    """Return the best time of each; measure again and again where doubling looks bad, as noise of the machine does."""
    best = [math.inf for _ in inputs]
    for _ in range(10):
        times = best_times([_wrap(source) for source in inputs], turns=4, clock=process_time)
        best = [min(pair) for pair in zip(best, times, strict=True)]
        if max(later / earlier for earlier, later in pairwise(best)) <= MAX_GROWTH:
            break
    return best


def compare_memory(documents: list[Document], effort: Effort) -> list[Row]:
    """Trace the peak of the memory that wrap() asks for, the input added, against the input and the output."""
    heading("memory: peak : input + output, ordinary mail")
    sources: dict[str, str | bytes] = {}
    for document in documents:
        sources[document.name] = document.text
        sources[document.name + ", bytes"] = document.data
    for name, mail in _long_mail(documents).items():
        copies = effort.largest // len(mail) or 1
        sources[f"{copies} × {name}"] = mail * copies
        sources[f"{copies} × {name}, bytes"] = mail.encode() * copies
    ratios = {name: _memory(source) for name, source in sources.items()}
    small = {name: ratio for name, ratio in ratios.items() if len(sources[name]) < SMALL}
    ordinary = {name: ratio for name, ratio in ratios.items() if name not in small}
    for name in [*_worst(ordinary, 3), *[name for name in ordinary if "×" in name]]:
        print(f"{ordinary[name]:5.2f}  {name}")
    for name in _worst(small, 1):
        print(
            f"{small[name]:5.2f}  of documents under {SMALL} characters, where a fixed cost of some kB counts: {name}"
        )
    heading("memory: peak : input + output, hostile input")
    hostile = {}
    for name, make in CASES.items():
        unit = len(make(10_000)) / 10_000
        hostile[name] = max(_memory(make(int(size / unit))) for size in effort.traced)
    over = [name for name, ratio in hostile.items() if ratio > MAX_HOSTILE_MEMORY]
    for name in _worst(hostile, max(len(over), 5)):
        print(f"{hostile[name]:5.2f} {'OVER' if name in over else '':4} {name}")
    return [
        Row(
            "peak memory : input + output, ordinary mail, worst",
            f"≤ {MAX_MEMORY:.0f}",
            f"{max(ordinary.values()):.2f}",
            max(ordinary.values()) <= MAX_MEMORY,
        ),
        Row(
            f"peak memory : input + output, {len(CASES)} hostile inputs",
            f"≤ {MAX_HOSTILE_MEMORY:.0f}",
            f"{max(hostile.values()):.2f}, {len(over)} over",
            not over,
        ),
    ]


def _worst(ratios: dict[str, float], count: int) -> list[str]:
    return sorted(ratios, key=lambda name: -ratios[name])[:count]


def _memory(source: str | bytes) -> float:
    peak, result = peak_memory(_wrap(source))
    given = sys.getsizeof(source)
    return (given + peak) / (given + result)


def compare_entry_points(documents: list[Document], effort: Effort) -> list[Row]:
    """Time eight times the input against the input, on hostile input for each entry point, and trace its memory."""
    heading("entry points: exponent of growth, ns per character, peak : input + output; each the worst of its inputs")
    all_figures: list[Figure] = []
    over: list[str] = []
    for name in ENTRY_POINTS:
        figures = list(measure(name, effort.called, hurry=effort.hurry))
        all_figures += figures
        growth = max(figures, key=lambda figure: figure.exponent)
        slowest = max(figures, key=lambda figure: figure.seconds / figure.size)
        memory = max(figures, key=lambda figure: figure.memory)
        cost = slowest.seconds / slowest.size * 1e9
        print(f"{growth.exponent:5.2f} {cost:6.0f} {memory.memory:6.1f}  {name}, {len(figures)} inputs", flush=True)
        print(f"{'':20}  growth: {growth.case}; time: {slowest.case}; memory: {memory.case}")
        over += [
            f"{found.exponent:5.2f} {found.memory:6.1f} {found.peak:9} bytes for {found.size:8}  {name}: {found.case}"
            for found in figures
            if found.exponent > MAX_EXPONENT or found.memory > MAX_HOSTILE_MEMORY
        ]
    print("\nover a bound: exponent, memory", *over, sep="\n")
    growths = [figure.exponent for figure in all_figures]
    ratios = [figure.memory for figure in all_figures]
    over_memory = sum(ratio > MAX_HOSTILE_MEMORY for ratio in ratios)
    bound = f"≤ {MAX_HOSTILE_MEMORY:.0f}"
    what = f"{len(ENTRY_POINTS)} entry points, {len(all_figures)} inputs"
    return [
        Row(f"growth, {what}", f"≤ {MAX_EXPONENT}", f"{max(growths):.2f}", max(growths) <= MAX_EXPONENT),
        Row(f"memory, {what}", bound, f"{max(ratios):.1f}, {over_memory} over", not over_memory),
    ]


def compare_import(documents: list[Document], effort: Effort) -> list[Row]:
    """Time a Python that imports linkwrap against one that does not, both from modules compiled before."""
    heading("import linkwrap")
    with TemporaryDirectory() as bytecode:
        calls = [python_run("pass", bytecode), python_run("import linkwrap", bytecode)]
        bare, imported = best_times(calls, turns=effort.turns, clock=children_time)
    extra = imported - bare
    print(f"bare Python {bare * 1e3:.1f} ms, with import linkwrap {imported * 1e3:.1f} ms")
    return [
        Row(
            "import linkwrap, above bare Python",
            f"≤ {MAX_IMPORT * 1e3:.0f} ms",
            f"{extra * 1e3:.1f} ms",
            extra <= MAX_IMPORT,
        )
    ]


def compare_respond(documents: list[Document], effort: Effort) -> list[Row]:
    """Time the answer to a click. With another checkout: `python benchmarks/endpoint.py --other CHECKOUT`."""
    heading("respond to a click, processor time")
    seconds = click_seconds(effort.turns)
    print(f"{seconds * 1e6:.1f} µs a click")
    return [Row("respond to a click", f"≤ {MAX_CLICK * 1e6:.0f} µs", f"{seconds * 1e6:.1f} µs", seconds <= MAX_CLICK)]


def compare_start(documents: list[Document], effort: Effort) -> list[Row]:
    """Time a Python that wraps its first document against one that does nothing."""
    heading("start: import, LinkWrapper and first wrap, processor time above bare Python")
    imported, started = start_seconds(effort.turns)
    print(f"import {imported * 1e3:.1f} ms, all of it {started * 1e3:.1f} ms")
    figure = f"{started * 1e3:.1f} ms"
    return [Row("import, LinkWrapper, first wrap", f"≤ {MAX_START * 1e3:.0f} ms", figure, started <= MAX_START)]


SECTIONS: dict[str, Callable[[list[Document], Effort], list[Row]]] = {
    "wrap": compare_ways,
    "repeated": compare_repeated,
    "rewriter": compare_rewriter,
    "peers": compare_peers,
    "render": compare_render,
    "render_many": compare_many,
    "growth": compare_growth,
    "memory": compare_memory,
    "entry-points": compare_entry_points,
    "import": compare_import,
    "respond": compare_respond,
    "start": compare_start,
}


def heading(text: str) -> None:
    """Print a line that the figures below it are under."""
    print(f"\n== {text}", flush=True)


def _wrap(source: str | bytes) -> Callable[[], str | bytes]:
    return lambda: WRAPPER.wrap(source, metadata())


def main() -> None:
    """Measure what the command line asks for, and print the table."""
    arguments = argparse.ArgumentParser(description="What wrapping costs, as ratios within one run.")
    arguments.add_argument("--quick", action="store_true", help="fewer turns and smaller inputs: rougher figures")
    arguments.add_argument("--only", choices=SECTIONS, action="append", help="measure only this; may be repeated")
    options = arguments.parse_args()
    effort = QUICK if options.quick else FULL
    where, documents = read_documents()
    print(machine())
    print(f"{where}; load {os.getloadavg()[0]:.2f} at the start")
    rows = [row for name in options.only or SECTIONS for row in SECTIONS[name](documents, effort)]
    heading("bounds")
    for row in rows:
        print(f"{row.what:52} {row.bound:>18} {row.figure:>24}  {'holds' if row.holds else 'FAILS'}")


if __name__ == "__main__":
    main()

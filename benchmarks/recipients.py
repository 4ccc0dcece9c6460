"""What a million recipients cost on one core, by the size of the document: `python benchmarks/recipients.py`.

With `--svg FILE` it draws the figures, as in docs/performance.md. The colours are readable on white and on black.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from documents import read_documents
from measure import best_times, geometric_mean, machine
from ways import WRAPPER, render, render_many, wrap_text

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 680, 50, 360
TEXT, GRID = "#767676", "#76767640"
SIZES = [0, 1_000, 4_000, 16_000, 32_000, 100_000]
"""The limits of the classes of documents, in characters."""


class Series(NamedTuple):
    """A way to make one recipient's document."""

    name: str
    colour: str


SERIES = [Series("wrap", "#d9541e"), Series("render", "#3b8beb"), Series("render_many", "#2fa866")]


class Point(NamedTuple):
    """A document."""

    size: int
    """Characters."""
    links: int
    """Those that are wrapped."""
    seconds: list[float]
    """For a recipient, which are µs for a million; an entry for each of `SERIES`."""


def measure(turns: int) -> list[Point]:
    """Time each document, by its size."""
    points = []
    for document in read_documents()[1]:
        template = WRAPPER.compile(document.text)
        seconds = best_times([wrap_text(document), render(template), render_many(template)], turns=turns)
        points.append(Point(len(document.text), len(template._compiled.slots), seconds))
    return sorted(points)


def table(points: Sequence[Point]) -> Iterator[str]:
    """Yield the lines of a table: the geometric means of each class of sizes."""
    yield f"| characters | documents | wrapped links, mean | {' | '.join(f'`{one.name}`' for one in SERIES)} |"
    yield "| --- " * (3 + len(SERIES)) + "|"
    for least, most in pairwise(SIZES):
        some = [point for point in points if least <= point.size < most]
        if some:
            links = sum(point.links for point in some) / len(some)
            means = [geometric_mean(point.seconds[at] for point in some) for at in range(len(SERIES))]
            cells = [
                f"{least:,} to {most:,}",
                str(len(some)),
                f"{links:.1f}",
                *[f"{mean * 1e6:.0f} s" for mean in means],
            ]
            yield f"| {' | '.join(cells)} |"


def draw(points: Sequence[Point]) -> Iterator[str]:
    """Yield the lines of the picture: a point for each document and series, both scales logarithmic."""
    xs, ys = [100, 1_000, 10_000, 100_000], [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000]
    alt = "Seconds for a million recipients on one core, by the size of the document, for wrap, render and render_many"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{alt}" '
        f'font-family="sans-serif" font-size="13" fill="{TEXT}">'
    )
    yield f"<title>{alt}</title>"
    for x in xs:
        at = _scaled(x, xs, LEFT, RIGHT)
        yield f'<path d="M{at:.0f} {TOP}V{BOTTOM}" stroke="{GRID}"/>'
        yield f'<text x="{at:.0f}" y="{BOTTOM + 20}" text-anchor="middle">{x:,}</text>'
    for y in ys:
        at = _scaled(y, ys, BOTTOM, TOP)
        yield f'<path d="M{LEFT} {at:.0f}H{RIGHT}" stroke="{GRID}"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.0f}" text-anchor="end">{y:,}</text>'
    middle = (LEFT + RIGHT) // 2
    yield f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">characters of the document</text>'
    yield f'<text x="{LEFT - 52}" y="20">seconds for a million recipients, one core</text>'
    for number, (name, colour) in enumerate(SERIES):
        x = 390 + 105 * number
        yield f'<circle cx="{x}" cy="16" r="5" fill="{colour}"/><text x="{x + 10}" y="20">{name}</text>'
        for point in points:
            at = _scaled(point.size, xs, LEFT, RIGHT), _scaled(point.seconds[number] * 1e6, ys, BOTTOM, TOP)
            yield f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="3.5" fill="{colour}" fill-opacity=".8"/>'
    yield "</svg>"


def _scaled(value: float, ticks: Sequence[int], start: int, end: int) -> float:
    """Return the place of a value on a logarithmic scale, at its ends for values outside of it."""
    share = math.log(max(value, ticks[0]) / ticks[0]) / math.log(ticks[-1] / ticks[0])
    return start + min(share, 1) * (end - start)


def main() -> None:
    """Measure, print the table, and draw the picture if asked."""
    arguments = argparse.ArgumentParser(description="What a million recipients cost, by the size of the document.")
    arguments.add_argument("--turns", type=int, default=100, help="how often each call is timed")
    arguments.add_argument("--svg", type=Path, help="the picture to write")
    options = arguments.parse_args()
    points = measure(options.turns)
    print(machine())
    print(*table(points), sep="\n")
    if options.svg:
        options.svg.write_text("\n".join(draw(points)) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Two checkouts side by side: `make compare OTHER=../before` runs their benchmarks in turn, `--pairs` times.

Each turn runs the other checkout, this one, and the other once more. The first two give the change; the first and the
third are the same code, so their ratio shows how far two runs of one thing differ on this machine. Printed for each
figure: its median in both, the median change, the spread of the same code (the 5 % and 95 % points of its ratio), and
whether the change is worse than that spread by more than 3 %.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOLERANCE = 1.03
_ROW = re.compile(r"^(?P<name>\S.*?)  +(?:≤ \S.*?)  +(?P<figure>-?[0-9.]+)")
_MEAN = re.compile(r"^(?P<name>\S.*?)(?:: geometric mean|: mean) (?P<figure>[0-9.]+)")
_OF = re.compile(r"^  of the (?P<name>.*?): geometric mean (?P<figure>[0-9.]+)")


def read_figures(text: str) -> dict[str, float]:
    """Return the figures that a run of bench.py printed, by their names; smaller is better for all of them."""
    figures: dict[str, float] = {}
    way = ""
    for line in text.splitlines():
        for pattern in (_MEAN, _OF, _ROW):
            if match := pattern.match(line):
                name = match["name"].strip()
                if pattern is _MEAN:
                    way = name
                figures[f"{way}, {name}" if pattern is _OF else name] = float(match["figure"])
                break
    return figures


def run(checkout: Path, python: str, arguments: list[str]) -> dict[str, float]:
    """Run the benchmarks of a checkout with its own source, and return their figures."""
    command = [python, "bench.py", *arguments]
    result = subprocess.run(
        command,
        cwd=checkout / "benchmarks",
        env={**os.environ, "PYTHONPATH": str(checkout / "src")},
        check=True,
        capture_output=True,
        text=True,
    )
    return read_figures(result.stdout)


def main() -> None:
    """Run both checkouts in turn and print the comparison."""
    arguments = argparse.ArgumentParser(description="The benchmarks of two checkouts, run in turn.")
    arguments.add_argument("other", type=Path, help="the checkout to compare with, such as one of the commit before")
    arguments.add_argument("--pairs", type=int, default=20, help="how many turns; 20 unless said otherwise")
    arguments.add_argument("--quick", action="store_true", help="as in bench.py")
    arguments.add_argument("--only", action="append", default=[], help="as in bench.py")
    options = arguments.parse_args()
    passed = ["--quick"] * options.quick + [part for name in options.only for part in ("--only", name)]
    other, this = options.other.resolve(), HERE.parent
    runs: list[list[dict[str, float]]] = []
    for number in range(options.pairs):
        runs.append([run(checkout, sys.executable, passed) for checkout in (other, this, other)])
        print(f"turn {number + 1} of {options.pairs}", file=sys.stderr)
    names = [name for name in runs[0][1] if all(name in figures for turn in runs for figures in turn)]
    width = max(map(len, names))
    print(f"{options.pairs} turns; medians; smaller is better")
    print(f"{'':{width}} {'other':>9} {'this':>9} {'change':>8}   same code against itself")
    for name in names:
        before, after, again = ([turn[which][name] for turn in runs] for which in range(3))
        change = statistics.median(new / old for new, old in zip(after, before, strict=True))
        same = sorted(new / old for new, old in zip(again, before, strict=True))
        low, high = same[len(same) // 20], same[-1 - len(same) // 20]
        verdict = "WORSE" if change > TOLERANCE * max(high, 1.0) else ""
        print(
            f"{name:{width}} {statistics.median(before):9.3f} {statistics.median(after):9.3f} {change:8.3f}"
            f"   {low:.3f} to {high:.3f} {verdict}".rstrip()
        )


if __name__ == "__main__":
    main()

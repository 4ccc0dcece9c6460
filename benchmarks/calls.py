"""How far a reader has to walk: calls of one operation, switches between files, and the size of each package.

A call is a Python call into a file of the package; two that follow each other in different files are a switch. The
first run of an operation warms up and is not counted.
"""

import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import linkwrap
from linkwrap import LinkWrapper, SigningKeys

ROOT = Path(linkwrap.__file__).parent
EXAMPLES = Path(__file__).parents[1] / "examples"

README = '<body><p>Hello! <a href="https://acme.com/sale?a=1&amp;b=2" data-msys-linkname="Sale">Shop now</a></p></body>'
THREE = "<body>" + "".join(f'<a href="https://acme.com/{number}">{number}</a>' for number in range(3)) + "</body>"
METADATA = {"message_id": "m-1", "rcpt": "r-42"}


class Count(NamedTuple):
    """The calls of one operation."""

    calls: int
    switches: int
    files: int


def count(function: Callable[[], object]) -> Count:
    """Count the second run of a function."""
    files: list[str] = []

    def record(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(ROOT)):
            files.append(frame.f_code.co_filename)

    function()
    sys.setprofile(record)
    try:
        function()
    finally:
        sys.setprofile(None)
    switches = sum(before != after for before, after in pairwise(files))
    return Count(len(files), switches, len(set(files)))


def operations() -> dict[str, Callable[[], object]]:
    """Return what is counted, by name."""
    wrapper = LinkWrapper(SigningKeys("a key that signs benchmarks only"), tracking_domain="click.acme.com")
    newsletter = (EXAMPLES / "newsletter.html").read_text(encoding="utf-8")
    template = wrapper.compile(README)
    return {
        "wrap, the README's document": lambda: wrapper.wrap(README, METADATA),
        "wrap, three links": lambda: wrapper.wrap(THREE, METADATA),
        "wrap, examples/newsletter.html": lambda: wrapper.wrap(newsletter, METADATA),
        "render, the README's document": lambda: wrapper.render(template, METADATA),
    }


def sizes() -> dict[str, Counter[str]]:
    """Return the modules and lines of each package, and of the longest module."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        package = path.parent.relative_to(ROOT.parent).as_posix()
        for name in (package, "all"):
            size = found.setdefault(name, Counter())
            size["modules"] += 1
            size["lines"] += lines
            size["longest"] = max(size["longest"], lines)
    return found


def main() -> None:
    """Print both tables."""
    print(f"{'calls':>6} {'switches':>9} {'files':>6}  operation")
    for name, function in operations().items():
        calls, switches, files = count(function)
        print(f"{calls:6} {switches:9} {files:6}  {name}")
    print(f"\n{'modules':>8} {'lines':>6} {'longest':>8}  package")
    for name, size in sizes().items():
        print(f"{size['modules']:8} {size['lines']:6} {size['longest']:8}  {name}")


if __name__ == "__main__":
    main()

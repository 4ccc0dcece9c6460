"""Whether pixels move anything: pictures of each body in headless Chromium, before and after wrapping.

    make pixels                                          the library's markup against plain images: ten minutes
    make pixels ARGS="--cases --width 600"               the project's own cases alone, at one width
    make pixels ARGS="--candidates candidates.json"      other markup too

A file of candidates holds `{"name": ["open pixel", "initial pixel"]}`, with `{}` in place of the URL. The tables count
the bodies whose picture is the unwrapped one's, byte for byte.
"""

import argparse
import json
import platform
import time
from collections import Counter, defaultdict
from pathlib import Path

from documents import read_documents

from helpers.chromium import Camera, camera, missing
from helpers.pictures import CASES, CLIENTS, EXCEPTIONS, PLAIN_PIXELS, WIDTHS, Pixels, as_seen_by, forms, with_pixels
from linkwrap._pixels import INITIAL_PIXEL, OPEN_PIXEL

Key = tuple[str, ...]


def measure(lens: Camera, html: str, width: int, candidates: dict[str, Pixels]) -> dict[Key, bool]:
    """Return whether the picture stays: of links alone, and of each candidate, client and form."""
    wrapped = forms(html)
    before = lens.digest(html, width)
    equal = {html: True}

    def stays(after: str) -> bool:
        if after not in equal:
            equal[after] = lens.digest(after, width) == before
        return equal[after]

    found: dict[Key, bool] = {("links",): stays(wrapped["links"])}
    for name, pixels in candidates.items():
        for client in CLIENTS:
            open_pixel, initial_pixel = (as_seen_by(client, markup) for markup in pixels)
            for form in ("open", "both"):
                found[name, client, form] = stays(with_pixels(wrapped[form], (open_pixel, initial_pixel)))
    return found


def table(title: str, bodies: int, counts: Counter[Key], candidates: dict[str, Pixels], widths: list[int]) -> None:
    """Print the counts as a Markdown table."""
    columns = [(form, width) for form in ("open", "both") for width in widths]
    heading = " | ".join(f"{form}, {width} px" for form, width in columns)
    links = ", ".join(f"{counts['links', str(width)]} at {width} px" for width in widths)
    print(f"\n{title}: pictures equal, of {bodies}; links alone: {links}\n")
    print(f"| pixels | their style | {heading} |\n| --- | --- |{' ---: |' * len(columns)}")
    for name in candidates:
        for client in CLIENTS:
            cells = " | ".join(str(counts[name, client, form, str(width)]) for form, width in columns)
            print(f"| {name} | {client} | {cells} |")


def main() -> None:
    """Take the pictures and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=Path, help="a JSON file of other markup to measure beside the library's")
    parser.add_argument("--only", default="", help="bodies whose name holds this")
    parser.add_argument("--width", type=int, action="append", help="of the window in pixels; may be repeated")
    parser.add_argument(
        "--height", type=int, default=16, help="of the window in pixels: 16 (the picture shows all the mail)"
    )
    parser.add_argument("--blocked", action="store_true", help="refuse the pixels' requests too")
    parser.add_argument("--cases", action="store_true", help="the project's own cases alone, without the corpus")
    arguments = parser.parse_args()
    if lacking := missing():
        parser.error(lacking)
    widths = arguments.width or list(WIDTHS)
    candidates: dict[str, Pixels] = {"plain": PLAIN_PIXELS, "linkwrap": (OPEN_PIXEL, INITIAL_PIXEL)}
    if arguments.candidates:
        candidates |= {
            name: (first, second) for name, (first, second) in json.loads(arguments.candidates.read_text()).items()
        }
    where, documents = ("the project's own cases alone", []) if arguments.cases else read_documents()
    groups = {
        where: {document.name: document.text for document in documents if arguments.only in document.name},
        "own cases": {name: html for name, html in CASES.items() if arguments.only in name},
        "exceptions": {name: html for name, html in EXCEPTIONS.items() if arguments.only in name},
    }
    started = time.perf_counter()
    with camera(height=arguments.height, load_pixels=not arguments.blocked) as lens:
        print(f"Chromium {lens.version}, {platform.platform()}, Python {platform.python_version()}")
        for title, bodies in groups.items():
            counts: Counter[Key] = Counter()
            exceptions: defaultdict[str, list[str]] = defaultdict(list)
            for name, html in bodies.items():
                for width in widths:
                    for key, stays in measure(lens, html, width, candidates).items():
                        counts[*key, str(width)] += stays
                        if not stays and key[0] != "plain" and (key == ("links",) or key[1] == "whole"):
                            exceptions[" ".join((*key, str(width)))].append(name)
            if bodies:
                table(title, len(bodies), counts, candidates, widths)
                for what, changed in exceptions.items():
                    print(f"- {what}: {'; '.join(changed)}")
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

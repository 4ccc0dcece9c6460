"""docs/architecture.md names modules, functions and tests that exist; `test_layers` has its table of layers."""

import re
from pathlib import Path

import linkwrap
from helpers.paths import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text("utf-8")
PACKAGE = Path(linkwrap.__file__).parent  # the wheel's, where that is tested
CODE = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"[A-Za-z_]\w+(?:\.[A-Za-z_]\w*)*", re.ASCII)


def find(path: str, folders: list[Path]) -> Path | None:
    """Return the file or folder that the page means: from the top, in the package, or in a folder just named."""
    if path == "src/linkwrap/":
        return PACKAGE
    places = [folder / path for folder in (ROOT, PACKAGE, *reversed(folders))]
    return next((place for place in places if place.exists()), None)


def faults() -> list[str]:
    """Return what the page names and the repository does not have: paths, and names in no module of their line."""
    found = []
    folders = [PACKAGE]
    for number, line in enumerate(PAGE.splitlines(), 1):
        words = CODE.findall(line)
        modules = ""
        for path in (word for word in words if "/" in word or word.endswith(".py")):
            place = find(path, folders)
            if place is None:
                found.append(f"line {number}: there is no {path}")
            elif place.is_dir():
                folders.append(place)
            elif place.suffix == ".py":
                modules += place.read_text("utf-8")
        names = [word.rpartition(".")[2] for word in words if NAME.fullmatch(word) and not word.endswith(".py")]
        missing = [name for name in names if modules and not re.search(rf"\b{name}\b", modules)]
        found += [f"line {number}: no module of this line has {name}" for name in missing]
    return found


def test_all_that_the_page_names_exists() -> None:
    """A stranger finds each module, function, constant and test where the page says."""
    assert faults() == []

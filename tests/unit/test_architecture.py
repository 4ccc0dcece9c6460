"""docs/architecture.md names modules, functions and tests that exist, and layers that hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from helpers.paths import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text("utf-8")
PACKAGE = ROOT / "src" / "linkwrap"
CODE = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"[A-Za-z_]\w+(?:\.[A-Za-z_]\w*)*", re.ASCII)


def find(path: str, folders: list[Path]) -> Path | None:
    """Return the file or folder that the page means: from the top, in the package, or in a folder just named."""
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


def layers() -> list[list[str]]:
    """Return the layers of the page from the bottom up, each with its modules, or with its folder."""
    table = PAGE.partition("## Layers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| (.*?) \| .* \|$", table, re.MULTILINE)[2:]
    return [CODE.findall(name) or CODE.findall(modules) for name, modules in rows]


def layer_of(module: str) -> int | None:
    """Return the number of a module's layer, given its path in the package."""
    for number, layer in enumerate(layers()):
        if any(module == path or (path.endswith("/") and module.startswith(path)) for path in layer):
            return number
    return None


def imports(module: Path) -> Iterator[str]:
    """Yield the modules of the package that a module imports, by their paths in the package."""
    package = module.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = PACKAGE.joinpath(*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            for path in (base.with_suffix(".py"), *(base / f"{alias.name}.py" for alias in node.names)):
                if path.is_file():
                    yield path.relative_to(PACKAGE).as_posix()


def test_every_module_has_a_layer() -> None:
    """The table of layers has a row for each module of the package."""
    assert len(layers()) >= 8
    modules = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]
    assert [module for module in modules if layer_of(module) is None] == ["__init__.py"]


def test_layers_know_only_those_below() -> None:
    """No module imports one of a layer above its own, not even in a function."""
    upwards = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        layer = layer_of(module)
        upwards += [
            f"{module} imports {other}"
            for other in imports(path)
            if layer is not None and (layer_of(other) or 0) > layer
        ]
    assert upwards == []

"""The layers: a module imports only its own layer and those below, and importing values loads no other package."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import linkwrap
from helpers.paths import DOCS

PACKAGE = Path(linkwrap.__file__).parent

NAMES = {path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
NAMES |= {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]

PUBLIC = {
    "account",
    "cli",
    "django",
    "domains",
    "endpoint",
    "errors",
    "events",
    "jinja",
    "keys",
    "link",
    "options",
    "policy",
    "resolver",
    "server",
    "template",
    "testing",
    "wrapper",
}

VALUES = ["linkwrap.errors", "linkwrap.link", "linkwrap.account", "linkwrap.policy"]

# The package itself imports all of it, so a value module is loaded on its own, under a bare package.
LOADED_BY = """
import sys, types
package = types.ModuleType("linkwrap")
package.__path__ = [{path!r}]
sys.modules["linkwrap"] = package
before = set(sys.modules)
import {module}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}} - sys.stdlib_module_names))
"""


def table() -> list[list[str]]:
    """The layers of docs/architecture.md from the bottom up, each with its modules, or with its folder."""
    page = (DOCS / "architecture.md").read_text("utf-8").partition("## Layers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| (.*?) \| .* \|$", page, re.MULTILINE)[2:]
    code = re.compile(r"`([^`\n]+)`")
    return [code.findall(name) or code.findall(modules) for name, modules in rows]


LAYERS = {path.removesuffix(".py").rstrip("/"): number for number, layer in enumerate(table()) for path in layer}
"""The layer of each module or package, counted from the bottom."""


def imports(path: Path) -> set[str]:
    """The modules and packages below `linkwrap` that a file imports, wherever in it; for type checkers too."""
    here = ["linkwrap", *path.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*start, *(node.module or "").split(".")]).rstrip(".")
            # A name that is imported from the package itself is a module, or one that the package exports.
            found |= {f"{module}.{name.name}" for name in node.names} if module == "linkwrap" else {module}
    return {name.split(".")[1] for name in found if name.startswith("linkwrap.") and name.split(".")[1] in NAMES}


def test_every_module_has_a_layer() -> None:
    """The table of layers has each module and package of linkwrap, once."""
    assert set(LAYERS) == NAMES
    assert sum(map(len, table())) == len(NAMES)
    assert len(table()) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    """No file imports a module of a higher layer, not even inside a function."""
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert {other for other in imports(path) if LAYERS[other] > LAYERS[name]} == set()


def test_markup_imports_nothing_above_it() -> None:
    """`_markup` needs only the errors besides itself."""
    files = sorted((PACKAGE / "_markup").glob("*.py"))
    assert set().union(*map(imports, files)) <= {"_markup", "errors"}


def test_public_modules() -> None:
    """A module without an underscore is public, and these are all."""
    assert {name for name in NAMES if not name.startswith("_")} == PUBLIC


@pytest.mark.parametrize("module", VALUES)
def test_values_load_no_other_package(module: str) -> None:
    """Whoever handles links and accounts needs no third-party package."""
    code = LOADED_BY.format(path=str(PACKAGE), module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"linkwrap"}

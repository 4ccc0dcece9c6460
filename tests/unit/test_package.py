"""The package as a whole: its public names, and how light its import is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import linkwrap
from helpers.paths import DOCS

PACKAGE = Path(linkwrap.__file__).parent
PUBLIC = [
    "Account",
    "Click",
    "DomainError",
    "InvalidToken",
    "Link",
    "LinkPolicy",
    "LinkTemplate",
    "LinkWrapError",
    "LinkWrapper",
    "MessageTemplate",
    "Open",
    "OptionError",
    "Resolver",
    "SigningKeys",
    "TrackingDomain",
    "Unsubscribe",
]
NEW_PACKAGES = """
import sys
before = set(sys.modules)
import linkwrap
new = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print(*sorted(new))
"""


def test_public_names() -> None:
    """The package exports exactly the public names, sorted, and each of them exists."""
    assert linkwrap.__all__ == PUBLIC
    assert [name for name in PUBLIC if not hasattr(linkwrap, name)] == []


def test_public_names_documented() -> None:
    """Every public name has its entry on the API page."""
    page = (DOCS / "api.md").read_text(encoding="utf-8").splitlines()
    assert [name for name in PUBLIC if not any(line.endswith(f":: linkwrap.{name}") for line in page)] == []


def test_import_is_light() -> None:
    """`import linkwrap` loads itsdangerous and ada-url, and neither lxml, bs4 nor any optional package."""
    result = subprocess.run([sys.executable, "-c", NEW_PACKAGES], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "linkwrap" in loaded
    assert loaded <= {"linkwrap", "itsdangerous", "ada_url", "_cffi_backend"}


def test_typed() -> None:
    """The installed package tells type checkers that it is typed (PEP 561)."""
    assert (PACKAGE / "py.typed").is_file()


def imported(module: str, seen: set[str]) -> set[str]:
    """The top-level names that a module of the package needs to be imported, itself and what it imports of us."""
    if module in seen:
        return set()
    seen.add(module)
    parts = module.split(".")[1:]
    path = PACKAGE.joinpath(*parts).with_suffix(".py")
    path, package = (path, parts[:-1]) if path.is_file() else (PACKAGE.joinpath(*parts, "__init__.py"), parts)
    needed: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            needed |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            needed.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = ["linkwrap", *package[: len(package) - node.level + 1], *filter(None, [node.module])]
            names = [".".join([*base, name.name]) for name in node.names] if node.module is None else [".".join(base)]
            for name in names:
                needed |= imported(name, seen)
    return needed


@pytest.mark.parametrize("module", ["account", "errors"])
def test_values_need_no_other_package(module: str) -> None:
    """What is only data is imported by the standard library alone, so that any layer may hold it."""
    assert imported(f"linkwrap.{module}", set()) - sys.stdlib_module_names == set()


def test_values_are_made_without_other_packages() -> None:
    """Only a host with characters beyond ASCII needs the package that knows about them."""
    code = "import sys, linkwrap; sys.modules['ada_url'] = None; linkwrap.TrackingDomain('click.acme.com')"
    subprocess.run([sys.executable, "-c", code], check=True)
    again = code.replace("click.", "faß.")
    done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=False)
    assert "ada_url" in done.stderr.splitlines()[-1]

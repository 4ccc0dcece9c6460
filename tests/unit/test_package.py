"""The package as a whole: its public names, and how light its import is."""

import subprocess
import sys
from pathlib import Path

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
    """`import linkwrap` loads itsdangerous, and neither ada-url, lxml, bs4 nor any optional package."""
    result = subprocess.run([sys.executable, "-c", NEW_PACKAGES], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "linkwrap" in loaded
    assert loaded == {"linkwrap", "itsdangerous"}


def test_typed() -> None:
    """The installed package tells type checkers that it is typed (PEP 561)."""
    assert (PACKAGE / "py.typed").is_file()


def test_values_are_made_without_other_packages() -> None:
    """Only a host with characters beyond ASCII needs the package that knows about them."""
    code = "import sys, linkwrap; sys.modules['ada_url'] = None; linkwrap.TrackingDomain('click.acme.com')"
    subprocess.run([sys.executable, "-c", code], check=True)
    again = code.replace("click.", "faß.")
    done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=False)
    assert "ada_url" in done.stderr.splitlines()[-1]

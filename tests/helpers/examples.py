"""The Python examples of the documentation's pages, run as a reader runs them."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.ASCII | re.DOTALL | re.MULTILINE)
EXTRAS = {"click", "django", "dns", "httpx", "jinja2", "rich", "sqlalchemy"}


def run(page: Path) -> dict[str, Any]:
    """Run the examples of a page, one after the other; return the names that they made."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "example"}
    for block in BLOCK.finditer(text):
        above = "\n" * text.count("\n", 0, block.start(1))
        try:
            exec(compile(above + block[1], page, "exec", dont_inherit=True), names)  # noqa: S102
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in EXTRAS:
                raise
            pytest.skip(f"the example needs an extra: {error.name} is not installed")
    return names

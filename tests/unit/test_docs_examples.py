"""The Python examples of the documentation run as they stand."""

import re
from pathlib import Path

import pytest

from helpers.paths import DOCS
from linkwrap._pixels import AMP_PIXEL, INITIAL_PIXEL, OPEN_PIXEL

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.ASCII | re.DOTALL | re.MULTILINE)
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts and BLOCK.search(page.read_text(encoding="utf-8"))
]
EXTRAS = {"click", "django", "dns", "httpx", "jinja2", "rich", "sqlalchemy", "starlette", "uvicorn"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_examples_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who pastes a page's examples, one after the other, gets no error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINKWRAP_KEYS", "an example's key of enough bytes")
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "example"}
    for block in BLOCK.finditer(text):
        above = "\n" * text.count("\n", 0, block.start(1))
        try:
            exec(compile(above + block[1], page, "exec", dont_inherit=True), names)  # noqa: S102
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in EXTRAS:
                raise
            pytest.skip(f"the example needs an extra: {error.name} is not installed")


def test_pixels_are_documented_to_the_byte() -> None:
    """The page on concepts shows what is inserted, as it is inserted."""
    page = (DOCS / "concepts.md").read_text(encoding="utf-8")
    for pixel in (OPEN_PIXEL, INITIAL_PIXEL, AMP_PIXEL):
        assert f"\n{pixel.replace('{}', '…')}\n" in page

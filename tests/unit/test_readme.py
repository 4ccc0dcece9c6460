"""The README's promises that a test can keep: its Python code runs, its results are right, its links lead somewhere."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from helpers.paths import ROOT
from linkwrap import LinkWrapper, SigningKeys

README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(python|html)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
# GitHub reads these two as pages of the repository, from a file at its top.
GITHUB = ["../../security/advisories/new", "../../issues"]


def blocks(kind: str) -> list[re.Match[str]]:
    """The README's code blocks of a kind, in order."""
    return [block for block in BLOCK.finditer(README) if block[1] == kind]


def without_tokens(html: str) -> str:
    """Return a wrapped mail without its tokens, which hold the time."""
    return re.sub(r"(/f/a/|/q/)2[^\"]+", r"\1", html)


def test_code_runs_in_the_order_in_which_it_is_read() -> None:
    """The Python blocks can be pasted one after another: the first prints the mail that follows it, and none fails."""
    assert len(blocks("python")) >= 4
    namespace: dict[str, object] = {"__name__": "readme"}
    printed = StringIO()
    with redirect_stdout(printed):
        for block in blocks("python"):
            line = README[: block.start(2)].count("\n")
            exec(compile("\n" * line + block[2], "README.md", "exec"), namespace)  # noqa: S102
    assert without_tokens(printed.getvalue()) == without_tokens(blocks("html")[0][2])


def test_before_becomes_after() -> None:
    """The mail that the README shows wrapped is what comes out, the tokens aside."""
    _, before, after = (block[2] for block in blocks("html"))
    wrapper = LinkWrapper(SigningKeys(SigningKeys.generate()), tracking_domain="click.acme.com")
    assert without_tokens(wrapper.wrap(before) + "\n") == without_tokens(after)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_files_lead_to_files(page: Path) -> None:
    """No link of a page of this repository points to a page or a heading that is not there."""
    text = page.read_text("utf-8")
    targets = [target for target in LINK.findall(text) if not target.startswith(("http:", "https:", "mailto:"))]
    if page.parent == ROOT:
        targets = [target for target in targets if target not in GITHUB]
    missing = []
    for target in targets:
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        if not file.is_file() or (heading and heading not in headings(file.read_text("utf-8"))):
            missing.append(target)
    assert missing == []


def headings(text: str) -> set[str]:
    """The names by which the headings of a page are linked to, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}

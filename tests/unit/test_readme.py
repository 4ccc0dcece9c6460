"""The README's promises that a test can keep: its Python code runs, and its links lead somewhere."""

import re

from helpers.paths import ROOT
from linkwrap import LinkWrapper, SigningKeys

README = (ROOT / "README.md").read_text("utf-8")


def test_code_runs_in_the_order_in_which_it_is_read() -> None:
    """A newcomer can paste the Python blocks one after another, and what they assert holds."""
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
    assert len(blocks) >= 4
    namespace: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        line = README[: block.start(1)].count("\n")
        exec(compile("\n" * line + block[1], "README.md", "exec"), namespace)  # noqa: S102


def test_before_becomes_after() -> None:
    """The mail that the README shows wrapped is what comes out, the tokens aside."""
    before, after = re.findall(r"^```html\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    wrapper = LinkWrapper(SigningKeys(SigningKeys.generate()), tracking_domain="click.acme.com")
    token = re.compile(r"(/f/a/|/q/)1[^\"]+")
    assert token.sub(r"\1", wrapper.wrap(before) + "\n") == token.sub(r"\1", after)


def test_links_to_files_lead_to_files() -> None:
    """No link of the README points to a page that is not there."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []

"""What the pages on app links and the redirect server show can be used, and so can examples/production."""

import json
import re
from pathlib import Path

from helpers.paths import DOCS, ROOT
from linkwrap.server.files import WellKnownFiles
from linkwrap.server.pages import Pages

HOWTO = DOCS / "howto"


def test_files_of_app_links_are_served(tmp_path: Path) -> None:
    """The files that the page shows are taken, and are the sublink's of its Python block."""
    text = (HOWTO / "app-links.md").read_text("utf-8")
    apple, google = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    folder = tmp_path / "click.acme.com"
    folder.mkdir()
    (folder / "apple-app-site-association").write_text(apple)
    (folder / "assetlinks.json").write_text(google)
    files = WellKnownFiles(tmp_path)
    assert files.faults == []
    for name in ("apple-app-site-association", "assetlinks.json"):
        found = files.respond("GET", f"/.well-known/{name}", "click.acme.com")
        assert found is not None
        assert json.loads(found.body)
    assert '"/f/app/*"' in apple
    assert 'data-msys-sublink="app"' in text


def test_page_of_ones_own_is_taken(tmp_path: Path) -> None:
    """The unsubscribe page that the how-to shows can be used."""
    text = (HOWTO / "server.md").read_text("utf-8")
    [page] = re.findall(r"^```html\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "unsubscribe.de.html").write_text(page)
    assert Pages(tmp_path).faults == []


def test_examples_of_production_call_what_there_is() -> None:
    """The unit and the compose file start the server with options that it has."""
    from linkwrap.cli.app import commands

    known = {name for parameter in commands.commands["serve"].params for name in parameter.opts}
    for name in ("linkwrap.service", "compose.yaml"):
        text = (ROOT / "examples" / "production" / name).read_text("utf-8")
        [line] = re.findall(r"(?:linkwrap|command:) serve (.*)", text)
        assert set(re.findall(r"--[a-z-]+", line)) <= known

"""`linkwrap serve` with well-known files and pages: refused at the start, read anew by SIGHUP."""

import signal
import subprocess
from pathlib import Path

import pytest

from helpers.processes import wait
from helpers.redirects import HOST
from helpers.serving import COMMAND, ENVIRONMENT, request, serving


def test_files_and_pages_are_served_and_read_anew(tmp_path: Path) -> None:
    """SIGHUP brings what has changed; a file that has become wrong is left out, and the log says so."""
    files, pages = tmp_path / "files", tmp_path / "pages"
    (files / HOST).mkdir(parents=True)
    pages.mkdir()
    links = files / HOST / "assetlinks.json"
    links.write_text("[]")
    (pages / "404.html").write_text("own page")
    with serving(tmp_path, "--files", str(files), "--pages", str(pages)) as server:

        def links_are() -> bytes:
            return server.exchange(request("/.well-known/assetlinks.json")).partition(b"\r\n\r\n")[2]

        assert links_are() == b"[]"
        assert b"own page" in server.exchange(request("/f/a/2forged", HOST, "Accept: text/html"))
        assert server.get("/robots.txt") == 404
        for content, expected in (("[1]", b"[1]"), ("{", b"Not found.\n")):
            links.write_text(content)
            server.process.send_signal(signal.SIGHUP)
            wait(lambda expected=expected: links_are() == expected, "it is not read anew", tmp_path / "log")  # type: ignore[misc]
        assert "error: left out: " in server.log
        assert server.stop() == 0


@pytest.mark.parametrize("option", ["--files", "--pages"])
def test_a_fault_ends_the_start(tmp_path: Path, option: str) -> None:
    """One sentence says which file and why, and the status is 1."""
    (tmp_path / "x.html").write_text("x")
    store = ["--store", str(tmp_path / "events.db")]
    done = subprocess.run(
        [*COMMAND, "serve", *store, option, str(tmp_path)], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "x.html' is not " in done.stderr
    assert not (tmp_path / "events.db").exists()

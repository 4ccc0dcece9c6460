"""The Python examples of the documentation run as they stand."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.examples import BLOCK, run
from helpers.paths import DOCS
from helpers.writers import FOREVER
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.events import Event
from linkwrap.server.writer import Writer

PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts and BLOCK.search(page.read_text(encoding="utf-8"))
]


@pytest.fixture(autouse=True)
def _readers_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reader runs the examples: an empty folder, with keys in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINKWRAP_KEYS", "an example's key of enough bytes")
    # A busy machine may take longer to store an event than a reader waits.
    monkeypatch.setitem(Writer.__init__.__kwdefaults__, "limit_seconds", FOREVER)
    monkeypatch.setattr("linkwrap.server.recorder._LATEST_SECONDS", FOREVER)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_examples_of_a_page_run_in_order(page: Path) -> None:
    """A reader who pastes a page's examples, one after the other, gets no error."""
    run(page)


def test_pixels_are_documented_to_the_byte() -> None:
    """The page on concepts shows the pixels as they are inserted, those of AMP for Email too."""
    page = (DOCS / "concepts.md").read_text(encoding="utf-8")
    wrapper = LinkWrapper(SigningKeys.from_env(), tracking_domain="click.acme.com", initial_open=True)
    html = wrapper.wrap("<body>-</body>")
    amp = wrapper.wrap("<html amp4email><body>-</body>", initial_open=False)
    pixels = re.findall(r"<[^>]+/q/[^>]+>(?:</amp-img>)?", html + amp)
    assert len(pixels) == 3
    for pixel in pixels:
        assert "\n" + re.sub(r"https://click\.acme\.com/q/[\w.-]+", "…", pixel) + "\n" in page


@pytest.fixture
def one_click() -> Callable[..., tuple[str, bool]]:
    """Send a one-click unsubscribe to the documented application; return its status, and whether events came."""
    names = run(DOCS / "howto" / "endpoint.md")
    names["recorder"] = SimpleNamespace(record=(events := list[Event]()).append)
    path = names["wrapper"].unsubscribe_url({"rcpt": "r-42"}).removeprefix("https://click.acme.com")

    def send(length: str | None, body: bytes = b"List-Unsubscribe=One-Click", method: str = "POST") -> tuple[str, bool]:
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "click.acme.com"}
        environ |= {"wsgi.input": BytesIO(body)} | ({} if length is None else {"CONTENT_LENGTH": length})
        status: list[str] = []
        names["wsgi"](environ, lambda line, headers: status.append(line))
        [line] = status
        event = bool(events)
        events.clear()
        return line, event

    return send


def test_wsgi_application_takes_one_click_unsubscribes(one_click: Callable[..., tuple[str, bool]]) -> None:
    """The POST of a mail service is recorded; a GET of the same URL is not, whatever its Content-Length."""
    assert one_click("26") == ("200 OK", True)
    assert one_click("26", method="GET") == ("200 OK", False)
    assert one_click("abc", method="GET") == ("200 OK", False)


@pytest.mark.parametrize(
    "length",
    [
        *(
            None,
            "",
            "0",
            "abc",
            "-1",
            "-26",
            "+26",
            " 26",
            "26 ",
            "26\n",
            "2_6",
            "1e3",
            "26.0",
            "0x1a",
            "26, 26",
            "²6",
            "٢٦",
        ),
        *("25", "4097", "999999999", "1" + "0" * 18, "9" * 5000),
    ],
    ids=lambda length: "none" if length is None else ascii(length)[:12],
)
def test_wsgi_application_refuses_bad_lengths(one_click: Callable[..., tuple[str, bool]], length: str | None) -> None:
    """A Content-Length that is missing, is not a number, is over MAX_BODY or cuts the body off is a 400."""
    assert one_click(length) == ("400 Bad Request", False)


def test_wsgi_application_refuses_long_bodies(one_click: Callable[..., tuple[str, bool]]) -> None:
    """A body over MAX_BODY is answered with 400, even if its beginning is a one-click unsubscribe."""
    long = b"List-Unsubscribe=One-Click&" + b"a" * 4070
    assert one_click(str(len(long)), long) == ("400 Bad Request", False)
    assert one_click("4096", long[:4096]) == ("200 OK", True)

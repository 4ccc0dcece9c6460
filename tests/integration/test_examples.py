"""The example projects send through a real SMTP server, and the links of what arrives lead to where they should.

The demo goes the whole way on loopback, from a newsletter to stored events.
"""

import email
import email.policy
import json
import os
import re
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from wsgiref.util import setup_testing_defaults

import pytest
from aiosmtpd.controller import Controller
from bs4 import BeautifulSoup

import linkwrap
from helpers.paths import EXAMPLES

# From where this process imports the package, so that the example imports the same.
PACKAGES = Path(linkwrap.__file__).parents[1]


class Inbox(Controller):
    """An SMTP server on a free port, which keeps what it receives."""

    def __init__(self) -> None:
        super().__init__(self, hostname="127.0.0.1", port=0)
        self.messages: list[EmailMessage] = []

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        """Keep a message."""
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A mail server that is running."""
    server = Inbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of the examples, in this process and those it starts."""
    monkeypatch.setenv("LINKWRAP_KEYS", "a key for the tests of the examples")


def call(*arguments: str, folder: str) -> "subprocess.CompletedProcess[str]":
    """Run Python as a user of an example would."""
    path = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=EXAMPLES / folder,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(*arguments: str, folder: str) -> str:
    """Run Python as a user of an example would; return what it printed."""
    result = call(*arguments, folder=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def html_of(message: EmailMessage) -> BeautifulSoup:
    """A message's HTML, as a browser engine reads it."""
    body = message.get_body(["html"])
    assert body is not None
    return BeautifulSoup(body.get_content(), "html5lib")


def follow(applications: dict[str, Callable[..., Any]], url: str) -> tuple[str, str, bytes]:
    """Open a URL on hosts that WSGI applications serve; return where that ended, the status and the body."""
    for _ in range(5):
        parts = urlsplit(url)
        environ: dict[str, Any] = {
            "PATH_INFO": unquote(parts.path, "latin-1"),
            "QUERY_STRING": parts.query,
            "HTTP_HOST": parts.netloc,
            "HTTP_USER_AGENT": "Firefox",
            "REMOTE_ADDR": "203.0.113.9",
        }
        setup_testing_defaults(environ)
        sent: list[Any] = []
        body = b"".join(
            applications[parts.netloc](environ, lambda status, headers, sent=sent: sent.extend([status, dict(headers)]))
        )
        if "Location" not in sent[1]:
            break
        url = sent[1]["Location"]
    return url, sent[0], body


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The sender's own pages."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"You are at " + environ["PATH_INFO"].encode()]


def test_jinja_newsletter(inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reader's mail leads to the sender's pages, and each click and open is seen with its reader's id."""
    run("newsletter.py", str(inbox.hostname), str(inbox.port), folder="jinja_newsletter")
    assert [message["To"] for message in inbox.messages] == ["ada@example.com", "grace@example.com", "ada@example.com"]
    welcome, to_grace, to_ada = map(html_of, inbox.messages)
    assert "Welcome, Ada <Countess>!" in welcome.get_text()
    assert "you have read 3 books with us." in to_grace.get_text()
    assert "books with us" not in to_ada.get_text()

    events = tmp_path / "events.jsonl"
    monkeypatch.setenv("EVENTS", str(events))
    redirects = runpy.run_path(str(EXAMPLES / "jinja_newsletter" / "redirects.py"))["application"]
    web = {"click.alder.example": redirects, "alder.example": site}

    def opened(mail: BeautifulSoup) -> list[str]:
        ends = [follow(web, str(link["href"])) for link in mail.select("a[href]")]
        assert {status for _, status, _ in ends} == {"200 OK"}
        *_, pixel = mail.find_all("img")
        assert follow(web, str(pixel["src"]))[2].startswith(b"GIF89a")
        return [f"{urlsplit(url).path}?{urlsplit(url).query}" for url, _, _ in ends]

    assert opened(welcome) == ["/?", "/shelf?of=r-2&from=mail", "/imprint?"]
    assert opened(to_grace) == ["/shelf?", "/autumn?a=1&b=2", "/leave?u=r-1"]
    assert opened(to_ada) == ["/autumn?a=1&b=2", "/leave?u=r-2"]

    seen = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
    welcomed = {"mail": "welcome", "rcpt": "r-2"}
    grace, ada = ({"mail": "autumn", "rcpt": rcpt} for rcpt in ("r-1", "r-2"))
    assert [(event["type"], event["target_link_name"], event["rcpt_meta"]) for event in seen] == [
        ("click", "Logo", welcomed),
        ("click", "Shelf", welcomed),
        ("open", None, welcomed),
        ("click", None, grace),
        ("click", "Autumn", grace),
        ("link_unsubscribe", None, grace),
        ("open", None, grace),
        ("click", "Autumn", ada),
        ("link_unsubscribe", None, ada),
        ("open", None, ada),
    ]


def test_newsletter_has_outlook_s_button_wrapped(inbox: Inbox) -> None:
    """The button that only Outlook shows has a slot of its own, and comes out as it was."""
    run("newsletter.py", str(inbox.hostname), str(inbox.port), folder="jinja_newsletter")
    body = inbox.messages[1].get_body(["html"])
    assert body is not None
    button = r'<!--\[if mso\]><v:roundrect href="https://click\.alder\.example/f/a/[^"]+"><center>Autumn books</center>'
    assert re.search(button, body.get_content())


def test_django_shop() -> None:
    """The shop's own test orders, reads the receipt from a real SMTP server, clicks, and finds the event stored."""
    printed = run("manage.py", "test", folder="django_shop")
    assert "Ran 1 test" in printed
    assert "OK" in printed


def test_django_shop_passes_the_system_checks() -> None:
    """`manage.py check` has nothing to say of the shop's settings."""
    assert "no issues" in run("manage.py", "check", "--fail-level", "WARNING", folder="django_shop")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo has its store; skipped where the redirect server cannot run."""
    pytest.importorskip("granian")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_demo(temporary: Path) -> None:
    """It wraps, serves, follows and lists; afterwards nothing listens, and the store is gone."""
    printed = run("demo.py", folder=".")
    assert "23 of 36 links wrapped: examples/out/newsletter.html" in printed
    _, separator, table = printed.partition("$ linkwrap events list\n")
    assert separator
    rows = [re.split(r"\s{2,}", line) for line in table.splitlines()[:7]]
    assert rows[0] == ["seq", "time", "type", "account", "visitor", "metadata", "link"]
    metadata = "campaign=autumn rcpt=r-42"
    assert [[row[0], *row[2:]] for row in rows[1:]] == [
        ["1", "open", "alder", "unknown", metadata],
        ["2", "click", "alder", "unknown", metadata, "Hero button"],
        ["3", "click", "alder", "prefetch", metadata, "Fit guide"],
        ["4", "click", "alder", "prefetch", metadata, "Film"],
        ["5", "click", "alder", "scanner", metadata, "Unsubscribe"],
        ["6", "link_unsubscribe", "alder", "unknown", metadata, "Unsubscribe"],
    ]
    port = re.search(r"--listen 127\.0\.0\.1:(\d+)", printed)
    assert port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port[1])), timeout=5)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("VISITS = (demo.VISITS[1]._replace(event=('click', 'person')),)", "the stored events are not those of"),
        ("VISITS = (demo.VISITS[1]._replace(method='PUT'),)", "the redirect server should have answered 302 https://"),
        ("LINKWRAP = [demo.sys.executable, '-c', 'raise SystemExit(3)']", "the redirect server did not start"),
    ],
)
def test_demo_that_fails(temporary: Path, change: str, sentence: str) -> None:
    """A step that does not do what it should ends the demo with a sentence, and nothing is left."""
    result = call("-c", f"import demo; demo.{change}; demo.main()", folder=".")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(sentence)
    assert list(temporary.iterdir()) == []

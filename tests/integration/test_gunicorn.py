"""The documented WSGI application and Django under gunicorn and uvicorn: real sockets, and the events in the store."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.examples import BLOCK
from helpers.paths import DOCS
from helpers.processes import free_port, start, wait
from helpers.redirects import import_fallback
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.events import Event
from linkwrap.server.store import Store

if sys.platform == "win32":
    pytest.skip("gunicorn does not run on Windows", allow_module_level=True)
pytest.importorskip("django")
pytest.importorskip("gunicorn")
pytest.importorskip("uvicorn")

KEY = "a key for the tests under gunicorn"
HOST = "click.acme.com"
WRAPPER = LinkWrapper(SigningKeys(KEY), account_id="acme", tracking_domain=HOST)
PATH = WRAPPER.unsubscribe_url({"rcpt": "r-42"}).removeprefix(f"https://{HOST}")
LINK = WRAPPER.wrap_url("https://shop.test/").removeprefix(f"https://{HOST}")
BODY = b"List-Unsubscribe=One-Click"
FORM = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'

STORE = "linkwrap-events.db"
FALLBACK = "fallback.jsonl"
# The tracking domain is a customer's: no setting names it.
DJANGO = f"""
import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

settings.configure(
    ALLOWED_HOSTS=["shop.example"],
    INSTALLED_APPS=["linkwrap.django"],
    LINKWRAP={{"TRACKING_DOMAIN": "links.shop.example", "STORE": "{STORE}", "FALLBACK": "{FALLBACK}"}},
    MIDDLEWARE=[
        "linkwrap.django.middleware.redirect_middleware",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    ROOT_URLCONF="django.contrib.staticfiles.urls",
    SECRET_KEY="a key of Django's own",
    SECURE_SSL_REDIRECT=True,
)
django.setup()
wsgi, asgi = WSGIHandler(), ASGIHandler()
"""
COMMANDS = {
    "sync": ["gunicorn", "--worker-class", "sync", "application:wsgi", "--bind"],
    "gthread": ["gunicorn", "--worker-class", "gthread", "application:wsgi", "--bind"],
    "preload": ["gunicorn", "--preload", "--workers", "2", "application:wsgi", "--bind"],
    "uvicorn": ["uvicorn", "--no-access-log", "application:asgi", "--port"],
}


@dataclass
class Server:
    """A server of an application in a folder."""

    port: int
    folder: Path
    last: int = 0

    def ask(self, *parts: bytes) -> int:
        """Send a request in pieces, and return the status of the response."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for part in parts:
                connection.sendall(part)
            return int(connection.makefile("rb").readline().split()[1])

    def post(self, *chunks: bytes, path: str = PATH) -> int:
        """Send the chunks of a POST, each as it is given."""
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        return self.ask(head.encode(), *chunks)

    def events(self) -> list[Event]:
        """The events since the last call; a busy machine may have sent some to the fallback."""
        import_fallback(self.folder / STORE, self.folder / FALLBACK)
        with Store(self.folder / STORE, create=True) as store:
            found = list(store.events(after=self.last))
        self.last = found[-1].seq if found else self.last
        return sorted((one.event for one in found), key=lambda event: event.event_id)


@pytest.fixture(
    scope="module",
    params=[
        "documented-sync",
        "documented-gthread",
        "documented-preload",
        "django-sync",
        "django-preload",
        "django-uvicorn",
    ],
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn, with the page's application or Django's."""
    kind, worker = request.param.split("-")
    folder = tmp_path_factory.mktemp(request.param)
    page = (DOCS / "howto" / "endpoint.md").read_text(encoding="utf-8")
    documented = "\n".join(block[1] for block in BLOCK.finditer(page))
    (folder / "application.py").write_text(DJANGO if kind == "django" else documented, encoding="utf-8")
    port = free_port("127.0.0.1")
    log = folder / "log"
    *command, option = COMMANDS[worker]
    run = f"import os, runpy, sys; os.chdir({str(folder)!r}); sys.path.insert(0, ''); sys.argv = sys.argv[1:]; "
    run += (
        f"os.environ['LINKWRAP_KEYS'] = {KEY!r}; runpy.run_module({command[0]!r}, run_name='__main__', alter_sys=True)"
    )
    address = str(port) if worker == "uvicorn" else f"127.0.0.1:{port}"
    with ExitStack() as cleanup:
        start(cleanup, log, sys.executable, "-c", run, *command, option, address)
        wait(lambda: accepts(port), "the server does not listen", log)
        server = Server(port, folder)
        server.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")  # its worker has loaded the application then
        server.events()  # those of the page's own examples
        yield server


def accepts(port: int) -> bool:
    """Whether somebody listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def chunk(data: bytes) -> bytes:
    """The data as one chunk (RFC 9112, 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(BODY) + LAST],
        [chunk(BODY), LAST],
        [chunk(BODY[:5]), chunk(BODY[5:]), LAST],
        [chunk(bytes([byte])) for byte in BODY] + [LAST],
        [chunk(FORM), LAST],
        [b"1a;name=value\r\n" + BODY + b"\r\n0\r\nX-Trailer: x\r\n\r\n"],
        [chunk(BODY + b"&" + b"x" * (4096 - len(BODY) - 1)), LAST],
    ],
    ids=["one packet", "two packets", "two chunks", "a chunk a byte", "multipart", "extension and trailer", "longest"],
)
def test_chunked_one_click_unsubscribes(server: Server, chunks: list[bytes]) -> None:
    """The wish was lost: a body without a length was not read, and answered with 400."""
    assert server.post(*chunks) == 200
    [event] = server.events()
    assert (event.type, event.rcpt_meta) == ("list_unsubscribe", {"rcpt": "r-42"})


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ([chunk(b"a=b"), LAST], {400}),
        ([LAST], {400, 411}),
        ([chunk(BODY + b"&" * 4096), LAST], {400}),
        ([chunk(BODY), chunk(b"&" * 4096), LAST], {400}),
        ([b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"], {400}),
    ],
    ids=["another pair", "empty", "too long", "too long in chunks", "no chunks"],
)
def test_other_chunked_posts_do_not(server: Server, chunks: list[bytes], status: set[int]) -> None:
    """A body that does not say so, is too long, or is not chunked as it says."""
    assert server.post(*chunks) in status
    assert server.events() == []


def test_other_paths_take_no_chunked_post(server: Server) -> None:
    """A forged URL is not found, and a link takes no POST."""
    assert server.post(chunk(BODY), LAST, path=PATH[:-1]) == 404
    assert server.post(chunk(BODY), LAST, path=LINK) == 405
    assert server.events() == []


def test_length_and_links_work_as_ever(server: Server) -> None:
    """A POST with a length, and a click on a path as mail systems spell it."""
    head = f"POST {PATH}) HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    assert server.ask(head, BODY) == 200
    for path in (LINK, LINK.replace("/f/", "/%66/"), LINK + ")", LINK + "%3E", LINK + "&source=gmail&ust=1"):
        assert server.ask(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()) == 302
    for path in (LINK + "/x", LINK + ";x", LINK + "%2Fx", LINK + "x"):
        assert server.ask(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()) == 404
    assert [event.type for event in server.events()] == ["list_unsubscribe", *["click"] * 5]
    for length in (b"abc", b"-1"):
        assert (
            server.ask(
                f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\n".encode() + b"Content-Length: " + length + b"\r\n\r\n"
            )
            == 400
        )
    assert server.events() == []

"""One answer to a request, whatever is in front of `respond`: the documented applications, Django's handlers."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from helpers.examples import run
from helpers.paths import DOCS
from helpers.rests import IGNORED, REFUSED
from helpers.writers import FOREVER
from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.django.signals import link_clicked, list_unsubscribed, mail_opened
from linkwrap.endpoint import respond
from linkwrap.server.writer import Writer

KEY = "a key for the tests of Django"
HOST = "click.acme.test"
WRAPPER = LinkWrapper(SigningKeys(KEY), account_id="acme", tracking_domain=HOST)
RESOLVER = Resolver(SigningKeys(KEY))
URL = "https://shop.test/?a=1"
METADATA = {"rcpt": "r-42"}
LINK = WRAPPER.wrap_url(URL, METADATA).removeprefix(f"https://{HOST}")
OPEN = WRAPPER.urls(WRAPPER.compile(""), METADATA)[0].removeprefix(f"https://{HOST}")
UNSUBSCRIBE = WRAPPER.unsubscribe_url(METADATA).removeprefix(f"https://{HOST}")
NONCE = "/.well-known/linkwrap/0123456789abcdef0123456789abcdef"
BODY = b"List-Unsubscribe=One-Click"


class Answer(NamedTuple):
    """A response, and the event with it, without what differs between two requests."""

    status: int
    headers: dict[str, str]
    body: bytes
    event: dict[str, object] | None


Front = Callable[..., Answer]


def answer(status: int | str, headers: Any, body: bytes, events: list[Any]) -> Answer:
    """The answer of a server, whose events are taken."""
    lines = {str(name).lower(): str(value) for name, value in headers}
    event = events.pop().as_dict() if events else None
    assert not events
    for name in ("event_id", "timestamp", "ip_address"):
        (event or {}).pop(name, None)
    return Answer(int(str(status)[:3]), lines, body, event)


def environ_of(path: str, method: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """A request as a WSGI server hands it on: the path decoded, the query cut off."""
    raw, _, query = path.partition("?")
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "443",
        "REMOTE_ADDR": "203.0.113.9",
        "HTTP_HOST": HOST,
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        **headers,
    }


def of_wsgi(application: Any, events: list[Any]) -> Front:
    """A WSGI application."""

    def call(
        path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b"", **environ: Any
    ) -> Answer:
        sent: list[Any] = []
        length = {} if headers else {"CONTENT_LENGTH": str(len(body))}
        request = environ_of(path, method, {**length, **(headers or {}), **environ}, body)
        content = application(request, lambda status, lines: sent.extend([status, lines]))
        return answer(sent[0], sent[1], b"".join(content), events)

    return call


def of_asgi(application: Any, events: list[Any]) -> Front:
    """An ASGI application."""

    async def talk(path: str, method: str, body: bytes) -> list[Any]:
        sent: list[Any] = []
        raw, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
            "raw_path": raw.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": [(b"host", HOST.encode())],
            "client": ("203.0.113.9", 4711),
        }
        requests = iter([{"type": "http.request", "body": body}])

        async def receive() -> dict[str, Any]:
            for request in requests:
                return request
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await application(scope, receive, send)
        return sent

    def call(path: str, method: str = "GET", body: bytes = b"") -> Answer:
        start, *chunks = asyncio.run(talk(path, method, body))
        lines = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return answer(start["status"], lines, b"".join(chunk.get("body", b"") for chunk in chunks), events)

    return call


@pytest.fixture
def fronts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Every way to `respond`."""
    monkeypatch.setenv("LINKWRAP_KEYS", KEY)
    monkeypatch.chdir(tmp_path)
    # A busy machine may take longer to store the events of the page's examples than a reader waits.
    monkeypatch.setitem(Writer.__init__.__kwdefaults__, "limit_seconds", FOREVER)
    monkeypatch.setattr("linkwrap.server.recorder._LATEST_SECONDS", FOREVER)
    page = run(DOCS / "howto" / "endpoint.md")
    documented: list[Any] = []
    signalled: list[Any] = []

    async def keep(event: Any, token: str | None) -> None:
        documented.append(event)

    page["recorder"] = SimpleNamespace(record=documented.append)
    monkeypatch.setattr(page["asgi"], "_keep", keep)

    def receive(event: Any, **rest: object) -> None:
        signalled.append(event)

    def call(path: str, method: str = "GET", body: bytes = b"") -> Answer:
        arguments: dict[str, Any] = {"method": method, "host": HOST, "headers": {}, "body": body}
        found = respond(RESOLVER, raw_path=path, **arguments)
        assert respond(RESOLVER, raw_path=path.encode("ascii"), **arguments).status == found.status
        return answer(found.status, found.headers.items(), found.body, [] if found.event is None else [found.event])

    for signal in (link_clicked, mail_opened, list_unsubscribed):
        signal.connect(receive)
    yield {
        "respond": call,
        "WSGI": of_wsgi(page["wsgi"], documented),
        "ASGI": of_asgi(page["asgi"], documented),
        "Django, WSGI": of_wsgi(WSGIHandler(), signalled),
        "Django, ASGI": of_asgi(ASGIHandler(), signalled),
    }
    for signal in (link_clicked, mail_opened, list_unsubscribed):
        signal.disconnect(receive)


def spelled(path: str) -> list[str]:
    """A path in which single characters, and all, are percent-encoded."""
    return [
        path,
        path[:1] + "".join(f"%{ord(character):02X}" for character in path[1:]),
        path.replace("/f/", "/%66/").replace("/q/", "/%71/").replace("/u/", "/%75/").replace("/.", "/%2e"),
        path[:2] + path[2:].replace("/", "%2F"),
        path + "?utm_source=x&u=%2F",
    ]


def test_one_answer_to_a_path_however_it_is_encoded(fronts: dict[str, Front]) -> None:
    """`/%66/a/TOKEN` was not found from a raw path, and redirected under WSGI, which decodes it."""
    for path, method, body, status in (
        (LINK, "GET", b"", 302),
        (OPEN, "GET", b"", 200),
        (UNSUBSCRIBE, "POST", BODY, 200),
        (UNSUBSCRIBE, "POST", b"", 400),
        (NONCE, "GET", b"", 200),
    ):
        clean = fronts["respond"](path, method, body=body)
        assert (clean.status, clean.headers.get("location")) == (status, URL if status == 302 else None)
        assert (clean.event is not None) == (status != 400 and path != NONCE)
        for name, front in fronts.items():
            for other in spelled(path):
                assert front(other, method, body=body) == clean, (name, other)


def test_one_answer_to_a_path_that_is_encoded_twice(fronts: dict[str, Front]) -> None:
    """Decoding happens once, and the path is then another one than a link's."""
    for path in (LINK, UNSUBSCRIBE, NONCE):
        twice = path[:3] + "".join(f"%25{ord(character):02X}" for character in path[3:])
        for name, front in fronts.items():
            assert front(twice).status == 404, name
            assert front("/%25" + f"{ord(path[1]):02X}" + path[2:]).status == 404, name


def test_one_answer_to_a_rest_behind_the_token(fronts: dict[str, Front]) -> None:
    """The response is the one without the rest, byte for byte, and so is the event but for its id and time."""
    for path, method, body in ((LINK, "GET", b""), (OPEN, "GET", b""), (UNSUBSCRIBE, "POST", BODY)):
        clean = fronts["respond"](path, method, body=body)
        assert clean.event is not None
        for name, front in fronts.items():
            for rest in IGNORED:
                assert front(path + rest, method, body=body) == clean, (name, rest)
    for name, front in fronts.items():
        for rest in REFUSED:
            refused = front(LINK + rest)
            assert (refused.status, refused.event) == (404, None), (name, rest)


@pytest.mark.parametrize("front", ["WSGI", "Django, WSGI"])
@pytest.mark.parametrize("body", [BODY, b"a=b&" + BODY])
def test_chunked_one_click_is_taken_from_a_server_that_decodes_chunks(
    fronts: dict[str, Front], front: str, body: bytes
) -> None:
    """PEP 3333 servers that decode chunks say `wsgi.input_terminated`, and give no length."""
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    terminated: dict[str, Any] = {"wsgi.input_terminated": True}
    found = fronts[front](UNSUBSCRIBE, "POST", chunked, body, **terminated)
    assert (found.status, (found.event or {})["type"]) == (200, "list_unsubscribe")
    long = fronts[front](UNSUBSCRIBE, "POST", chunked, BODY + b"&" * 4096, **terminated)
    assert (long.status, long.event) == (400, None)
    other = fronts[front](UNSUBSCRIBE, "POST", chunked, b"a=b", **terminated)
    assert (other.status, other.event) == (400, None)


class Endless(io.RawIOBase):
    """The input of a server that decodes no chunks: a read waits for ever."""

    def read(self, size: int | None = -1) -> bytes:
        """Fail, where a server would wait."""
        raise AssertionError("the input was read")


@pytest.mark.parametrize("front", ["WSGI", "Django, WSGI"])
def test_chunked_one_click_asks_for_a_length_elsewhere(fronts: dict[str, Front], front: str) -> None:
    """Without that word, nothing is read, and 411 tells the mail service how to send its wish."""
    found = fronts[front](UNSUBSCRIBE, "POST", {"HTTP_TRANSFER_ENCODING": "chunked"}, **{"wsgi.input": Endless()})
    assert (found.status, found.event) == (411, None)


class Broken(io.RawIOBase):
    """The input of a request that breaks off."""

    error: Exception

    def read(self, size: int | None = -1) -> bytes:
        """Fail, as servers do."""
        raise self.error


def test_request_that_breaks_off_raises_nothing_in_django(fronts: dict[str, Front]) -> None:
    """A chunk that is none is the client's fault."""
    broken = Broken()
    arguments: dict[str, Any] = {"wsgi.input": broken, "wsgi.input_terminated": True}
    for broken.error in (OSError("the client is gone"), ValueError("a server's own")):
        for headers in ({"HTTP_TRANSFER_ENCODING": "chunked"}, {"CONTENT_LENGTH": "26"}):
            found = fronts["Django, WSGI"](UNSUBSCRIBE, "POST", headers, **arguments)
            assert (found.status, found.event) == (400, None)

"""The redirect server as an ASGI application, called as a server would call it."""

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from helpers.addresses import CUT
from helpers.redirects import (
    HOST,
    KEY,
    ONE_CLICK,
    RESOLVER,
    SHOP,
    click_path,
    import_fallback,
    numbers,
    open_path,
    unsubscribe_path,
)
from helpers.rests import IGNORED, REFUSED
from helpers.writers import FOREVER
from linkwrap import LinkWrapper, OptionError, SigningKeys
from linkwrap.endpoint import MAX_BODY, PIXEL
from linkwrap.events import Event
from linkwrap.server.store import Store
from linkwrap.server.writer import Writer

pytest.importorskip("starlette")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route

from linkwrap.server import app as module
from linkwrap.server import create_app

Message = dict[str, Any]
MOST = [{"type": "http.request", "body": b"", "more_body": False}]


class Answer(NamedTuple):
    """What the application has sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def scope_of(path: str | bytes, method: str = "GET", **changes: Any) -> Message:
    """A request's scope, as uvicorn makes it; `headers` are in place of `Host`."""
    raw = path.encode("latin-1") if isinstance(path, str) else path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": raw.decode("latin-1"),
        "raw_path": raw,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST.encode()), (b"user-agent", b"Mozilla/5.0")],
        "client": ("203.0.113.57", 50_000),
        "server": ("127.0.0.1", 8025),
    } | changes


async def call(app: Any, scope: Message, messages: list[Message] | None = None) -> Answer:
    """Send a request, with the messages of its body; it is answered whole, and once."""
    waiting = iter(messages or MOST)
    sent: list[Message] = []

    async def receive() -> Message:
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, content = sent
    assert (start["type"], content["type"], content.get("more_body", False)) == (
        "http.response.start",
        "http.response.body",
        False,
    )
    assert all(name == name.lower() for name, _ in start["headers"])
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert len(headers) == len(start["headers"])
    assert scope["method"] == "HEAD" or int(headers["content-length"]) == len(content["body"])
    return Answer(start["status"], headers, content["body"])


class Served(NamedTuple):
    """The files of a server, and what its clients do."""

    store: Path
    fallback: Path

    def run(self, *requests: tuple[Message, list[Message] | None], **options: Any) -> list[Answer]:
        """The answers to requests, one after the other, to a server that starts and stops."""

        async def clients() -> list[Answer]:
            async with running(self.app(**options)) as app:
                return [await call(app, *request) for request in requests]

        return asyncio.run(clients())

    def app(self, **options: Any) -> Any:
        """The application."""
        return create_app(RESOLVER, **{"store": self.store, "fallback": self.fallback} | options)

    def ask(self, path: str | bytes, method: str = "GET", *messages: Message, **changes: Any) -> Answer:
        """The answer to one request."""
        [answer] = self.run((scope_of(path, method, **changes), list(messages) or None))
        return answer

    def events(self) -> list[Event]:
        """The events in the store."""
        with Store(self.store) as store:
            return [found.event for found in store.events()]


@contextlib.asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    """The application within its lifespan, as a server runs it."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    sent: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, messages.get, sent.put))
    await messages.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    try:
        yield app
    finally:
        await messages.put({"type": "lifespan.shutdown"})
        assert (await sent.get())["type"] == "lifespan.shutdown.complete"
        await task


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event takes the other way because the machine is busy."""
    monkeypatch.setattr(module, "Writer", partial(Writer, limit_seconds=FOREVER))


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A server in a folder of its own."""
    return Served(tmp_path / "events.db", tmp_path / "fallback.jsonl")


def body(*pieces: bytes) -> list[Message]:
    """The messages of a body that comes in pieces."""
    last = len(pieces) - 1
    return [{"type": "http.request", "body": piece, "more_body": number < last} for number, piece in enumerate(pieces)]


def test_a_click(served: Served) -> None:
    """The reader is redirected, and the event is in the store, with a cut address."""
    answer = served.ask(click_path(7))
    assert (answer.status, answer.headers["location"], answer.body) == (302, SHOP, b"Found.\n")
    [event] = served.events()
    assert (event.type, event.target_link_url, event.rcpt_meta, event.account_id) == ("click", SHOP, {"n": 7}, "acme")
    assert (event.ip_address, event.user_agent, event.visitor) == ("203.0.113.0", "Mozilla/5.0", "unknown")
    assert not served.fallback.read_bytes()


def test_an_open_and_an_unsubscribe(served: Served) -> None:
    """Each is stored before it is answered, in the order of the requests."""
    pixel, page, wish = served.run(
        (scope_of(open_path(1)), None),
        (scope_of(unsubscribe_path(2)), None),
        (scope_of(unsubscribe_path(3), "POST"), body(ONE_CLICK)),
    )
    assert (pixel.status, pixel.body, page.status, wish.status) == (200, PIXEL, 200, 200)
    assert [(event.type, event.rcpt_meta["n"]) for event in served.events()] == [("open", 1), ("list_unsubscribe", 3)]


@pytest.mark.parametrize(("ip", "kept"), [("full", "203.0.113.57"), ("cut", "203.0.113.0"), ("none", None)])
def test_addresses(served: Served, ip: str, kept: str | None) -> None:
    """The operator says what is kept of an address; a server without one, such as on a socket file, has none."""
    served.run((scope_of(click_path()), None), (scope_of(click_path(), client=None), None), ip=ip)
    assert [event.ip_address for event in served.events()] == [kept, None]


def test_head(served: Served) -> None:
    """HEAD has the headers of GET and no body; its event is a machine's."""
    get, head = served.run((scope_of(click_path()), None), (scope_of(click_path(), "HEAD"), None))
    assert (head.status, head.body, head.headers) == (302, b"", get.headers)
    assert [event.visitor for event in served.events()] == ["unknown", "prefetch"]


def test_no_file_has_what_is_cut_off(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the form of an address: neither the store, its log, nor the fallback, nor the log of the process."""
    addresses = [address for address, _ in CUT if len(address) > 8] + ["192.0.2.57:1234", "[2001:db8:7:7::1]:443"]

    async def test() -> None:
        async with running(served.app(replay_limit=1000)) as app:
            for address in addresses:
                await call(app, scope_of(click_path(1), client=(address, 1)))
            with contextlib.closing(sqlite3.connect(served.store, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                for address in addresses:
                    await call(app, scope_of(click_path(2), client=(address, 1)))

    asyncio.run(test())
    found = b"".join(path.read_bytes() for path in served.store.parent.iterdir()) + caplog.text.encode()
    found = found.lower()
    assert b"192.0.2.0" in found
    assert b"events are not stored" in found
    assert [address for address in addresses if address.lower().encode() in found] == []
    assert b"192.0.2.57" not in found


def test_rests(served: Served) -> None:
    """What clients append is ignored; what could be another file is not found. A query is not the path's."""
    path = click_path()
    answers = served.run(*[(scope_of(path + rest), None) for rest in (*IGNORED, "?a=b", *REFUSED)])
    kept = len(IGNORED) + 1
    assert [answer.status for answer in answers] == [302] * kept + [404] * len(REFUSED)
    assert sum(event.repeated for event in served.events()) == kept


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", HOST.encode())], 302),
        ([(b"Host", HOST.upper().encode() + b":8080")], 302),
        ([(b"host", b"click.other.com")], 404),
        ([(b"host", b"")], 404),
        ([(b"host", b"\xff\x00, " + HOST.encode())], 404),
        ([], 404),
        ([(b"x-forwarded-host", HOST.encode())], 404),
        ([(b"host", HOST.encode()), (b"host", HOST.encode())], 400),
        ([(b"host", b"click.other.com"), (b"Host", HOST.encode())], 400),
        ([(b"host", HOST.encode()), (b"x", b"\xff" * 60_000)], 302),
        ([(b"host", HOST.encode()), (b"user-agent", b"\x1b[31m\xe9\x85" * 300)], 302),
    ],
)
def test_hosts(served: Served, headers: list[tuple[bytes, bytes]], status: int) -> None:
    """A link works on its own host only, and a request with two is refused."""
    answer = served.ask(click_path(), headers=headers)
    assert (answer.status, "location" in answer.headers) == (status, status == 302)
    assert len(served.events()) == (status == 302)


@pytest.mark.parametrize("host", [HOST, "click.other.com"])
def test_absolute_targets(served: Served, host: str) -> None:
    """Where a server passes on a whole URL as the path, nothing is found: the host is that of the header."""
    for scheme in ("http", "https", "HTTP"):
        answer = served.ask(f"{scheme}://{HOST}{click_path()}", headers=[(b"host", host.encode())])
        assert (answer.status, "location" in answer.headers) == (404, False)
    assert served.events() == []


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("", "CONNECT", 404),
        ("*", "OPTIONS", 404),
        ("/healthz", "GET", 200),
        ("/f/", "GET", 404),
        ("/f/a/2", "GET", 404),
        ("//f/a/2", "GET", 404),
        ("/q/x", "GET", 200),
        ("/u/x", "GET", 404),
        ("/%", "GET", 404),
        (b"/f/\xff\x00\n", "GET", 404),
        (b"/" + b"a" * 60_000, "GET", 404),
        ("/.well-known/linkwrap/" + "0" * 32, "GET", 200),
        ("/.well-known/linkwrap/../f/a", "GET", 404),
        ("/docs", "GET", 404),
        ("/f/a/2", "POST", 405),
        ("/u/x", "PUT", 405),
    ],
)
def test_other_requests(served: Served, path: str | bytes, method: str, status: int) -> None:
    """Nothing else is answered with more than a line, and nothing is stored."""
    assert served.ask(path, method).status == status
    assert served.events() == []


def test_a_path_that_a_server_has_decoded(served: Served) -> None:
    """`raw_path` is optional in ASGI: without it, the path is encoded again."""
    scope = scope_of("")
    del scope["raw_path"]
    known, twice, odd = served.run(
        (scope | {"path": click_path()}, None),
        (scope | {"path": click_path().replace("/f/", "/%66/")}, None),
        (scope | {"path": "/f/\ud800\u2028"}, None),
    )
    assert (known.status, twice.status, odd.status) == (302, 404, 404)


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        (body(ONE_CLICK), 200),
        (body(*(ONE_CLICK[at : at + 1] for at in range(len(ONE_CLICK)))), 200),
        (body(b"", ONE_CLICK, b"", b""), 200),
        (body(ONE_CLICK.ljust(MAX_BODY, b"&")), 200),
        (body(ONE_CLICK.ljust(MAX_BODY + 1, b"&")), 400),
        (body(ONE_CLICK + b"&", *[b"a" * 1000] * 1000), 400),
        (body(b"a" * 10_000_000), 400),
        (body(b""), 400),
        (body(b"hello"), 400),
        ([{"type": "http.request", "body": ONE_CLICK, "more_body": True}], 400),
        ([{"type": "http.request"}], 400),
        ([{"type": "http.disconnect"}], 400),
    ],
)
def test_bodies(served: Served, messages: list[Message], status: int) -> None:
    """Of a body, one byte more than the limit is read; a client that goes away has not unsubscribed anybody."""
    taken = 0

    async def client() -> Answer:
        async with running(served.app()) as app:
            return await call(counted(app), scope_of(unsubscribe_path(), "POST"), messages)

    def counted(app: Any) -> Any:
        async def with_count(scope: Message, receive: Any, send: Any) -> None:
            async def counting() -> Message:
                nonlocal taken
                message: Message = await receive()
                taken += len(message.get("body", b""))
                return message

            await app(scope, counting, send)

        return with_count

    assert asyncio.run(client()).status == status
    assert [event.type for event in served.events()] == ["list_unsubscribe"] * (status == 200)
    longest = max(len(message.get("body", b"")) for message in messages)
    assert taken <= MAX_BODY + longest


def test_a_body_that_never_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends no more is answered after a while."""
    monkeypatch.setattr(module, "_BODY_SECONDS", 0.05)

    async def client() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(3600)
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        async with running(served.app()) as app:
            await app(scope_of(unsubscribe_path(), "POST"), receive, send)
        return sent

    assert asyncio.run(client())[0]["status"] == 408
    assert served.events() == []


def test_a_client_that_is_gone(served: Served) -> None:
    """Its event is stored, since the request came; what the server raises is the server's matter."""

    async def client() -> None:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            raise OSError

        async with running(served.app()) as app:
            with pytest.raises(OSError):  # noqa: PT011
                await app(scope_of(click_path(5)), receive, send)

    asyncio.run(client())
    assert numbers(served.store) == Counter({5: 1})


def test_many_clients_at_once(served: Served) -> None:
    """Each event is stored once, and each client gets its own answer."""

    async def clients() -> list[Answer]:
        async with running(served.app()) as app:
            paths = [click_path(number) if number % 3 else "/f/a/forged" for number in range(300)]
            return await asyncio.gather(*[call(app, scope_of(path)) for path in paths])

    answers = asyncio.run(clients())
    assert [answer.status for answer in answers] == [302 if number % 3 else 404 for number in range(300)]
    import_fallback(served.store, served.fallback)
    assert numbers(served.store) == Counter(number for number in range(300) if number % 3)


@pytest.fixture
def locked(served: Served) -> Iterator[None]:
    """Another program that holds the store."""
    Store(served.store, create=True).close()
    with contextlib.closing(sqlite3.connect(served.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.usefixtures("locked")
def test_a_store_that_is_locked(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """The reader is redirected, the event is in the fallback, and no line of the log holds anything of it."""
    answer = served.ask(click_path(9))
    assert (answer.status, answer.headers["location"]) == (302, SHOP)
    assert b'"not-stored"' in served.fallback.read_bytes()
    assert "is in use by another program" in caplog.text
    assert not [word for word in ("shop.test", "203.0.113", click_path()[-22:]) if word in caplog.text]


def test_a_store_that_cannot_be(served: Served) -> None:
    """The server starts, readers are redirected, and an import completes a store that is named later."""
    [answer] = served.run((scope_of(click_path(4)), None), store=served.store.parent / "nowhere" / "events.db")
    assert answer.status == 302
    import_fallback(served.store, served.fallback)
    assert numbers(served.store) == Counter({4: 1})


def test_a_fallback_that_cannot_be(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error takes its place: redirects do not end because of it."""
    nowhere = served.store.parent / "nowhere"
    [answer] = served.run((scope_of(click_path(4)), None), store=nowhere / "events.db", fallback=nowhere / "lines")
    assert answer.status == 302
    assert '{"linkwrap": "not-stored", "event": ' in capfd.readouterr().err


def test_a_fault_of_ours_while_storing(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The reader gets what was decided, and the log the type of the fault without its words."""

    def fail(*arguments: object) -> None:
        raise RuntimeError("r-42 and her token")

    monkeypatch.setattr(Writer, "submit", fail)
    answer = served.ask(click_path())
    assert (answer.status, answer.headers["location"]) == (302, SHOP)
    assert "storing it failed with RuntimeError" in caplog.text
    assert "r-42" not in caplog.text


@pytest.mark.parametrize("broken", ["method", "headers"])
def test_a_scope_that_is_none(served: Served, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    """A server that leaves out what ASGI asks for gets an answer too, which is not a 500."""
    scope = scope_of(click_path())
    del scope[broken]

    async def client() -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async with running(served.app()) as app:
            await app(scope, None, send)
        return int(sent[0]["status"])

    assert asyncio.run(client()) == 400
    assert "refused after KeyError" in caplog.text


def mounted_at_the_top(app: Any) -> Starlette:
    """An application of the operator's, with a page of its own."""
    page = Route("/own", lambda request: PlainTextResponse("own"))
    return Starlette(routes=[page, Mount("/", app)], lifespan=app.lifespan)


def mounted_by_host(app: Any) -> Starlette:
    """An application of the operator's on other hosts."""
    other = Mount("/", lambda: None)
    return Starlette(routes=[Host(HOST, app), other], lifespan=app.lifespan)


@pytest.mark.parametrize("mount", [mounted_at_the_top, mounted_by_host])
def test_mounted(served: Served, mount: Callable[[Any], Starlette]) -> None:
    """In an application of the operator's, whose lifespan is the server's, it does the same."""

    async def clients() -> list[Answer]:
        async with running(mount(served.app())) as app:
            wish = scope_of(unsubscribe_path(2), "POST")
            return [await call(app, scope_of(click_path(1))), await call(app, wish, body(ONE_CLICK))]

    click, wish = asyncio.run(clients())
    assert (click.status, click.headers["location"], wish.status) == (302, SHOP, 200)
    assert [event.rcpt_meta["n"] for event in served.events()] == [1, 2]


def test_without_a_lifespan(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """A server that runs none still has its events stored, and is told that this is not as it should be."""

    async def client() -> list[Answer]:
        app = served.app()
        return [await call(app, scope_of(click_path(number))) for number in range(3)]

    with caplog.at_level(logging.WARNING, "linkwrap"):
        assert [answer.status for answer in asyncio.run(client())] == [302] * 3
    assert numbers(served.store) == Counter([0, 1, 2])
    assert caplog.text.count("the lifespan of the redirect server does not run") == 1


def test_websockets_are_closed(served: Served) -> None:
    """They are no request of a reader."""
    sent: list[Message] = []

    async def client() -> None:
        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        async with running(served.app()) as app:
            await app(scope_of(click_path()) | {"type": "websocket", "subprotocols": []}, receive, send)

    asyncio.run(client())
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_keys_in_place_of_a_resolver(served: Served) -> None:
    """Keys are enough."""
    app = create_app(SigningKeys("another key: long enough"), store=served.store, fallback=served.fallback)
    other = LinkWrapper(SigningKeys("another key: long enough"), tracking_domain=HOST)
    path = other.wrap_url(SHOP).removeprefix(f"https://{HOST}")

    async def client() -> Answer:
        async with running(app) as opened:
            return await call(opened, scope_of(path))

    assert asyncio.run(client()).headers["location"] == SHOP


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"keys": KEY}, TypeError, "keys must be SigningKeys or Resolver"),
        ({"store": None}, TypeError, "store must be a path"),
        ({"fallback": 2}, TypeError, "fallback must be a path or None"),
        ({"durability": "disk"}, OptionError, "durability must be one of process, power"),
        ({"ip": "all", "durability": "disk"}, OptionError, "ip must be one of full, cut, none"),
    ],
)
def test_bad_arguments(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    """All faults of a call are in one message, without the key."""
    arguments: dict[str, Any] = {"keys": RESOLVER, "store": "events.db"} | changes
    with pytest.raises(error, match=words) as caught:
        create_app(**arguments)
    assert KEY not in str(caught.value)

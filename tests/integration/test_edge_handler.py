"""The redirect handler in JavaScript, examples/edge, responds and reports as `linkwrap.endpoint.respond` does."""

import base64
import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from helpers.addresses import CUT, NO_ADDRESSES
from helpers.edge import Node, Row, host_key, run_node, sign
from helpers.paths import EXAMPLES
from helpers.processes import free_port, program, start, wait
from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.endpoint import MAX_BODY, respond
from linkwrap.events import Event

SECRET = "the key of the tests at the edge"
HOST = "click.acme.com"
ORIGIN = f"https://{HOST}"
KEYS = SigningKeys(SECRET)
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
METADATA = {"rcpt": "r-42", "text": "é\u2028😀", "list": [1.5, None, True, {"a": {}}], "__proto__": {"x": 1}}
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
FORM_DATA = {"Content-Type": "multipart/form-data; boundary=b"}
AGENTS = """
    BarracudaCentral HeadlessChrome Googlebot bingbot BingPreview facebookexternalhit LinkedInBot Slackbot Twitterbot
    TelegramBot Discordbot SkypeUriPreview googlebot GoogleImageProxy YahooMailProxy Chrome
"""
NONCE = "0123456789abcdefABCDEF0123456789"


def path_of(url: str) -> str:
    """The path of one of the wrapper's URLs."""
    return url.removeprefix(ORIGIN)


LINK = path_of(WRAPPER.wrap_url("https://shop.example/sale?a=1#b", METADATA, link_name="Säle"))
MARKED = path_of(WRAPPER.wrap_url("https://shop.example/bye", METADATA, unsubscribe=True))
PIXEL = path_of(WRAPPER.wrap("<body>", METADATA).split('src="')[1].split('"')[0])
ONE_CLICK_PATH = path_of(WRAPPER.unsubscribe_url(METADATA))


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    host: str = HOST
    address: str = "192.0.2.7"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """What the JavaScript says to rows."""
    return partial(run_node, tmp_path)


def row_of(asked: Asked, **env: object) -> Row:
    """A request as edge.mjs takes it."""
    body = {"body": base64.b64encode(asked.body).decode()} if asked.method == "POST" else {}
    address = {"X-Client-Address": asked.address}
    settings = {"LINKWRAP_KEYS": SECRET, "ADDRESS_HEADER": "X-Client-Address", **env}
    url = f"https://{asked.host}{asked.path}"
    return {"method": asked.method, "url": url, "headers": {**asked.headers, **address}, "env": settings, **body}


def of_python(asked: Asked) -> Row:
    """The package's response and event."""
    response = respond(
        Resolver(KEYS),
        method=asked.method,
        raw_path=asked.path,
        host=asked.host,
        headers=asked.headers,
        ip_address=asked.address,
        body=asked.body,
    )
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {
        "status": response.status,
        "headers": headers,
        "body": response.body,
        "events": [] if response.event is None else [response.event.as_dict()],
    }


def comparable(answer: Row) -> Row:
    """Without what is another one each time, or made by the platform; the events as `Event` reads them."""
    headers = {name: value for name, value in answer["headers"].items() if name != "content-length"}
    own = ("event_id", "timestamp")
    read = [Event.from_dict(event).as_dict() for event in answer["events"]]
    events = [{name: value for name, value in event.items() if name not in own} for event in read]
    return {**answer, "headers": headers, "events": events}


def of_javascript(answer: Row) -> Row:
    """The handler's response and event."""
    body = base64.b64decode(answer["body"])
    return {
        "status": answer["status"],
        "headers": answer["headers"],
        "body": body,
        "events": answer["recorded"],
    }


def assert_alike(node: Node, requests: Iterable[Asked]) -> list[Row]:
    """Both servers respond and report alike; the package's answers."""
    requests = list(requests)
    answers = [of_javascript(answer) for answer in node("handle", map(row_of, requests))]
    expected = [of_python(asked) for asked in requests]
    for asked, one, other in zip(requests, expected, answers, strict=True):
        assert comparable(other) == comparable(one), asked
    for one, other in zip(expected, answers, strict=True):
        for event, theirs in zip(one["events"], other["events"], strict=True):
            assert list(event) == list(theirs)
            assert len(theirs["event_id"]) == len(event["event_id"])
            assert abs(theirs["timestamp"] - event["timestamp"]) < 600
    return expected


def test_addresses_are_cut(node: Node) -> None:
    """Each form of an address is cut alike, and what is no address is null."""
    # Others cannot be in a header.
    addresses = [address for address, _ in CUT] + [text for text in NO_ADDRESSES if text.strip(" ") == text]
    sent = [address for address in addresses if address.isascii() and address.isprintable() and len(address) < 10_000]
    assert len(sent) > 60
    expected = assert_alike(node, [Asked("GET", LINK, address=address) for address in sent])
    assert {answer["events"][0]["ip_address"] for answer in expected} >= {None, "192.0.2.0", "2001:db8:1::"}


def test_anonymous_messages(node: Node) -> None:
    """Their events hold no address, no user agent, and no query or fragment; those of unsubscribe URLs do."""
    wrapper = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST, anonymous=True)
    metadata = {"rcpt": "r-42", "campaign_id": "autumn"}
    urls = [wrapper.wrap_url(f"https://shop.example/sale{rest}", metadata) for rest in ("", "?a#b", "#b?a", "?a=1")]
    urls += wrapper.urls(wrapper.compile('<a data-msys-unsubscribe=1 href="https://shop.example/bye?a#b">'), metadata)
    agents = ({}, {"User-Agent": "Mozilla/5.0"}, {"User-Agent": "Slackbot"})
    expected = assert_alike(node, [Asked("GET", path_of(url), agent) for url in urls for agent in agents])
    events = [answer["events"][0] for answer in expected]
    assert [event["anonymous"] for event in events] == [True] * 12 + [False] * 3 + [True] * 6
    assert_alike(node, [Asked("POST", path_of(wrapper.unsubscribe_url(metadata)), body=ONE_CLICK)])


def test_links(node: Node) -> None:
    """A link redirects with the same headers and event; a forged, cut, moved or endless one is not found."""
    expected = assert_alike(
        node,
        [
            *(Asked("GET", path) for path in (LINK, MARKED, f"{LINK}?x=1", f"{LINK})", f"{LINK}%2561", f"{LINK}/")),
            *(Asked("GET", path) for path in (f"/%66/{LINK[3:]}", f"{LINK}{'%29' * 512}")),
            *(Asked("GET", path) for path in (LINK[:-1], f"{LINK}x", f"{LINK}/x.css", f"{LINK};x", "/f/", "/f/a/2")),
            *(Asked("GET", path) for path in (f"/f/b/{LINK[5:]}", f"/f/{'x' * 40_000}", f"{LINK}?{'x' * 40_000}")),
            *(Asked("GET", path) for path in (f"/f/a/{PIXEL[3:]}", f"/u/{PIXEL[3:]}")),
            *(Asked(method, path) for method in ("HEAD", "POST", "PUT", "OPTIONS") for path in (LINK, MARKED, "/f/x")),
            *(Asked("GET", LINK, host=host) for host in ("click.other.com", f"{HOST}:8443", "localhost")),
        ],
    )
    assert {answer["status"] for answer in expected} == {302, 404, 405}
    assert {event["type"] for answer in expected for event in answer["events"]} == {"click", "link_unsubscribe"}


def test_pixels(node: Node) -> None:
    """A pixel is always shown; only a token that verifies is an open."""
    expected = assert_alike(
        node,
        [
            *(Asked("GET", path) for path in (PIXEL, f"{PIXEL})", PIXEL[:-1], "/q/", "/q/x", f"/q/{'x' * 40_000}")),
            *(Asked(method, PIXEL) for method in ("HEAD", "POST", "DELETE")),
            Asked("GET", PIXEL, host="click.other.com"),
        ],
    )
    assert [len(answer["events"]) for answer in expected[:3]] == [1, 1, 0]


def test_one_click_unsubscribe(node: Node) -> None:
    """Only a POST of the form of RFC 8058 unsubscribes, urlencoded or multipart, up to the bound of the body."""
    full = ONE_CLICK + b"&x=" + b"x" * (MAX_BODY - len(ONE_CLICK) - 3)
    bodies: list[tuple[bytes, dict[str, str]]] = [
        *((body, {}) for body in (ONE_CLICK, ONE_CLICK.lower(), b"x=1&" + ONE_CLICK, full, full + b"x")),
        *(
            (body, {})
            for body in (b"", b"x", b"List-Unsubscribe", b" " + ONE_CLICK, ONE_CLICK + b"\r\n", b"\xff\0=&=&")
        ),
        *(
            (body, {})
            for body in (b"List%2DUnsubscribe=One%2DClick", b"List-Unsubscribe=No&" + ONE_CLICK, b"\xff\0=&=&")
        ),
        *((MULTIPART, FORM_DATA | {"User-Agent": agent}) for agent in ("Googlebot", "Mozilla/5.0")),
        (MULTIPART.replace(b"One-Click", b"No"), FORM_DATA),
        (MULTIPART.replace(b"Unsubscribe", b"Subscribe"), FORM_DATA),
        (ONE_CLICK, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}),
        (ONE_CLICK, {"Content-Type": "text/plain"}),
        (MULTIPART[:40], FORM_DATA),
    ]
    expected = assert_alike(
        node,
        [
            *(Asked("POST", ONE_CLICK_PATH, headers, body) for body, headers in bodies),
            *(Asked(method, ONE_CLICK_PATH) for method in ("GET", "HEAD", "PUT", "DELETE")),
            *(Asked(method, ONE_CLICK_PATH[:-1], {}, ONE_CLICK) for method in ("GET", "POST")),
            Asked("POST", ONE_CLICK_PATH, {}, ONE_CLICK, "click.other.com"),
        ],
    )
    assert {answer["status"] for answer in expected} == {200, 400, 404, 405}
    assert len(expected[0]["events"]) == 1


def test_other_paths(node: Node) -> None:
    """Challenges and the health check are answered, other paths are not found."""
    challenge = f"/.well-known/linkwrap/{NONCE}"
    paths = ["/", "/f", "/healthz", "/healthz?x", "/healthz/", "/%68ealthz", "/F/x", challenge, f"{challenge}?x"]
    paths += [f"{challenge}0", challenge[:-1], "/.well-known/linkwrap/", "/" + "%41" * 10_000]
    assert_alike(
        node,
        [
            *(Asked(method, path) for path in paths for method in ("GET", "HEAD", "POST")),
            *(Asked("GET", challenge, host=host) for host in ("192.0.2.1", "localhost:8080", "click.other.com")),
        ],
    )


def test_machines(node: Node) -> None:
    """`machine` is set for the same prefetches and user agents, and the user agent is cut and cleaned alike."""
    headers = [
        {"Sec-Purpose": "prefetch;prerender"},
        *({name: "PREVIEW"} for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")),
        *({name: "none"} for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")),
        {"X-Moz": "prefetch"},
        *({"User-Agent": f"Mozilla/5.0 (compatible; {agent}/1.0)"} for agent in AGENTS.split()),
        {"User-Agent": "a" * 600},
        {"User-Agent": "\xa0a\xade\x80\xff " * 100},
        {"User-Agent": ""},
    ]
    assert_alike(node, [Asked("GET", path, header) for header in headers for path in (LINK, MARKED, PIXEL)])


def test_posted_events(node: Node) -> None:
    """With EVENTS_URL, the event is posted as JSON through waitUntil, with each digit of the metadata's integers."""
    metadata = {"rcpt": 2**60 + 1, "list": ["2}", 1]}
    asked = Asked("GET", path_of(WRAPPER.wrap_url("https://shop.example/", metadata)))
    rows = [row_of(asked, EVENTS_URL="https://events.example/new", failing=failing) for failing in (False, True)]
    for answer in node("handle", rows):
        assert (answer["status"], answer["waited"], answer["recorded"]) == (302, 1, [])
        (posted,) = answer["posted"]
        assert (posted["address"], posted["verb"], posted["type"]) == (
            "https://events.example/new",
            "POST",
            "application/json",
        )
        event = json.loads(posted["text"])
        (expected,) = of_python(asked)["events"]
        assert (sorted(event), event["rcpt_meta"], event["type"]) == (sorted(expected), metadata, "click")


@pytest.mark.parametrize(
    "destination",
    [
        "https://shop.example/reset/aB3dE6gH9jK2mN5pQ8",
        "https://shop.example/login?token=aB3dE6gH9jK2mN5pQ8&x=1#y",
        "https://shop.example/a/aB3dE6gH9jK2mN5pQ8/verify?x",
        "https://shop.example/confirm#aB3dE6gH9jK2mN5pQ8",
    ],
)
def test_secrets_of_one_time_links(node: Node, destination: str) -> None:
    """The secret that the package keeps out of an event is not in the handler's either; the link leads to it."""
    expected = assert_alike(node, [Asked("GET", path_of(WRAPPER.wrap_url(destination)))])
    assert expected[0]["headers"]["location"] == destination
    assert "aB3dE6gH9jK2mN5pQ8" not in json.dumps(expected[0]["events"])


def test_users_of_destinations(node: Node) -> None:
    """The user and the password of a destination are in no event, anonymous or not; the link leads there with them."""
    wrapper = LinkWrapper(KEYS, tracking_domain=HOST)
    destinations = ["https://ada:pw@shop.example/a?b#c", "https://a%40b.test@shop.example:8443/@x", "http://u:@a.test/"]
    urls = [wrapper.wrap_url(url, anonymous=anonymous) for url in destinations for anonymous in (False, True)]
    expected = assert_alike(node, [Asked("GET", path_of(url)) for url in urls])
    assert [answer["headers"]["location"] for answer in expected[::2]] == [*destinations[:2], "http://u@a.test/"]
    assert [answer["events"][0]["target_link_url"] for answer in expected[::2]] == [
        "https://shop.example/a?b#c",
        "https://shop.example:8443/@x",
        "http://a.test/",
    ]


def test_old_links(node: Node) -> None:
    """A link that is older than a year redirects, with `expired` in its event."""
    old = sign(host_key(SECRET.encode(), HOST), "/f/a/2uMshopBexampleA.AAAAAAacmeDFJ")
    (answer,) = assert_alike(node, [Asked("GET", old)])
    assert (answer["status"], answer["events"][0]["expired"]) == (302, True)


class Server(NamedTuple):
    """serve.mjs, running."""

    port: int
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, host: str = HOST) -> tuple[int, Any]:
        """Status and destination of a response."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.getheader("Location")

    def events(self) -> list[Row]:
        """What it printed."""
        return [json.loads(line) for line in self.log.read_text("utf-8").split("\n") if line.startswith("{")]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The handler under Node.js, as examples/edge/README.md starts it."""
    monkeypatch.setenv("LINKWRAP_KEYS", SECRET)
    served = Server(free_port("127.0.0.1", "::1"), tmp_path / "log")
    with ExitStack() as cleanup:
        command = (program("node", "nodejs"), EXAMPLES / "edge" / "serve.mjs", str(served.port))
        start(cleanup, served.log, *command)
        wait(lambda: b"listening" in served.log.read_bytes(), "serve.mjs does not listen", served.log)
        yield served


def test_served_by_node(server: Server) -> None:
    """serve.mjs takes the path as it was sent, and prints the events."""
    assert server.ask("GET", LINK) == (302, "https://shop.example/sale?a=1#b")
    assert server.ask("GET", f"{LINK}\\x") == (302, "https://shop.example/sale?a=1#b")  # a URL parser makes it LINK/x
    assert server.ask("GET", f"/x/..{LINK}") == (404, None)
    assert server.ask("GET", LINK, host="click.other.com") == (404, None)
    assert server.ask("GET", LINK, host=f"{HOST}/f") == (400, None)
    assert server.ask("POST", ONE_CLICK_PATH, ONE_CLICK) == (200, None)
    assert server.ask("POST", ONE_CLICK_PATH, ONE_CLICK + b"&" * MAX_BODY) == (400, None)
    assert server.ask("HEAD", PIXEL) == (200, None)
    assert server.ask("TRACE", LINK) == (400, None)
    wait(lambda: len(server.events()) == 4, "events are missing", server.log)
    assert [event["type"] for event in server.events()] == ["click", "click", "list_unsubscribe", "open"]
    assert {event["ip_address"] for event in server.events()} <= {"127.0.0.0", "::"}
    assert server.events()[0]["rcpt_meta"] == METADATA

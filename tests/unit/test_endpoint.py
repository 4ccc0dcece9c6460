"""What the redirect endpoint answers to each request, and what it records."""

import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import tokens
from helpers.frames import leaks
from helpers.rests import IGNORED, REFUSED
from linkwrap._token import wire
from linkwrap.endpoint import PIXEL, Ip, Response, respond
from linkwrap.events import Event
from linkwrap.keys import SigningKeys
from linkwrap.resolver import Resolver
from linkwrap.wrapper import LinkWrapper

KEYS = SigningKeys("k" * 32)
RESOLVER = Resolver(KEYS)
HOST = "click.acme.com"
ORIGIN = f"https://{HOST}"
SHOP = "https://shop.example/a?b=1&c=2#d"
NONCE = "0123456789abcdef0123456789abcdef"
MACHINES: list[tuple[str, dict[str, str]]] = [
    ("HEAD", {}),
    ("GET", {"Purpose": "prefetch"}),
    ("GET", {"Sec-Purpose": "prefetch"}),
    ("GET", {"sec-purpose": "prefetch;prerender"}),
    ("GET", {"SEC-PURPOSE": "Prefetch;anonymous-client-ip"}),
    ("GET", {"X-Moz": "prefetch"}),
    ("GET", {"X-Purpose": "preview"}),
]


def click_path(
    url: str = SHOP, *, keys: SigningKeys = KEYS, name: str | None = None, unsubscribe: bool = False, age: int = 0
) -> str:
    """The path of a redirect URL that leads to `url`, sent `age` seconds ago."""
    context = wire.encode_context("acme", int(time.time()) - age, {"rcpt": "r-42"})
    links = [(wire.encode_link(url, name, unsubscribe), "a")]
    return tokens.click_urls(keys, ORIGIN, HOST, context, links)[0].removeprefix(ORIGIN)


def unsubscribe_path() -> str:
    """The path of a message's one-click unsubscribe URL."""
    return wire.unsubscribe_url(KEYS, "", HOST, wire.encode_context("acme", int(time.time()), {"rcpt": "r-42"}))


def open_path(*, initial: bool = False) -> str:
    """The path of an open pixel's URL."""
    context = wire.encode_context("acme", int(time.time()), {"rcpt": "r-42"})
    return tokens.open_url(KEYS, ORIGIN, HOST, context, initial=initial).removeprefix(ORIGIN)


CLICK = click_path()
OPEN = open_path()


def request(
    path: str | bytes,
    *,
    method: str = "GET",
    host: str = HOST,
    headers: Mapping[str, str] | None = None,
    ip_address: str | None = None,
    ip: Ip = "cut",
    resolver: Resolver = RESOLVER,
) -> Response:
    """What the endpoint answers."""
    given: dict[str, Any] = {"headers": headers or {}, "ip_address": ip_address, "ip": ip}
    return respond(resolver, method=method, raw_path=path, host=host, **given)


def event_of(response: Response) -> dict[str, object]:
    """The event of a response that must have one, as it is in JSON."""
    assert response.event is not None
    return response.event.as_dict()


def test_click_redirects_and_is_recorded() -> None:
    """A reader who clicks arrives, unseen by caches, search engines and the destination's referrer log."""
    before = int(time.time())
    response = request(click_path(name="Shop"), headers={"User-Agent": "Mozilla/5.0"}, ip_address="203.0.113.9")
    assert response.status == 302
    assert response.headers["Location"] == SHOP
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert len(response.body) < 20
    event = event_of(response)
    event_id = str(event.pop("event_id"))
    assert (str(uuid.UUID(event_id)), uuid.UUID(event_id).version) == (event_id, 7)
    assert uuid.UUID(event_id).variant == uuid.RFC_4122
    assert before <= int(str(event.pop("timestamp"))) <= time.time()
    assert abs(int(str(event.pop("sent_at"))) - before) < 60
    assert event == {
        "type": "click",
        "account_id": "acme",
        "tracking_domain": HOST,
        "target_link_url": SHOP,
        "target_link_name": "Shop",
        "target_link_part": "html",
        "target_link_index": 0,
        "rcpt_meta": {"rcpt": "r-42"},
        "expired": False,
        "anonymous": False,
        "schema": 1,
        "visitor": "unknown",
        "visitor_reasons": [],
        "machine": False,
        "ip_address": "203.0.113.0",
        "user_agent": "Mozilla/5.0",
        "repeated": 1,
    }


@pytest.mark.parametrize(("initial", "kind"), [(False, "open"), (True, "initial_open")])
def test_open_serves_the_pixel_and_is_recorded(initial: bool, kind: str) -> None:
    """Loading a pixel is an event of its own type, with the same keys as a click's."""
    response = request(open_path(initial=initial))
    assert (response.status, response.body, response.headers["Content-Type"]) == (200, PIXEL, "image/gif")
    event = event_of(response)
    assert event["type"] == kind
    assert event["target_link_url"] is None
    assert event["target_link_name"] is None
    assert (event["target_link_part"], event["target_link_index"]) == ("html", None)
    assert event["rcpt_meta"] == {"rcpt": "r-42"}
    assert event.keys() == event_of(request(CLICK)).keys()


def test_pixel_is_never_cached() -> None:
    """Gmail's image proxy, browsers and older proxies each find the directive that they obey."""
    headers = request(OPEN).headers
    directives = set(headers["Cache-Control"].split(", "))
    assert {"no-cache", "max-age=0", "no-store", "private"} <= directives
    assert headers["Pragma"] == "no-cache"
    assert "1970" in headers["Expires"]


def test_pixel_is_a_transparent_gif_of_one_pixel() -> None:
    """The image is what it says: GIF89a, one by one, its only colour transparent."""
    assert PIXEL[:6] == b"GIF89a"
    assert PIXEL[6:10] == b"\x01\x00\x01\x00"
    control = PIXEL.index(b"!\xf9\x04")
    assert PIXEL[control + 3] & 1
    assert PIXEL[-1:] == b";"
    assert len(PIXEL) == 43


@pytest.mark.parametrize("path", ["/q/", "/q/2x.y.z", "/q/../f/a", "/q/" + "x" * 100_000, "/q/é", OPEN + "x"])
def test_pixel_of_a_broken_url_is_served_without_an_event(path: str) -> None:
    """A reader never sees a broken image, and strangers never make an event."""
    response = request(path)
    assert (response.status, response.body, response.event) == (200, PIXEL, None)


@pytest.mark.parametrize("host", ["click.other.com", "", "192.0.2.1", "a b", "click.acme.com, evil.example"])
def test_pixel_on_another_host_is_served_without_an_event(host: str) -> None:
    """A pixel counts only on the host it was made for."""
    response = request(OPEN, host=host)
    assert (response.status, response.body, response.event) == (200, PIXEL, None)


@pytest.mark.parametrize(
    "path",
    [
        click_path(keys=SigningKeys("another key, long enough")),
        CLICK[:-1],
        CLICK + "x",
        CLICK + "/x",
        CLICK + ";x",
        CLICK.replace("/f/a/", "/f/b/"),
        CLICK.replace("/f/a/2", "/f/a/%2532"),
        CLICK.replace("/f/a/", "//f/a/"),
        CLICK.replace("/f/a/", "/f/./a/"),
        OPEN.replace("/q/", "/f/a/"),
        click_path("javascript:alert(1)"),
        click_path("https://shop.example/\r\nSet-Cookie: a=b"),
        "/f/",
        "/f/a/",
        "/f/a/https://evil.example/",
        "/f/a/\r\nSet-Cookie: a=b",
        "/f/a/" + "x" * 1_000_000,
        "/f/a/é\ud800",
        b"/f/a/\xff\x00",
        ORIGIN + CLICK,
        "/",
        "",
        "*",
        "/favicon.ico",
        "/f",
        "/healthz/",
        "/healthz%3Fx",
        "/%2566/a/" + CLICK.removeprefix("/f/a/"),
        "/q",
    ],
    ids=lambda path: repr(path[:7]),
)
def test_everything_else_is_a_small_plain_404(path: str | bytes) -> None:
    """Whatever is not a working link leads nowhere and echoes nothing."""
    response = request(path)
    assert response.status == 404
    assert "Location" not in response.headers
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.headers["Cache-Control"] == "no-store"
    assert len(response.body) < 100
    assert response.event is None


@pytest.mark.parametrize("host", ["Click.Acme.COM", "click.acme.com:8443", "click.acme.com."])
def test_host_header_is_read_as_a_host_name(host: str) -> None:
    """Case, port and trailing dot do not move a link to another host."""
    response = request(CLICK, host=host)
    assert response.status == 302
    assert event_of(response)["tracking_domain"] == HOST


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "evil.example",
        "user@click.acme.com",
        "click.acme.com/",
        "click.acme.com:x",
        "click.acme.com:80:80",
        "click.acme.com\n",
        "click.acme.com, evil.example",
        "*.acme.com",
        "[::1]",
        "\ud800",
        "é" * 1000,
        "x" * 1_000_000,
    ],
    ids=lambda host: repr(host[:28]),
)
def test_link_on_another_or_a_garbage_host_is_not_found(host: str) -> None:
    """Links and proofs are for the host they were asked on, and a host that is none has neither."""
    assert request(CLICK, host=host).status == 404
    if host != "evil.example":
        assert request(f"/.well-known/linkwrap/{NONCE}", host=host).status == 404


@pytest.mark.parametrize("suffix", ["?", "?utm_source=x", "?u=https://evil.example/", "?a?b", "?" + "x" * 10_000])
def test_query_is_ignored(suffix: str) -> None:
    """What mail systems append to a link changes nothing."""
    assert request(CLICK + suffix).headers["Location"] == SHOP
    assert request((CLICK + suffix).encode()).headers["Location"] == SHOP
    assert event_of(request(OPEN + suffix))["type"] == "open"


def without_time(event: Event | None) -> dict[str, object]:
    """An event without what differs between two requests of one URL."""
    assert event is not None
    return {key: value for key, value in event.as_dict().items() if key not in ("event_id", "timestamp")}


@pytest.mark.parametrize("kind", [str, lambda path: path.encode()], ids=["str", "bytes"])
def test_rest_behind_the_signature_shows_nowhere(kind: Any) -> None:
    """What clients and people put behind a link changes no byte of the response and nothing of the event."""
    for path in (CLICK, OPEN):
        clean = request(path)
        for rest in IGNORED:
            response = request(kind(path + rest))
            assert replace(response, event=None) == replace(clean, event=None), rest
            assert without_time(response.event) == without_time(clean.event), rest
            assert response.headers["Cache-Control"].find("no-store") >= 0


def test_rest_behind_an_unsubscribe_url_shows_nowhere() -> None:
    """The page and the POST are the same with a rest behind the URL."""
    path = unsubscribe_path()
    arguments: dict[str, Any] = {"host": HOST, "headers": {}, "body": b"List-Unsubscribe=One-Click"}
    page = respond(RESOLVER, method="GET", raw_path=path, **arguments)
    clean = respond(RESOLVER, method="POST", raw_path=path, **arguments)
    assert (page.status, clean.status, page.event) == (200, 200, None)
    for rest in IGNORED:
        assert respond(RESOLVER, method="GET", raw_path=path + rest, **arguments) == page, rest
        response = respond(RESOLVER, method="POST", raw_path=path + rest, **arguments)
        assert replace(response, event=None) == replace(clean, event=None), rest
        assert without_time(response.event) == without_time(clean.event), rest
    for rest in REFUSED:
        response = respond(RESOLVER, method="POST", raw_path=path + rest, **arguments)
        assert (response.status, response.event) == (404, None), rest


def test_rest_that_names_another_path_leads_nowhere() -> None:
    """A cache takes `TOKEN/x.css` and `TOKEN;x` for another file, and a letter makes another token: not found."""
    for rest in REFUSED:
        response = request(CLICK + rest)
        assert (response.status, response.event) == (404, None), rest
        pixel = request(OPEN + rest)
        assert (pixel.body, pixel.event) == (PIXEL, None), rest


@pytest.mark.parametrize("rest", ["?x", ")?x=1", "%3Fx?y", "&source=gmail?z", "/?x"])
def test_rest_and_query_go_together(rest: str) -> None:
    """A query is cut off first, as ever."""
    assert request(CLICK + rest).headers["Location"] == SHOP


def encoded(path: str, *, start: int = 0, end: int | None = None) -> str:
    """The path with some characters percent-encoded."""
    return path[:start] + "".join(f"%{ord(character):02X}" for character in path[start:end]) + path[len(path[:end]) :]


@pytest.mark.parametrize(
    "spell", [{"end": 1}, {"start": 1, "end": 2}, {"start": 2, "end": 3}, {"end": 10}, {}], ids=str
)
def test_path_is_decoded_once_before_it_is_looked_at(spell: dict[str, int]) -> None:
    """`/%66/a/TOKEN` is the path of a link, of each kind and of the others, as under WSGI; encoded twice it is not."""
    click = encoded(CLICK, **spell)
    assert request(click).headers["Location"] == SHOP
    assert request(click.encode()).headers["Location"] == SHOP
    assert event_of(request(encoded(OPEN, **spell)))["type"] == "open"
    assert request(encoded("/healthz", **spell)).body == b"ok"
    challenge = f"/.well-known/linkwrap/{NONCE}"
    assert request(encoded(challenge, **spell)).body == request(challenge).body
    arguments: dict[str, Any] = {"method": "POST", "host": HOST, "headers": {}, "body": b"List-Unsubscribe=One-Click"}
    assert respond(RESOLVER, raw_path=encoded(unsubscribe_path(), **spell), **arguments).status == 200
    for path in (CLICK, "/healthz", challenge):
        assert request(encoded(path, **spell).replace("%", "%25")).status == 404


def test_expired_link_redirects() -> None:
    """Links never die: the event says that this one is old."""
    response = request(click_path(age=2 * 365 * 86_400))
    assert response.headers["Location"] == SHOP
    assert event_of(response)["expired"] is True


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_refused_link_is_gone(method: str) -> None:
    """An abused account's link answers 410, goes nowhere and records nothing."""
    response = request(CLICK, method=method, resolver=Resolver(KEYS, refuse=lambda *_: True))
    assert response.status == 410
    assert "Location" not in response.headers
    assert response.event is None


def test_failing_refuse_still_redirects() -> None:
    """A block list that is down costs no reader the page."""

    def refuse(account_id: str, host: str, destination: str) -> bool:
        raise TimeoutError

    assert request(CLICK, resolver=Resolver(KEYS, refuse=refuse)).headers["Location"] == SHOP


@pytest.mark.parametrize(
    "path",
    [CLICK, OPEN, "/f/a/x", "/healthz", "/nowhere", f"/.well-known/linkwrap/{NONCE}"],
    ids=["click", "open", "bad click", "health", "unknown", "challenge"],
)
def test_head_is_answered_like_get_without_a_body(path: str) -> None:
    """HEAD gives GET's status and headers, the length of GET's body included."""
    get, head = request(path), request(path, method="HEAD")
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert get.headers["Content-Length"] == str(len(get.body))


@pytest.mark.parametrize(("method", "headers"), MACHINES)
def test_machine_is_flagged(method: str, headers: dict[str, str]) -> None:
    """HEAD and prefetches are answered like any request, and their events say that no reader asked."""
    click = request(CLICK, method=method, headers=headers)
    assert click.headers["Location"] == SHOP
    assert event_of(click)["machine"] is True
    assert event_of(request(OPEN, method=method, headers=headers))["machine"] is True


@pytest.mark.parametrize(
    "headers", [{}, {"Purpose": "navigate"}, {"Sec-Purpose": ""}, {"X-Moz": "x"}, {"User-Agent": "prefetch"}]
)
def test_reader_is_not_flagged(headers: dict[str, str]) -> None:
    """An ordinary request is a reader's."""
    assert event_of(request(CLICK, headers=headers))["machine"] is False


@pytest.mark.parametrize(
    ("agent", "headers", "method", "visitor", "reasons"),
    [
        ("Mozilla/5.0", {}, "GET", "unknown", []),
        ("Mozilla/5.0", {}, "HEAD", "prefetch", ["head"]),
        ("Mozilla/5.0", {"Sec-Purpose": "prefetch"}, "GET", "prefetch", ["prefetch-header"]),
        ("Mozilla/5.0", {"Sec-Purpose": "prefetch"}, "HEAD", "prefetch", ["head", "prefetch-header"]),
        ("Mozilla/5.0 (compatible; BarracudaCentral/1.0)", {}, "HEAD", "scanner", ["agent"]),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", {}, "GET", "scanner", ["agent"]),
        ("TelegramBot (like TwitterBot)", {"Purpose": "prefetch"}, "GET", "preview", ["agent"]),
        ("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", {}, "GET", "image-proxy", ["agent"]),
        ("YahooMailProxy; https://help.yahoo.com/", {}, "GET", "image-proxy", ["agent"]),
        ("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", {}, "HEAD", "prefetch", ["head"]),
    ],
)
def test_visitor_and_the_signs_for_it(
    agent: str, headers: dict[str, str], method: str, visitor: str, reasons: list[str]
) -> None:
    """A request says as much as it can of who sent it; an image proxy is no machine, a person opened the mail."""
    event = event_of(request(OPEN, method=method, headers={"User-Agent": agent, **headers}))
    assert (event["visitor"], event["visitor_reasons"]) == (visitor, reasons)
    assert event["machine"] is (visitor in ("scanner", "preview", "prefetch"))


# As they were seen in the wild.
AGENTS_OF_MACHINES = [
    "Mozilla/5.0 (compatible; BarracudaCentral/1.0)",
    "BarracudaCentral",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0.1938.76 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Twitterbot/1.0",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
]
AGENTS_OF_READERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/440.0]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 [LinkedInApp]/9.29",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.5056)",
    "",
]


@pytest.mark.parametrize("agent", AGENTS_OF_MACHINES)
@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "USER-AGENT"])
def test_known_scanner_never_unsubscribes_the_reader(agent: str, name: str) -> None:
    """A scanner or preview that names itself is a machine, and its GET of a marked link is a click."""
    event = event_of(request(click_path(unsubscribe=True), headers={name: agent}))
    assert (event["type"], event["machine"], event["user_agent"]) == ("click", True, agent)
    assert event_of(request(click_path(), headers={name: agent.lower()}))["machine"] is True
    opened = event_of(request(OPEN, headers={name: agent}))
    assert (opened["type"], opened["machine"]) == ("open", True)


@pytest.mark.parametrize("agent", AGENTS_OF_READERS)
def test_reader_s_program_is_no_machine(agent: str) -> None:
    """Browsers, mail clients, and the image proxies that load for a reader are not flagged."""
    event = event_of(request(click_path(unsubscribe=True), headers={"User-Agent": agent}))
    assert (event["type"], event["machine"]) == ("link_unsubscribe", False)
    assert event_of(request(OPEN, headers={"User-Agent": agent}))["machine"] is False


def test_scanner_s_post_is_the_reader_s_wish() -> None:
    """RFC 8058: the POST counts, whatever program sends it."""
    headers = {"User-Agent": AGENTS_OF_MACHINES[0]}
    arguments: dict[str, Any] = {"host": HOST, "headers": headers, "body": b"List-Unsubscribe=One-Click"}
    event = event_of(respond(RESOLVER, method="POST", raw_path=unsubscribe_path(), **arguments))
    assert (event["type"], event["machine"]) == ("list_unsubscribe", False)


def test_unsubscribe_link_clicked_by_a_reader_is_a_signal() -> None:
    """A GET on a link marked as the unsubscribe link has a type of its own."""
    event = event_of(request(click_path(unsubscribe=True)))
    assert (event["type"], event["machine"]) == ("link_unsubscribe", False)


@pytest.mark.parametrize(("method", "headers"), MACHINES)
def test_scanner_never_unsubscribes_the_reader(method: str, headers: dict[str, str]) -> None:
    """Rock #7034, emailflare #190: what a scanner or prefetcher does with an unsubscribe link is a mere click."""
    event = event_of(request(click_path(unsubscribe=True), method=method, headers=headers))
    assert (event["type"], event["machine"]) == ("click", True)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "", "GET\r\n"]
)
@pytest.mark.parametrize("path", [CLICK, OPEN, "/healthz", f"/.well-known/linkwrap/{NONCE}"])
def test_other_methods_are_not_allowed(method: str, path: str) -> None:
    """Only GET and HEAD do anything; a one-click unsubscribe POST is no click."""
    response = request(path, method=method)
    assert (response.status, response.headers["Allow"], response.event) == (405, "GET, HEAD", None)


def test_challenge_response_is_for_the_host_it_was_asked_on() -> None:
    """The domain check finds the response for exactly the host and nonce that it asked about."""
    response = request(f"/.well-known/linkwrap/{NONCE}", host="Click.Acme.COM:8443")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.body.decode() == wire.challenge_response(KEYS, NONCE, HOST)
    assert response.event is None
    assert request(f"/.well-known/linkwrap/{NONCE}", host="click.other.com").body != response.body


@pytest.mark.parametrize(
    "nonce", ["", NONCE[:-1], NONCE + "0", NONCE + "/", "g" * 32, NONCE + "\n", "é" * 32, "٠" * 32]
)
def test_other_nonces_are_not_signed(nonce: str) -> None:
    """The endpoint signs 32 hexadecimal digits and nothing else that a stranger chose."""
    assert request(f"/.well-known/linkwrap/{nonce}").status == 404


@pytest.mark.parametrize("host", [HOST, "10.0.0.7:8080", "[::1]", ""])
def test_health_is_answered_on_any_host(host: str) -> None:
    """A load balancer asks by address."""
    response = request("/healthz", host=host)
    assert (response.status, response.body, response.event) == (200, b"ok", None)


def test_event_ids_are_unique() -> None:
    """Two loads of one pixel are two events."""
    assert len({event_of(request(OPEN))["event_id"] for _ in range(50)}) == 50


def test_what_a_stranger_sent_is_bounded_and_printable() -> None:
    """A user agent or address cannot break a log line, a terminal or a database column."""
    agent = "Mozilla\r\n\x1b[31m\x00\x85\u2028\u202e\ud800 é" + "x" * 100_000
    address = "203.0.113.9\n" + "x" * 1000
    event = event_of(request(CLICK, headers={"USER-AGENT": agent}, ip_address=address, ip="full"))
    assert str(event["user_agent"]).startswith("Mozilla[31m éxxx")
    assert len(str(event["user_agent"])) <= 512
    assert re.fullmatch(r"203\.0\.113\.9x*", str(event["ip_address"]))
    assert len(str(event["ip_address"])) <= 64
    json.dumps(event).encode("ascii")
    json.dumps(event, ensure_ascii=False).encode()


def test_unknown_reader_is_none() -> None:
    """What the request did not say is null, and its key still there."""
    event = event_of(request(CLICK))
    assert (event["ip_address"], event["user_agent"]) == (None, None)


tokenish = st.text("ABCabc019_-.%/~=:", max_size=60)
paths = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60),
    st.builds(lambda head, tail: head + tail, st.sampled_from(["/f/", "/f/a/", "/f/a/2", "/q/", "/q/2"]), tokenish),
    st.builds(lambda nonce: "/.well-known/linkwrap/" + nonce, st.text("0123456789abcdefABCDEFg", max_size=34)),
    st.builds(
        lambda path, at, junk: path[: at % len(path)] + junk + path[at % len(path) :],
        st.sampled_from([CLICK, OPEN]),
        st.integers(0, 10_000),
        st.text(max_size=3),
    ),
)
hosts = st.one_of(
    st.text(max_size=30), st.sampled_from([HOST, HOST + ":80", "spgo.io"]), st.text("a.-:@[]%1", max_size=30)
)
header_maps = st.dictionaries(
    st.one_of(st.text(max_size=10), st.sampled_from(["User-Agent", "Purpose", "Sec-Purpose"])), st.text(max_size=40)
)


@given(
    path=paths, host=hosts, method=st.one_of(st.sampled_from(["GET", "HEAD", "POST"]), st.text()), headers=header_maps
)
def test_no_request_raises_or_escapes_its_headers(
    path: str | bytes, host: str, method: str, headers: dict[str, str]
) -> None:
    """Any request gets one of the known answers, safe to put on the wire and into a JSON log."""
    response = request(path, host=host, method=method, headers=headers, ip_address=host)
    assert response.status in (200, 302, 404, 405)
    for name, value in response.headers.items():
        assert re.fullmatch(r"[A-Za-z-]+", name)
        assert re.fullmatch(r"[ -~]+", value)
    assert response.status != 302 or response.headers["Location"] == SHOP
    json.dumps(event_of(response) if response.event else None, allow_nan=False, ensure_ascii=False).encode()


@given(url=st.one_of(st.text(max_size=60), st.text(max_size=60).map(lambda tail: "https://shop.example/" + tail)))
def test_no_signed_destination_escapes_its_header(url: str) -> None:
    """Whatever was signed, a redirect's headers are single lines of printable ASCII."""
    try:
        path = click_path(url)
    except ValueError:
        return
    response = request(path)
    assert response.status in (302, 404)
    if response.status == 302:
        assert re.fullmatch(r"https?://[!-~]+", response.headers["Location"])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("resolver", "secret", "resolver must be Resolver, not str"),
        ("resolver", KEYS, "resolver must be Resolver, not SigningKeys"),
        ("method", None, "method must be str, not None"),
        ("raw_path", None, "raw_path must be str or bytes, not None"),
        ("host", b"click.acme.com", "host must be str or None, not bytes"),
        ("headers", [("Host", HOST)], "headers must be a mapping, not list"),
        ("headers", None, "headers must be a mapping, not None"),
        ("headers", {1: "x"}, "each name and value of headers must be str, not int"),
        ("headers", {"X": None}, "each name and value of headers must be str, not None"),
        ("ip_address", 5, "ip_address must be str or None, not int"),
        ("ip", None, "ip must be str, not None"),
        ("ip", ["cut"], "ip must be str, not list"),
        ("body", "List-Unsubscribe=One-Click", "body must be bytes, not str"),
        ("body", None, "body must be bytes, not None"),
    ],
)
def test_argument_of_another_type_is_a_type_error(name: str, value: object, expected: str) -> None:
    """A caller's mistake is told, whatever the request: it would lose clicks silently."""
    arguments: dict[str, Any] = {"resolver": RESOLVER, "method": "GET", "raw_path": CLICK, "host": HOST, "headers": {}}
    arguments[name] = value
    with pytest.raises(TypeError) as raised:
        respond(arguments.pop("resolver"), **arguments)
    assert str(raised.value) == expected


def test_a_key_in_place_of_the_resolver_is_in_no_frame() -> None:
    """Tools that print the variables of a traceback's frames print no key."""
    secret = "a secret of at least 16 bytes"
    with pytest.raises(TypeError) as raised:
        respond(secret, method="GET", raw_path=CLICK, host=HOST, headers={})  # type: ignore[arg-type]
    assert leaks(raised.value, secret) == []


def test_one_message_lists_every_argument_of_another_type() -> None:
    """All that is wrong with a call is said at once; unknown arguments are Python's own TypeError."""
    with pytest.raises(TypeError, match=r"^method must .*; raw_path must .*; body must be bytes, not str$"):
        respond(RESOLVER, method=1, raw_path=2, host=None, headers={}, body="")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="remote"):
        respond(RESOLVER, method="GET", raw_path="/", host=None, headers={}, remote="")  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_body_may_be_any_bytes(kind: Any) -> None:
    """A server's buffer is read as it is."""
    context = wire.encode_context("acme", int(time.time()), None)
    path = wire.unsubscribe_url(KEYS, "", HOST, context)
    body = kind(b"List-Unsubscribe=One-Click")
    response = respond(RESOLVER, method="POST", raw_path=path, host=HOST, headers={}, body=body)
    assert event_of(response)["type"] == "list_unsubscribe"


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        ("https://shop.test/reset/8f14e45fceea167a5a36dedd4bea2543", "https://shop.test/reset/"),
        ("https://shop.test/login?token=dGhpcyBpcyBhIHNlY3JldA-7kQ2x_PzL9#x", "https://shop.test/login"),
        ("https://shop.test/sale?id=8f14e45fceea167a5a36dedd4bea2543#x", None),
    ],
)
def test_event_of_a_one_time_link_has_no_secret(destination: str, shown: str | None) -> None:
    """The reader is redirected to the whole destination; the event has what cannot be used."""
    url = urlsplit(LinkWrapper(KEYS, tracking_domain="click.acme.test").wrap_url(destination))
    for method in ("GET", "HEAD"):
        response = respond(Resolver(KEYS), method=method, raw_path=url.path, host="click.acme.test", headers={})
        assert response.headers["Location"] == destination
        assert response.event is not None
        assert response.event.target_link_url == (shown or destination)

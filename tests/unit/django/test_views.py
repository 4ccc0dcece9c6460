"""The redirect endpoint in Django: what the reader gets, and which signals are sent."""

import asyncio
import io
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponse
from django.test import Client, override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.django.signals import link_clicked, list_unsubscribed, mail_opened
from linkwrap.django.views import raw_path
from linkwrap.endpoint import PIXEL

KEYS = SigningKeys("a key for the tests of Django")
HOST = "click.acme.test"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
URL = "https://shop.test/?a=1&b=2#c"
METADATA = {"rcpt": "r-42"}
LINK = WRAPPER.wrap_url(URL, METADATA, link_name="Shop").removeprefix(f"https://{HOST}")
OPEN = WRAPPER.urls(WRAPPER.compile(""), METADATA)[0].removeprefix(f"https://{HOST}")
NONCE = "0123456789abcdef0123456789abcdef"

Listen = Callable[[Any], Any]


def get(path: str, *, host: str = HOST, method: str = "get", **headers: str) -> HttpResponse:
    """What a reader gets; CSRF is checked as it is for readers."""
    client = Client(enforce_csrf_checks=True)
    response: HttpResponse = getattr(client, method)(path, headers={"host": host, **headers})
    return response


def test_link_leads_to_its_destination(listen: Listen) -> None:
    """The reader is redirected, and the signal has the event that the endpoint's page describes."""
    with listen(link_clicked) as clicks, listen(mail_opened) as opens:
        response = get(LINK, **{"user-agent": "Firefox"})
    assert (response.status_code, response.headers["Location"]) == (302, URL)
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert response.headers["Cache-Control"] == "no-store"
    (event,) = clicks
    assert (event["type"], event["target_link_url"], event["target_link_name"]) == ("click", URL, "Shop")
    assert (event["rcpt_meta"], event["account_id"], event["user_agent"]) == (METADATA, "acme", "Firefox")
    assert event["ip_address"] == "127.0.0.0"
    assert opens == []


def test_site_gets_exactly_the_url_that_the_sender_wrote() -> None:
    """mautic #14272: a destination that was changed on the way broke sites that sign their URLs."""
    url = "https://shop.test/a|b?c=d|e^{f}[g]&h=%2F%zz#i|j"
    link = WRAPPER.wrap_url(url.replace("{f}", "f"))
    destination = get(link.removeprefix(f"https://{HOST}")).headers["Location"]
    assert destination == Resolver(KEYS).resolve_click(link).url
    assert "|" in destination


def test_django_s_test_client_follows() -> None:
    """Tests of a project can follow a link as they follow any redirect."""
    response = Client().get(LINK, SERVER_NAME=HOST, secure=True, follow=True)
    assert response.redirect_chain == [(URL, 302)]


def test_pixel(listen: Listen) -> None:
    """The open pixel is an image that no cache keeps; its signal is another one than a click's."""
    with listen(link_clicked) as clicks, listen(mail_opened) as opens:
        response = get(OPEN)
    assert (response.status_code, response.content) == (200, PIXEL)
    assert response.headers["Content-Type"] == "image/gif"
    assert "no-cache" in response.headers["Cache-Control"]
    assert [event["type"] for event in opens] == ["open"]
    assert clicks == []


def test_receivers_get_the_request() -> None:
    """A receiver may need what the event does not hold, such as a cookie."""
    seen: list[WSGIRequest] = []

    def receive(request: WSGIRequest, **rest: object) -> None:
        seen.append(request)

    link_clicked.connect(receive)
    get(LINK, referer="https://mail.test/")
    link_clicked.disconnect(receive)
    assert seen[0].headers["Referer"] == "https://mail.test/"


def test_failing_receiver_costs_the_reader_nothing(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    """sparkyPMTATracking: the event store was down, and the reader got a 500."""

    def fail(**rest: object) -> None:
        raise RuntimeError("the store is down")

    link_clicked.connect(fail)
    try:
        with listen(link_clicked) as clicks:
            response = get(LINK)
    finally:
        link_clicked.disconnect(fail)
    assert (response.status_code, len(clicks)) == (302, 1)
    assert "the store is down" in caplog.text


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (LINK[:-1] + ("A" if LINK[-1] != "A" else "B"), HOST),
        (LINK, "click.other.acme.test"),
        ("/f/a/https://evil.test/", HOST),
        ("/f/a/?url=https://evil.test/", HOST),
        (LINK.replace("/f/a/", "/f/b/"), HOST),
        (LINK.replace("/f/a/", "/f/a/%2541"), HOST),
        (LINK + "/x", HOST),
        (LINK + ";x", HOST),
        ("/f/", HOST),
    ],
)
def test_what_was_not_signed_for_the_host_redirects_nowhere(path: str, host: str, listen: Listen) -> None:
    """mail-tracker #79 #201 #227: unsigned or moved links were open redirects, and domains were suspended for it."""
    with listen(link_clicked) as clicks:
        response = get(path, host=host)
    assert (response.status_code, response.headers.get("Location")) == (404, None)
    assert b"evil" not in response.content
    assert clicks == []


def test_scanner_unsubscribes_nobody(listen: Listen) -> None:
    """Rock #7034, emailflare #190: a scanner that followed each link unsubscribed the reader."""
    link = WRAPPER.wrap_url(URL, METADATA, unsubscribe=True).removeprefix(f"https://{HOST}")
    with listen(link_clicked) as clicks:
        head, reader = get(link, method="head"), get(link)
    assert head.status_code == reader.status_code == 302
    assert head.content == b""
    assert [(event["type"], event["machine"]) for event in clicks] == [("click", True), ("link_unsubscribe", False)]


def test_other_methods() -> None:
    """A POST is refused by its method, not by a CSRF page."""
    for method in ("post", "put", "delete", "options"):
        response = get(LINK, method=method)
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_query_is_ignored() -> None:
    """Mail services append parameters to links, and the link works all the same."""
    assert get(LINK + "?fbclid=1&x=%2F").headers["Location"] == URL


def test_proof_for_a_tracking_domain() -> None:
    """The well-known path proves that the host leads to this service."""
    response = get(f"/.well-known/linkwrap/{NONCE}")
    assert response.status_code == 200
    assert response.content.decode() == Resolver(KEYS).challenge_response(HOST, NONCE)


def test_host_of_a_trusted_proxy_counts() -> None:
    """`X-Forwarded-Host` is the host where Django is told that a proxy sets it, and nowhere else."""
    forwarded = {"x-forwarded-host": HOST}
    assert get(LINK, host="internal.acme.test", **forwarded).status_code == 404
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert get(LINK, host="internal.acme.test", **forwarded).headers["Location"] == URL


def test_host_that_django_does_not_serve() -> None:
    """A host that is not in ALLOWED_HOSTS is refused by Django."""
    assert get(LINK, host="click.evil.test").status_code == 400


def test_refused_and_old_links(configure: Callable[..., None], listen: Listen) -> None:
    """REFUSE stops an abused account's links, and a link past MAX_AGE still redirects, flagged."""
    configure(REFUSE=lambda account, host, destination: account == "acme")
    assert get(LINK).status_code == 410
    configure(REFUSE="builtins.all")  # called with three arguments it raises, and a block list that fails refuses none
    assert get(LINK).status_code == 302
    old = WRAPPER.wrap_url(URL, sent_at=datetime(2001, 9, 9, tzinfo=UTC)).removeprefix(f"https://{HOST}")
    with listen(link_clicked) as clicks:
        assert get(old).headers["Location"] == URL
    assert clicks[0]["expired"] is True


def test_links_outlive_their_key(configure: Callable[..., None]) -> None:
    """mail-tracker #138, ahoy_email 4.0: links died when keys were changed; a retired key still verifies."""
    configure(KEYS=["a new key for the tests", "a key for the tests of Django"])
    assert get(LINK).headers["Location"] == URL
    configure(KEYS=["a new key for the tests"])
    assert get(LINK).status_code == 404


# The path, as servers hand it on


@contextmanager
def wsgi_server() -> Iterator[str]:
    """Django behind a real server, which decodes the path as WSGI servers do."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with make_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *args: Any) -> None:
        """Stay."""


def status(url: str, method: str = "GET") -> tuple[int, str | None]:
    """What a server answers, and where it leads."""
    request = urllib.request.Request(url, headers={"Host": HOST}, method=method)  # noqa: S310
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=10) as response:
            return response.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Location"]


def test_path_is_decoded_once_behind_a_real_server() -> None:
    """A link whose characters a mail system has encoded still leads on; one encoded twice is another path."""
    encoded = "/f/a/" + "".join(f"%{ord(character):02X}" for character in LINK.removeprefix("/f/a/"))
    with wsgi_server() as origin:
        assert status(origin + LINK) == (302, URL)
        assert status(origin + LINK, "HEAD") == (302, URL)
        assert status(origin + encoded) == (302, URL)
        assert status(origin + encoded.replace("%", "%25")) == (404, None)
        assert status(origin + "/f/a/%FF%00%zz") == (404, None)


def test_path_is_decoded_once_under_asgi() -> None:
    """The same under ASGI, where servers hand on the path decoded in `path`, and as it was in `raw_path`."""

    async def status(raw: str) -> int:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
            "raw_path": raw.encode("ascii"),
            "query_string": b"",
            "headers": [(b"host", HOST.encode())],
            "client": ("203.0.113.9", 4711),
        }

        requests = iter([{"type": "http.request"}])

        async def receive() -> dict[str, Any]:
            for request in requests:
                return request
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await ASGIHandler()(scope, receive, send)
        return int(sent[0]["status"])

    encoded = LINK.replace("2", "%32")
    assert asyncio.run(status(encoded)) == 302
    assert asyncio.run(status(encoded.replace("%", "%25"))) == 404


@given(
    st.lists(st.sampled_from(["%", "%25", "%41", "%2F", "%e2%82%ac", "%C3", "A", "/", "+", ";", "€", "\ud800", "%zz"]))
)
@example(["%2541"])
@example(["%"])
def test_encoding_the_path_again_loses_nothing(pieces: list[str]) -> None:
    """What is decoded at the end is what the server decoded: an ASCII path stands for itself alone."""
    path = "/f/" + "".join(pieces)
    environ = {"REQUEST_METHOD": "GET", "SERVER_NAME": HOST, "SERVER_PORT": "80", "wsgi.input": io.BytesIO()}
    decoded = unquote_to_bytes(path.encode("utf-8", "replace"))
    request = WSGIRequest({**environ, "PATH_INFO": decoded.decode("latin-1")})
    again = unquote_to_bytes(raw_path(request))
    assert quote(again) == raw_path(request)
    if decoded.isascii():
        assert again == decoded
    else:
        assert not again.isascii() or b"%" in again


def test_one_click_unsubscribe() -> None:
    """A mail client's POST unsubscribes, without a CSRF token and without a redirect; opening the URL only asks."""
    path = WRAPPER.unsubscribe_url(METADATA).removeprefix(f"https://{HOST}")
    events: list[Any] = []

    def receive(event: Any, **_: Any) -> None:
        events.append(event.as_dict())

    list_unsubscribed.connect(receive)
    try:
        client = Client(enforce_csrf_checks=True)
        asked = client.get(path, headers={"host": HOST})
        done = client.post(
            path, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded", headers={"host": HOST}
        )
    finally:
        list_unsubscribed.disconnect(receive)
    assert (asked.status_code, done.status_code) == (200, 200)
    assert "Location" not in done.headers
    assert [(event["type"], event["rcpt_meta"]) for event in events] == [("list_unsubscribe", METADATA)]

"""Tracking domains that ALLOWED_HOSTS does not list: the middleware answers their links, and nothing else."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.handlers.asgi import ASGIHandler
from django.db.transaction import non_atomic_requests
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, override_settings
from django.urls import path

from linkwrap import LinkWrapper, Resolver, SigningKeys, TrackingDomain
from linkwrap.django.middleware import redirect_middleware
from linkwrap.django.signals import link_clicked, list_unsubscribed
from linkwrap.endpoint import PIXEL

KEYS = SigningKeys("a key for the tests of Django")
CUSTOMER = "click.customer.example"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=CUSTOMER)
URL = "https://shop.test/?a=1&b=2#c"
LINK = WRAPPER.wrap_url(URL, {"rcpt": "r-42"}).removeprefix(f"https://{CUSTOMER}")
OPEN = WRAPPER.urls(WRAPPER.compile(""))[0].removeprefix(f"https://{CUSTOMER}")
UNSUBSCRIBE = WRAPPER.unsubscribe_url({"rcpt": "r-42"}).removeprefix(f"https://{CUSTOMER}")
NONCE = "0123456789abcdef0123456789abcdef"
FORM = "application/x-www-form-urlencoded"
MIDDLEWARE = "linkwrap.django.middleware.redirect_middleware"
BEHIND = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]

Get = Callable[..., HttpResponse]
urlpatterns = [path("u/ada", non_atomic_requests(lambda request: HttpResponse("a page of the project's own")))]


@pytest.fixture(autouse=True)
def _project() -> Iterator[None]:
    """A project that has pages under /u/, redirects to https, and does not include the URLconf."""
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=[MIDDLEWARE, *BEHIND], SECURE_SSL_REDIRECT=True, PREPEND_WWW=True
    ):
        yield


@pytest.fixture(params=["wsgi", "asgi"])
def get(request: pytest.FixtureRequest) -> Get:
    """Ask Django, as under WSGI and as under ASGI."""

    def ask(url: str, host: str = CUSTOMER, body: str | None = None, **headers: str) -> HttpResponse:
        headers = {"host": host, **headers}
        if request.param == "asgi":
            return asyncio.run(_ask_asgi(url, headers, body))
        client = Client(enforce_csrf_checks=True)
        return client.get(url, headers=headers) if body is None else client.post(url, body, FORM, headers=headers)

    return ask


async def _ask_asgi(url: str, headers: dict[str, str], body: str | None) -> HttpResponse:
    # Not Django's AsyncClient: it sends a Host of its own too.
    path, _, query = url.partition("?")
    sent: list[Any] = []
    requests = iter([{"type": "http.request", "body": (body or "").encode()}])
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if body is None else "POST",
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("203.0.113.9", 4711),
    }

    async def receive() -> dict[str, Any]:
        for message in requests:
            return message
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await ASGIHandler()(scope, receive, send)
    response = HttpResponse(b"".join(message.get("body", b"") for message in sent), status=sent[0]["status"])
    for name, value in sent[0]["headers"]:
        response.headers[name.decode()] = value.decode()
    return response


def test_links_on_a_host_that_is_not_listed(get: Get, listen: Any) -> None:
    """Their signature decides; no middleware behind it sends the reader elsewhere."""
    with listen(link_clicked) as clicks:
        response = get(LINK)
        assert (response.status_code, response.headers["Location"]) == (302, URL)
        assert get(f"{LINK}?x=1", host=f"{CUSTOMER.upper()}:443").status_code == 302
    assert [event["tracking_domain"] for event in clicks] == [CUSTOMER, CUSTOMER]
    assert get(OPEN).content == PIXEL
    assert get(f"/.well-known/linkwrap/{NONCE}").content.decode() == Resolver(KEYS).challenge_response(CUSTOMER, NONCE)


def test_one_click_unsubscribe(get: Get, listen: Any) -> None:
    """Without a CSRF token."""
    with listen(list_unsubscribed) as events:
        assert get(UNSUBSCRIBE, body="List-Unsubscribe=One-Click").status_code == 200
    assert [event["rcpt_meta"] for event in events] == [{"rcpt": "r-42"}]


@pytest.mark.parametrize("host", ["click.other.example", "127.0.0.1", "a,b", "[", "", "click.acme.test:x"])
def test_other_hosts_redirect_nowhere(get: Get, host: str) -> None:
    """What was signed for another host is not found."""
    response = get(LINK, host=host)
    assert (response.status_code, response.headers.get("Location")) == (404, None)


def test_the_rest_is_the_projects(get: Get) -> None:
    """Other paths of a host that is not listed are refused by Django; of its own hosts, all are the project's."""
    assert get("/").status_code == get("/f").status_code == get("/admin/f/").status_code == 400
    with override_settings(SECURE_SSL_REDIRECT=False, PREPEND_WWW=False):
        assert get("/u/ada", host="www.acme.test").content == b"a page of the project's own"
        assert get(LINK, host="www.acme.test").status_code == 404
        assert get("/u/ada", host=CUSTOMER).status_code == 404


def test_tracking_domain_may_be_listed(get: Get, configure: Callable[..., None]) -> None:
    """TRACKING_DOMAIN is answered whether ALLOWED_HOSTS lists it or not."""
    for domain in ("go.acme.test", "GO.acme.test:8000", "go.acme.test.", TrackingDomain("go.acme.test", verified=True)):
        configure(TRACKING_DOMAIN=domain)
        url = LinkWrapper(KEYS, tracking_domain="go.acme.test").wrap_url(URL)
        assert get(url.removeprefix("https://go.acme.test"), host="go.acme.test").status_code == 302


def test_host_of_a_trusted_proxy_counts(get: Get) -> None:
    """Where Django is told that a proxy sets `X-Forwarded-Host`, and nowhere else."""
    forwarded = {"x-forwarded-host": CUSTOMER}
    assert get(LINK, host="internal.example", **forwarded).status_code == 404
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert get(LINK, host="internal.example", **forwarded).status_code == 302


def test_local_hosts_while_debugging(get: Get) -> None:
    """With DEBUG and without ALLOWED_HOSTS, Django's own hosts are the project's."""
    with override_settings(DEBUG=True, ALLOWED_HOSTS=[], SECURE_SSL_REDIRECT=False, PREPEND_WWW=False):
        assert get("/u/ada", host="localhost:8000").content == b"a page of the project's own"


def test_checks(configure: Callable[..., None]) -> None:
    """The middleware needs no ALLOWED_HOSTS, and has to be the first of those that may ask for the host."""

    def found() -> list[tuple[str, str, str]]:
        return [(str(fault.id), fault.msg, str(fault.hint)) for fault in run_checks(tags=["linkwrap"])]

    configure(TRACKING_DOMAIN=CUSTOMER)
    assert found() == []
    with override_settings(MIDDLEWARE=["their.own.Middleware", MIDDLEWARE, *BEHIND]):
        assert found() == []
    with override_settings(MIDDLEWARE=[*BEHIND, MIDDLEWARE]):
        [(id_, message, hint)] = found()
    assert id_ == "linkwrap.W003"
    assert "SecurityMiddleware stands in front of" in message
    assert hint == f"put {MIDDLEWARE} first in MIDDLEWARE"


def test_middleware_is_async_where_the_project_is() -> None:
    """Under ASGI it takes no thread for what is the project's."""

    async def page(request: object) -> HttpResponse:
        return HttpResponse("async")

    async def ask() -> bytes:
        response = await redirect_middleware(page)(AsyncRequestFactory().get("/"))
        return bytes(response.content)

    assert asyncio.run(ask()) == b"async"

"""Resolving and answering requests, as users write it. Type checkers read this file; nothing runs it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never, assert_type

from linkwrap import Click, InvalidToken, Open, Resolver, SigningKeys, Unsubscribe
from linkwrap.endpoint import MAX_BODY, PIXEL, Response, cut_address, respond
from linkwrap.events import Event
from linkwrap.link import Part

resolver = Resolver(SigningKeys.from_env(), max_age=timedelta(days=30), refuse=lambda account, host, url: "evil" in url)
assert_type(MAX_BODY, int)
assert_type(PIXEL, bytes)


def kinds(url: str) -> None:
    """Each method returns its kind."""
    assert_type(resolver.resolve(url), Click | Open | Unsubscribe)
    assert_type(resolver.resolve_path("click.acme.com", "/q/2"), Click | Open | Unsubscribe)
    assert_type(resolver.resolve_click(url), Click)
    assert_type(resolver.resolve_open(url), Open)
    assert_type(resolver.resolve_unsubscribe(url), Unsubscribe)
    assert_type(resolver.challenge_response("click.acme.com", "0" * 32), str)


def by_isinstance(url: str) -> str:
    """`isinstance` tells the kinds apart, and leaves nothing over."""
    try:
        found = resolver.resolve(url)
    except InvalidToken as error:
        if error.reason == "refused":
            return "refused"
        if error.reason == "expired":  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
            return "not one of the reasons"
        return str(error)
    if isinstance(found, Click):
        assert_type(found.link_name, str | None)
        assert_type(found.part, Part)
        assert_type(found.index, int | None)
        assert_type((found.anonymous, found.token), tuple[bool, str])
        return found.url
    if isinstance(found, Open):
        assert_type(found.initial, bool)
        assert_type(found.part, Literal["html", "amp"])
        return "initial" if found.initial else "open"
    assert_type(found, Unsubscribe)
    return found.account_id


def by_match(url: str) -> str:
    """So does `match`, with the fields of each."""
    match found := resolver.resolve(url):
        case Click(url=destination, link_name=None, unsubscribe=False):
            return destination
        case Click(url=destination):
            return destination
        case Open(initial=True):
            return "initial"
        case Open() | Unsubscribe():
            assert_type(found.metadata, dict[str, Any])
            assert_type(found.sent_at, datetime)
            assert_type(found.expired, bool)
            return found.host
        case _:
            assert_never(found)


def endpoint(method: str, path: bytes, headers: Mapping[str, str], body: bytes) -> Response:
    """A request's parts go in, a response comes out."""
    response = respond(
        resolver,
        method=method,
        raw_path=path,
        host=headers.get("Host"),
        headers=headers,
        ip_address=None,
        ip="full",
        body=body[: MAX_BODY + 1],
    )
    assert_type(response.status, int)
    assert_type(response.headers, dict[str, str])
    assert_type(response.body, bytes)
    assert_type(response.event, Event | None)
    respond(resolver, method=method, raw_path="/", host=None, headers={})
    respond(resolver, method=method, raw_path="/", host=None, headers={}, ip="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(cut_address(headers.get("X-Forwarded-For")), str | None)
    respond(resolver, method=method, raw_path="/", host=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    secret = "a key"
    respond(secret, method=method, raw_path="/", host=None, headers={})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return response

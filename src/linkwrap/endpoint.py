"""The redirect endpoint without a framework: one request in, one response and its event out.

`respond` raises for no request, and never redirects to anything but what was signed for the host of the request. It
does no I/O, logs no token, and leaves the event to the caller, who sends the response even where storing the event
failed.
"""

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import NoneType
from typing import Final

from ._decide.one_time import event_url
from ._faults import Faults
from .errors import InvalidToken
from .resolver import Click, Open, Resolver, Unsubscribe

PIXEL: Final[bytes] = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""A transparent GIF of one pixel."""

# Gmail's image proxy asks again for each open only where it reads no-cache and max-age=0.
_NEVER_CACHED = {
    "Cache-Control": "private, no-store, no-cache, max-age=0, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
}
_WELL_KNOWN = "/.well-known/linkwrap/"
_NONCE = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)

MAX_BODY: Final[int] = 4096
"""Bytes of a request's body that `respond` reads; no mail service sends a tenth of that."""

# RFC 8058, 3.1 and 3.2: one pair, as a form of either kind.
_ONE_CLICK = re.compile(
    rb"(?:.*&)?List-Unsubscribe=One-Click(?:&.*)?"
    rb"|[\r\n]*--.*[\r\n]Content-Disposition:[^\r\n]*;[\t ]*name=\"?List-Unsubscribe\"?[^\r\n]*\r?\n"
    rb"(?:[^\r\n]+\r?\n)*+\r?\nOne-Click[\r\n]*(?:--.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_ASK = b"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Unsubscribe</title>
<form method="post">
<p>Do you want to unsubscribe from these messages?</p>
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button>
</form>
</html>
"""
# The page loads nothing, posts to itself only, and is shown in no frame that could have the button clicked.
_ASK_POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_PREFETCH = re.compile(r"[\t \"]*+(?:prefetch|prerender|preview)", re.ASCII | re.IGNORECASE)
_PREFETCH_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_NOT_VALID = "This link is not valid. Please open it from the message it came in.\n"
_MAX_USER_AGENT = 512
_MAX_IP_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class Response:
    """The response to send, and the event to record."""

    status: int
    headers: dict[str, str]
    """Each name once, `Content-Length` included."""
    body: bytes
    event: dict[str, object] | None = None
    """Ready for JSON, its keys as `docs/howto/endpoint.md` lists them; None where nothing is to be recorded."""


def respond(
    resolver: Resolver,
    *,
    method: str,
    raw_path: str | bytes,
    host: str | None,
    headers: Mapping[str, str],
    ip_address: str | None = None,
    body: bytes = b"",
) -> Response:
    """Answer one request to the redirect endpoint.

    - `/f/SUBLINK/TOKEN` redirects (302).
    - `/q/TOKEN` is the open pixel: 200, whatever the token.
    - `/u/TOKEN` takes the POST of a one-click unsubscribe (RFC 8058), and shows a page with a button to a reader.
    - `/.well-known/linkwrap/NONCE` is the challenge response that `linkwrap.domains` checks.
    - `/healthz` answers "ok" on any host.

    Links that do not verify and all other paths are 404, links that the resolver's `refuse` stops are 410, methods
    other than GET and HEAD 405. HEAD is answered like GET, with an empty body.

    Args:
        resolver: Verifies the URLs.
        method: The request's method.
        raw_path: The request's path as it was sent, not percent-decoded; a query behind it is ignored.
        host: The `Host` header (None where there is none), or the host that a trusted proxy names.
        headers: The request's headers, names in any case.
        ip_address: The reader's address, for the event.
        body: The body of a POST to `/u/`. The first `MAX_BODY` + 1 bytes are enough: a longer body is refused.

    Raises:
        TypeError: An argument is of the wrong type. No request raises anything.
    """
    if not (
        isinstance(resolver, Resolver)
        and isinstance(method, str)
        and isinstance(raw_path, (str, bytes))
        and (host is None or isinstance(host, str))
        and isinstance(headers, (dict, Mapping))
        and (ip_address is None or isinstance(ip_address, str))
        and isinstance(body, (bytes, bytearray, memoryview))
    ):
        _raise_wrong_types(resolver, method, raw_path, host, headers, ip_address, body)
    path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
    path = path.partition("?")[0]
    host = host or ""
    visit: Click | Open | Unsubscribe | None = None
    if path.startswith("/u/"):
        response, visit = _unsubscribe(resolver, host, path, method, body)
    elif not path.startswith(("/f/", "/q/", _WELL_KNOWN)) and path != "/healthz":
        response = _text(404, "Not found.\n")
    elif method not in ("GET", "HEAD"):
        response = _text(405, "Only GET and HEAD are allowed.\n", {"Allow": "GET, HEAD"})
    elif path == "/healthz":
        response = _text(200, "ok")
    elif path.startswith(_WELL_KNOWN):
        response = _challenge_response(resolver, host, path)
    else:
        response, visit = _visit(resolver, host, path)
    event = None if visit is None else _event(visit, method, headers, ip_address)
    return replace(response, body=b"" if method == "HEAD" else response.body, event=event)


def _raise_wrong_types(
    resolver: object, method: object, raw_path: object, host: object, headers: object, ip_address: object, body: object
) -> None:
    faults = Faults()
    expected: list[tuple[str, str, object, tuple[type, ...]]] = [
        ("resolver", "Resolver", resolver, (Resolver,)),
        ("method", "str", method, (str,)),
        ("raw_path", "str or bytes", raw_path, (str, bytes)),
        ("host", "str or None", host, (str, NoneType)),
        ("headers", "a mapping", headers, (Mapping,)),
        ("ip_address", "str or None", ip_address, (str, NoneType)),
        ("body", "bytes", body, (bytes, bytearray, memoryview)),
    ]
    for name, words, value, types in expected:
        if not isinstance(value, types):
            faults.wrong_type(name, words, value)
    faults.raise_any()


def _visit(resolver: Resolver, host: str, path: str) -> tuple[Response, Click | Open | None]:
    found: Click | Open | Unsubscribe | None = None
    refused = False
    try:
        found = resolver.resolve_path(host, path)
    except InvalidToken as error:
        refused = error.reason == "refused"
    if path.startswith("/q/"):
        return _respond(200, "image/gif", PIXEL, _NEVER_CACHED), found if isinstance(found, Open) else None
    if refused:
        return _text(410, "This link was disabled.\n"), None
    if not isinstance(found, Click):
        return _text(404, _NOT_VALID), None
    return _text(302, "Found.\n", {"Location": found.url, "Referrer-Policy": "no-referrer"}), found


def _unsubscribe(
    resolver: Resolver, host: str, path: str, method: str, body: bytes
) -> tuple[Response, Unsubscribe | None]:
    """Take only the POST as the reader's wish: scanners open every link, and send no POST."""
    if method not in ("GET", "HEAD", "POST"):
        return _text(405, "Only GET, HEAD and POST are allowed.\n", {"Allow": "GET, HEAD, POST"}), None
    try:
        found = resolver.resolve_path(host, path)
    except InvalidToken:
        found = None
    if not isinstance(found, Unsubscribe):
        return _text(404, _NOT_VALID), None
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    if method != "POST":
        headers |= {"Content-Security-Policy": _ASK_POLICY, "X-Frame-Options": "DENY"}
        return _respond(200, "text/html; charset=utf-8", _ASK, headers), None
    if len(body) > MAX_BODY or not _ONE_CLICK.fullmatch(body):
        return _text(400, "The body is not List-Unsubscribe=One-Click.\n", headers), None
    return _text(200, "Your request to unsubscribe was received.\n", headers), found


def _challenge_response(resolver: Resolver, host: str, path: str) -> Response:
    nonce = path.removeprefix(_WELL_KNOWN)
    if _NONCE.fullmatch(nonce):
        try:
            return _text(200, resolver.challenge_response(host, nonce))
        except InvalidToken:
            pass
    return _text(404, "Not found.\n")


def _event(
    visit: Click | Open | Unsubscribe, method: str, headers: Mapping[str, str], ip_address: str | None
) -> dict[str, object]:
    header = {name.lower(): value for name, value in headers.items()}
    machine = method == "HEAD" or any(_PREFETCH.match(header.get(name, "")) for name in _PREFETCH_HEADERS)
    click = visit if isinstance(visit, Click) else None
    if isinstance(visit, Open):
        kind = "initial_open" if visit.initial else "open"
    elif isinstance(visit, Unsubscribe):
        kind, machine = "list_unsubscribe", False
    else:
        # A scanner opens every link of a mail, and must not unsubscribe the reader.
        kind = "link_unsubscribe" if visit.unsubscribe and not machine else "click"
    return {
        "type": kind,
        "event_id": str(uuid.uuid4()),
        "timestamp": int(time.time()),
        "account_id": visit.account_id,
        "tracking_domain": visit.host,
        "target_link_url": click and event_url(click.url),
        "target_link_name": click and click.link_name,
        "rcpt_meta": visit.metadata,
        "sent_at": int(visit.sent_at.timestamp()),
        "expired": visit.expired,
        "machine": machine,
        "ip_address": _clean(ip_address, _MAX_IP_ADDRESS),
        "user_agent": _clean(header.get("user-agent"), _MAX_USER_AGENT),
    }


def _clean(text: str | None, limit: int) -> str | None:
    """Return at most `limit` characters of a value that a stranger sent, without controls, line breaks, surrogates."""
    return None if text is None else "".join(filter(str.isprintable, text[:limit]))


def _text(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return _respond(status, "text/plain; charset=utf-8", text.encode(), headers)


def _respond(status: int, content_type: str, body: bytes, headers: Mapping[str, str]) -> Response:
    common = {
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return Response(status, {**common, **headers}, body)

"""The redirect endpoint without a framework: one request in, one response and its event out.

`respond` raises for no request, and never redirects to anything but what was signed for the host of the request. It
does no I/O, logs no token, and leaves the event to the caller, who sends the response even where storing the event
failed.
"""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from types import NoneType
from typing import Final, Literal, get_args

from ._decide.one_time import event_url
from ._faults import Faults
from ._pages import HEADERS, HTML, PAGES, wants_html
from ._token.wire import MAX_PATH, decode_path
from .errors import InvalidToken
from .events import MACHINES, Event, EventType, Visitor
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
# The first digit of a UUID's third group from the end, for each that may be drawn: its upper two bits are 10.
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_NONCE = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)

MAX_BODY: Final[int] = 4096
"""Bytes of a request's body that `respond` reads; no mail service sends a tenth of that."""

# Of a multipart form in lower case: a line and its end, the field's name in a line, its value and what ends it.
_LINE = re.compile(rb"([^\r\n]*+)(\r?\n|\r|\Z)")
_FIELD = re.compile(rb'content-disposition:.*?;[\t ]*+name="?list-unsubscribe')
_VALUE = re.compile(rb"one-click[\r\n]*+(?:--|\Z)")
_PREFETCH = re.compile(r"[\t \"]*+(?:prefetch|prerender|preview)", re.ASCII | re.IGNORECASE)
_READ_HEADERS = frozenset(("user-agent", "sec-purpose", "purpose", "x-purpose", "x-moz"))  # all but one tell prefetches
_NOT_VALID = "This link is not valid. Please open it from the message it came in.\n"
# Each by a mark that no person's browser has: scanners with search engines and browsers that programs drive; makers of
# previews of a link that somebody posted; the image proxies of mail services, which load when a reader opens the mail.
_AGENTS: Final[dict[Visitor, list[str]]] = {
    "scanner": "barracudacentral bingpreview headlesschrome googlebot bingbot".split(),
    "preview": "facebookexternalhit linkedinbot slackbot twitterbot telegrambot discordbot skypeuripreview".split(),
    "image-proxy": "googleimageproxy yahoomailproxy".split(),
}
_MAX_USER_AGENT = 512
_MAX_IP_ADDRESS = 64
_JUST_TEXT = frozenset((str,))

Ip = Literal["full", "cut", "none"]
"""What events hold of an IP address."""
_IPS: Final = get_args(Ip)

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"({_OCTET}\.{_OCTET}\.{_OCTET}\.){_OCTET}", re.ASCII)
_LONGEST_IPV6 = 45  # characters: six groups of four digits, and a dotted IPv4 address
_MAPPED = 0xFFFF  # ::ffff:0:0/96 (RFC 4291 2.5.5.2)
_NAT64 = 0x64FF9B << 64  # 64:ff9b::/96 (RFC 6052 2.1)
_LOCAL_NAT64 = 0x64FF9B0001  # 64:ff9b:1::/48 (RFC 8215)
_6TO4 = 0x2002  # 2002::/16 (RFC 3056)
_TEREDO = 0x20010000  # 2001::/32 (RFC 4380)
_ISATAP = 0x5EFE  # behind 32 bits that are 0 or 0x02000000 (RFC 5214 6.1)


@dataclass(frozen=True, slots=True)
class Response:
    """The response to send, and the event to record."""

    status: int
    headers: dict[str, str]
    """Each name once, `Content-Length` included."""
    body: bytes
    event: Event | None = None
    """None where nothing is to be recorded."""
    token: str | None = field(default=None, repr=False)
    """The canonical form of the event's token: equal for all requests for this link or pixel of this message."""


# The status, headers and body of a response.
_Parts = tuple[int, dict[str, str], bytes]


def respond(
    resolver: Resolver,
    *,
    method: str,
    raw_path: str | bytes,
    host: str | None,
    headers: Mapping[str, str],
    ip_address: str | None = None,
    ip: Ip = "cut",
    body: bytes = b"",
) -> Response:
    """Answer one request to the redirect endpoint.

    - `/f/SUBLINK/TOKEN` redirects (302).
    - `/q/TOKEN` is the open pixel: 200, whatever the token.
    - `/u/TOKEN` takes the POST of a one-click unsubscribe (RFC 8058), and shows a page with a button to a reader.
    - `/.well-known/linkwrap/NONCE` is the challenge response that `linkwrap.domains` checks.
    - `/healthz` answers "ok" on any host.

    Links that do not verify and all other paths are 404, links that the resolver's `refuse` stops are 410, methods
    other than GET and HEAD 405. A reader whose `Accept` names HTML gets a page with it, and others a line of text.
    HEAD is answered like GET, with an empty body. The path is percent-decoded once before all that, so that
    `/%66/a/TOKEN` is the path of a link.

    Args:
        resolver: Verifies the URLs.
        method: The request's method.
        raw_path: The request's path as it was sent, not percent-decoded; a query behind it is ignored.
        host: The `Host` header (None where there is none), or the host that a trusted proxy names.
        headers: The request's headers, names in any case.
        ip_address: The reader's address, for the event.
        ip: What the event holds of it: "cut" is what `cut_address` returns, "full" the address as it is given, "none"
            nothing. The event of an anonymous message never holds one.
        body: The body of a POST to `/u/`. The first `MAX_BODY` + 1 bytes are enough: a longer body is refused. If it is
            empty, and the headers have a `Transfer-Encoding` but no `Content-Length`, your server could not read it:
            the response is 411, so that the client may send it with a length.

    Raises:
        TypeError: An argument is of the wrong type. No request raises anything.
        OptionError: `ip` is none of the three.
    """
    if not (
        isinstance(resolver, Resolver)
        and isinstance(method, str)
        and isinstance(raw_path, (str, bytes))
        and (host is None or isinstance(host, str))
        and isinstance(headers, (dict, Mapping))
        and (
            (kinds := {*map(type, headers), *map(type, headers.values())}) == _JUST_TEXT
            or all(issubclass(kind, str) for kind in kinds)
        )
        and (ip_address is None or isinstance(ip_address, str))
        and isinstance(ip, str)
        and ip in _IPS
        and isinstance(body, (bytes, bytearray, memoryview))
    ):
        faults = _wrong_types(resolver, method, raw_path, host, headers, ip_address, ip, body)
        del resolver  # a traceback may show the variables of a frame, and this may be a key
        faults.raise_any()
    path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
    path = path.partition("?")[0]
    decoded = decode_path(path[:MAX_PATH])  # no longer path is another one than its beginning says
    host = host or ""
    visit: Click | Open | Unsubscribe | None = None
    if decoded.startswith("/u/"):
        response, visit = _unsubscribe(resolver, host, path, method, headers, body)
    elif not decoded.startswith(("/f/", "/q/", _WELL_KNOWN)) and decoded != "/healthz":
        response = _page("404", "Not found.\n", headers)
    elif method not in ("GET", "HEAD"):
        response = _text(405, "Only GET and HEAD are allowed.\n", {"Allow": "GET, HEAD"})
    elif decoded == "/healthz":
        response = _text(200, "ok")
    elif decoded.startswith(_WELL_KNOWN):
        response = _challenge_response(resolver, host, decoded.removeprefix(_WELL_KNOWN))
    else:
        response, visit = _visit(resolver, host, path, headers, pixel=decoded.startswith("/q/"))
    event = None if visit is None else _event(visit, method, headers, ip_address, ip)
    status, sent, content = response
    token = None if visit is None else visit.token
    return Response(status, sent, b"" if method == "HEAD" else content, event, token)


def cut_address(address: str | None) -> str | None:
    """Return an IP address without its last part: of IPv4 the first 24 bits are left, of IPv6 the first 48.

    It is shortened, not anonymous. An IPv6 address that embeds an IPv4 address is cut as the latter: IPv4-mapped, NAT64
    (64:ff9b::/96 and, embedded as in RFC 6052 2.2, 64:ff9b:1::/48), 6to4, Teredo and ISATAP.

    Args:
        address: The address as text, without port or brackets; a zone id (`%eth0`) is dropped.

    Returns:
        The address with zeros in place of what was cut off; None for what is no IP address.

    Raises:
        TypeError: The address is not a `str` or None.
    """
    if address is None:
        return None
    if not isinstance(address, str):
        faults = Faults()
        faults.wrong_type("address", "str or None", address)
        faults.raise_any()
    if found := _IPV4.fullmatch(address):
        return f"{found[1]}0"
    plain = address.partition("%")[0]
    try:
        number = int(IPv6Address(plain if len(plain) <= _LONGEST_IPV6 else ""))
    except ValueError:
        return None
    embedded = _embedded(number)
    return str(IPv6Address(number >> 80 << 80) if embedded is None else IPv4Address(embedded >> 8 << 8))


def _embedded(number: int) -> int | None:
    """Return the IPv4 address that an IPv6 address embeds, both as numbers; None if it embeds none."""
    low = number & 0xFFFFFFFF
    if number >> 32 in (_MAPPED, _NAT64):
        return low
    if number >> 80 == _LOCAL_NAT64:
        # The operator chooses the length of the prefix: the address ends where only zeros follow, and skips bits 64-71.
        octets = number.to_bytes(16, "big")
        octets = octets[6:8] + octets[9:]
        start = next((start for start in (0, 1, 2) if not any(octets[start + 4 :])), 5)
        return int.from_bytes(octets[start : start + 4], "big")
    if number >> 112 == _6TO4:
        return number >> 80 & 0xFFFFFFFF
    if number >> 96 == _TEREDO:
        return low ^ 0xFFFFFFFF
    return low if number >> 32 & 0xFDFFFFFF == _ISATAP else None


def _wrong_types(
    resolver: object,
    method: object,
    raw_path: object,
    host: object,
    headers: object,
    ip_address: object,
    ip: object,
    body: object,
) -> Faults:
    faults = Faults()
    expected: list[tuple[str, str, object, tuple[type, ...]]] = [
        ("resolver", "Resolver", resolver, (Resolver,)),
        ("method", "str", method, (str,)),
        ("raw_path", "str or bytes", raw_path, (str, bytes)),
        ("host", "str or None", host, (str, NoneType)),
        ("headers", "a mapping", headers, (Mapping,)),
        ("ip_address", "str or None", ip_address, (str, NoneType)),
        ("ip", "str", ip, (str,)),
        ("body", "bytes", body, (bytes, bytearray, memoryview)),
    ]
    for name, words, value, types in expected:
        if not isinstance(value, types):
            faults.wrong_type(name, words, value)
    if isinstance(headers, Mapping):
        others = [text for pair in headers.items() for text in pair if not isinstance(text, str)]
        if others:
            faults.wrong_type("each name and value of headers", "str", others[0])
    if isinstance(ip, str) and ip not in _IPS:
        faults.wrong_value(f"ip must be 'full', 'cut' or 'none', not {ip!r:.80}")
    return faults


def _visit(
    resolver: Resolver, host: str, path: str, headers: Mapping[str, str], *, pixel: bool
) -> tuple[_Parts, Click | Open | None]:
    found: Click | Open | Unsubscribe | None = None
    refused = False
    try:
        found = resolver.resolve_path(host, path)
    except InvalidToken as error:
        refused = error.reason == "refused"
    if pixel:
        return _respond(200, "image/gif", PIXEL, _NEVER_CACHED), found if isinstance(found, Open) else None
    if refused:
        return _page("410", "This link was disabled.\n", headers), None
    if not isinstance(found, Click):
        return _page("404", _NOT_VALID, headers), None
    sent = {"Cache-Control": "no-store", "Location": found.url, "Referrer-Policy": "no-referrer"}
    return _respond(302, "text/plain; charset=utf-8", b"Found.\n", sent), found


def _unsubscribe(
    resolver: Resolver, host: str, path: str, method: str, headers: Mapping[str, str], body: bytes
) -> tuple[_Parts, Unsubscribe | None]:
    """Take only the POST as the reader's wish: scanners open every link, and send no POST."""
    if method not in ("GET", "HEAD", "POST"):
        return _text(405, "Only GET, HEAD and POST are allowed.\n", {"Allow": "GET, HEAD, POST"}), None
    try:
        found = resolver.resolve_path(host, path)
    except InvalidToken:
        found = None
    if not isinstance(found, Unsubscribe):
        return _page("404", _NOT_VALID, headers), None
    sent = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    if method != "POST":
        return _respond(200, HTML, PAGES["unsubscribe"], sent | HEADERS), None
    if not body and "content-length" not in (names := {*map(str.lower, headers)}) and "transfer-encoding" in names:
        return _text(411, "The body has no length: send Content-Length.\n", sent), None
    if len(body) > MAX_BODY or not _is_one_click(bytes(body).lower()):
        return _text(400, "The body is not List-Unsubscribe=One-Click.\n", sent), None
    return _page("unsubscribed", "Your request to unsubscribe was received.\n", headers, sent), found


def _is_one_click(body: bytes) -> bool:
    """Whether a form, in lower case, holds the pair of one-click unsubscribe (RFC 8058, 3.1 and 3.2); in linear time.

    The form is of either kind: URL-encoded, or multipart. Of the latter, the boundary is not compared: a part is a line
    with the field's name, the other lines of its header, an empty line, and the value.
    """
    if b"list-unsubscribe=one-click" in body.split(b"&"):
        return True
    if not body.lstrip(b"\r\n").startswith(b"--"):
        return False
    named = False  # whether the header that is being read has the field's name
    for line in _LINE.finditer(body):
        if line[2] == b"\r":
            named = False
        elif line[1]:
            named = named or _FIELD.match(line[1]) is not None
        elif named and _VALUE.match(body, line.end()):
            return True
        else:
            named = False
    return False


def _challenge_response(resolver: Resolver, host: str, nonce: str) -> _Parts:
    if _NONCE.fullmatch(nonce):
        try:
            return _text(200, resolver.challenge_response(host, nonce))
        except InvalidToken:
            pass
    return _text(404, "Not found.\n")


def _event(
    visit: Click | Open | Unsubscribe, method: str, headers: Mapping[str, str], ip_address: str | None, ip: Ip
) -> Event:
    header = {lower: value for name, value in headers.items() if (lower := name.lower()) in _READ_HEADERS}
    agent = _clean(header.pop("user-agent", None), _MAX_USER_AGENT)
    visitor, reasons = _visitor(method, agent, header)
    kind: EventType
    url = name = index = None
    now = time.time()
    if isinstance(visit, Open):
        kind = "initial_open" if visit.initial else "open"
    elif isinstance(visit, Unsubscribe):
        # A POST that says so is a wish, whoever sends it.
        kind, visitor, reasons = "list_unsubscribe", "unknown", ()
    else:
        # A scanner opens every link of a mail, and must not unsubscribe the reader.
        kind = "link_unsubscribe" if visit.unsubscribe and visitor not in MACHINES else "click"
        url, name, index = event_url(visit.url), visit.link_name, visit.index
    if visit.anonymous:
        # Merged per recipient, a query or a fragment can name one.
        url, agent, ip = url and re.split("[?#]", url, maxsplit=1)[0], None, "none"
    return Event(
        event_id=_event_id(now),
        type=kind,
        timestamp=int(now),
        account_id=visit.account_id,
        tracking_domain=visit.host,
        target_link_url=url,
        target_link_name=name,
        target_link_part=None if isinstance(visit, Unsubscribe) else visit.part,
        target_link_index=index,
        rcpt_meta=visit.metadata,
        sent_at=int(visit.sent_at.timestamp()),
        expired=visit.expired,
        anonymous=visit.anonymous,
        visitor=visitor,
        visitor_reasons=reasons,
        ip_address=_address(ip_address, ip),
        user_agent=agent,
    )


def _visitor(method: str, agent: str | None, prefetch: Mapping[str, str]) -> tuple[Visitor, tuple[str, ...]]:
    """Return what the request itself shows of its visitor, and by which signs."""
    found: Visitor = "unknown"
    lower = (agent or "").lower()
    for visitor, marks in _AGENTS.items():
        if any(map(lower.__contains__, marks)):
            found = visitor
            break
    if found in MACHINES:
        return found, ("agent",)
    signs = ("head",) * (method == "HEAD") + ("prefetch-header",) * any(map(_PREFETCH.match, prefetch.values()))
    if signs:
        return "prefetch", signs
    return found, () if found == "unknown" else ("agent",)


def _event_id(now: float) -> str:
    """Return a UUID that begins with the time (RFC 9562, 5.7): a database's index of such ids grows at its end only."""
    time_digits, digits = f"{int(now * 1000):012x}", os.urandom(10).hex()
    first, last = digits[:4], digits[4:]
    return f"{time_digits[:8]}-{time_digits[8:]}-7{first[1:]}-{_VARIANTS[first[0]]}{last[:3]}-{last[3:15]}"


def _address(address: str | None, ip: Ip) -> str | None:
    if ip == "cut":
        return cut_address(address)
    return _clean(address, _MAX_IP_ADDRESS) if ip == "full" else None


def _clean(text: str | None, limit: int) -> str | None:
    """Return at most `limit` characters of a value that a stranger sent, without controls, line breaks, surrogates."""
    text = text and text[:limit]
    return text if text is None or text.isprintable() else "".join(filter(str.isprintable, text))


def _page(name: str, text: str, headers: Mapping[str, str], sent: Mapping[str, str] | None = None) -> _Parts:
    """Answer a browser with a page, and everything else with a line of text."""
    status = int(name) if name.isdigit() else 200
    if not wants_html(headers):
        return _text(status, text, sent)
    return _respond(status, HTML, PAGES[name], {"Cache-Control": "no-store", **HEADERS})


def _text(status: int, text: str, headers: Mapping[str, str] | None = None) -> _Parts:
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return _respond(status, "text/plain; charset=utf-8", text.encode(), headers)


def _respond(status: int, content_type: str, body: bytes, headers: Mapping[str, str]) -> _Parts:
    common = {
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        **headers,
    }
    return status, common, body

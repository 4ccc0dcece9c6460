"""The redirect server as an ASGI application: decide, look at the visitor, cut the address, store, answer.

`linkwrap.endpoint.respond` decides. Its event is stored, or has gone to the fallback, before the reader is answered;
whatever goes wrong on the way, the reader gets what was decided.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final, get_args
from urllib.parse import quote

from .._extras import missing_extra
from .._faults import Faults
from ..endpoint import MAX_BODY, Ip, Response, respond
from ..events import Event
from ..keys import SigningKeys
from ..resolver import Resolver
from .blocks import BlockList, default_path
from .fallback import Fallback, open_fallback
from .files import WellKnownFiles
from .limits import PER_MINUTE, Limits, verifies_nothing
from .pages import Pages
from .proxies import Network, client_of, host_of, is_trusted, parse_networks
from .repeats import LIMIT, Repeats
from .store import Durability
from .writer import Writer

try:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send
except ModuleNotFoundError as _error:
    raise missing_extra(_error, "server", "starlette", "anyio") from None

_BODY_SECONDS: Final = 10.0
_log = logging.getLogger("linkwrap")


def create_app(
    keys: SigningKeys | Resolver,
    *,
    store: str | os.PathLike[str],
    fallback: str | os.PathLike[str] | None = None,
    durability: Durability = "process",
    ip: Ip = "cut",
    replay_limit: int = LIMIT,
    blocks: str | os.PathLike[str] | None = None,
    trusted_proxies: Sequence[str] = (),
    forwarded_host: bool = False,
    limit: int = PER_MINUTE,
    files: str | os.PathLike[str] | None = None,
    pages: str | os.PathLike[str] | None = None,
) -> "RedirectApp":
    """Return the redirect server as an ASGI application.

    In an application of yours, mount it at the top (`Mount("/", app)`) or by host (`Host("click.acme.com", app)`):
    links have no prefix. Applications do not run the lifespan of what is mounted in them, so give yours `app.lifespan`,
    or enter that in your own lifespan.

    Args:
        keys: The keys that the links were made with, or a `Resolver` with them.
        store: The file of the store. It is made if there is none; while it cannot be used, events go to the fallback.
        fallback: The file of the fallback; None is standard error.
        durability: What a stored event outlives, as for `Store`.
        ip: What events hold of a reader's address, as for `respond`.
        replay_limit: Requests a minute for one link or pixel of one message that are events of their own. Further ones
            are answered too, and counted together (`Event.repeated`).
        blocks: The file of the block list; None is the store's name with `.blocks`. It is read again as it changes.
        trusted_proxies: Networks and addresses of proxies whose `X-Forwarded-For` counts. Let your server leave that
            header alone, and not change the address of the client by it.
        forwarded_host: Whether the host of a request is the one that a trusted proxy's `X-Forwarded-Host` names.
        limit: Requests a minute that verify nothing, of one network; more are answered with 429. 0 is no limit.
        files: The folder of well-known files. It is read once; a file with a fault is left out, and the log says so.
        pages: The folder of pages for readers, read likewise.

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: `durability` or `ip` is none of its values, `replay_limit` is not positive, `limit` is negative, or
            a proxy is no network.
    """
    faults = Faults()
    if not isinstance(keys, (SigningKeys, Resolver)):
        faults.wrong_type("keys", "SigningKeys or Resolver", keys)
        del keys  # a traceback may show the variables of a frame, and this may be a key
    if not isinstance(store, (str, os.PathLike)):
        faults.wrong_type("store", "a path", store)
    if not isinstance(fallback, (str, os.PathLike, type(None))):
        faults.wrong_type("fallback", "a path or None", fallback)
    if not isinstance(blocks, (str, os.PathLike, type(None))):
        faults.wrong_type("blocks", "a path or None", blocks)
    if isinstance(trusted_proxies, str):
        faults.wrong_type("trusted_proxies", "a sequence of str", trusted_proxies)
    if not isinstance(limit, int):
        faults.wrong_type("limit", "int", limit)
    elif limit < 0:
        faults.wrong_value("limit must not be negative")
    for name, folder in (("files", files), ("pages", pages)):
        if not isinstance(folder, (str, os.PathLike, type(None))):
            faults.wrong_type(name, "a path or None", folder)
    for name, value, choices in (("durability", durability, get_args(Durability)), ("ip", ip, get_args(Ip))):
        if value not in choices:
            faults.wrong_value(f"{name} must be one of {', '.join(choices)}")
    if not isinstance(replay_limit, int) or isinstance(replay_limit, bool):
        faults.wrong_type("replay_limit", "int", replay_limit)
    elif replay_limit < 1:
        faults.wrong_value(f"replay_limit must be positive, not {replay_limit}")
    faults.raise_any()
    resolver = Resolver(keys) if isinstance(keys, SigningKeys) else keys
    block_list = BlockList(default_path(store) if blocks is None else blocks)
    return RedirectApp(
        resolver.refusing(block_list.refuse),
        store=store,
        fallback=fallback,
        durability=durability,
        ip=ip,
        replay_limit=replay_limit,
        trusted=parse_networks(trusted_proxies),
        forwarded_host=forwarded_host,
        limit=limit,
        files=files,
        pages=pages,
    )


class RedirectApp:
    """The ASGI application that `create_app` returns."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        store: str | os.PathLike[str],
        fallback: str | os.PathLike[str] | None,
        durability: Durability,
        ip: Ip,
        replay_limit: int,
        trusted: Sequence[Network],
        forwarded_host: bool,
        limit: int,
        files: str | os.PathLike[str] | None,
        pages: str | os.PathLike[str] | None,
    ) -> None:
        self._resolver = resolver
        self._store = store
        self._fallback = fallback
        self._durability: Durability = durability
        self._ip: Ip = ip
        self._repeats = Repeats(replay_limit)
        self._trusted = trusted
        self._forwarded_host = forwarded_host
        self._limits = Limits(limit)
        self._files = WellKnownFiles(files)
        self._pages = Pages(pages)
        for fault in (*self._files.faults, *self._pages.faults):
            _log.error("left out: %s", fault)
        self._writer: Writer | None = None
        self._starlette = Starlette(lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Open the store, and close it in the end, once what was taken is stored. `app` is not used."""
        writer, lines = self._open()
        try:
            await writer.start()
            yield
        finally:
            await writer.close()
            await asyncio.to_thread(lines.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; everything but HTTP is Starlette's."""
        if scope["type"] != "http":
            await self._starlette(scope, receive, send)
            return
        try:
            response = await self._respond(scope, receive)
        except Exception as error:  # its words may hold what is in a request
            _log.error("a request was refused after %s", type(error).__name__)
            response = _refuse(400, "The request cannot be read.\n")
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else response.body})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        headers: dict[str, str] = {}
        hosts = 0
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            hosts += key == "host"
            headers[key] = value.decode("latin-1")
        if hosts > 1:  # RFC 9112, 3.2
            return _refuse(400, "There is more than one Host.\n")
        peer = scope["client"][0] if scope.get("client") else None
        client, host = peer, headers.get("host")
        if is_trusted(peer, self._trusted):
            client = client_of(peer, scope["headers"], self._trusted)
            host = (self._forwarded_host and host_of(scope["headers"])) or host
        method = scope["method"]
        raw_path = scope.get("raw_path") or quote(scope["path"], errors="replace")
        if (found := self._files.respond(method, raw_path, host)) is not None:
            return found
        body = b""
        if method == "POST":
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    body = await _body(receive)
            except TimeoutError:
                return _refuse(408, "The body took too long.\n")
        response = respond(
            self._resolver,
            method=method,
            raw_path=raw_path,
            host=host,
            headers=headers,
            ip_address=client,
            ip=self._ip,
            body=body,
        )
        if response.event is not None:
            await self._keep(response.event, response.token)
        elif verifies_nothing(response) and (seconds := self._limits.wait_seconds(client)):
            return _refuse(429, "Too many requests that are not valid.\n", {"Retry-After": str(seconds)})
        return self._pages.dress(response, method, host, headers)

    async def _keep(self, event: Event, token: str | None) -> None:
        """Wait until an event is stored, or has gone to the fallback."""
        try:
            writer = self._writer
            if writer is None:
                _log.warning("the lifespan of the redirect server does not run, so its store is never closed")
                writer, _ = self._open()
            if token is not None:
                event = self._repeats.count(token, event, writer.metrics.opened)
            await writer.submit(event)
        except Exception as error:  # its words may hold what is in an event
            _log.error("an event may be lost: storing it failed with %s", type(error).__name__)

    def _open(self) -> tuple[Writer, Fallback]:
        lines = open_fallback(self._fallback)
        self._writer = Writer(self._store, lines, durability=self._durability)
        return self._writer, lines


async def _body(receive: Receive) -> bytes:
    """Return the body of a request, of a long one its beginning; nothing if the client is gone before its end."""
    body = b""
    while len(body) <= MAX_BODY:
        message: dict[str, Any] = dict(await receive())
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")[: MAX_BODY + 1]
        if not message.get("more_body", False):
            break
    return body[: MAX_BODY + 1]


def _refuse(status: int, text: str, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    body = text.encode()
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        **more,
    }
    return Response(status, headers, body)

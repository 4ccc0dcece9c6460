"""The redirect server as an ASGI application: decide, look at the visitor, cut the address, store, answer.

`linkwrap.endpoint.respond` decides. Its event is stored, or has gone to the fallback, before the reader is answered;
whatever goes wrong on the way, the reader gets what was decided.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, get_args
from urllib.parse import quote

from .._extras import missing_extra
from .._faults import Faults
from ..endpoint import MAX_BODY, Ip, Response, respond
from ..events import Event
from ..keys import SigningKeys
from ..resolver import Resolver
from .fallback import Fallback, open_fallback
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

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: `durability` or `ip` is none of its values.
    """
    faults = Faults()
    if not isinstance(keys, (SigningKeys, Resolver)):
        faults.wrong_type("keys", "SigningKeys or Resolver", keys)
        del keys  # a traceback may show the variables of a frame, and this may be a key
    if not isinstance(store, (str, os.PathLike)):
        faults.wrong_type("store", "a path", store)
    if not isinstance(fallback, (str, os.PathLike, type(None))):
        faults.wrong_type("fallback", "a path or None", fallback)
    for name, value, choices in (("durability", durability, get_args(Durability)), ("ip", ip, get_args(Ip))):
        if value not in choices:
            faults.wrong_value(f"{name} must be one of {', '.join(choices)}")
    faults.raise_any()
    resolver = Resolver(keys) if isinstance(keys, SigningKeys) else keys
    return RedirectApp(resolver, store=store, fallback=fallback, durability=durability, ip=ip)


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
    ) -> None:
        self._resolver = resolver
        self._store = store
        self._fallback = fallback
        self._durability: Durability = durability
        self._ip: Ip = ip
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
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        headers: dict[str, str] = {}
        hosts = 0
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            hosts += key == "host"
            headers[key] = value.decode("latin-1")
        if hosts > 1:  # RFC 9112, 3.2
            return _refuse(400, "There is more than one Host.\n")
        body = b""
        if scope["method"] == "POST":
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    body = await _body(receive)
            except TimeoutError:
                return _refuse(408, "The body took too long.\n")
        client = scope.get("client")
        response = respond(
            self._resolver,
            method=scope["method"],
            raw_path=scope.get("raw_path") or quote(scope["path"], errors="replace"),
            host=headers.get("host"),
            headers=headers,
            ip_address=client[0] if client else None,
            ip=self._ip,
            body=body,
        )
        if response.event is not None:
            await self._keep(response.event)
        return response

    async def _keep(self, event: Event) -> None:
        """Wait until an event is stored, or has gone to the fallback."""
        try:
            writer = self._writer
            if writer is None:
                _log.warning("the lifespan of the redirect server does not run, so its store is never closed")
                writer, _ = self._open()
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


def _refuse(status: int, text: str) -> Response:
    body = text.encode()
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(status, headers, body)

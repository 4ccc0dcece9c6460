"""Servers that are threads of the tests: the redirect endpoint over HTTP and HTTPS, and name servers that misbehave."""

import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dns.exception
import dns.message
import dns.query
import trustme

from linkwrap import Resolver, SigningKeys
from linkwrap.endpoint import MAX_BODY, respond

REDIRECTOR = "127.0.80.1"
"""Where the redirect endpoint listens, and spgo.io leads."""

SECRET = "the key of the tests on tracking domains"

Answer = tuple[int, Mapping[str, str], bytes | Iterable[bytes]]
"""Status, headers and body; a body in pieces may have no end."""


def serve(cleanup: ExitStack, server: socketserver.BaseServer) -> None:
    """Run a server in a thread until `cleanup` stops it."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    cleanup.callback(server.server_close)
    cleanup.callback(thread.join)
    cleanup.callback(server.shutdown)


class Redirector:
    """The redirect endpoint of `spgo.io` and of each tracking domain, until `cleanup` stops it.

    `http_port` and `https_port` are its ports at `REDIRECTOR`; `tls` is what a client is given, who then trusts the
    authority of the tests and no other. Tests may set `secret`, the signing key, and `override`, which is called with
    host and path and answers in the endpoint's place, unless with None. `requests` are scheme, host and path of what
    was asked, `events` what the endpoint recorded.
    """

    def __init__(self, cleanup: ExitStack) -> None:
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(self.tls)
        self.reset()
        self.http_port = self._listen(cleanup, "http")
        self.https_port = self._listen(cleanup, "https")

    def also_at(self, cleanup: ExitStack, address: str) -> None:
        """Answer at another address too, as through a proxy there, until `cleanup` ends that."""
        self._listen(cleanup, "http", address, self.http_port)
        self._listen(cleanup, "https", address, self.https_port)

    def reset(self) -> None:
        """Make it what it was at first, for the next test; only the certificate of spgo.io stays."""
        self.secret = SECRET
        self.override: Callable[[str, str], Answer | None] | None = None
        self.requests: list[tuple[str, str, str]] = []
        self.events: list[dict[str, object]] = []
        self._contexts = {host: context for host, context in self._contexts.items() if host == "spgo.io"}
        self.certify("spgo.io")

    @property
    def keys(self) -> SigningKeys:
        """The keys that the endpoint verifies with."""
        return SigningKeys(self.secret)

    def certify(self, host: str) -> None:
        """Have a certificate for a host, from now on; hosts without one are shown that of spgo.io."""
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
            context.sni_callback = self._choose
            self._contexts[host] = context

    def _choose(self, connection: ssl.SSLObject, host: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._contexts.get(host or "", self._contexts["spgo.io"])

    def _listen(self, cleanup: ExitStack, scheme: str, address: str = REDIRECTOR, port: int = 0) -> int:
        server = _Server((address, port), _Handler)
        server.redirector, server.scheme = self, scheme
        if scheme == "https":
            server.socket = self._contexts["spgo.io"].wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        serve(cleanup, server)
        return server.server_address[1]


class _Server(ThreadingHTTPServer):
    redirector: Redirector
    scheme: str
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up or do not trust us, as they are told to."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # of a client that says nothing

    def do_GET(self) -> None:
        redirector, host = self.server.redirector, self.headers.get("Host", "")
        sent = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_BODY + 1))
        redirector.requests.append((self.server.scheme, host, self.path))
        answer = redirector.override and redirector.override(host, self.path)
        if not answer:
            response = respond(
                Resolver(redirector.keys),
                method=self.command,
                raw_path=self.path,
                host=host,
                headers=dict(self.headers),
                ip_address=self.client_address[0],
                body=sent,
            )
            if response.event:
                redirector.events.append(response.event.as_dict())
            answer = response.status, response.headers, response.body
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            for piece in [body] if isinstance(body, bytes) else body:
                self.wfile.write(piece)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, *message: object) -> None:
        """Log nothing."""


class _NameServer(socketserver.BaseRequestHandler):
    """A name server of `dnsworld.World`."""

    def __init__(self, world: Any, *arguments: Any) -> None:
        self.world = world
        super().__init__(*arguments)


class Mute(_NameServer):
    """Counts queries and answers none."""

    def handle(self) -> None:
        """Count one."""
        self.world.mute_packets += 1


class Slow(_NameServer):
    """Has queries answered by the server at an address, after a while."""

    def __init__(self, world: Any, address: str, *arguments: Any) -> None:
        self.address = address
        super().__init__(world, *arguments)

    def handle(self) -> None:
        """Answer one."""
        datagram = isinstance(self.request, tuple)
        with suppress(OSError, EOFError, dns.exception.DNSException):
            if datagram:
                query = dns.message.from_wire(self.request[0])
            else:
                query, _ = dns.query.receive_tcp(self.request, time.time() + 5)
            time.sleep(self.world.slowness)
            ask = dns.query.udp if datagram else dns.query.tcp
            answer = ask(query, self.address, port=self.world.port, timeout=5).to_wire()
            if datagram:
                self.request[1].sendto(answer, self.client_address)
            else:
                dns.query.send_tcp(self.request, answer)

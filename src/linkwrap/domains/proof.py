"""The proof that requests for a host reach the redirector: it must answer with what only this service's keys can sign.

The host's addresses are looked up once, judged by the address filter, and connected to as such: nothing looks the name
up again in between. No redirect is followed, no proxy of the environment used, and no body repeated.
"""

import asyncio
import secrets
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import httpx

from .._token.wire import signed_message
from ..keys import SigningKeys
from .network import Network
from .questions import OWN_FAULT

MAX_BODY: Final = 4096
"""Bytes of an answer that are read; a proof has 22."""

_MAX_ADDRESSES = 4
_SIGNATURE = 22

Scheme = Literal["http", "https"]
SCHEMES: Final[tuple[Scheme, Scheme]] = ("http", "https")
Outcome = Literal["proven", "redirected", "wrong", "absent", "certificate", "untrusted", "silent", "blocked", "unasked"]
_FIRST: Final[tuple[Outcome, ...]] = ("wrong", "certificate", "untrusted", "redirected", "proven", "silent")
# What OpenSSL says of a certificate whose authority it does not know: here, or nowhere.
_UNTRUSTED = (18, 19, 20, 21)


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of asking the redirector through a host.

    `outcome` is "proven" (at each address that answers), "redirected" (readers are sent to https of the same host),
    "wrong" (something else answers at one address), "absent" (there is no address), "certificate" (none that is valid
    for the host), "untrusted" (one of an authority not known here), "silent" (nothing answers, or a gateway says that
    nothing does), "blocked" (an address is not public) or "unasked" (no time was left). `address` is the one that
    decided; `detail` puts the outcome in words.
    """

    scheme: Scheme
    outcome: Outcome
    detail: str
    address: str = ""

    def __str__(self) -> str:
        where = f" ({self.address})" if self.address else ""
        return f"{self.scheme}{where}: {self.detail}"


async def prove(
    network: Network, keys: SigningKeys, host: str, scheme: Scheme, addresses: Sequence[str] | None, seconds: float
) -> Proof:
    """Ask the redirector through `host`, which has these addresses, for a proof; at most `seconds` long.

    `addresses` is None where no resolver could tell them.
    """
    if seconds <= 0:
        return Proof(scheme, "unasked", "the check had no time left")
    if addresses is None:
        return Proof(scheme, "silent", "no recursive resolver tells the host's address")
    if not addresses:
        return Proof(scheme, "absent", "the host has no address")
    for address in addresses:
        forbidden = network.why_forbidden(address)
        if forbidden:
            return Proof(scheme, "blocked", f"not asked: {forbidden}", address)
    asked = addresses[:_MAX_ADDRESSES]
    proofs = await asyncio.gather(*(_ask(network, keys, host, scheme, address, seconds) for address in asked))
    # Readers go to any of them: one that answers wrongly loses some, one that is down does not.
    return min(proofs, key=lambda proof: _FIRST.index(proof.outcome))


async def _ask(network: Network, keys: SigningKeys, host: str, scheme: Scheme, address: str, seconds: float) -> Proof:
    nonce = secrets.token_hex(16)
    port, usual = (network.https_port, 443) if scheme == "https" else (network.http_port, 80)
    authority = host if port == usual else f"{host}:{port}"
    literal = f"[{address}]" if ":" in address else address
    request = httpx.Request(
        "GET",
        f"{scheme}://{literal}:{port}/.well-known/linkwrap/{nonce}",
        headers={"Host": authority, "Accept-Encoding": "identity", "User-Agent": "linkwrap", "Connection": "close"},
        extensions={"sni_hostname": host, "timeout": httpx.Timeout(network.timeout).as_dict()},
    )
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncHTTPTransport(verify=network.tls or _system_tls(), trust_env=False) as transport,
        ):
            response = await transport.handle_async_request(request)
            try:
                location = response.headers.get("Location", "")
                if 300 <= response.status_code < 400 and scheme == "http" and location.startswith(f"https://{host}/"):
                    return Proof(scheme, "redirected", "readers are sent to https", address)
                return _judged(scheme, address, response.status_code, await _body(response), keys, nonce, host)
            finally:
                await response.aclose()
    except (httpx.TimeoutException, TimeoutError):
        return Proof(scheme, "silent", "no answer in time", address)
    except (httpx.HTTPError, OSError) as error:  # OpenSSL's own errors come through
        for cause in _causes(error):
            if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno in OWN_FAULT:
                raise cause from None
        refused = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            outcome: Outcome = "untrusted" if refused.verify_code in _UNTRUSTED else "certificate"
            fault = refused.verify_message.rstrip(".")
            return Proof(scheme, outcome, f"no certificate that is valid for the host: {fault}", address)
        kind = "cannot be connected to" if isinstance(error, httpx.ConnectError) else "breaks the connection"
        return Proof(scheme, "silent", kind, address)


@cache
def _system_tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # takes too long to be made for each request


async def _body(response: httpx.Response) -> bytes:
    """The first `MAX_BODY` bytes as they come, nothing of them unpacked."""
    body = b""
    async for chunk in response.aiter_raw(MAX_BODY):
        body += chunk
        if len(body) >= MAX_BODY:
            break
    return body[:MAX_BODY]


def _judged(scheme: Scheme, address: str, status: int, body: bytes, keys: SigningKeys, nonce: str, host: str) -> Proof:
    if status == 200:
        text = body.strip().decode("latin-1")
        if len(text) == _SIGNATURE and text.isascii() and keys.verify(signed_message("verify", host, "", nonce), text):
            return Proof(scheme, "proven", "the redirector answers", address)
        return Proof(scheme, "wrong", "something else than this service's redirector answers", address)
    if 300 <= status < 400:
        return Proof(scheme, "wrong", f"a redirect answers (status {status}), which is not followed", address)
    if status >= 500:
        return Proof(
            scheme, "silent", f"a gateway or server answers that it is out of order (status {status})", address
        )
    return Proof(scheme, "wrong", f"something else than this service's redirector answers (status {status})", address)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

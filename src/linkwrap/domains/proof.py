"""The proof that requests for a host reach the redirector: it must answer with what only this service's keys can sign.

The host's addresses are looked up once, judged by the address filter, and connected to as such: nothing looks the name
up again in between. No redirect is followed, no proxy of the environment used, and no body repeated.
"""

import asyncio
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import httpx

from ..tokens import SigningKeys, signed_message
from .network import Network

MAX_BODY: Final = 4096
"""Bytes of an answer that are read; a proof has 22."""

_MAX_ADDRESSES = 4
_SIGNATURE = 22

Scheme = Literal["http", "https"]
SCHEMES: Final[tuple[Scheme, Scheme]] = ("http", "https")
Outcome = Literal["proven", "wrong", "certificate", "silent", "blocked"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of asking the redirector through a host.

    `outcome` is "proven", "wrong" (something else answers), "certificate" (there is none that is valid for the host),
    "silent" (nothing answers, or a gateway says that nothing does) or "blocked" (an address is not public). `address`
    is the last one that was tried; `detail` puts the outcome in words.
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
    if addresses is None:
        return Proof(scheme, "silent", "no recursive resolver tells the host's address")
    if not addresses:
        return Proof(scheme, "wrong", "the host has no address")
    for address in addresses:
        forbidden = network.why_forbidden(address)
        if forbidden:
            return Proof(scheme, "blocked", f"not asked: {forbidden}", address)
    proof = Proof(scheme, "silent", "the check had no time left")
    try:
        async with asyncio.timeout(seconds):
            for address in addresses[:_MAX_ADDRESSES]:
                proof = await _ask(network, keys, host, scheme, address)
                if proof.outcome != "silent":
                    break
    except TimeoutError:
        return Proof(scheme, "silent", "the check had no time left", proof.address)
    return proof


async def _ask(network: Network, keys: SigningKeys, host: str, scheme: Scheme, address: str) -> Proof:
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
    tls = network.tls or ssl.create_default_context()
    try:
        async with httpx.AsyncHTTPTransport(verify=tls, trust_env=False, http2=False) as transport:
            response = await transport.handle_async_request(request)
            try:
                return _judged(scheme, address, response.status_code, await _body(response), keys, nonce, host)
            finally:
                await response.aclose()
    except httpx.TimeoutException:
        return Proof(scheme, "silent", f"no answer within {network.timeout:.3g} s", address)
    except httpx.TransportError as error:
        fault = _certificate_fault(error)
        if fault:
            return Proof(scheme, "certificate", f"no certificate that is valid for the host: {fault}", address)
        kind = "cannot be connected to" if isinstance(error, httpx.ConnectError) else "breaks the connection"
        return Proof(scheme, "silent", kind, address)


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


def _certificate_fault(error: BaseException | None) -> str | None:
    """What OpenSSL says of a certificate that it refuses, where that is what an error comes from."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        error = error.__cause__ or error.__context__
    return None

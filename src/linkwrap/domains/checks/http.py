"""The probe that a request for a host reaches the redirect server, which answers with a signature by its keys.

The host's addresses are looked up once, judged by the address filter, and connected to as such: nothing looks up the
name again in between. No redirect is followed, no proxy of the environment is used, and no body is repeated.
"""

import asyncio
import re
import secrets
import ssl
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import httpx

from ..._token.wire import verifies_challenge
from ...keys import SigningKeys
from ..results import Probe, ProbeStatus, Scheme
from .dns import OWN_ERRORS
from .network import Network

MAX_BODY: Final = 4096
"""Bytes of an answer that are read; a signature has 22."""
SCHEMES: Final[tuple[Scheme, Scheme]] = ("http", "https")

_MAX_ADDRESSES = 4
_SIGNATURE = re.compile(r"[\w-]{22}", re.ASCII)
_MOST_DECISIVE: Final[tuple[ProbeStatus, ...]] = (
    "unexpected",
    "other-keys",
    "invalid-certificate",
    "unknown-authority",
    "redirected",
    "confirmed",
    "no-answer",
)
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)  # OpenSSL's X509_V_ERR codes for an authority that is not trusted


async def probe(
    network: Network, keys: SigningKeys, host: str, scheme: Scheme, addresses: Sequence[str] | None, seconds: float
) -> Probe:
    """Ask the redirect server through a host to sign a nonce.

    Args:
        network: The ports, limits and certificates.
        keys: The keys of the redirect server.
        host: The host.
        scheme: "http" or "https".
        addresses: The host's IP addresses; None if no DNS resolver answers.
        seconds: How long this may take.
    """
    if seconds <= 0:
        return Probe(scheme, "not-asked", "the check had no time left")
    if addresses is None:
        return Probe(scheme, "no-answer", "no DNS resolver gives the host's address")
    if not addresses:
        return Probe(scheme, "no-address", "the host has no address")
    for address in addresses:
        forbidden = network.why_forbidden(address)
        if forbidden:
            return Probe(scheme, "blocked", f"not asked: {forbidden}", address)
    asked = addresses[:_MAX_ADDRESSES]
    probes = await asyncio.gather(*(_ask(network, keys, host, scheme, address, seconds) for address in asked))
    # Readers use any of them: one that answers wrongly loses some readers, one that is down does not.
    return min(probes, key=lambda probe: _MOST_DECISIVE.index(probe.status))


async def _ask(network: Network, keys: SigningKeys, host: str, scheme: Scheme, address: str, seconds: float) -> Probe:
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
                    return Probe(scheme, "redirected", "readers are redirected to https", address)
                status, detail = _judged(response.status_code, await _body(response), keys, nonce, host)
                return Probe(scheme, status, detail, address)
            finally:
                await response.aclose()
    except (httpx.TimeoutException, TimeoutError):
        return Probe(scheme, "no-answer", "no answer in time", address)
    except (httpx.HTTPError, OSError) as error:  # OpenSSL's own errors come through
        for cause in _causes(error):
            if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno in OWN_ERRORS:
                raise cause from None
        refused = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            unknown = refused.verify_code in _UNKNOWN_AUTHORITY
            reason = refused.verify_message.rstrip(".")
            return Probe(
                scheme,
                "unknown-authority" if unknown else "invalid-certificate",
                f"no certificate that is valid for the host: {reason}",
                address,
            )
        kind = "cannot be connected to" if isinstance(error, httpx.ConnectError) else "breaks the connection"
        return Probe(scheme, "no-answer", kind, address)


@cache
def _system_tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # takes too long to be made for each request


async def _body(response: httpx.Response) -> bytes:
    """The first `MAX_BODY` bytes as they come, not decompressed."""
    body = b""
    async for chunk in response.aiter_raw(MAX_BODY):
        body += chunk
        if len(body) >= MAX_BODY:
            break
    return body[:MAX_BODY]


def _judged(status: int, body: bytes, keys: SigningKeys, nonce: str, host: str) -> tuple[ProbeStatus, str]:
    """The meaning of an answer, and the same in words."""
    other = "something else than this service's redirect server answers"
    if status == 200:
        text = body.strip().decode("latin-1")
        if not _SIGNATURE.fullmatch(text):
            return "unexpected", other
        if verifies_challenge(keys, nonce, host, text):
            return "confirmed", "the redirect server answers"
        return "other-keys", "a redirect server answers that signs with other keys"
    if 300 <= status < 400:
        return "unexpected", f"a redirect answers (status {status}), which is not followed"
    if status >= 500:
        return "no-answer", f"a gateway or server answers that it is out of order (status {status})"
    return "unexpected", f"{other} (status {status})"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

"""What checks may reach, and how: the recursive resolvers, the time that a check has, the ports."""

import re
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

import dns.resolver

from ..errors import OptionError
from .addresses import why_forbidden

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class Server(NamedTuple):
    """Where a DNS server listens."""

    address: str
    port: int

    def __str__(self) -> str:
        if self.port == 53:
            return self.address
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How checks reach the DNS and the redirector.

    - `resolvers`: recursive resolvers as "1.1.1.1", "127.0.0.1:5353" or "[2001:db8::1]:53"; those that the system is
      configured with where there are none. Two of them, or the only one, must return a domain's chain. They are the
      operator's own choice, and may have any address;
    - `deadline`: seconds that one check may take in all;
    - `timeout`: seconds to wait for one answer of one server; a query is tried twice;
    - `tls`: what https proofs are verified with; the system's certificates where it is None;
    - `dns_port`, `http_port`, `https_port`, `allow_loopback`: for tests with servers of their own. Without
      `allow_loopback`, nothing that a customer's DNS says leads to an address that is not public.

    Raises `OptionError` with one message that lists every fault.
    """

    resolvers: Sequence[str] = ()
    deadline: float = 20.0
    timeout: float = 2.0
    tls: ssl.SSLContext | None = field(default=None, compare=False)
    dns_port: int = 53
    http_port: int = 80
    https_port: int = 443
    allow_loopback: bool = False

    def __post_init__(self) -> None:
        faults = []
        if isinstance(self.resolvers, str) or not isinstance(self.resolvers, Iterable):
            faults.append("resolvers takes a list of addresses")
        else:
            object.__setattr__(self, "resolvers", tuple(self.resolvers))
            faults += [
                f"{resolver!r} is no address of a resolver, such as 1.1.1.1 or 127.0.0.1:5353"
                for resolver in self.resolvers
                if _server(resolver) is None
            ]
        for name in ("deadline", "timeout"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= 300:
                faults.append(f"{name} takes seconds, over 0 and up to 300")
        if self.tls is not None and not isinstance(self.tls, ssl.SSLContext):
            faults.append("tls takes an ssl.SSLContext, or None for the system's certificates")
        if not isinstance(self.allow_loopback, bool):
            faults.append("allow_loopback takes True or False")
        for name in ("dns_port", "http_port", "https_port"):
            if not _is_port(getattr(self, name)):
                faults.append(f"{name} takes a port from 1 to 65535")
        if faults:
            raise OptionError(f"Network: {'; '.join(faults)}")

    def recursive_servers(self) -> list[Server]:
        """Return the recursive resolvers to ask.

        Raises `OptionError` where none are given and the system has none.
        """
        if self.resolvers:
            return list(dict.fromkeys(server for server in map(_server, self.resolvers) if server))
        try:
            addresses = dns.resolver.Resolver().nameservers
        except dns.resolver.NoResolverConfiguration:
            addresses = []
        found = dict.fromkeys(address for address in addresses if isinstance(address, str) and _is_address(address))
        servers = [Server(address, 53) for address in found]
        if not servers:
            raise OptionError("this system has no DNS resolver configured: give some, as in resolvers=['1.1.1.1']")
        return servers

    def why_forbidden(self, address: str) -> str | None:
        """Return why nothing may be sent to an address that a customer chose; None where it may."""
        return why_forbidden(address, allow_loopback=self.allow_loopback)


def _server(text: object) -> Server | None:
    if not isinstance(text, str):
        return None
    if _is_address(text):
        return Server(text, 53)
    address, _, port = text.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    elif ":" in address:
        return None
    if not (_is_address(address) and _PORT.fullmatch(port) and _is_port(int(port))):
        return None
    return Server(address, int(port))


def _is_port(port: object) -> bool:
    return isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

"""How checks reach the network: DNS resolvers, time limits, ports, and which IP addresses may be sent a packet.

Name servers and hosts are chosen by customers, so nothing is sent to an address that is not global unicast. An IPv4
address that an IPv6 address embeds is judged too, since a gateway may deliver the packet there.
"""

import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

import dns.resolver

from ..._faults import Faults
from ...errors import OptionError

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_AUTHORITY = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,9}", re.ASCII)
_MAX_SECONDS = 300

# IANA's registries of special-purpose addresses (RFC 6890) and of multicast (RFC 5771), as blocks: what the standard
# library calls global changes between versions of Python and includes multicast.
_SPECIAL_4 = tuple(
    map(
        IPv4Network,
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4".split(),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # all that is assigned as global unicast (RFC 4291 2.4)
_SPECIAL_6 = tuple(map(IPv6Network, "2001::/23 2001:db8::/32 3fff::/20".split()))  # 2001::/32 is Teredo
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_ISATAP = 0x5EFE  # behind 32 bits that are 0 or 0x02000000 (RFC 5214 6.1)


class Server(NamedTuple):
    """The address and port of a DNS server."""

    address: str
    port: int

    def __str__(self) -> str:
        if self.port == 53:
            return self.address
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How checks reach DNS and the redirect server.

    Args:
        dns_resolvers: DNS resolvers as "1.1.1.1", "127.0.0.1:5353" or "[2001:db8::1]:53"; those of the system if there
            are none. Two of them, or the only one, must give a domain's CNAME. They are the operator's own choice, and
            may have any address.
        deadline: Seconds that one check may take in all.
        timeout: Seconds to wait for one answer of one server; a query is sent twice at most.
        certificate_authorities: Whose certificates the redirect server gets, by the domains that CAA records name them
            with (RFC 8659); none if CAA records do not matter.
        tls: The context for https probes; None for one with the system's certificates.
        dns_port: The port of authoritative name servers. This and the following are for tests with their own servers.
        http_port: The port of the redirect server for http.
        https_port: The port of the redirect server for https.
        allow_loopback: Allow 127.0.0.0/8 and ::1. Otherwise nothing is sent to an address that is not public, whatever
            a customer's DNS says.

    Raises:
        TypeError: A value has a wrong type; the message lists every fault.
        OptionError: A value cannot be used; the message lists every fault.
    """

    dns_resolvers: Sequence[str] = ()
    deadline: float = 20.0
    timeout: float = 2.0
    certificate_authorities: Sequence[str] = ("letsencrypt.org",)
    tls: ssl.SSLContext | None = field(default=None, compare=False)
    dns_port: int = 53
    http_port: int = 80
    https_port: int = 443
    allow_loopback: bool = False

    def __post_init__(self) -> None:
        faults = Faults()
        if isinstance(self.dns_resolvers, str) or not isinstance(self.dns_resolvers, Iterable):
            faults.wrong_type("dns_resolvers", "a sequence of strings", self.dns_resolvers)
        else:
            object.__setattr__(self, "dns_resolvers", tuple(self.dns_resolvers))
            for number, resolver in enumerate(self.dns_resolvers):
                if not isinstance(resolver, str):
                    faults.wrong_type(f"dns_resolvers[{number}]", "str", resolver)
                elif _server(resolver) is None:
                    faults.wrong_value(f"a DNS resolver must be like 1.1.1.1 or 127.0.0.1:5353, not {resolver!r}")
        authorities = self.certificate_authorities
        if isinstance(authorities, str) or not isinstance(authorities, Iterable):
            faults.wrong_type("certificate_authorities", "a sequence of strings", authorities)
        else:
            object.__setattr__(self, "certificate_authorities", tuple(authorities))
            for authority in self.certificate_authorities:
                if not isinstance(authority, str) or not _AUTHORITY.fullmatch(authority):
                    faults.wrong_value(f"a certificate authority must be like letsencrypt.org, not {authority!r:.80}")
        for name in ("deadline", "timeout"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or isinstance(seconds, bool):
                faults.wrong_type(name, "a number of seconds", seconds)
            elif not 0 < seconds <= _MAX_SECONDS:
                faults.wrong_value(f"{name} must be over 0 and at most {_MAX_SECONDS} seconds, not {seconds}")
        if self.tls is not None and not isinstance(self.tls, ssl.SSLContext):
            faults.wrong_type("tls", "an ssl.SSLContext or None", self.tls)
        if not isinstance(self.allow_loopback, bool):
            faults.wrong_type("allow_loopback", "bool", self.allow_loopback)
        for name in ("dns_port", "http_port", "https_port"):
            port = getattr(self, name)
            if not isinstance(port, int) or isinstance(port, bool):
                faults.wrong_type(name, "int", port)
            elif not _is_port(port):
                faults.wrong_value(f"{name} must be from 1 to 65535, not {port}")
        faults.raise_any("Network: ")

    def dns_resolver_servers(self) -> list[Server]:
        """Return the DNS resolvers to ask.

        Raises:
            OptionError: There are none, here or on this system.
        """
        if self.dns_resolvers:
            return list(dict.fromkeys(server for server in map(_server, self.dns_resolvers) if server))
        try:
            addresses = dns.resolver.Resolver().nameservers
        except dns.resolver.NoResolverConfiguration:
            addresses = []
        found = dict.fromkeys(address for address in addresses if isinstance(address, str) and _is_address(address))
        servers = [Server(address, 53) for address in found]
        if not servers:
            raise OptionError("this system has no DNS resolver: name some, as in dns_resolvers=['1.1.1.1']")
        return servers

    def why_forbidden(self, address: str) -> str | None:
        """Return why nothing may be sent to an address that a customer chose; None if it may."""
        return why_forbidden(address, allow_loopback=self.allow_loopback)


def _server(text: str) -> Server | None:
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


def _is_port(port: int) -> bool:
    return 0 < port < 65536


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def why_forbidden(address: str, *, allow_loopback: bool = False) -> str | None:
    """Return why nothing may be sent to an address that a customer chose; None if it may.

    Args:
        address: The address.
        allow_loopback: Allow 127.0.0.0/8 and ::1, for tests with their own servers.

    Returns:
        Half a sentence that names the address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"{address[:80]!r} is not an IP address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return f"{address[:80]} has a zone, so it is not a global address"
    if allow_loopback and parsed.is_loopback:
        return None
    embedded = list(_embedded(parsed)) if isinstance(parsed, IPv6Address) else []
    for inner in embedded:
        if allow_loopback and inner.is_loopback and parsed in _MAPPED:
            return None  # another spelling of the same address, not a gateway
        if not _is_global_4(inner):
            return f"{address} leads to {inner}, which is not a public address"
    public = _is_global_4(parsed) if isinstance(parsed, IPv4Address) else _is_global_6(parsed)
    return None if public else f"{address} is not a public address"


def _is_global_4(address: IPv4Address) -> bool:
    return not any(address in block for block in _SPECIAL_4)


def _is_global_6(address: IPv6Address) -> bool:
    if address in _MAPPED or address in _NAT64:
        return True  # if the embedded address is
    return address in _GLOBAL_6 and not any(address in block for block in _SPECIAL_6)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        yield IPv4Address(number & 0xFFFFFFFF)
    if address in _6TO4:
        yield IPv4Address(number >> 80 & 0xFFFFFFFF)
    if number >> 32 & 0xFDFFFFFF == _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)

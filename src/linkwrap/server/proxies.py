"""Whose request it is behind proxies: the address and host that trusted proxies tell, and nobody else."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final

from ..errors import OptionError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Iterable[tuple[bytes, bytes]]

_MAX_BYTES: Final = 4096  # of X-Forwarded-For, from its end
_MAX_HOPS: Final = 32
# An address alone or in brackets, with a port or without. Of IPv6, a port needs brackets.
_HOP: Final = re.compile(
    r'"?(?:\[([0-9a-f:.]{2,45})(?:%[\w.-]{1,32})?\](?::[0-9]{1,5})?|([0-9.]{7,15})(?::[0-9]{1,5})?|([0-9a-f:.]{2,45}))"?',
    re.ASCII | re.IGNORECASE,
)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of trusted proxies; an address is the network of itself.

    Raises:
        OptionError: One is no network.
    """
    found: list[Network] = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise OptionError(
                f"a trusted proxy must be a network such as 10.0.0.0/8, or an address, not {text!r:.80}"
            ) from None
        if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
            mapped = network.network_address.ipv4_mapped
            if mapped is not None:
                network = ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))
        found.append(network)
    return tuple(found)


def client_of(peer: str | None, headers: Headers, trusted: Sequence[Network]) -> str | None:
    """Return the address of the client: from the peer backwards through X-Forwarded-For, the first not trusted.

    Where an entry is no address, the one before counts: whatever stands in front of it, nobody trusted has said.

    Args:
        peer: The address that the connection comes from; None for none.
        headers: The names and values of the headers, in their order.
        trusted: The networks of proxies whose word counts.
    """
    if not is_trusted(peer, trusted):
        return peer
    lines = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    text = b",".join(lines)
    hops = text[-_MAX_BYTES:].decode("latin-1").split(",")
    if len(text) > _MAX_BYTES:
        del hops[0]  # it may be half an address
    last = peer
    for hop in [stripped for hop in reversed(hops) if (stripped := hop.strip(" \t"))][:_MAX_HOPS]:
        address = _address(hop)
        if address is None:
            break
        last = str(address)
        if not _is_in(address, trusted):
            break
    return last


def host_of(headers: Headers) -> str | None:
    """Return the host that X-Forwarded-Host names, the last one, which the nearest proxy has set; None for none."""
    lines = [value for name, value in headers if name.lower() == b"x-forwarded-host"]
    return lines[-1].decode("latin-1").rpartition(",")[2].strip(" \t") or None if lines else None


def is_trusted(peer: str | None, trusted: Sequence[Network]) -> bool:
    """Return whether a connection comes from a trusted proxy."""
    if not trusted or peer is None:
        return False
    address = _address(peer.partition("%")[0])
    return address is not None and _is_in(address, trusted)


def _address(text: str) -> Address | None:
    found = _HOP.fullmatch(text)
    if found is None:
        return None
    try:
        address = ipaddress.ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    if found[1] and address.version == 4:
        return None
    return (address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)

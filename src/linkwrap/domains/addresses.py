"""The address filter: which IP addresses that a customer's DNS names may be sent a packet.

Name servers and hosts are chosen by customers, so nothing is sent to an address that is not global unicast. An IPv4
address that an IPv6 address embeds is unwrapped and judged too, since a gateway may deliver the packet there.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

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


def why_forbidden(address: str, *, allow_loopback: bool = False) -> str | None:
    """Return why nothing may be sent to an address that a customer chose, as half a sentence; None where it may.

    `allow_loopback` lets 127.0.0.0/8 and ::1 through, for tests with servers of their own.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"{address[:80]!r} is no IP address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return f"{address[:80]} has a zone, so it is no global address"
    if allow_loopback and parsed.is_loopback:
        return None
    embedded = list(_embedded(parsed)) if isinstance(parsed, IPv6Address) else []
    for inner in embedded:
        if allow_loopback and inner.is_loopback and parsed in _MAPPED:
            return None  # another spelling of the same address, not a gateway
        if not _is_global_4(inner):
            return f"{address} leads to {inner}, which is no public address"
    public = _is_global_4(parsed) if isinstance(parsed, IPv4Address) else _is_global_6(parsed)
    return None if public else f"{address} is no public address"


def _is_global_4(address: IPv4Address) -> bool:
    return not any(address in block for block in _SPECIAL_4)


def _is_global_6(address: IPv6Address) -> bool:
    if address in _MAPPED or address in _NAT64:
        return True  # as far as the embedded address is
    return address in _GLOBAL_6 and not any(address in block for block in _SPECIAL_6)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        yield IPv4Address(number & 0xFFFFFFFF)
    if address in _6TO4:
        yield IPv4Address(number >> 80 & 0xFFFFFFFF)
    if number >> 32 & 0xFDFFFFFF == _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)

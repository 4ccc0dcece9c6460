"""The address filter: nothing is sent to an address that is not global unicast, in whatever form it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkwrap.domains.checks.network import why_forbidden

FORBIDDEN = {
    "this network": "0.0.0.1",
    "unspecified": "0.0.0.0",  # noqa: S104
    "private, 10": "10.1.2.3",
    "private, 172.16": "172.20.0.1",
    "private, 192.168": "192.168.1.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "link local": "169.254.169.254",
    "protocol assignments": "192.0.0.8",
    "documentation, 1": "192.0.2.1",
    "documentation, 2": "198.51.100.1",
    "documentation, 3": "203.0.113.1",
    "6to4 relays": "192.88.99.1",
    "benchmarking": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast, 239": "239.255.255.250",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv6 unique local": "fd00::1",
    "IPv6 unique local, fc00": "fc00::1",
    "IPv6 link local": "fe80::1",
    "IPv6 site local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 multicast, global scope": "ff0e::1",
    "IPv6 discard": "100::1",
    "IPv6 dummy": "100:0:0:1::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, 2024": "3fff::1",
    "IPv6 segment routing": "5f00::1",
    "IPv6 Teredo": "2001::1",
    "IPv6 Teredo, good server and client": "2001:0:808:808::f7f7:f7f7",
    "IPv6 benchmarking": "2001:2::1",
    "IPv6 ORCHID": "2001:10::1",
    "IPv6 ORCHIDv2": "2001:20::1",
    "IPv6 drone remote identification": "2001:30::1",
    "IPv6 protocol assignments": "2001:1::4",
    "IPv6 reserved": "4000::1",
    "IPv6 reserved, 1000": "1000::1",
    "NAT64 of a network's own": "64:ff9b:1::808:808",
    "IPv4-compatible": "::8.8.8.8",
    "IPv4-translated": "::ffff:0:8.8.8.8",
}


@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_special_purpose_addresses_are_refused(address: str) -> None:
    """Each class of addresses that is not global unicast is refused, with a reason that names the address."""
    reason = why_forbidden(address)
    assert reason is not None
    assert reason.startswith(address)


# A block's first and last address, and the global unicast addresses next to it.
EDGES = [
    ("0.0.0.0", "0.255.255.255", ["1.0.0.0"]),  # noqa: S104
    ("10.0.0.0", "10.255.255.255", ["9.255.255.255", "11.0.0.0"]),
    ("100.64.0.0", "100.127.255.255", ["100.63.255.255", "100.128.0.0"]),
    ("127.0.0.0", "127.255.255.255", ["126.255.255.255", "128.0.0.0"]),
    ("169.254.0.0", "169.254.255.255", ["169.253.255.255", "169.255.0.0"]),
    ("172.16.0.0", "172.31.255.255", ["172.15.255.255", "172.32.0.0"]),
    ("192.0.0.0", "192.0.0.255", ["191.255.255.255", "192.0.1.0"]),
    ("192.0.2.0", "192.0.2.255", ["192.0.1.255", "192.0.3.0"]),
    ("192.88.99.0", "192.88.99.255", ["192.88.98.255", "192.88.100.0"]),
    ("192.168.0.0", "192.168.255.255", ["192.167.255.255", "192.169.0.0"]),
    ("198.18.0.0", "198.19.255.255", ["198.17.255.255", "198.20.0.0"]),
    ("198.51.100.0", "198.51.100.255", ["198.51.99.255", "198.51.101.0"]),
    ("203.0.113.0", "203.0.113.255", ["203.0.112.255", "203.0.114.0"]),
    ("224.0.0.0", "239.255.255.255", ["223.255.255.255"]),
    ("240.0.0.0", "255.255.255.255", []),
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2000::"]),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"]),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db7:ffff::", "2001:db9::"]),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"]),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
]


@pytest.mark.parametrize(("first", "last", "neighbours"), EDGES, ids=[edge[0] for edge in EDGES])
def test_blocks_end_where_they_should(first: str, last: str, neighbours: list[str]) -> None:
    """The first and the last address of a block are refused, those next to it are not."""
    assert why_forbidden(first)
    assert why_forbidden(last)
    assert [why_forbidden(neighbour) for neighbour in neighbours] == [None] * len(neighbours)


@pytest.mark.parametrize(
    "address",
    [
        # The root servers, a to m.
        *"198.41.0.4 170.247.170.2 192.33.4.12 199.7.91.13 192.203.230.10 192.5.5.241 192.112.36.4".split(),
        *"198.97.190.53 192.36.148.17 192.58.128.30 193.0.14.129 199.7.83.42 202.12.27.33".split(),
        *"2001:503:ba3e::2:30 2801:1b8:10::b 2001:500:2::c 2001:500:2d::d 2001:500:a8::e 2001:500:2f::f".split(),
        *"2001:500:12::d0d 2001:500:1::53 2001:7fe::53 2001:503:c27::2:30 2001:7fd::1 2001:500:9f::42".split(),
        "2001:dc3::35",
        # Of public resolvers.
        *"1.1.1.1 8.8.8.8 9.9.9.9 2606:4700:4700::1111 2001:4860:4860::8888 2620:FE::FE".split(),
    ],
)
def test_public_addresses_are_allowed(address: str) -> None:
    """Addresses of the Internet's own servers pass."""
    assert why_forbidden(address) is None


def embed(form: str, inner: str) -> str:
    """An IPv4 address within an IPv6 address."""
    number = int(IPv4Address(inner))
    numbers = {
        "mapped": 0xFFFF << 32 | number,
        "NAT64": 0x64FF9B << 96 | number,
        "6to4": 0x2002 << 112 | number << 80 | 1,
        "ISATAP": 0x26064700 << 96 | 0x5EFE << 32 | number,
        "ISATAP with the u bit": 0x26064700 << 96 | 0x02005EFE << 32 | number,
        "6to4 and ISATAP": 0x2002 << 112 | 0x08080808 << 80 | 0x5EFE << 32 | number,
    }
    return str(IPv6Address(numbers[form]))


FORMS = ["mapped", "NAT64", "6to4", "ISATAP", "ISATAP with the u bit", "6to4 and ISATAP"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "inner", [address for name, address in FORBIDDEN.items() if ":" not in address], ids=lambda inner: inner
)
def test_embedded_special_addresses_are_refused(form: str, inner: str) -> None:
    """A gateway may unwrap an IPv4 address: each special one is refused in each form, by its own name."""
    reason = why_forbidden(embed(form, inner))
    assert reason is not None
    assert f"leads to {inner}," in reason


@pytest.mark.parametrize("form", FORMS)
def test_embedded_public_addresses_are_allowed(form: str) -> None:
    """An IPv6 address that embeds a public IPv4 address passes."""
    assert why_forbidden(embed(form, "8.8.8.8")) is None


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:10.0.0.1",
        "::FFFF:a00:1",
        "0:0:0:0:0:ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "0064:ff9b:0:0:0:0:127.0.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:10.0.0.1",
    ],
)
def test_embedded_addresses_are_found_in_any_spelling(address: str) -> None:
    """Dotted, abbreviated, upper-case: what counts is the number."""
    assert why_forbidden(address)


def test_isatap_is_looked_for_in_the_interface_identifier_only() -> None:
    """The bits of ISATAP elsewhere in an address, or others beside them, are chance."""
    assert why_forbidden("2606:4700:0:5efe:a00:1::1") is None
    assert why_forbidden("2606:4700::1:5efe:a00:1") is None


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%1", "2606:4700::1%eth0", "::ffff:8.8.8.8%lo", "::1%lo"])
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_scoped_addresses_are_refused(address: str, allow_loopback: bool) -> None:
    """An address with a zone is one of a link of this machine."""
    reason = why_forbidden(address, allow_loopback=allow_loopback)
    assert reason is not None
    assert "has a zone" in reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "localhost",
        "acme.com",
        "8.8.8.8:53",
        "[2606:4700::1]",
        "8.8.8",
        "8.8.8.8.8",
        "8.8.8.256",
        "134744072",
        "0x08080808",
        "0x8.8.8.8",
        "010.8.8.8",
        "08.8.8.8",
        "8.8.8.008",
        "00000008.8.8.8",
        "٨.٨.٨.٨",
        " 8.8.8.8",
        "8.8.8.8\n",
        "8.8.8.8/32",
        "::g",
        "1::2::3",
        "2606:4700::1%",
        "::ffff:8.8.8.08",
        "8.8.8.8\0",
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_what_is_no_address_is_refused(text: str, allow_loopback: bool) -> None:
    """Garbage, and spellings that libraries read differently, are refused and quoted."""
    reason = why_forbidden(text, allow_loopback=allow_loopback)
    assert reason == f"{text!r} is not an IP address"


def test_a_reason_quotes_no_more_than_a_line() -> None:
    """What a customer's DNS says is not repeated without a limit."""
    assert len(why_forbidden("9" * 10_000) or "") < 120


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:2"])
def test_loopback_can_be_allowed(address: str) -> None:
    """Tests with servers of their own open loopback, by an explicit argument."""
    assert why_forbidden(address)
    assert why_forbidden(address, allow_loopback=True) is None


@pytest.mark.parametrize(
    "address",
    [
        *(address for name, address in FORBIDDEN.items() if "loopback" not in name),
        *(embed(form, "10.0.0.1") for form in FORMS),
        "::127.0.0.1",
        "::2",
    ],
)
def test_allowing_loopback_opens_nothing_else(address: str) -> None:
    """What is not loopback stays refused."""
    assert why_forbidden(address, allow_loopback=True)


@pytest.mark.parametrize("form", ["NAT64", "6to4", "ISATAP"])
def test_allowing_loopback_opens_no_gateway(form: str) -> None:
    """A packet to a gateway leaves this machine, whatever is embedded in its address."""
    assert why_forbidden(embed(form, "127.0.0.1"), allow_loopback=True)


def test_public_addresses_stay_allowed_beside_loopback() -> None:
    """Allowing loopback takes nothing away."""
    assert why_forbidden("8.8.8.8", allow_loopback=True) is None
    assert why_forbidden("2606:4700:4700::1111", allow_loopback=True) is None


def suspect(address: IPv4Address | IPv6Address) -> bool:
    """Whether the standard library has a name for what an address is, other than global."""
    return (
        address.is_private
        or address.is_loopback
        or address.is_multicast
        or address.is_reserved
        or address.is_link_local
        or address.is_unspecified
        or bool(getattr(address, "is_site_local", False))
    )


@given(st.ip_addresses(v=4))
def test_nothing_that_the_standard_library_suspects_is_allowed(address: IPv4Address) -> None:
    """A second opinion: plain IPv4 addresses."""
    assert not (suspect(address) and why_forbidden(str(address)) is None)


@given(st.ip_addresses(v=6))
@example(IPv6Address("fec0::1"))
@example(IPv6Address("2002:7f00:1::"))
def test_nothing_that_the_standard_library_suspects_is_allowed_in_ipv6(address: IPv6Address) -> None:
    """A second opinion: IPv6 addresses, by what they embed where the standard library knows of it."""
    if why_forbidden(str(address)) is not None:
        return
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and int(address) >> 32 == 0x64FF9B << 64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    assert not suspect(inner or address)
    assert address.teredo is None


@given(st.sampled_from(FORMS), st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_like_a_plain_one(form: str, inner: IPv4Address) -> None:
    """No form of embedding opens or closes anything."""
    assert (why_forbidden(embed(form, str(inner))) is None) == (why_forbidden(str(inner)) is None)


@given(st.ip_addresses())
def test_allowing_loopback_changes_loopback_only(address: IPv4Address | IPv6Address) -> None:
    """For an address that neither is nor embeds loopback, the argument makes no difference."""
    if "127." in (why_forbidden(str(address)) or "") or ip_address(str(address)).is_loopback:
        return
    assert why_forbidden(str(address)) == why_forbidden(str(address), allow_loopback=True)

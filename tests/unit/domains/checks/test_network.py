"""What checks may reach: resolvers in every spelling, faults in one message, and a value that cannot be changed."""

import ssl
from dataclasses import FrozenInstanceError
from typing import Any

import dns.nameserver
import dns.resolver
import pytest

from linkwrap import OptionError
from linkwrap.domains import Network
from linkwrap.domains.checks.network import Server


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("1.1.1.1", "1.1.1.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("::1", "::1", 53),
        ("[2001:db8::1]:53", "2001:db8::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("fe80::1%eth0", "fe80::1%eth0", 53),
        ("[fe80::1%eth0]:5353", "fe80::1%eth0", 5353),
        ("10.0.0.1:65535", "10.0.0.1", 65535),
    ],
)
def test_a_resolver_is_an_address_with_a_port_or_without(text: str, address: str, port: int) -> None:
    """IPv4 and IPv6, also addresses of private networks: resolvers are the operator's own choice."""
    assert Network(dns_resolvers=[text]).dns_resolver_servers() == [Server(address, port)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.google",
        "localhost",
        "1.1.1",
        "1.1.1.1:",
        "1.1.1.1:0",
        "1.1.1.1:65536",
        "1.1.1.1:dns",
        "1.1.1.1:-53",
        "1.1.1.1:+53",
        "1.1.1.1: 53",
        "1.1.1.1:٥٣",
        "01.1.1.1",
        "[::1",
        "::1]:53",
        "[]:53",
        "[::1]53",
        "2001:db8::1:::53",
        "https://1.1.1.1/dns-query",
        "1.1.1.1,9.9.9.9",
        " 1.1.1.1",
    ],
)
def test_what_is_no_address_of_a_resolver_is_refused(text: str) -> None:
    """Names, half addresses and ports that are none are refused and quoted."""
    with pytest.raises(OptionError) as caught:
        Network(dns_resolvers=[text])
    assert f"a DNS resolver must be like 1.1.1.1 or 127.0.0.1:5353, not {text!r}" in str(caught.value)


@pytest.mark.parametrize("resolver", [None, 53, b"1.1.1.1", ("1.1.1.1", 53)])
def test_a_resolver_is_a_string(resolver: Any) -> None:
    """Values of another type are refused like other faults."""
    with pytest.raises(TypeError, match=r"dns_resolvers\[0\] must be str, not "):
        Network(dns_resolvers=[resolver])


def test_one_string_is_no_list_of_resolvers() -> None:
    """A string would be read as its characters."""
    with pytest.raises(TypeError, match="dns_resolvers must be a sequence of strings, not str"):
        Network(dns_resolvers="1.1.1.1")


@pytest.mark.parametrize("resolvers", [None, 53, True])
def test_resolvers_that_are_no_list_are_refused(resolvers: Any) -> None:
    """A value that cannot be iterated is a fault of the options like others."""
    with pytest.raises(TypeError, match="dns_resolvers must be a sequence of strings, not "):
        Network(dns_resolvers=resolvers)


def test_a_port_of_thousands_of_digits_is_refused() -> None:
    """A number that Python does not even read is no port."""
    with pytest.raises(
        OptionError, match=r"a DNS resolver must be like 1\.1\.1\.1 or 127\.0\.0\.1:5353, not '1\.1\.1\.1:9"
    ):
        Network(dns_resolvers=[f"1.1.1.1:{'9' * 5000}"])


def test_a_resolver_that_is_given_twice_is_one() -> None:
    """Two resolvers must see a domain, so one may not be counted twice, however it is spelled."""
    network = Network(dns_resolvers=["1.1.1.1", "1.1.1.1:53", "[2001:db8::1]:53", "2001:db8::1"])
    assert network.dns_resolver_servers() == [Server("1.1.1.1", 53), Server("2001:db8::1", 53)]


@pytest.mark.parametrize("name", ["deadline", "timeout"])
@pytest.mark.parametrize("seconds", [0, -1, 301, float("nan"), float("inf")])
def test_seconds_are_limited(name: str, seconds: float) -> None:
    """Times are over 0 and up to 300 s."""
    with pytest.raises(OptionError, match=f"{name} must be over 0 and at most 300 seconds, not {seconds}"):
        Network(**{name: seconds})


@pytest.mark.parametrize("name", ["deadline", "timeout"])
@pytest.mark.parametrize("seconds", ["2", None, True])
def test_seconds_are_a_number(name: str, seconds: Any) -> None:
    """Values of another type are refused."""
    with pytest.raises(TypeError, match=f"{name} must be a number of seconds, not "):
        Network(**{name: seconds})


@pytest.mark.parametrize("name", ["deadline", "timeout"])
@pytest.mark.parametrize("seconds", [0.001, 1, 300])
def test_seconds_may_be_whole_or_not(name: str, seconds: float) -> None:
    """Times are any number of seconds within the limits."""
    assert getattr(Network(**{name: seconds}), name) == seconds


@pytest.mark.parametrize("name", ["dns_port", "http_port", "https_port"])
@pytest.mark.parametrize("port", [0, 65536, -1])
def test_ports_are_limited(name: str, port: int) -> None:
    """Ports are from 1 to 65535."""
    with pytest.raises(OptionError, match=f"{name} must be from 1 to 65535, not {port}"):
        Network(**{name: port})


@pytest.mark.parametrize("name", ["dns_port", "http_port", "https_port"])
@pytest.mark.parametrize("port", ["53", 53.0, None, True])
def test_ports_are_whole_numbers(name: str, port: Any) -> None:
    """Values of another type are refused."""
    with pytest.raises(TypeError, match=f"{name} must be int, not "):
        Network(**{name: port})


@pytest.mark.parametrize("allowed", ["no", 0, 1, None])
def test_loopback_is_allowed_by_true_alone(allowed: Any) -> None:
    """What opens the address filter is a bool, so that no setting such as "no" does."""
    with pytest.raises(TypeError, match="allow_loopback must be bool, not "):
        Network(allow_loopback=allowed)


@pytest.mark.parametrize("tls", [False, True, "ca.pem"])
def test_tls_is_a_context(tls: Any) -> None:
    """A path or a switch is refused before the first check needs it."""
    with pytest.raises(TypeError, match=r"tls must be an ssl\.SSLContext or None, not "):
        Network(tls=tls)


def test_one_message_lists_every_fault() -> None:
    """All faults are said at once."""
    with pytest.raises(OptionError) as caught:
        Network(dns_resolvers=["x", "1.1.1.1", "y"], deadline=0, timeout=-1, dns_port=0, http_port=0, https_port=0)
    message = str(caught.value)
    assert message.startswith("Network: ")
    for part in ("not 'x'", "not 'y'", "deadline", "timeout", "dns_port", "http_port", "https_port"):
        assert part in message
    assert "not '1.1.1.1'" not in message


def test_a_wrong_type_among_faults_is_a_type_error() -> None:
    """Then too, one message lists all faults."""
    with pytest.raises(TypeError, match=r"^Network: deadline must be over 0 .*; tls must be an ssl\.SSLContext"):
        Network(deadline=0, tls="ca.pem")  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_internet() -> None:
    """Without options, checks use the usual ports, loopback is closed, and a check ends within 20 s."""
    network = Network()
    assert (network.dns_port, network.http_port, network.https_port) == (53, 80, 443)
    assert (network.dns_resolvers, network.tls, network.allow_loopback) == ((), None, False)
    assert (network.deadline, network.timeout) == (20.0, 2.0)
    assert network.why_forbidden("127.0.0.1")


def test_loopback_is_allowed_by_an_option() -> None:
    """`allow_loopback` is what the address filter is told."""
    network = Network(allow_loopback=True)
    assert network.why_forbidden("127.0.0.1") is None
    assert network.why_forbidden("10.0.0.1")


def test_options_are_keyword_only() -> None:
    """Nothing is given by position."""
    with pytest.raises(TypeError):
        Network(["1.1.1.1"])  # type: ignore[misc]


def test_a_network_is_a_value() -> None:
    """It cannot be changed, nor through the list it was made from; equal ones count as one."""
    resolvers = ["1.1.1.1"]
    network = Network(dns_resolvers=resolvers)
    resolvers.append("9.9.9.9")
    assert network.dns_resolvers == ("1.1.1.1",)
    with pytest.raises(FrozenInstanceError):
        network.allow_loopback = True  # type: ignore[misc]
    assert len({network, Network(dns_resolvers=("1.1.1.1",), tls=ssl.create_default_context())}) == 1


@pytest.mark.parametrize(
    ("server", "text"),
    [
        (Server("1.1.1.1", 53), "1.1.1.1"),
        (Server("1.1.1.1", 5353), "1.1.1.1:5353"),
        (Server("2001:db8::1", 53), "2001:db8::1"),
        (Server("2001:db8::1", 5353), "[2001:db8::1]:5353"),
    ],
)
def test_a_server_is_shown_as_one_gives_it(server: Server, text: str) -> None:
    """What a report says of a resolver can be given as an option again."""
    assert str(server) == text
    assert Network(dns_resolvers=[text]).dns_resolver_servers() == [server]


class SystemResolver:
    """What dnspython reads of the system."""

    def __init__(self, *nameservers: object) -> None:
        self.nameservers = list(nameservers)


def test_the_systems_resolvers_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without resolvers, those of the system are asked; what is no plain address among them is passed over."""
    doh = dns.nameserver.DoHNameserver("https://dns.example/dns-query")
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: SystemResolver("192.168.1.1", "fe80::1%2", doh))
    assert Network().dns_resolver_servers() == [Server("192.168.1.1", 53), Server("fe80::1%2", 53)]


def test_the_systems_resolvers_are_not_read_where_some_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's choice replaces the system's."""

    def unexpected() -> None:
        raise AssertionError

    monkeypatch.setattr(dns.resolver, "Resolver", unexpected)
    assert Network(dns_resolvers=["9.9.9.9"]).dns_resolver_servers() == [Server("9.9.9.9", 53)]


@pytest.mark.parametrize("nameservers", [None, ()])
def test_a_system_without_resolvers_says_how_to_give_some(
    monkeypatch: pytest.MonkeyPatch, nameservers: tuple[str, ...] | None
) -> None:
    """Where there is nobody to ask, the error says what to do."""

    def none() -> SystemResolver:
        if nameservers is None:
            raise dns.resolver.NoResolverConfiguration
        return SystemResolver(*nameservers)

    monkeypatch.setattr(dns.resolver, "Resolver", none)
    with pytest.raises(
        OptionError, match=r"this system has no DNS resolver: name some, as in dns_resolvers=\['1\.1\.1\.1'\]"
    ):
        Network().dns_resolver_servers()

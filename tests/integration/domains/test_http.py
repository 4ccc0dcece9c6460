"""The proof that a host leads to the redirector: what counts as one, and where it is never asked for."""

import http.server
import itertools
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import pytest

from helpers.dnsworld import World
from helpers.redirector import REDIRECTOR, Answer, Redirector, serve
from linkwrap import SigningKeys
from linkwrap._token.wire import challenge_response
from linkwrap.domains import CheckResult, DomainRegistry, Network

Age = Callable[[DomainRegistry, float], None]


@pytest.fixture
def check(world: World, registry: DomainRegistry) -> Callable[[], CheckResult]:
    """Check a domain by http."""
    world.zone("acme.test", "click CNAME spgo.io.")
    registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
    return lambda: registry.check("click.acme.test")


def instead(redirector: Redirector, answer: Callable[[str], Answer], scheme: str = "") -> None:
    """Let something else answer for the customer's host: the redirector itself, at its own host, is as it was."""
    port = {"": "", "http": str(redirector.http_port), "https": str(redirector.https_port)}[scheme]
    redirector.override = lambda host, path: answer(path) if not host.startswith("spgo.io") and port in host else None


def test_http_and_https_are_proved_apart(check: Callable[[], CheckResult]) -> None:
    """Without a certificate the domain is verified for http, and links on it are http."""
    result = check()
    assert result.evidence.http
    assert result.evidence.https
    assert (result.evidence.http.status, result.evidence.https.status) == ("confirmed", "invalid-certificate")
    assert result.verified
    assert not result.domain.secure
    assert result.domain.tracking_domain.origin == "http://click.acme.test"
    assert "links are http: for https the redirect server needs a certificate for click.acme.test" in result.advice[0]


def test_secure_with_a_certificate(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """With a valid certificate for the host, links on it are https from the first."""
    redirector.certify("click.acme.test")
    result = check()
    assert result.verified
    assert result.domain.tracking_domain.origin == "https://click.acme.test"
    assert result.advice == ()


def test_secure_only_after_a_proof(
    check: Callable[[], CheckResult], redirector: Redirector, registry: DomainRegistry
) -> None:
    """Links become https later only once a check has seen a certificate."""
    assert check().verified
    with pytest.raises(ValueError, match="saw no valid certificate"):
        registry.set_secure("click.acme.test")
    redirector.certify("click.acme.test")
    assert "a valid certificate is there" in " ".join(check().advice)
    assert registry.set_secure("click.acme.test").secure


def test_lost_certificate(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """A secure domain whose certificate is gone is out of use at once: readers would be warned of it."""
    redirector.certify("click.acme.test")
    assert check().domain.secure
    redirector.reset()
    assert check().domain.state == "suspended"


def test_certificate_of_an_unknown_authority(
    check: Callable[[], CheckResult], network: Network, reopen: Callable[..., DomainRegistry]
) -> None:
    """A certificate that only its maker trusts is none."""
    with reopen(network=replace(network, tls=ssl.create_default_context())) as registry:
        result = registry.check("click.acme.test")
    assert result.evidence.https
    assert result.evidence.https.status == "unknown-authority"


def test_request(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """The endpoint is asked by the host's name, for a new nonce each time."""
    check()
    check()
    seen = [(scheme, host) for scheme, host, _ in redirector.requests if scheme == "http"]
    assert seen == [("http", f"click.acme.test:{redirector.http_port}")] * 2
    paths = [path for _, _, path in redirector.requests]
    assert all(path.startswith("/.well-known/linkwrap/") and len(path) == 54 for path in paths)
    assert len(set(paths)) == len(paths)


def test_key_that_is_retired_here(
    check: Callable[[], CheckResult], redirector: Redirector, reopen: Callable[..., DomainRegistry]
) -> None:
    """A redirector that still signs with the former key is this service's; one with another key is not."""
    with reopen(keys=SigningKeys("the new key of the service", retired=[redirector.secret])) as registry:
        assert registry.check("click.acme.test").verified
        stranger = SigningKeys("the key of another service")
        instead(
            redirector,
            lambda path: (200, {}, challenge_response(stranger, path.rpartition("/")[2], "click.acme.test").encode()),
        )
        result = registry.check("click.acme.test")
        assert result.state == "suspended"
        assert result.advice[0] == DIFFERENT_KEYS.format("click.acme.test")
        assert not any("keys" in sentence for sentence in result.advice[1:])


DIFFERENT_KEYS = "the redirect server at {} signs with other keys: compare LINKWRAP_KEYS here and there"


@pytest.mark.parametrize("secret", ["the key of another service", "the key of the tests on tracking domain"])
def test_redirect_server_with_other_keys(
    check: Callable[[], CheckResult], redirector: Redirector, reopen: Callable[..., DomainRegistry], secret: str
) -> None:
    """A signature that does not verify is told from something else: the keys of either side may be wrong."""
    instead(
        redirector,
        lambda path: (
            200,
            {},
            challenge_response(SigningKeys(secret), path.rpartition("/")[2], "click.acme.test").encode(),
        ),
    )
    result = check()
    assert result.evidence.http
    assert result.evidence.http.status == "other-keys"
    assert [sentence for sentence in result.advice if "keys" in sentence] == [DIFFERENT_KEYS.format("click.acme.test")]
    redirector.override = None
    with reopen(keys=SigningKeys(secret)) as registry:  # then the CNAME target itself shows that it is our keys
        result = registry.check("click.acme.test")
    assert result.evidence.offline
    assert result.advice == (DIFFERENT_KEYS.format("spgo.io"),)
    assert result.domain.state == "invalid"


@pytest.mark.parametrize("body", [b"A" * 21, b"A" * 23, b"A" * 21 + b"=", b"<html>", "é".encode() * 11])
def test_something_else_than_a_signature(check: Callable[[], CheckResult], redirector: Redirector, body: bytes) -> None:
    """Keys are not mentioned where the answer has not the form of a signature."""
    instead(redirector, lambda _: (200, {}, body))
    advice = " ".join(check().advice)
    assert "something else than this service's redirect server answers" in advice
    assert "keys" not in advice


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, {}, b"hello"), "unexpected"),
        ((200, {}, b""), "unexpected"),
        ((200, {}, b"A" * 21), "unexpected"),
        ((200, {}, b"A" * 22), "other-keys"),
        ((404, {}, b"no such page"), "unexpected"),
        ((403, {}, b""), "unexpected"),
        ((301, {"Location": "https://click.acme.test/"}, b""), "redirected"),
        ((301, {"Location": "https://click.acme.test.evil.test/"}, b""), "unexpected"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "unexpected"),
        ((500, {}, b""), "no-answer"),
        ((503, {}, b"later"), "no-answer"),
    ],
)
def test_other_answers(
    check: Callable[[], CheckResult], redirector: Redirector, answer: tuple[int, dict[str, str], bytes], status: str
) -> None:
    """What is no proof is none; a gateway that is out of order says nothing of the domain."""
    instead(redirector, lambda _: answer)
    result = check()
    assert result.evidence.http
    assert result.evidence.http.status == status
    assert not result.verified
    asked = [host for scheme, host, _ in redirector.requests if scheme == "http"]
    assert asked == [f"{host}:{redirector.http_port}" for host in ("click.acme.test", "spgo.io")], "nothing is followed"
    assert "hello" not in str(result)


def test_silence_is_no_contrary_answer(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """A verified domain whose proxy is out of order for once stays verified."""
    assert check().verified
    instead(redirector, lambda _: (502, {}, b""))
    assert check().verified
    instead(redirector, lambda _: (200, {}, b"a shop"))
    assert check().domain.state == "suspended"


@pytest.mark.parametrize("answer", [(404, {}, b""), (200, {}, b"a new release, wrongly deployed"), (503, {}, b"")])
def test_redirector_that_is_out_of_order(
    check: Callable[[], CheckResult], redirector: Redirector, registry: Any, age: Age, answer: Answer
) -> None:
    """Where the redirector itself fails, no domain suffers from it however long, and the operator is told."""
    assert check().verified
    redirector.override = lambda *_: answer
    for _ in range(3):
        result = check()
        assert result.verified
        assert "the redirect server is not reached at spgo.io itself" in " ".join(result.advice)
        age(registry, 100 * 3600)
    redirector.override = None
    assert check().verified


def test_host_without_an_address(check: Callable[[], CheckResult], world: World) -> None:
    """A host that is gone from the DNS is a definite answer, where there is no chain to ask for."""
    assert check().verified
    world.zone("acme.test", "")
    world.forget()
    result = check()
    assert result.domain.state == "suspended"
    assert "click.acme.test has no address" in " ".join(result.advice)


def test_answer_to_another_nonce(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """A proof that was recorded earlier, or is for another host, proves nothing."""
    recorded = challenge_response(redirector.keys, "0" * 32, "click.acme.test").encode()
    instead(redirector, lambda _: (200, {}, recorded))
    assert check().domain.state == "invalid"
    keys, other = redirector.keys, "click.other.test"
    instead(redirector, lambda path: (200, {}, challenge_response(keys, path.rpartition("/")[2], other).encode()))
    assert check().domain.state == "invalid"


def test_endless_body(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """Of a body without an end 4 kB are read, and of a packed one what is packed."""
    instead(redirector, lambda _: (200, {"Content-Encoding": "gzip"}, itertools.repeat(b"x" * 1024)))
    began = time.monotonic()
    result = check()
    assert time.monotonic() - began < 60
    assert result.evidence.http
    assert result.evidence.http.status == "unexpected"


def test_slow_body(
    check: Callable[[], CheckResult],
    redirector: Redirector,
    network: Network,
    reopen: Callable[..., DomainRegistry],
) -> None:
    """A body that comes a byte at a time ends with the check's deadline."""

    def drip() -> Iterator[bytes]:
        while True:
            time.sleep(0.2)
            yield b"x"

    instead(redirector, lambda _: (200, {}, drip()))
    began = time.monotonic()
    with reopen(network=replace(network, deadline=5)) as registry:
        result = registry.check("click.acme.test")
    assert time.monotonic() - began < 60
    assert result.evidence.http
    assert result.evidence.http.status == "no-answer"


def test_host_that_keeps_a_check_busy(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """A host that answers without an end leaves time to ask the target, so it counts as silent, not as our trouble."""
    assert check().verified

    def drip() -> Iterator[bytes]:
        while True:
            time.sleep(0.2)
            yield b"x"

    instead(redirector, lambda _: (200, {}, drip()))
    result = check()
    assert result.evidence.cname_target_probe
    assert result.evidence.cname_target_probe.status == "confirmed"
    assert not result.evidence.offline
    assert result.domain.silent_since is not None


def test_no_proxy_of_the_environment(check: Callable[[], CheckResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies that the environment names are not used: they would be asked for any address."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert check().verified


@pytest.mark.parametrize(
    "address", ["A 10.0.0.1", "A 169.254.169.254", "AAAA ::ffff:169.254.169.254", "AAAA fd00::1", "AAAA 64:ff9b::a00:1"]
)
def test_address_that_is_not_public(
    world: World, registry: DomainRegistry, redirector: Redirector, address: str
) -> None:
    """A host with one forbidden address is not asked at all, also where its other address is good."""
    world.zone("acme.test", f"click A {REDIRECTOR}\nclick {address}")
    registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
    result = registry.check("click.acme.test")
    assert not result.verified
    assert result.evidence.http
    assert result.evidence.http.status == "blocked"
    assert [host for _, host, _ in redirector.requests if not host.startswith("spgo.io")] == []


def test_two_addresses_of_two_services(world: World, registry: DomainRegistry, redirector: Redirector) -> None:
    """Where one of two addresses is somebody else's, half of the readers go there: that is no proof."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a shop")

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ExitStack() as cleanup:
        serve(cleanup, http.server.ThreadingHTTPServer(("127.0.80.7", redirector.http_port), Other))
        world.zone("acme.test", f"click A {REDIRECTOR}\nclick A 127.0.80.7")
        registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
        result = registry.check("click.acme.test")
    assert not result.verified
    assert "something else than this service's redirect server answers" in " ".join(result.advice)


def test_always_https(check: Callable[[], CheckResult], redirector: Redirector, registry: DomainRegistry) -> None:
    """A CDN that begins to send readers to https breaks no link, and the advice is to use https from the first."""
    assert check().verified
    redirector.certify("click.acme.test")
    instead(redirector, lambda _: (301, {"Location": "https://click.acme.test/"}, b""), scheme="http")
    result = check()
    assert result.verified
    assert "links on click.acme.test should be https" in " ".join(result.advice)
    assert registry.set_secure("click.acme.test").secure
    assert check().advice == ()


def test_parked_over_http(check: Callable[[], CheckResult], redirector: Redirector) -> None:
    """Links that are http are dead where something else answers over http, whatever https does."""
    assert check().verified
    redirector.certify("click.acme.test")
    instead(redirector, lambda _: (200, {}, b"this domain is for sale"), scheme="http")
    assert check().domain.state == "suspended"


def test_target_that_redirects_http(world: World, registry: DomainRegistry, redirector: Redirector, age: Age) -> None:
    """A target whose own http is sent to https is reached all the same, so a host that is dead counts as dead."""
    world.zone("acme.test", "click CNAME spgo.io.")
    registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
    assert registry.check("click.acme.test").verified
    world.zone("acme.test", "click A 127.0.80.9")
    world.forget()
    http_port = f":{redirector.http_port}"
    redirector.override = lambda host, _: (
        (301, {"Location": "https://spgo.io/"}, b"")
        if host.startswith("spgo.io") and host.endswith(http_port)
        else None
    )
    result = registry.check("click.acme.test")
    assert result.evidence.cname_target_probe
    assert result.evidence.cname_target_probe.status == "confirmed"
    assert result.domain.silent_since is not None


def test_broken_tls(world: World, registry: DomainRegistry, network: Network) -> None:
    """A server that speaks nonsense within TLS is one that does not answer."""
    with socket.create_server(("127.0.80.8", network.https_port)) as server:

        def nonsense() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(b"\x17\x03\x03\x00\x40" + b"x" * 64)

        thread = threading.Thread(target=nonsense, daemon=True)
        thread.start()
        world.zone("acme.test", "click A 127.0.80.8")
        registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
        result = registry.check("click.acme.test")
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert result.evidence.https
    assert result.evidence.https.status == "no-answer"


@pytest.mark.parametrize("what", ["split", "authorities", "port"])
def test_trouble_of_this_machine(
    world: World,
    registry: DomainRegistry,
    redirector: Redirector,
    network: Network,
    reopen: Callable[..., DomainRegistry],
    age: Age,
    what: str,
) -> None:
    """A private address for the target, no trusted authorities, a closed port: all would suffer, so none does."""
    redirector.certify("click.acme.test")
    world.zone("acme.test", "click CNAME spgo.io.")
    registry.add("click.acme.test", account="acme", ownership_trusted=True)
    registry.check("click.acme.test")
    age(registry, 3600)
    assert registry.check("click.acme.test").domain.secure
    if what == "split":
        world.zone("spgo.io", "@ A 10.0.0.1")
        world.forget()
    elif what == "authorities":
        network = replace(network, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    else:
        network = replace(network, https_port=1)
    with reopen(network=network) as troubled:
        for _ in range(3):
            result = troubled.check("click.acme.test")
            assert result.verified
            assert "the redirect server is not reached at spgo.io itself" in " ".join(result.advice)
            age(registry, 3600 * 100)


def test_loopback_only_for_tests(
    check: Callable[[], CheckResult], network: Network, reopen: Callable[..., DomainRegistry], redirector: Redirector
) -> None:
    """Without the tests' own exception, loopback is forbidden like the rest."""
    with reopen(network=replace(network, allow_loopback=False)) as registry:
        result = registry.check("click.acme.test")
    assert result.evidence.ownership is None
    assert result.evidence.http
    assert (result.evidence.http.status, redirector.requests) == ("blocked", [])


class Rebinding(socketserver.BaseRequestHandler):
    """A resolver that gives one address at first and another one from then on, both to be forgotten at once."""

    addresses: Iterator[str]
    asked: list[str]

    def handle(self) -> None:
        """Answer one query."""
        data, connection = self.request
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        question = query.question[0]
        if question.rdtype == 1 and question.name.to_text() == "spgo.io.":
            answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", REDIRECTOR))
        elif question.rdtype == 1:
            address = next(self.addresses)
            self.asked.append(address)
            answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", address))
        connection.sendto(answer.to_wire(), self.client_address)


@pytest.mark.parametrize("first_is_good", [True, False])
def test_rebinding(world: World, redirector: Redirector, network: Network, tmp_path: Any, first_is_good: bool) -> None:
    """A name that resolves to a good and then to a bad address is looked up once, and what was judged is asked."""
    good_and_bad = ["127.0.80.3", "10.0.0.1"] if first_is_good else ["10.0.0.1", "127.0.80.3"]
    addresses = itertools.chain(good_and_bad[:1], itertools.repeat(good_and_bad[1]))
    handler = type("Handler", (Rebinding,), {"addresses": addresses, "asked": []})
    with ExitStack() as cleanup:
        redirector.also_at(cleanup, "127.0.80.3")
        server = socketserver.UDPServer(("127.0.0.1", 0), handler)
        serve(cleanup, server)
        rebound = replace(network, dns_resolvers=[f"127.0.0.1:{server.server_address[1]}"])
        url = f"sqlite:///{tmp_path}/x.db"
        registry = cleanup.enter_context(
            DomainRegistry(url, keys=redirector.keys, network=rebound, cname_target="spgo.io")
        )
        registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
        result = registry.check("click.acme.test")
    assert handler.asked == good_and_bad[:1]
    assert result.verified == first_is_good
    assert any(host.startswith("click.acme.test") for _, host, _ in redirector.requests) == first_is_good


def test_dead_address_is_passed_over(world: World, registry: DomainRegistry) -> None:
    """Of several addresses the next is tried where nothing answers at one."""
    world.zone("acme.test", f"click A 127.0.53.16\nclick A {REDIRECTOR}")
    registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
    assert registry.check("click.acme.test").verified


def test_chain_without_a_redirector(world: World, registry: DomainRegistry, redirector: Redirector, age: Age) -> None:
    """A chain alone is not enough: until the redirect server answers, the domain waits."""
    world.zone("acme.test", "click CNAME spgo.io.")
    instead(redirector, lambda _: (404, {}, b""))
    registry.add("click.acme.test", account="acme", ownership_trusted=True)
    registry.check("click.acme.test")
    age(registry, 3600)
    result = registry.check("click.acme.test")
    assert result.domain.state == "propagating"
    assert "the redirect server is not reached through click.acme.test by http" in " ".join(result.advice)
    redirector.override = None
    assert registry.check("click.acme.test").verified


def test_nothing_is_left_running(check: Callable[[], CheckResult]) -> None:
    """A check leaves no thread behind."""
    before = threading.active_count()
    check()
    assert threading.active_count() <= before + 1

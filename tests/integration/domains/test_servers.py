"""The servers of these tests do what the tests take for granted."""

import itertools
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from helpers.dnsworld import PARENT, SERVERS, World
from helpers.postgres import Postgres
from helpers.processes import wait
from helpers.redirector import REDIRECTOR, Redirector
from linkwrap import LinkWrapper

CLICK = f"click CNAME spgo.io.\nwww A {REDIRECTOR}"


def ask(address: str, port: int | str, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
    """What a server answers."""
    by = dns.query.tcp if tcp else dns.query.udp
    return by(dns.message.make_query(name, kind), address, port=int(port), timeout=20)


def resolve(resolver: str, name: str, kind: str = "A") -> dns.message.Message:
    """What a resolver answers."""
    return ask(*resolver.rsplit(":", 1), name, kind)


def texts(message: dns.message.Message) -> list[str]:
    """The values in an answer."""
    return [data.to_text() for rrset in message.answer for data in rrset]


@pytest.mark.parametrize("server", ["ns1", "ns2"])
def test_authority(world: World, server: str) -> None:
    """Both servers of a zone answer with authority."""
    world.zone("acme.test", CLICK, ttl=1234)
    answer = ask(SERVERS[server], world.port, "click.acme.test")
    assert answer.flags & dns.flags.AA
    assert texts(answer) == ["spgo.io."] or texts(answer) == ["spgo.io.", REDIRECTOR]
    assert answer.answer[0].ttl == 1234


def test_negative_ttl(world: World) -> None:
    """What is not there is remembered for as long as the zone says."""
    world.zone("acme.test", CLICK, negative_ttl=7)
    answer = ask(SERVERS["ns1"], world.port, "nothing.acme.test")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert (answer.authority[0].ttl, answer.authority[0][0].minimum) == (7, 7)


def test_referral(world: World) -> None:
    """The parent names a zone's servers and where they are."""
    world.zone("acme.test", CLICK, servers=("ns1", "ns6", "mapped", "inside"))
    referral = ask(world.parent, world.port, "click.acme.test")
    assert not referral.flags & dns.flags.AA
    assert not referral.answer
    assert {data.to_text() for data in referral.authority[0]} == {
        f"{name}.servers.test." for name in ("ns1", "ns6", "mapped", "inside")
    }
    glue = {rrset.name.to_text(): rrset[0].to_text() for rrset in referral.additional}
    assert glue == {f"{name}.servers.test.": SERVERS[name] for name in ("ns1", "ns6", "mapped", "inside")}


def test_other_top_level_zone(world: World) -> None:
    """The zone of the target is delegated from `io.`."""
    assert ask(PARENT, world.port, "spgo.io").authority[0][0].to_text() in {"ns1.servers.test.", "ns2.servers.test."}
    assert texts(ask(SERVERS["ns2"], world.port, "spgo.io")) == [REDIRECTOR]


def test_truncation(world: World) -> None:
    """The third server says all over TCP, and nothing over UDP."""
    world.zone("acme.test", CLICK, servers=("ns3",))
    short = ask(SERVERS["ns3"], world.port, "www.acme.test")
    assert short.flags & dns.flags.TC
    assert not short.answer
    assert texts(ask(SERVERS["ns3"], world.port, "www.acme.test", tcp=True)) == [REDIRECTOR]


def test_ipv6(world: World) -> None:
    """A server is there over IPv6 alone."""
    if not world.has_ipv6:
        pytest.skip("this machine has no ::1")
    world.zone("acme.test", CLICK, servers=("ns6",))
    assert texts(ask("::1", world.port, "www.acme.test")) == [REDIRECTOR]
    assert ask(SERVERS["ns2"], world.port, "www.acme.test").rcode() == dns.rcode.REFUSED


def test_disagreement(world: World) -> None:
    """Servers of one zone differ."""
    world.zone("acme.test", {"ns1": CLICK, "ns2": ""})
    assert ask(SERVERS["ns1"], world.port, "www.acme.test").rcode() == dns.rcode.NOERROR
    assert ask(SERVERS["ns2"], world.port, "www.acme.test").rcode() == dns.rcode.NXDOMAIN


def test_lame(world: World) -> None:
    """A server that a zone is delegated to may know nothing of it."""
    world.zone("acme.test", CLICK, on=("ns2",))
    assert ask(SERVERS["ns1"], world.port, "www.acme.test").rcode() == dns.rcode.REFUSED
    assert texts(ask(SERVERS["ns2"], world.port, "www.acme.test")) == [REDIRECTOR]
    assert texts(resolve(world.resolvers[0], "www.acme.test")) == [REDIRECTOR]


def test_drop(world: World) -> None:
    """A zone goes, and so does its delegation."""
    world.zone("acme.test", CLICK)
    world.drop("acme.test")
    assert ask(SERVERS["ns1"], world.port, "www.acme.test").rcode() == dns.rcode.REFUSED
    assert ask(world.parent, world.port, "www.acme.test").rcode() == dns.rcode.NXDOMAIN
    assert resolve(world.resolvers[0], "www.acme.test").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("tcp", [False, True])
def test_slow(world: World, tcp: bool) -> None:
    """A server takes its time."""
    world.slowness = 0.2
    world.zone("acme.test", CLICK, servers=("slow",))
    begin = time.monotonic()
    assert texts(ask(SERVERS["slow"], world.port, "www.acme.test", tcp=tcp)) == [REDIRECTOR]
    assert time.monotonic() - begin >= 0.2


def test_mute_and_dead(world: World) -> None:
    """A server takes queries and does not answer; at another address there is none; a resolver finds out."""
    world.zone("acme.test", CLICK, servers=("mute", "dead", "inside"))
    for name in ("mute", "dead"):
        with pytest.raises(dns.exception.Timeout):
            dns.query.udp(dns.message.make_query("acme.test", "A"), SERVERS[name], port=world.port, timeout=0.1)
        with pytest.raises(ConnectionRefusedError):
            ask(SERVERS[name], world.port, "acme.test", tcp=True)
    wait(lambda: world.mute_packets == 1, "the server has no packet")
    assert resolve(world.resolvers[0], "www.acme.test").rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("number", [0, 1])
def test_resolver(world: World, number: int) -> None:
    """Each resolver follows a CNAME from zone to zone, and a delegation within a customer's zone."""
    resolver = world.resolvers[number]
    world.zone("acme.test", f"{CLICK}\nsub NS ns2.servers.test.")
    world.zone("sub.acme.test", "click CNAME click.acme.test.", servers=("ns2",), delegate=False)
    assert texts(resolve(resolver, "click.acme.test")) == ["spgo.io.", REDIRECTOR]
    assert texts(resolve(resolver, "click.sub.acme.test")) == ["click.acme.test.", "spgo.io.", REDIRECTOR]
    assert set(texts(resolve(resolver, "acme.test", "NS"))) == {"ns1.servers.test.", "ns2.servers.test."}
    assert texts(resolve(resolver, "ns6.servers.test", "AAAA")) == ["::1"]


@pytest.mark.parametrize("name", ["www.example.com", "nothing.test", "org"])
def test_nothing_else_exists(world: World, name: str) -> None:
    """The resolvers know these zones only, also by way of a CNAME."""
    world.zone("acme.test", f"click CNAME {name}.")
    assert resolve(world.resolvers[0], name).rcode() == dns.rcode.NXDOMAIN
    assert resolve(world.resolvers[0], "click.acme.test").rcode() == dns.rcode.NXDOMAIN


def test_forget(world: World) -> None:
    """A resolver keeps what it heard until it is told to forget; the other one has a memory of its own."""
    first, second = world.resolvers
    world.zone("acme.test", "click CNAME spgo.io.")
    resolve(first, "click.acme.test")
    world.zone("acme.test", "click CNAME www.acme.test.\nwww A 127.0.80.9")
    assert texts(resolve(first, "click.acme.test")) == ["spgo.io.", REDIRECTOR]
    assert texts(resolve(second, "click.acme.test")) == ["www.acme.test.", "127.0.80.9"]
    world.forget(0)
    assert texts(resolve(first, "click.acme.test")) == ["www.acme.test.", "127.0.80.9"]
    world.zone("acme.test", "click CNAME spgo.io.")
    world.forget()
    assert [texts(resolve(each, "click.acme.test"))[0] for each in (first, second)] == ["spgo.io."] * 2


def test_zone_that_changes_often(world: World) -> None:
    """Each change is served as soon as it is made."""
    for number in range(10):
        world.zone("acme.test", f"click CNAME host{number}.acme.test.")
        assert texts(ask(SERVERS["ns1"], world.port, "click.acme.test")) == [f"host{number}.acme.test."]


def test_bad_zone(world: World) -> None:
    """A zone that a server does not take is an error that says why, and can be mended."""
    with pytest.raises(RuntimeError, match="another record exists beside CNAME"):
        world.zone("acme.test", "click CNAME spgo.io.\nclick A 127.0.0.1")
    world.zone("acme.test", CLICK)
    assert texts(ask(SERVERS["ns1"], world.port, "www.acme.test")) == [REDIRECTOR]


def test_moved_zone(world: World) -> None:
    """The resolvers follow a zone to other servers."""
    world.zone("acme.test", "www A 127.0.80.8", servers=("ns1",))
    assert texts(resolve(world.resolvers[0], "www.acme.test")) == ["127.0.80.8"]
    world.zone("acme.test", "www A 127.0.80.9", servers=("ns2", "ns3"))
    world.forget()
    assert texts(resolve(world.resolvers[0], "www.acme.test")) == ["127.0.80.9"]


def test_the_world_is_new(world: World) -> None:
    """Nothing of another test's zones is left."""
    for number in (0, 1):
        assert resolve(world.resolvers[number], "www.acme.test").rcode() == dns.rcode.NXDOMAIN


def get(redirector: Redirector, scheme: str, host: str, path: str) -> httpx.Response:
    """What the redirect endpoint says when it is asked for a host."""
    port = redirector.https_port if scheme == "https" else redirector.http_port
    with httpx.Client(verify=redirector.tls, trust_env=False, timeout=20) as client:
        url = f"{scheme}://{REDIRECTOR}:{port}{path}"
        return client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_redirector(redirector: Redirector, scheme: str) -> None:
    """The redirect endpoint answers over both schemes, redirects, and keeps what it was asked."""
    redirector.certify("click.acme.test")
    assert get(redirector, scheme, "click.acme.test", "/healthz").text == "ok"
    wrapper = LinkWrapper(redirector.keys, account_id="acme", tracking_domain="click.acme.test")
    url = wrapper.urls(wrapper.compile('<a href="https://acme.com/">Shop</a>'), {})[0]
    path = url.removeprefix("https://click.acme.test")
    response = get(redirector, scheme, "click.acme.test", path)
    assert (response.status_code, response.headers["Location"]) == (302, "https://acme.com/")
    assert redirector.requests == [(scheme, "click.acme.test", "/healthz"), (scheme, "click.acme.test", path)]
    assert [event["type"] for event in redirector.events] == ["click"]
    redirector.secret = "another key that is long enough"
    assert get(redirector, scheme, "click.acme.test", path).status_code == 404


def test_certificates(redirector: Redirector) -> None:
    """A host without a certificate is shown that of spgo.io, which a client refuses."""
    assert get(redirector, "https", "spgo.io", "/healthz").text == "ok"
    with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
        get(redirector, "https", "click.acme.test", "/healthz")
    redirector.certify("click.acme.test")
    assert get(redirector, "https", "click.acme.test", "/healthz").text == "ok"


def test_override(redirector: Redirector) -> None:
    """Tests answer in the endpoint's place, without an end if they like."""
    redirector.override = lambda host, path: (200, {}, itertools.repeat(b"x" * 1000)) if path == "/endless" else None
    assert get(redirector, "http", "spgo.io", "/healthz").text == "ok"
    url = f"http://{REDIRECTOR}:{redirector.http_port}/endless"
    with httpx.Client(trust_env=False, timeout=20) as client, client.stream("GET", url) as response:
        assert len(next(response.iter_bytes(100_000))) == 100_000


def test_database(database_url: str) -> None:
    """Databases are empty, and take statements."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        assert connection.scalar(text("select 1")) == 1
        connection.execute(text("create table domains (name text primary key)"))


def test_databases_differ(postgres: Postgres) -> None:
    """Each database is new."""
    assert postgres.new_database() != postgres.new_database()

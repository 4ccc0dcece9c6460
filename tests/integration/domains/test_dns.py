"""Checks against real name servers: what a customer's DNS looks like, and what becomes of the domain.

Ownership is trusted here; test_ownership.py verifies it.
"""

import asyncio
import socketserver
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from helpers.dnsworld import SERVERS, World
from helpers.domain_fixtures import TIMEOUT
from helpers.redirector import REDIRECTOR, Redirector, serve
from helpers.registries import StubCheck, make_tables, open_registry
from linkwrap.domains import CheckResult, DomainRegistry, Network
from linkwrap.domains.checks.dns import MAX_QUERIES, Questions, Unanswered

Age = Callable[[DomainRegistry, float], None]

RIGHT = "click CNAME spgo.io."
ONLY_NS1 = {"ns1": RIGHT, "ns2": ""}


def check(registry: DomainRegistry, host: str = "click.acme.test", *, then: Age | None = None) -> CheckResult:
    """Check a host, added where it is not there; with `then`, once more when what was replaced is waited out."""
    make_tables(registry)
    if not any(domain.host == host for domain in registry.domains()):
        registry.add(host, account="acme", ownership_trusted=True)
    result = registry.check(host)
    if then:
        then(registry, 3600)
        result = registry.check(host)
    return result


def hourly(registry: DomainRegistry, age: Age, hours: int) -> None:
    """Check the host for so many hours."""
    for _ in range(hours):
        age(registry, 3600)
        registry.check("click.acme.test")


def said(result: CheckResult, hop: int = 0) -> dict[str, str]:
    """What each server said of a name on the way."""
    assert result.evidence.cname
    return {
        answer.server.partition(".")[0]: f"{answer.kind} {' '.join(answer.values)}".rstrip()
        for answer in result.evidence.cname.hops[hop].answers
    }


def advice(result: CheckResult) -> str:
    """All that is advised."""
    return " | ".join(result.advice)


def test_right_cname(world: World, registry: DomainRegistry, age: Age) -> None:
    """A record that all servers give is waited out, then verified; mail goes there from then on."""
    world.zone("acme.test", RIGHT, negative_ttl=900)
    first = check(registry)
    assert first.domain.state == "propagating"
    assert said(first) == {"ns1": "alias spgo.io", "ns2": "alias spgo.io"}
    assert first.domain.propagated_at
    assert first.domain.complete_since
    assert (first.domain.propagated_at - first.domain.complete_since).total_seconds() == 900
    assert first.domain.next_check == first.domain.propagated_at
    assert [answer.leads_to_cname_target for answer in first.evidence.dns_resolvers] == [True, True]
    assert "resolvers may keep the previous record until" in advice(first)
    age(registry, 901)
    second = registry.check("click.acme.test")
    assert second.verified
    assert second.previous_state == "propagating"
    assert registry.account("acme").domains[0].verified


def test_not_before_the_wait_is_over(world: World, registry: DomainRegistry, age: Age) -> None:
    """Checking again does not shorten the wait."""
    world.zone("acme.test", RIGHT, negative_ttl=900)
    check(registry)
    age(registry, 880)
    assert registry.check("click.acme.test").domain.state == "propagating"


def test_chain_across_zones(world: World, registry: DomainRegistry, age: Age) -> None:
    """A CNAME to a name of an agency, which is a CNAME to the target, is a chain; each zone's servers are asked."""
    world.zone("acme.test", "click CNAME links.agency.test.", negative_ttl=5)
    world.zone("agency.test", "links CNAME spgo.io.", servers=("ns2",), negative_ttl=600)
    result = check(registry, then=age)
    assert result.verified
    assert said(result, 0) == {"ns1": "alias links.agency.test", "ns2": "alias links.agency.test"}
    assert said(result, 1) == {"ns2": "alias spgo.io"}
    assert result.evidence.cname
    assert [hop.zone for hop in result.evidence.cname.hops] == ["acme.test", "agency.test"]
    assert result.evidence.cname.negative_ttl == 600


def test_agency_with_one_late_server(world: World, registry: DomainRegistry) -> None:
    """A chain that one server of a zone further on does not give has not propagated."""
    world.zone("acme.test", "click CNAME links.agency.test.")
    world.zone("agency.test", {"ns1": "links CNAME spgo.io.", "ns2": "links CNAME old.io."})
    result = check(registry)
    assert result.domain.state == "propagating"
    assert "ns2.servers.test (127.0.53.12): CNAME old.io (TTL 60): wait until it has the new record" in advice(result)


def test_dname(world: World, registry: DomainRegistry, age: Age) -> None:
    """A DNAME above the host is followed."""
    world.zone("acme.test", "go DNAME agency.test.")
    world.zone("agency.test", RIGHT)
    result = check(registry, "click.go.acme.test", then=age)
    assert result.verified
    assert said(result, 0) == {"ns1": "alias click.agency.test", "ns2": "alias click.agency.test"}
    assert "DNAME to click.agency.test" in str(result)


def test_wildcard(world: World, registry: DomainRegistry, age: Age) -> None:
    """A wildcard CNAME of the customer's covers the host."""
    world.zone("acme.test", "*.mail CNAME spgo.io.")
    assert check(registry, "click.mail.acme.test", then=age).verified


def test_only_one_of_two_servers(world: World, registry: DomainRegistry, age: Age) -> None:
    """A record on one of two servers is on its way; the other one is named, and waiting starts when it has it."""
    world.zone("acme.test", ONLY_NS1)
    result = check(registry, then=age)
    assert result.domain.state == "propagating"
    assert said(result) == {"ns1": "alias spgo.io", "ns2": "no-records"}
    assert "ns2.servers.test (127.0.53.12): the name does not exist: wait until it has the new record" in advice(result)
    assert result.evidence.dns_resolvers == ()
    world.zone("acme.test", RIGHT)
    assert registry.check("click.acme.test").domain.state == "propagating"
    age(registry, 3600)
    assert registry.check("click.acme.test").verified


def test_resolvers_are_not_spoilt(world: World, registry: DomainRegistry, age: Age) -> None:
    """While a record is not everywhere, no resolver is made to remember that there is none."""
    world.zone("acme.test", ONLY_NS1, negative_ttl=3000)
    check(registry)
    world.zone("acme.test", RIGHT)
    result = registry.check("click.acme.test")
    assert [answer.detail for answer in result.evidence.dns_resolvers] == ["leads to spgo.io"] * 2


def test_resolver_that_remembers(world: World, registry: DomainRegistry, age: Age) -> None:
    """A resolver that still has the old record keeps the domain back, and is named."""
    world.zone("acme.test", "click CNAME old.io.", ttl=3600)
    resolver = world.resolvers[1]
    remember(registry, resolver)
    world.zone("acme.test", RIGHT)
    result = check(registry, then=age)
    assert result.domain.state == "propagating"
    assert f"the DNS resolver {resolver}: still leads to old.io" in advice(result)
    world.forget(1)
    assert registry.check("click.acme.test").verified


def remember(registry: DomainRegistry, resolver: str) -> None:
    """Have a resolver look the host up."""
    address, _, port = resolver.partition(":")
    dns.query.udp(dns.message.make_query("click.acme.test", "A"), address, port=int(port), timeout=20)


def test_wrong_target(world: World, registry: DomainRegistry) -> None:
    """A record that leads elsewhere is invalid, and the advice names both names."""
    world.zone("acme.test", "click CNAME track.other.test.")
    world.zone("other.test", f"track A {REDIRECTOR}")
    result = check(registry)
    assert result.domain.state == "invalid"
    assert "the record points to track.other.test, it must point to spgo.io" in advice(result)


def test_dangling_target(world: World, registry: DomainRegistry) -> None:
    """A typing error in the target is told as what it is."""
    world.zone("acme.test", "click CNAME spgo.oi.")
    result = check(registry)
    assert result.domain.state == "invalid"
    assert "the record points to spgo.oi, it must point to spgo.io" in advice(result)


@pytest.mark.parametrize("record", ["click A 127.0.99.1", "click AAAA ::1"])
def test_address_in_place_of_the_cname(world: World, registry: DomainRegistry, record: str) -> None:
    """An address is no CNAME, of either kind."""
    world.zone("acme.test", record)
    result = check(registry)
    assert result.domain.state == "invalid"
    assert f"has an address ({record.split()[-1]}) in place of a CNAME" in advice(result)
    assert "create a CNAME record for click.acme.test with the value spgo.io" in advice(result)


def test_address_of_a_proxy(world: World, registry: DomainRegistry, redirector: Redirector, age: Age) -> None:
    """If the address leads to the redirect server all the same, the advice is to check by http."""
    with ExitStack() as cleanup:
        redirector.also_at(cleanup, "127.0.80.3")
        world.zone("acme.test", "click A 127.0.80.3")
        result = check(registry)
        assert result.domain.state == "invalid"
        assert (
            "the address of click.acme.test (127.0.80.3) belongs to a proxy that leads here: check by http"
            in advice(result)
        )
        registry.check("click.acme.test", method="http")
        age(registry, 3600)
        assert registry.check("click.acme.test").verified


@pytest.mark.parametrize(
    "records",
    [
        f"click A {REDIRECTOR}",
        f"click A {REDIRECTOR}\nclick A 127.0.80.9",
        f"click CNAME www\nwww A {REDIRECTOR}",
        f"click AAAA ::1\nclick A {REDIRECTOR}",
    ],
    ids=["alone", "among others", "through a CNAME", "with IPv6"],
)
def test_address_of_the_cname_target(
    world: World, registry: DomainRegistry, redirector: Redirector, age: Age, records: str
) -> None:
    """The CNAME target's own address in place of the CNAME is not verified: links would break when it changes."""
    world.zone("acme.test", records)
    result = check(registry, then=age)
    assert result.domain.state == "invalid"
    assert f"has the address of spgo.io ({REDIRECTOR})" in advice(result)
    create = "create a CNAME record for click.acme.test with the value spgo.io"
    assert f"replace the address by a CNAME: {create}" in advice(result)
    assert "http" not in advice(result)
    assert not any(host.startswith("click") for _, host, _ in redirector.requests)
    assert result.evidence.cname_target_addresses == (REDIRECTOR,)
    world.zone("acme.test", RIGHT)
    assert check(registry, then=age).verified


def test_verified_by_http(world: World, registry: DomainRegistry, redirector: Redirector) -> None:
    """A host without a CNAME is verified through the redirect server alone, at the address of a proxy."""
    with ExitStack() as cleanup:
        redirector.also_at(cleanup, "127.0.80.3")
        for records in ("click A 127.0.80.3", f"click A 127.0.80.3\nclick A {REDIRECTOR}", "click CNAME spgo.io."):
            world.zone("acme.test", records)
            registry.add("click.acme.test", account="acme", method="http", ownership_trusted=True)
            result = registry.check("click.acme.test")
            assert result.verified
            assert result.evidence.cname is None
            assert result.evidence.cname_target_addresses == ()
            registry.remove("click.acme.test")
            world.forget()


@pytest.mark.parametrize("asked_first", [True, False])
def test_address_of_the_cname_target_by_http(
    world: World, registry: DomainRegistry, redirector: Redirector, age: Age, asked_first: bool
) -> None:
    """A host with no address but the CNAME target's own is not verified by http either; a CNAME in its place is."""
    world.zone("acme.test", f"click A {REDIRECTOR}")
    registry.add("click.acme.test", account="acme", method="cname" if asked_first else "http", ownership_trusted=True)
    for _ in range(2):
        result = registry.check("click.acme.test", method="http")
        assert result.state == "invalid"
        create = "create a CNAME record for click.acme.test with the value spgo.io"
        assert result.advice == (
            (
                f"click.acme.test has the address of spgo.io ({REDIRECTOR}), and links would break when that changes: "
                f"replace the address by a CNAME: {create}"
            ),
        )
        assert result.evidence.cname_target_addresses == (REDIRECTOR,)
        age(registry, 3600)
    world.zone("acme.test", RIGHT)
    world.forget()
    assert registry.check("click.acme.test").verified


def test_zone_of_its_own(world: World, registry: DomainRegistry) -> None:
    """A host that the customer delegated as a zone cannot be a CNAME; the advice is a subdomain."""
    world.zone("acme.test", "click NS ns2.servers.test.", servers=("ns1",))
    world.zone("click.acme.test", "", servers=("ns2",), delegate=False)
    result = check(registry)
    assert result.domain.state == "invalid"
    assert "click.acme.test is a zone apex, where no CNAME can stand: choose a subdomain" in advice(result)


def test_delegated_below(world: World, registry: DomainRegistry, age: Age) -> None:
    """A zone that the customer delegates on is found, and its servers count, not those above."""
    world.zone("acme.test", "mail NS ns2.servers.test.", servers=("ns1",))
    world.zone("mail.acme.test", RIGHT, servers=("ns2",), delegate=False)
    result = check(registry, "click.mail.acme.test", then=age)
    assert result.verified
    assert said(result) == {"ns2": "alias spgo.io"}


def test_zone_below_on_the_same_server(world: World, registry: DomainRegistry) -> None:
    """Where one server has both zones, the other servers of the zone below are asked all the same."""
    world.zone("acme.test", "mail NS ns1.servers.test.\nmail NS ns2.servers.test.", servers=("ns1",))
    world.zone("mail.acme.test", ONLY_NS1, delegate=False)
    result = check(registry, "click.mail.acme.test")
    assert result.domain.state == "propagating"
    assert said(result) == {"ns1": "alias spgo.io", "ns2": "no-records"}
    assert result.evidence.cname
    assert result.evidence.cname.hops[0].zone == "mail.acme.test"


@pytest.mark.parametrize(
    "records", ["click CNAME click", "click CNAME a\na CNAME b\nb CNAME a", "click CNAME a\na CNAME click"]
)
def test_loop(world: World, registry: DomainRegistry, records: str) -> None:
    """Records that lead in a circle are invalid, and told as that."""
    world.zone("acme.test", records)
    result = check(registry)
    assert result.domain.state == "invalid"
    assert "form a loop" in advice(result)


def test_long_chain(world: World, registry: DomainRegistry, age: Age) -> None:
    """Eight names are followed, not nine."""
    chain = ["click", *"bcdefgh"]
    lines = [f"{a} CNAME {b}" for a, b in pairwise(chain)]
    world.zone("acme.test", "\n".join([*lines, "h CNAME spgo.io."]), servers=("ns1",))
    assert check(registry, then=age).verified
    world.zone("acme.test", "\n".join([*lines, "h CNAME i", "i CNAME spgo.io."]), servers=("ns1",))
    result = check(registry)
    assert result.domain.state == "suspended"
    assert "more than 7 CNAME records follow click.acme.test" in advice(result)


def test_nothing_there(world: World, registry: DomainRegistry) -> None:
    """A host that does not exist is pending, with the record to create."""
    world.zone("acme.test", "")
    result = check(registry)
    assert result.domain.state == "pending"
    assert said(result) == {"ns1": "no-records", "ns2": "no-records"}
    assert result.advice == ("create a CNAME record for click.acme.test with the value spgo.io",)


def test_other_records_there(world: World, registry: DomainRegistry) -> None:
    """A host with records of other types only is pending too."""
    world.zone("acme.test", 'click TXT "hello"')
    assert check(registry).domain.state == "pending"


def test_domain_that_is_not_registered(world: World, registry: DomainRegistry) -> None:
    """Where the top-level zone knows no such domain, that is what is said."""
    result = check(registry, "click.emca.test")
    assert result.domain.state == "pending"
    assert "click.emca.test is in no zone: check that its domain is registered" in advice(result)


def test_no_such_top_level_domain(world: World, registry: DomainRegistry) -> None:
    """A top-level domain that does not exist is a typing error."""
    result = check(registry, "click.acme.tset")
    assert result.domain.state == "pending"
    assert "there is no top-level domain 'tset': check the spelling of click.acme.tset" in advice(result)


def test_lame_server(world: World, registry: DomainRegistry, age: Age) -> None:
    """A server that does not serve the zone is a warning, and the others decide."""
    world.zone("acme.test", RIGHT, on=("ns1",))
    result = check(registry, then=age)
    assert result.verified
    assert said(result) == {"ns1": "alias spgo.io", "ns2": "lame"}
    assert result.warnings == [
        "acme.test: ns2.servers.test (127.0.53.12): does not serve the zone: answers REFUSED",
    ]


def test_dead_server(world: World, registry: DomainRegistry, age: Age) -> None:
    """A server that does not answer is a warning, and the others decide."""
    world.zone("acme.test", RIGHT, servers=("ns1", "dead"))
    result = check(registry, then=age)
    assert result.verified
    assert said(result) == {"ns1": "alias spgo.io", "dead": "no-answer"}
    assert result.warnings == ["acme.test: dead.servers.test (127.0.53.16): no answer within 2 s"]


def test_all_servers_dead(world: World, registry: DomainRegistry) -> None:
    """No answer at all changes nothing, and says whom to ask."""
    world.zone("acme.test", RIGHT, servers=("dead", "mute"), on=())
    result = check(registry)
    assert result.domain.state == "pending"
    assert "no name server of acme.test answers with authority for click.acme.test" in advice(result)


def test_server_without_an_address(world: World, registry: DomainRegistry, age: Age) -> None:
    """A name server whose name leads nowhere is a warning."""
    world.zone("acme.test", RIGHT, servers=("ns1", "nowhere.nic.test"))
    result = check(registry, then=age)
    assert result.verified
    assert result.warnings == ["acme.test: nowhere.nic.test: its name has no address"]


def test_slow_server(world: World, registry: DomainRegistry, age: Age) -> None:
    """A slow server is waited for as long as the time-out says, and a warning from then on."""
    world.zone("acme.test", RIGHT, servers=("ns2", "slow"), on=("ns2", "slow"))
    world.slowness = 0.2
    result = check(registry, then=age)
    assert result.verified
    assert said(result)["slow"] == "alias spgo.io"
    world.slowness = 3 * TIMEOUT
    result = check(registry)
    assert result.verified
    assert said(result)["slow"] == "no-answer"


def test_truncated_answers(world: World, registry: DomainRegistry, age: Age) -> None:
    """A server that cuts its answers over UDP is asked over TCP."""
    world.zone("acme.test", RIGHT, servers=("ns3",))
    result = check(registry, then=age)
    assert result.verified
    assert said(result) == {"ns3": "alias spgo.io"}


def test_ipv6_server(world: World, registry: DomainRegistry, age: Age) -> None:
    """Servers are asked over IPv6 as over IPv4."""
    if not world.has_ipv6:
        pytest.skip("this machine has no ::1")
    world.zone("acme.test", RIGHT, servers=("ns6",))
    result = check(registry, then=age)
    assert result.verified
    assert result.evidence.cname
    assert [answer.address for answer in result.evidence.cname.hops[0].answers] == ["::1"]


def test_move_from_another_sender(world: World, registry: DomainRegistry, age: Age) -> None:
    """A record with a long TTL that was there before is waited out, though the zone's negative TTL is short."""
    world.zone("acme.test", "click CNAME track.other.test.", ttl=86400)
    world.zone("other.test", f"track A {REDIRECTOR}")
    assert check(registry).domain.state == "invalid"
    world.zone("acme.test", "")  # the registrar first removes the old record
    assert registry.check("click.acme.test").domain.state == "pending"
    world.zone("acme.test", RIGHT, ttl=60)
    moved = registry.check("click.acme.test").domain
    assert moved.state == "propagating"
    assert moved.propagated_at
    assert moved.complete_since
    assert 86390 < (moved.propagated_at - moved.complete_since).total_seconds() <= 86400
    age(registry, 86000)
    assert registry.check("click.acme.test").domain.state == "propagating"
    age(registry, 500)
    assert registry.check("click.acme.test").verified


def test_suspended_lapsed_and_back(world: World, registry: DomainRegistry, redirector: Redirector, age: Age) -> None:
    """A domain that leads elsewhere is out of use at once, lapses after a day, and comes back with a new proof."""
    request = registry.add("click.acme.test", account="acme")
    proof = f'_linkwrap.click TXT "{request.domain.challenge}"'
    world.zone("acme.test", f"{RIGHT}\n{proof}")
    assert check(registry, then=age).verified
    world.zone("acme.test", "click CNAME old.io.")
    assert registry.check("click.acme.test").domain.state == "suspended"
    assert registry.account("acme").tracking_domain(None, None).host == "spgo.io"
    hourly(registry, age, 23)
    assert registry.check("click.acme.test").domain.state == "suspended"
    hourly(registry, age, 1)
    lapsed = registry.check("click.acme.test")
    assert lapsed.domain.state == "lapsed"
    assert "has lapsed" in advice(lapsed)
    world.zone("acme.test", RIGHT)
    world.forget()
    assert check(registry, then=age).domain.state == "propagating"
    world.zone("acme.test", f"{RIGHT}\n{proof}")
    assert check(registry, then=age).verified
    assert [change.state for change in registry.changes(host="click.acme.test") if change.kind == "state"] == (
        ["propagating", "verified", "suspended", "lapsed", "propagating", "verified"]
    )


def test_back_before_it_lapses(world: World, registry: DomainRegistry, age: Age) -> None:
    """A suspended domain is in use again once the replaced record is waited out, without a new proof."""
    world.zone("acme.test", RIGHT)
    assert check(registry, then=age).verified
    world.zone("acme.test", "", negative_ttl=600)
    assert registry.check("click.acme.test").domain.state == "suspended"
    world.zone("acme.test", RIGHT)
    back = registry.check("click.acme.test").domain
    assert back.state == "suspended"
    assert back.propagated_at == back.next_check
    age(registry, 601)
    assert registry.check("click.acme.test").verified


def test_silence_is_no_answer(world: World, registry: DomainRegistry, age: Age) -> None:
    """A verified domain whose servers are down stays verified, until 72 hours have gone by without an answer."""
    world.zone("acme.test", RIGHT)
    assert check(registry, then=age).verified
    world.zone("acme.test", RIGHT, servers=("inside",), on=())
    assert registry.check("click.acme.test").verified
    hourly(registry, age, 71)
    assert registry.check("click.acme.test").verified
    hourly(registry, age, 1)
    assert registry.check("click.acme.test").domain.state == "lapsed"


def test_time_in_which_nobody_looked_counts_for_nothing(world: World, registry: DomainRegistry, age: Age) -> None:
    """Two looks a week apart at a domain that is wrong are not a day of it, and two time-outs not 72 hours."""
    world.zone("acme.test", RIGHT)
    assert check(registry, then=age).verified
    for servers, state in ((("inside",), "verified"), (("ns1",), "suspended")):
        world.zone("acme.test", "click CNAME old.io.", servers=servers)
        registry.check("click.acme.test")
        age(registry, 7 * 24 * 3600)
        assert registry.check("click.acme.test").domain.state == state


def test_forbidden_servers_get_no_packet(world: World, registry: DomainRegistry, network: Network) -> None:
    """A customer's NS record that points inside is never followed, in plain or in an embedded form."""
    world.zone("acme.test", RIGHT, servers=("inside", "mapped"), on=())
    result = check(registry)
    mapped = SERVERS["mapped"]
    assert result.domain.state == "pending"
    assert result.warnings == [
        "acme.test: inside.servers.test (10.0.0.53): 10.0.0.53 is not a public address",
        f"acme.test: mapped.servers.test ({mapped}): {mapped} leads to 10.0.0.53, which is not a public address",
    ]


def test_filter_stands_before_each_packet(world: World, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tests' own exception, a server on loopback gets no packet either."""

    async def ask(network: Network) -> str:
        try:
            await Questions(network, asyncio.Semaphore(9)).ask(
                SERVERS["mute"], dns.name.from_text("acme.test"), dns.rdatatype.A
            )
        except Unanswered as error:
            return error.kind
        return "answered"

    strict = Network(dns_resolvers=world.resolvers, dns_port=world.port, timeout=0.2)
    assert asyncio.run(ask(strict)) == "blocked"
    assert world.mute_packets == 0
    assert asyncio.run(ask(network)) == "no-answer"
    assert world.mute_packets == 2


def test_no_more_queries_than_allowed(world: World, registry: DomainRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many servers and long chains do not make a check send more than 64 queries, nor ask more than 16 servers."""
    asked: list[str] = []
    ask = dns.asyncquery.udp_with_fallback

    async def counted(query: Any, where: str, *arguments: Any, **options: Any) -> Any:
        asked.append(where)
        return await ask(query, where, *arguments, **options)

    monkeypatch.setattr(dns.asyncquery, "udp_with_fallback", counted)
    resolvers = [resolver.partition(":")[0] for resolver in world.resolvers]
    names = [f"n{i}.far.test" for i in range(40)]
    world.zone("far.test", "\n".join(f"n{i} A 127.0.53.15" for i in range(40)))
    world.zone("acme.test", RIGHT, servers=names, on=())
    result = check(registry)
    assert result.domain.state == "pending"
    assert world.mute_packets <= MAX_QUERIES
    assert len([where for where in asked if where not in resolvers]) <= MAX_QUERIES
    assert len([where for where in asked if where in resolvers]) <= MAX_QUERIES
    assert result.evidence.cname
    assert len(result.evidence.cname.hops[0].answers) <= 16


def test_one_deadline(world: World, redirector: Redirector, network: Network, tmp_path: Path) -> None:
    """A check ends at its deadline, however many servers keep silent."""
    world.zone("acme.test", "click CNAME a.b.test.", servers=("ns1", "mute"), on=("ns1",))
    world.zone("b.test", "a CNAME c.d.test.", servers=("ns1", "mute"), on=("ns1",))
    world.zone("d.test", "c CNAME spgo.io.", servers=("ns1", "mute"), on=("ns1",))
    hasty = replace(network, deadline=1.0, timeout=60)
    with DomainRegistry(
        f"sqlite:///{tmp_path}/x.db", keys=redirector.keys, network=hasty, cname_target="spgo.io"
    ) as registry:
        began = time.monotonic()
        result = check(registry)
        assert time.monotonic() - began < 40
    assert result.domain.state in ("pending", "propagating")


def test_intercepted(world: World, registry: DomainRegistry, age: Age) -> None:
    """Where another server answers in place of the authoritative ones, that is said, and no domain suffers from it."""
    world.zone("acme.test", RIGHT)
    assert check(registry, then=age).verified
    # The resolvers now say that those of the top-level zone are at the address of a resolver, as an interceptor does.
    for unbound in world._unbounds:
        unbound.control("local_data", "a.nic.test. 60 A 127.0.53.22")
    try:
        age(registry, 100 * 3600)
        for _ in range(2):
            result = registry.check("click.acme.test")
            assert result.verified
            assert "outbound DNS is intercepted" in advice(result)
            age(registry, 100 * 3600)
    finally:
        for unbound in world._unbounds:
            unbound.control("local_data_remove", "a.nic.test.")


def test_offline(world: World, redirector: Redirector, network: Network, tmp_path: Path, age: Age) -> None:
    """Where not even the resolvers answer, no domain suffers from it, however long."""
    world.zone("acme.test", RIGHT)
    keys = redirector.keys
    with DomainRegistry(f"sqlite:///{tmp_path}/x.db", keys=keys, network=network, cname_target="spgo.io") as online:
        assert check(online, then=age).verified
    off = replace(network, dns_resolvers=["127.0.53.16"], timeout=0.1)
    with DomainRegistry(f"sqlite:///{tmp_path}/x.db", keys=keys, network=off, cname_target="spgo.io") as offline:
        for _ in range(2):
            result = offline.check("click.acme.test")
            assert result.verified
            assert "check the network and the DNS resolvers of this machine" in advice(result)
            age(offline, 100 * 3600)


class Denier(socketserver.BaseRequestHandler):
    """A DNS resolver that is not one: it refuses or denies names, by `mode`."""

    mode = ""

    def handle(self) -> None:
        """Answer one query."""
        query = dns.message.from_wire(self.request[0])
        question = query.question[0]
        answer = dns.message.make_response(query)
        if self.mode == "refuses":
            answer.set_rcode(dns.rcode.REFUSED)
        elif self.mode == "denies" or (self.mode == "denies com" and question.name == dns.name.from_text("com")):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.mode != "is empty" and question.rdtype == dns.rdatatype.NS:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "NS", "a.nic.test."))
        self.request[1].sendto(answer.to_wire(), self.client_address)


@pytest.mark.parametrize("mode", ["refuses", "denies", "denies com", "is empty"])
@pytest.mark.parametrize("in_use", [False, True])
def test_dns_resolver_that_denies(tmp_path: Path, network: Network, stub: StubCheck, mode: str, in_use: bool) -> None:
    """A resolver that gives no top-level domain means that this machine's DNS does not work; no state changes."""
    url, host = f"sqlite:///{tmp_path}/x.db", "click.acme.com"
    with open_registry(url, check=stub) as registry:
        registry.add(host, account="acme", ownership_trusted=True)
        if in_use:
            assert registry.check(host).verified
        before = registry.domain(host)
    with ExitStack() as cleanup:
        handler = type("Handler", (Denier,), {"mode": mode})
        server = socketserver.UDPServer(("127.0.0.1", 0), handler)
        serve(cleanup, server)
        deaf = replace(network, dns_resolvers=[f"127.0.0.1:{server.server_address[1]}"])
        with open_registry(url, network=deaf) as registry:
            result = registry.check(host)
    assert (result.state, result.domain.since) == (before.state, before.since)
    assert result.evidence.offline
    [sentence] = result.advice
    assert sentence.startswith("this machine's DNS does not work: ")
    assert sentence.endswith(": check the network and the DNS resolvers of this machine")


def test_one_dns_resolver_of_two_that_denies(
    world: World, redirector: Redirector, network: Network, tmp_path: Path
) -> None:
    """The answer of the one that works counts, in either order."""
    world.zone("acme.test", RIGHT)
    with ExitStack() as cleanup:
        server = socketserver.UDPServer(("127.0.0.1", 0), type("Handler", (Denier,), {"mode": "denies"}))
        serve(cleanup, server)
        both = [f"127.0.0.1:{server.server_address[1]}", world.resolvers[0]]
        for resolvers in (both, both[::-1]):
            mixed = replace(network, dns_resolvers=resolvers)
            url = f"sqlite:///{tmp_path}/{len(resolvers[0])}.db"
            with DomainRegistry(url, keys=redirector.keys, network=mixed, cname_target="spgo.io") as registry:
                result = check(registry)
            assert said(result) == {"ns1": "alias spgo.io", "ns2": "alias spgo.io"}, str(result)
            assert result.state == "propagating"


def test_zone_put_behind_the_target(world: World, registry: DomainRegistry) -> None:
    """A value whose last dot was left out gets the zone behind it, and the advice says so."""
    world.zone("acme.test", "click CNAME spgo.io")
    result = check(registry)
    assert result.domain.state == "invalid"
    assert "points to spgo.io.acme.test: the zone was appended to spgo.io, so end the value with a dot" in advice(
        result
    )


def test_zone_put_behind_the_name(world: World, registry: DomainRegistry) -> None:
    """A name that was entered in full gets the zone behind it, and the advice says where the record is."""
    world.zone("acme.test", "click.acme.test CNAME spgo.io.")
    result = check(registry)
    assert result.domain.state == "pending"
    assert "the record stands at click.acme.test.acme.test" in advice(result)


def test_server_that_does_not_delegate(world: World, registry: DomainRegistry, age: Age) -> None:
    """A server that has the host itself counts, though another one of its zone delegates it."""
    world.zone(
        "acme.test",
        {"ns1": f"click.x A {REDIRECTOR}", "ns2": "x NS ns3.servers.test."},
    )
    world.zone("x.acme.test", RIGHT, servers=("ns3",), delegate=False)
    result = check(registry, "click.x.acme.test", then=age)
    assert not result.verified
    assert said(result) == {"ns1": f"records {REDIRECTOR}", "ns3": "alias spgo.io"}


def test_many_names_of_one_server(world: World, registry: DomainRegistry) -> None:
    """Sixteen names that lead to one address do not have sixteen questions sent to it."""
    world.zone("far.test", "\n".join(f"n{i} A {SERVERS['mute']}" for i in range(16)))
    world.zone("acme.test", RIGHT, servers=[f"n{i}.far.test" for i in range(16)], on=())
    check(registry)
    assert world.mute_packets <= 2


def test_records_of_another_class(registry: DomainRegistry) -> None:
    """What is not of the Internet's class is passed over: such records have another form."""
    from linkwrap.domains.checks.dns import _of_internet

    message = dns.message.from_text(
        "id 1\nopcode QUERY\nrcode NOERROR\nflags QR AA\n;QUESTION\nclick.acme.test. IN A\n"
        ";ANSWER\nclick.acme.test. 60 HS A \\# 4 7f000001\nclick.acme.test. 60 IN A 192.0.2.1"
    )
    [rrset] = _of_internet(message).answer
    assert rrset[0].address == "192.0.2.1"

"""A host that points at us is not another account's for the asking: real name servers, a real redirector."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import dns.asyncquery
import pytest

from helpers.dnsworld import World
from helpers.redirector import Redirector
from helpers.registries import hourly, make_tables, pass_time
from linkwrap import DomainError
from linkwrap.domains import CheckResult, DomainRegistry, Network

HOST = "click.acme.test"
CNAME = "click CNAME spgo.io."


@pytest.fixture
def domains(database_url: str, world: World, redirector: Redirector) -> Iterator[DomainRegistry]:
    """An empty registry whose checks reach the servers of the tests."""
    network = Network(
        dns_resolvers=world.resolvers,
        dns_port=world.port,
        http_port=redirector.http_port,
        https_port=redirector.https_port,
        tls=redirector.tls,
        allow_loopback=True,
        timeout=2.0,
        deadline=60,
    )
    with DomainRegistry(database_url, keys=redirector.keys, network=network, cname_target="spgo.io") as domains:
        make_tables(domains)
        yield domains


@pytest.fixture
def check(domains: DomainRegistry, database_url: str) -> Callable[..., CheckResult]:
    """Check an account's claim twice, all that resolvers may keep having run out in between."""

    def check(account: str, host: str = HOST) -> CheckResult:
        domains.check(host, account=account)
        pass_time(database_url, 3600)
        return domains.check(host, account=account)

    return check


def publish(world: World, *challenges: str, records: str = CNAME, **options: Any) -> None:
    """Serve acme.test with TXT records that prove an owner."""
    texts = "".join(f'\n_linkwrap.click TXT "{challenge}"' for challenge in challenges)
    world.zone("acme.test", records + texts, negative_ttl=0, **options)
    world.forget()


def challenge(domains: DomainRegistry, account: str, **options: Any) -> str:
    """Add the host for an account; what its TXT record must hold."""
    return domains.add(HOST, account=account, **options).domain.challenge


def test_claimed_before_the_owner(domains: DomainRegistry, world: World, check: Any) -> None:
    """Who claims a host that points at us without a TXT record never gets it, and reserves nothing."""
    publish(world)
    challenge(domains, "evil")
    result = check("evil")
    assert (result.domain.state, result.domain.ownership_verified) == ("propagating", False)
    assert result.evidence.cname
    assert result.evidence.cname.status == "complete"
    assert result.evidence.reached
    assert not result.evidence.ownership_verified
    assert any("ownership is not verified yet: create a TXT record" in sentence for sentence in result.advice)
    assert domains.account("evil").tracking_domain().host == "spgo.io"
    publish(world, challenge(domains, "acme"))
    assert check("acme").verified
    result = check("evil")
    assert (result.domain.state, result.domain.ownership_verified) == ("propagating", False)
    assert any("belongs to another account" in sentence for sentence in result.advice)


def test_claimed_after_the_proof(domains: DomainRegistry, world: World, check: Any) -> None:
    """A host that its owner has proven cannot be added by another, ownership_trusted for or not."""
    publish(world, challenge(domains, "acme"))
    assert check("acme").verified
    for options in ({}, {"ownership_trusted": True}, {"method": "http"}, {"method": "http", "ownership_trusted": True}):
        for host in (HOST, HOST.upper(), f"{HOST}."):
            with pytest.raises(DomainError, match=f"{HOST} belongs to another account: it must be removed there"):
                domains.add(host, account="evil", **options)
    assert [domain.account_id for domain in domains.domains()] == ["acme"]


def test_older_claim_with_a_planted_record(domains: DomainRegistry, world: World, check: Any) -> None:
    """A claim from before the proof takes nothing from the owner, even where its TXT record stands there too."""
    hers = challenge(domains, "evil")
    ours = challenge(domains, "acme")
    publish(world, ours)
    assert check("acme").verified
    publish(world, hers, ours)
    result = check("evil")
    assert result.evidence.ownership_verified
    assert (result.domain.state, result.domain.ownership_verified) == ("propagating", False)
    assert check("acme").verified
    assert domains.domain(HOST).account_id == "acme"
    publish(world, hers)
    assert not check("evil").verified
    assert domains.domain(HOST).account_id == "acme"


def test_suspended_owner_keeps_the_host(domains: DomainRegistry, world: World, check: Any, database_url: str) -> None:
    """While the owner's domain is suspended, its host is still nobody else's; once it has lapsed it may be."""
    hers, ours = challenge(domains, "evil"), challenge(domains, "acme")
    publish(world, ours, hers)
    assert check("acme").verified
    publish(world, hers, records="click A 127.0.80.9")
    assert domains.check(HOST, account="acme").domain.state == "suspended"
    publish(world, hers)
    assert not check("evil").verified
    with pytest.raises(DomainError, match="belongs to another account"):
        domains.add(HOST, account="third")
    publish(world, hers, records="click A 127.0.80.9")
    hourly(domains, database_url, HOST, 25, account="acme")
    assert domains.domain(HOST, account="acme").state == "lapsed"
    publish(world, hers)
    assert check("evil").verified
    assert domains.domain(HOST).account_id == "evil"
    result = check("acme")
    assert (result.domain.state == "verified", result.domain.ownership_verified) == (False, False)


def test_after_removal(domains: DomainRegistry, world: World, check: Any) -> None:
    """The TXT record of a removed domain proves no later claim, of anyone."""
    ours = challenge(domains, "acme")
    publish(world, ours)
    assert check("acme").verified
    domains.remove(HOST)
    for account in ("evil", "acme"):
        assert challenge(domains, account) != ours
        result = check(account)
        assert (result.domain.state, result.domain.ownership_verified, result.evidence.ownership_verified) == (
            "propagating",
            False,
            False,
        )
    publish(world, ours, domains.domain(HOST, account="acme").challenge)
    assert check("acme").verified
    assert not check("evil").verified


def test_after_a_lapse(domains: DomainRegistry, world: World, check: Any, database_url: str) -> None:
    """Who was ownership_trusted for and lost the host has to prove it when it is back."""
    publish(world)
    ours = challenge(domains, "acme", ownership_trusted=True)
    assert check("acme").verified
    publish(world, records="click A 127.0.80.9")
    hourly(domains, database_url, HOST, 25)
    lapsed = domains.domain(HOST)
    assert (lapsed.state, lapsed.ownership_verified, lapsed.ownership_trusted) == ("lapsed", False, False)
    publish(world)
    result = check("acme")
    assert not result.verified
    assert not result.domain.ownership_verified
    assert result.evidence.ownership is not None
    assert [record.type for record in domains.request(HOST).records] == ["CNAME", "TXT"]
    publish(world, ours)
    assert check("acme").verified


def test_vouched_claim_while_another_owns(domains: DomainRegistry, world: World, check: Any) -> None:
    """Vouching for an account does not take a host from the one that has proven it."""
    challenge(domains, "evil", ownership_trusted=True)
    publish(world, challenge(domains, "acme"))
    assert check("acme").verified
    result = check("evil")
    assert result.evidence.ownership_verified
    assert (result.domain.state, result.domain.ownership_verified) == ("propagating", False)
    assert domains.domain(HOST).account_id == "acme"
    domains.remove(HOST)
    assert check("evil").verified


@pytest.mark.parametrize("method", ["cname", "http"])
def test_record_of_another_account(domains: DomainRegistry, world: World, check: Any, method: str) -> None:
    """A TXT record proves the account whose value it holds, not another that asks for the same host."""
    publish(world, challenge(domains, "acme"))
    challenge(domains, "evil", method=method)
    assert not check("evil").evidence.ownership_verified
    assert not domains.domain(HOST, account="evil").ownership_verified
    assert check("acme").verified


def test_wildcard_record(domains: DomainRegistry, world: World, check: Any) -> None:
    """A wildcard that holds an account's value proves that one alone."""
    ours = challenge(domains, "acme")
    challenge(domains, "evil")
    publish(world, records=f'{CNAME}\n*.click TXT "{ours}"')
    assert not check("evil").evidence.ownership_verified
    assert check("acme").verified


def test_wildcard_alias(domains: DomainRegistry, world: World, check: Any) -> None:
    """Where all names of a zone point at us, none of them proves an account."""
    publish(world, records="* CNAME spgo.io.")
    challenge(domains, "evil")
    result = check("evil")
    assert result.evidence.reached
    assert not result.evidence.ownership_verified
    assert not result.domain.ownership_verified


def test_alias_to_another_accounts_record(domains: DomainRegistry, world: World, check: Any) -> None:
    """A CNAME at `_linkwrap.` is followed, and proves whose value is at its end."""
    ours = challenge(domains, "acme")
    challenge(domains, "evil")
    world.zone("proof.test", f'click TXT "{ours}"', negative_ttl=0)
    publish(world, records=f"{CNAME}\n_linkwrap.click CNAME click.proof.test.")
    assert not check("evil").evidence.ownership_verified
    assert check("acme").verified


@pytest.mark.parametrize("end", ["nothing.nowhere.", "nothing.dead.test.", "nothing.acme.test."])
def test_alias_on_one_server_only(domains: DomainRegistry, world: World, check: Any, end: str) -> None:
    """A record on one server is no proof where the other leads to a name that does not exist or cannot be asked for."""
    ours = challenge(domains, "acme")
    world.zone("dead.test", "", servers=("dead",))
    one = f'{CNAME}\n_linkwrap.click TXT "{ours}"'
    world.zone("acme.test", {"ns1": one, "ns2": f"{CNAME}\n_linkwrap.click CNAME {end}"}, negative_ttl=0)
    world.forget()
    assert not check("acme").evidence.ownership_verified
    assert not domains.domain(HOST).ownership_verified


@pytest.mark.parametrize("other", ["", '_linkwrap.click TXT "something else"'])
def test_record_on_one_of_two_servers(domains: DomainRegistry, world: World, check: Any, other: str) -> None:
    """A TXT record has to be on each server."""
    ours = challenge(domains, "acme")
    one = f'{CNAME}\n_linkwrap.click TXT "{ours}"'
    world.zone("acme.test", {"ns1": one, "ns2": f"{CNAME}\n{other}"}, negative_ttl=0)
    world.forget()
    result = check("acme")
    assert result.evidence.cname
    assert result.evidence.cname.status == "complete"
    assert not result.evidence.ownership_verified
    assert (result.domain.state, result.domain.ownership_verified) == ("propagating", False)
    publish(world, ours)
    assert check("acme").verified


def test_record_elsewhere(domains: DomainRegistry, world: World, check: Any) -> None:
    """A TXT record at the host's parent, or of a host beside it, proves nothing."""
    ours = challenge(domains, "acme")
    records = "\n".join(f'{name} TXT "{ours}"' for name in ("_linkwrap", "_linkwrap.news", "linkwrap.click", "@"))
    publish(world, records=f"{CNAME}\n{records}")
    assert not check("acme").evidence.ownership_verified
    assert not domains.domain(HOST).ownership_verified


@pytest.mark.parametrize("host", ["spgo.io", "SPGO.IO.", "click.spgo.io", "a.b.spgo.io", "_linkwrap.spgo.io"])
@pytest.mark.parametrize("ownership_trusted", [False, True])
def test_target(domains: DomainRegistry, host: str, ownership_trusted: bool) -> None:
    """What all domains point to is nobody's, nor is a name under it."""
    with pytest.raises(DomainError):
        domains.add(host, account="evil", ownership_trusted=ownership_trusted)
    assert domains.domains() == []


def test_host_behind_another_accounts_host(domains: DomainRegistry, world: World, check: Any) -> None:
    """A chain through a host of another account proves neither that host nor the one that leads there."""
    publish(world, challenge(domains, "acme"))
    assert check("acme").verified
    world.zone("evil.test", f"click CNAME {HOST}.", negative_ttl=0)
    world.forget()
    domains.add("click.evil.test", account="evil")
    result = check("evil", "click.evil.test")
    assert not result.verified
    assert domains.domain(HOST).account_id == "acme"
    with pytest.raises(DomainError, match="of account 'evil'"):
        domains.check(HOST, account="evil")


def test_too_few_files(
    domains: DomainRegistry, world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has no sockets left for so many checks at once takes nothing of that for the domains' silence."""
    count, left = 30, 60
    world.zone("acme.test", "\n".join(f"click{n} CNAME spgo.io." for n in range(count)), negative_ttl=0)
    world.forget()
    for number in range(count):
        domains.add(f"click{number}.acme.test", account="acme", ownership_trusted=True)
    domains.check_due()
    pass_time(database_url, 60)
    domains.check_due()
    assert {domain.state for domain in domains.domains()} == {"verified"}
    pass_time(database_url, 8 * 86400)
    ask = dns.asyncquery.udp_with_fallback

    async def scarce(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return await ask(*arguments, **options)

    monkeypatch.setattr(dns.asyncquery, "udp_with_fallback", scarce)
    results = domains.check_due(concurrency=100)
    assert len(results) == count
    assert any(result.evidence.error for result in results)
    assert all(result.evidence.offline or result.evidence.reached for result in results)
    for domain in domains.domains():
        assert (domain.state, domain.silent_since, domain.contrary_since) == ("verified", None, None)

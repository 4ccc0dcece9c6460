"""The registry of custom tracking domains, as users write it. Type checkers read this file; nothing runs it."""

from datetime import UTC, datetime
from typing import Any, assert_type

from linkwrap import Account, LinkWrapper, SigningKeys, TrackingDomain
from linkwrap.domains import (
    Change,
    CheckResult,
    DnsRecord,
    DnsResolverAnswer,
    Domain,
    DomainRegistry,
    DomainRequest,
    Evidence,
    Hop,
    Network,
    Probe,
    ServerAnswer,
    Trace,
)

keys = SigningKeys.from_env()


async def check(domain: Domain) -> Evidence:
    """Checks of the caller's own, in place of the network's."""
    return Evidence(ownership_verified=domain.account_id == "acme")


def store(change: Change) -> None:
    """What is done with each change."""
    assert_type(change.id, int)
    assert_type(change.at, datetime)
    assert_type(change.value, bool | str | None)
    if change.kind == "state" and change.state == "suspended":
        print(change.host, change.previous_state, change.as_dict())  # noqa: T201


def registry() -> DomainRegistry:
    """All options are keywords."""
    return DomainRegistry(
        "sqlite:///domains.db",
        keys=keys,
        cname_target=TrackingDomain("go.example.com", verified=True),
        create=False,
        network=Network(dns_resolvers=["192.0.2.1"], deadline=10, timeout=2),
        on_change=store,
        check=check,
        clock=lambda: datetime.now(UTC),
    )


def claims(domains: DomainRegistry) -> None:
    """From request to use."""
    request = domains.add("click.acme.com", account="acme", subaccount="shop", method="http", ownership_trusted=True)
    assert_type(request, DomainRequest)
    assert_type(request.records, tuple[DnsRecord, ...])
    assert_type(request.zone_lines, tuple[str, ...])
    assert_type(domains.request("click.acme.com", account="acme"), DomainRequest)
    assert_type(domains.cname_target, TrackingDomain)
    domain = domains.domain("click.acme.com")
    assert_type(domain.tracking_domain, TrackingDomain)
    assert_type(domain.verified, bool)
    assert_type(domain.checked_at, datetime | None)
    assert_type(domain.as_dict(), dict[str, Any])
    assert_type(domains.domains(account="acme", state="verified"), list[Domain])
    account = domains.account("acme")
    assert_type(account, Account)
    LinkWrapper(keys, tracking_domain=account.tracking_domain(sending_domain="acme.com"))
    assert_type(domains.set_default("click.acme.com", account="acme"), Domain)
    assert_type(domains.set_secure("click.acme.com", False), Domain)
    assert_type(domains.assign("click.acme.com", "acme.com"), Domain)
    assert_type(domains.unassign("click.acme.com", "acme.com", account="acme"), Domain)
    assert_type(domains.changes(after=7, host="click.acme.com", account="acme", limit=10), list[Change])
    domains.remove("click.acme.com")
    domains.add("click.acme.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    domains.add("click.acme.com", account="acme", method="dns")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def checks(domains: DomainRegistry) -> None:
    """A check returns its evidence, and a part of it may be missing."""
    result = domains.check("click.acme.com", account="acme", method="cname")
    assert_type(result, CheckResult)
    assert_type(result.advice, tuple[str, ...])
    assert_type(result.evidence.cname, Trace | None)
    assert_type(result.evidence.https, Probe | None)
    assert_type(result.evidence.dns_resolvers, tuple[DnsResolverAnswer, ...])
    if result.evidence.cname is not None:
        assert_type(result.evidence.cname.hops, tuple[Hop, ...])
        assert_type(result.evidence.cname.hops[0].answers, tuple[ServerAnswer, ...])
    assert_type(domains.check_due(limit=100, concurrency=5), list[CheckResult])


async def asynchronous(domains: DomainRegistry) -> None:
    """The twins of checks are awaited."""
    assert_type(await domains.acheck("click.acme.com"), CheckResult)
    assert_type(await domains.acheck_due(limit=100), list[CheckResult])


with registry() as opened:
    assert_type(opened, DomainRegistry)

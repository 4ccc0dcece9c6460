"""Who owns a host: the TXT record, by the same rules as the CNAME."""

from collections.abc import Callable

import pytest

from helpers.dnsworld import World
from linkwrap.domains import CheckResult, DomainRegistry, DomainRequest

Age = Callable[[DomainRegistry, float], None]


@pytest.fixture
def request_(registry: DomainRegistry) -> DomainRequest:
    """A request for a host, not ownership_trusted for."""
    return registry.add("click.acme.test", account="acme")


@pytest.fixture
def settled(registry: DomainRegistry, age: Age, request_: DomainRequest) -> Callable[[], CheckResult]:
    """Check the host, and once more when everything that may be kept has run out."""

    def check() -> CheckResult:
        registry.check("click.acme.test")
        age(registry, 3600)
        return registry.check("click.acme.test")

    return check


def records(request: DomainRequest) -> str:
    """The lines of the zone file that the customer was given."""
    return "\n".join(request.zone_lines)


def test_records_as_they_are_given(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """The lines that `add` gives can be pasted into the zone's file, and verify the domain."""
    world.zone("acme.test", records(request_))
    result = settled()
    assert result.verified
    assert result.domain.ownership_verified


def test_without_the_txt_record(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """A CNAME alone proves no owner; the advice is the record that is missing."""
    world.zone("acme.test", "click CNAME spgo.io.")
    result = settled()
    assert result.domain.state == "propagating"
    assert (
        "ownership is not verified yet: create a TXT record for _linkwrap.click.acme.test with the value "
        f"{request_.domain.challenge}"
    ) in result.advice


@pytest.mark.parametrize("value", ["linkwrap=somebody-elses", "v=spf1 -all", ""])
def test_other_values(world: World, settled: Callable[[], CheckResult], value: str) -> None:
    """Another value proves nothing, and is not repeated."""
    world.zone("acme.test", f'click CNAME spgo.io.\n_linkwrap.click TXT "{value}"')
    result = settled()
    assert result.domain.state == "propagating"
    assert not value or value not in str(result)
    assert "missing or different on some server" in " ".join(result.advice)


def test_among_others(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """The value may stand among others, in pieces, and in the quotes that a registrar adds."""
    challenge = request_.domain.challenge
    pieces = f'"\\"{challenge[:12]}" "{challenge[12:]}\\" "'
    world.zone("acme.test", f'click CNAME spgo.io.\n_linkwrap.click TXT "v=spf1 -all"\n_linkwrap.click TXT {pieces}')
    assert settled().verified


def test_on_one_of_two_servers(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """A value that not every server gives is not proven yet."""
    text = records(request_)
    world.zone("acme.test", {"ns1": text, "ns2": text.splitlines()[0]})
    assert settled().domain.state == "propagating"
    world.zone("acme.test", text)
    assert settled().verified


def test_delegated_by_a_cname(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """The owner may let the name lead to one of an agency's, which then proves."""
    world.zone("acme.test", "click CNAME spgo.io.\n_linkwrap.click CNAME proofs.agency.test.")
    world.zone("agency.test", f'proofs TXT "{request_.domain.challenge}"', servers=("ns2",))
    assert settled().verified


def test_large_answers(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """A value among so many that the answer is cut over UDP is read over TCP."""
    many = "\n".join(f'_linkwrap.click TXT "{"x" * 200}{i}"' for i in range(30))
    world.zone("acme.test", f"{records(request_)}\n{many}")
    assert settled().verified


def test_not_asked_again(world: World, request_: DomainRequest, settled: Callable[[], CheckResult]) -> None:
    """Once proven, the TXT record may go."""
    world.zone("acme.test", records(request_))
    assert settled().verified
    world.zone("acme.test", "click CNAME spgo.io.")
    result = settled()
    assert result.verified
    assert result.evidence.ownership is None


def test_vouched(world: World, registry: DomainRegistry, age: Age) -> None:
    """Where the operator vouches for the owner, there is no record to create and none is asked for."""
    world.zone("acme.test", "click CNAME spgo.io.")
    request = registry.add("click.acme.test", account="acme", ownership_trusted=True)
    assert [record.type for record in request.records] == ["CNAME"]
    registry.check("click.acme.test")
    age(registry, 3600)
    result = registry.check("click.acme.test")
    assert result.verified
    assert result.evidence.ownership is None

"""CAA records on real name servers: which of them count for a host, and what is told of them (RFC 8659)."""

from collections.abc import Sequence

import pytest

from helpers.dnsworld import World
from linkwrap.domains import Caa, CheckResult, DomainRegistry

RIGHT = "click CNAME spgo.io."
HOST = "click.acme.test"


def check(registry: DomainRegistry, host: str = HOST) -> CheckResult:
    """Check a host of an account that is known to control it."""
    registry.add(host, account="acme", ownership_trusted=True)
    return registry.check(host)


def told(result: CheckResult) -> list[str]:
    """What is advised about CAA records."""
    return [sentence for sentence in result.advice if "CAA" in sentence]


@pytest.mark.parametrize(
    ("records", "expected", "forbidden"),
    [
        ((), None, False),
        (('@ CAA 0 issue "letsencrypt.org"',), Caa("acme.test", True, ("letsencrypt.org",)), False),
        (
            ('@ CAA 0 issue "LetsEncrypt.org; validationmethods=http-01"',),
            Caa("acme.test", True, ("letsencrypt.org",)),
            False,
        ),
        (('@ CAA 0 ISSUE "digicert.com"',), Caa("acme.test", True, ("digicert.com",)), True),
        (
            ('@ CAA 0 issue "digicert.com"', '@ CAA 0 issue "letsencrypt.org"'),
            Caa("acme.test", True, ("digicert.com", "letsencrypt.org")),
            False,
        ),
        (('@ CAA 0 issue ";"',), Caa("acme.test", True), True),
        (('@ CAA 0 issue ";"', '@ CAA 0 issue "letsencrypt.org"'), Caa("acme.test", True, ("letsencrypt.org",)), False),
        (('@ CAA 0 iodef "mailto:x@acme.test"',), Caa("acme.test", False), False),
        (('@ CAA 0 issuewild ";"',), Caa("acme.test", False), False),
        (('@ CAA 0 tbs "unknown"',), Caa("acme.test", False), False),
        (('@ CAA 128 tbs "unknown"', '@ CAA 0 issue "letsencrypt.org"'), Caa("acme.test", True, unknown=True), True),
    ],
)
def test_records_of_the_domain(
    world: World, registry: DomainRegistry, records: Sequence[str], expected: Caa | None, forbidden: bool
) -> None:
    """The records of a name above the host count: only those that forbid the certificate are told."""
    world.zone("acme.test", "\n".join((RIGHT, *records)))
    result = check(registry)
    assert result.evidence.caa == expected
    assert bool(told(result)) == forbidden
    assert result.domain.state == "propagating"


def test_the_closest_name_decides(world: World, registry: DomainRegistry) -> None:
    """A name that is closer has its own rules, whatever stands further up."""
    world.zone(
        "acme.test",
        'click.mail CNAME spgo.io.\nmail CAA 0 issue "letsencrypt.org"\n@ CAA 0 issue "digicert.com"',
    )
    result = check(registry, "click.mail.acme.test")
    assert result.evidence.caa == Caa("mail.acme.test", True, ("letsencrypt.org",))
    assert told(result) == []


def test_the_owner_reads_which_record_to_add(world: World, registry: DomainRegistry) -> None:
    """The sentence names who may issue, and the record; the report has a line for it."""
    world.zone("acme.test", f'{RIGHT}\n@ CAA 0 issue "digicert.com"')
    result = check(registry)
    [sentence] = told(result)
    assert sentence == (
        "no certificate for click.acme.test can be issued, since the CAA records of acme.test say that only "
        'digicert.com may issue: add the record acme.test. CAA 0 issue "letsencrypt.org"'
    )
    assert "CAA acme.test, DNS resolver: only digicert.com may issue" in str(result)


def test_hostile_issuers(world: World, registry: DomainRegistry) -> None:
    """What a stranger wrote is cut, and bounded in number."""
    records = [f'@ CAA 0 issue "{number}.{"x" * 200}.test"' for number in range(30)]
    world.zone("acme.test", "\n".join((RIGHT, '@ CAA 0 issue "\\027[31m\\000<b>"', *records)))
    [sentence] = told(check(registry))
    assert sentence.isprintable()
    assert len(sentence) < 800

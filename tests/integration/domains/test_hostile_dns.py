"""Name servers that lie, babble and run in circles: a check always ends, within its bounds, with something to say."""

import asyncio
import json
import random
import socketserver
from collections.abc import Iterator
from contextlib import ExitStack

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from helpers import domain_values
from helpers.redirector import serve
from linkwrap import SigningKeys
from linkwrap.domains import CheckResult, Domain, Evidence, Network
from linkwrap.domains.checks.dns import MAX_QUERIES
from linkwrap.domains.checks.runner import check_domain
from linkwrap.domains.lifecycle import advise

KEYS = SigningKeys("the key of the tests on hostile name servers")
LONG = ".".join(["x" * 60] * 4) + "."
NAMES = [
    ".",
    "test.",
    "acme.test.",
    "click.acme.test.",
    "a.click.acme.test.",
    "b.test.",
    "spgo.io.",
    "x.spgo.io.",
    "\\000\\255\\[x\\].acme.test.",
    r"\(a\;b\"c\@d.e\.f.acme.test.",
    "xn--zz--9.acme.test.",
    LONG,
]


class Liar(socketserver.BaseRequestHandler):
    """Resolver and name server of everything: honest about where the top-level zones are, else as the dice fall."""

    dice: random.Random
    asked: list[str]

    def handle(self) -> None:
        """Answer one query, or do not."""
        data, connection = self.request
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].to_text())
        answer = self._answer(query)
        if answer is not None:
            connection.sendto(answer, self.client_address)

    def _answer(self, query: dns.message.Message) -> bytes | None:
        dice, question = self.dice, query.question[0]
        answer = dns.message.make_response(query)
        if len(question.name) == 2 and question.rdtype == dns.rdatatype.NS:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "NS", "ns.nic.test."))
            return answer.to_wire()
        if question.name.to_text() == "ns.nic.test.":
            if question.rdtype == dns.rdatatype.A:
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
            return answer.to_wire()
        if dice.random() < 0.03:
            return None
        if dice.random() < 0.05:
            return dice.randbytes(dice.randrange(80))
        for _ in range(dice.randrange(3)):
            answer.flags ^= dice.choice([dns.flags.AA, dns.flags.TC, dns.flags.RA, dns.flags.QR])
        if dice.random() < 0.6:
            answer.flags |= dns.flags.AA
        if dice.random() < 0.3:
            answer.set_rcode(dice.choice(list(dns.rcode.Rcode)[:12]))
        for section in (answer.answer, answer.authority, answer.additional):
            for _ in range(dice.choice([0, 1, 1, 2, 5])):
                section.append(self._records(question.name))
        if dice.random() < 0.05:
            answer.question = []
        try:
            wire = answer.to_wire()
        except (dns.exception.DNSException, ValueError):
            return None
        if dice.random() < 0.1:
            cut = dice.randrange(len(wire))
            wire = wire[:cut] + bytes([dice.randrange(256)]) + wire[cut + 1 :]
        return wire[: dice.randrange(12, len(wire) + 1)] if dice.random() < 0.05 else wire

    def _records(self, asked: dns.name.Name) -> dns.rrset.RRset:
        dice = self.dice
        above = asked.parent() if len(asked) > 1 else asked
        owner = dice.choice([asked, asked, above, dns.name.from_text(dice.choice(NAMES))])
        if dice.random() < 0.05:  # of other classes, A has another form
            other = dice.choice(["CH", "HS"])
            return dns.rrset.from_text(owner, 60, other, dice.choice(["A", "AAAA", "NS", "TXT"]), r"\# 4 7f000001")
        kind = dice.choice(["CNAME", "CNAME", "DNAME", "NS", "NS", "A", "AAAA", "TXT", "SOA"])
        name = dice.choice(NAMES)
        values = {
            "A": ["127.0.0.1", "10.0.0.1", "127.0.0.2"],
            "AAAA": ["::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"],
            "TXT": ['"linkwrap=guess"', '""', f'"{"y" * 255}"'],
            "SOA": [f"{name} {dice.choice(NAMES)} 1 2 3 4 {dice.choice([0, 60, 2**32 - 1])}"],
        }.get(kind, [name])
        chosen = dice.sample(values, dice.randint(1, len(values)))
        return dns.rrset.from_text(owner, dice.choice([0, 60, 2**31 - 1]), "IN", kind, *chosen)


async def checked(domain: Domain, network: Network) -> Evidence:
    """The evidence on a domain."""
    sockets = asyncio.Semaphore(50)
    return await check_domain(domain, cname_target="spgo.io", keys=KEYS, network=network, sockets=sockets)


@pytest.fixture
def liar() -> Iterator[tuple[type[Liar], int]]:
    """A liar, and its port."""
    handler = type("Handler", (Liar,), {"dice": random.Random(0), "asked": []})  # noqa: S311
    with ExitStack() as cleanup:
        server = socketserver.UDPServer(("127.0.0.1", 0), handler)
        serve(cleanup, server)
        yield handler, server.server_address[1]


@pytest.mark.parametrize("block", range(4))
def test_lies(liar: tuple[type[Liar], int], block: int) -> None:
    """Whatever servers say, a check ends within its bounds and its result can be told, stored and acted upon."""
    handler, port = liar
    network = Network(
        dns_resolvers=[f"127.0.0.1:{port}"],
        dns_port=port,
        http_port=1,
        https_port=1,
        allow_loopback=True,
        timeout=0.02,
        deadline=3,
    )
    for seed in range(block * 60, block * 60 + 60):
        handler.dice.seed(seed)
        handler.asked.clear()
        domain = domain_values.domain(
            host="click.acme.test", ownership_trusted=False, challenge="linkwrap=never-guessed"
        )
        evidence = asyncio.run(
            check_domain(domain, cname_target="spgo.io", keys=KEYS, network=network, sockets=asyncio.Semaphore(50))
        )
        assert len(handler.asked) <= MAX_QUERIES, seed
        assert not evidence.ownership_verified, seed
        advice = tuple(advise(domain, evidence, "spgo.io"))
        assert advice, seed
        report = str(CheckResult(domain, "pending", evidence, advice))
        assert all(line.isprintable() for line in report.splitlines()), seed
        assert len(report) < 60_000, seed
        assert len(json.dumps(evidence.as_dict())) < 200_000, seed


class Boastful(Liar):
    """A name server that claims authority for what it delegates, as some do; that of the last zone is at 127.0.0.2."""

    def _answer(self, query: dns.message.Message) -> bytes | None:
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        if len(question.name) == 2 or name == "ns.nic.test.":
            return super()._answer(query)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if name == "ns2.nic.test.":
            if kind == "A":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "127.0.0.2"))
        elif kind == "SOA":
            soa = "ns.nic.test. h.nic.test. 1 2 3 4 60"
            answer.authority.append(dns.rrset.from_text("sub.acme.test.", 60, "IN", "SOA", soa))
        elif self.server.server_address[0] == "127.0.0.2":
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "spgo.io."))
        else:
            first = self.asked.count(f"{name} IN {kind}") == 1
            zone, server = ("acme.test.", "ns.nic.test.") if first else ("sub.acme.test.", "ns2.nic.test.")
            answer.authority.append(dns.rrset.from_text(zone, 60, "IN", "NS", server))
        return answer.to_wire()


def test_referral_that_claims_authority() -> None:
    """A delegation is one, whatever its flags say, and no answer that there is nothing."""
    handler = type("Handler", (Boastful,), {"dice": random.Random(0), "asked": []})  # noqa: S311
    with ExitStack() as cleanup:
        server = socketserver.UDPServer(("127.0.0.1", 0), handler)
        serve(cleanup, server)
        port = server.server_address[1]
        serve(cleanup, socketserver.UDPServer(("127.0.0.2", port), handler))
        network = Network(
            dns_resolvers=[f"127.0.0.1:{port}"],
            dns_port=port,
            http_port=1,
            https_port=1,
            allow_loopback=True,
            timeout=0.2,
        )
        domain = domain_values.domain(host="click.sub.acme.test", ownership_trusted=True)
        found = asyncio.run(
            check_domain(domain, cname_target="spgo.io", keys=KEYS, network=network, sockets=asyncio.Semaphore(50))
        )
    assert found.cname
    assert found.cname.status == "complete"
    assert [(answer.address, answer.kind) for answer in found.cname.hops[0].answers] == [("127.0.0.2", "alias")]

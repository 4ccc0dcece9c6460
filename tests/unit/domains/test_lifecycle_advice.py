"""What the owner or the operator is told to do, a sentence for each failure."""

from itertools import pairwise
from typing import Any

import pytest

from helpers.domain_values import (
    CHALLENGE,
    HOST,
    HOUR,
    NOW,
    TARGET,
    alias,
    answer,
    dns_resolvers,
    domain,
    evidence,
    hop,
    nothing,
    probe,
    trace,
    value,
    way,
)
from linkwrap.domains import Caa, DnsResolverAnswer, Domain, Evidence, Trace
from linkwrap.domains.lifecycle import finish, next_domain

SECOND = {"server": "ns2.acme.com"}
OTHER = "other.example.net"


def advice(found: Evidence, before: Domain | None = None, *, taken: bool = False) -> tuple[str, ...]:
    """The advice after a check."""
    _, sentences, _ = finish(before or domain(), found, NOW, cname_target=TARGET, taken=taken)
    return sentences


def on(cname: Trace, **fields: Any) -> tuple[str, ...]:
    """The advice on a way."""
    return advice(evidence(cname, **fields))


def test_nothing_is_to_be_done_when_all_is_well() -> None:
    """A verified domain, over https or over http by choice of its owner, needs no sentence."""
    found = evidence(https=probe("https"))
    assert advice(found) == ()
    assert advice(found, domain("verified", secure=True, certificate_valid=True)) == ()
    assert advice(evidence(None, https=probe("https")), domain(method="http")) == ()


def test_a_wait_is_not_told_of_a_domain_that_is_in_use() -> None:
    """A domain that works has nothing left to set up, whatever its zone's negative TTL is."""
    before = domain("verified", secure=True)
    found = evidence(way("complete", negative_ttl=86400), https=probe("https"))
    assert next_domain(before, found, NOW).verified
    assert advice(found, before) == ()


@pytest.mark.parametrize(
    "cname",
    [
        trace(hop(HOST, alias(OTHER), alias(OTHER, **SECOND)), hop(OTHER, value("198.41.0.9"))),
        trace(hop(HOST, alias(OTHER)), hop(OTHER, nothing())),
        trace(hop(HOST, alias(OTHER)), hop(OTHER, alias("x.example.net")), hop("x.example.net", value("198.41.0.9"))),
        trace(hop(HOST, alias(OTHER)), failure="no-such-tld", detail="there is no top-level domain 'net'"),
    ],
    ids=["address", "dangling", "chain", "no such top-level domain"],
)
def test_a_record_that_points_elsewhere(cname: Trace) -> None:
    """It is said where the record points, and where it must."""
    assert f"the record points to {OTHER}, it must point to {TARGET}" in on(cname)


def test_a_record_that_dangles() -> None:
    """It is said that there is nothing where the record points to."""
    assert any(
        f"leads to {OTHER}, which does not exist" in sentence
        for sentence in on(trace(hop(HOST, alias(OTHER)), hop(OTHER, nothing())))
    )


@pytest.mark.parametrize("answer", [value("198.41.0.9"), nothing()], ids=["address", "nothing"])
def test_a_zone_apex(answer: Any) -> None:
    """No CNAME can stand at a zone apex, so a subdomain is to be chosen, and one is named."""
    apex = domain(host="acme.com")
    [first, *_] = advice(evidence(trace(hop("acme.com", answer, zone="acme.com"))), apex)
    assert "is a zone apex, where no CNAME can stand" in first
    assert "choose a subdomain, such as click.acme.com" in first


def test_an_address_behind_which_the_redirector_answers() -> None:
    """An address that leads here is a proxy's, for which there is another way to verify."""
    [first, *_] = on(trace(hop(HOST, value("198.41.0.9"))), http=probe("http"))
    assert "198.41.0.9" in first
    assert "proxy" in first
    assert first.endswith("check by http")


def test_an_address_in_place_of_the_record() -> None:
    """The record is to be created in the address's place, unless that is a proxy's."""
    [first, *_] = on(trace(hop(HOST, value("198.41.0.9"))), http=probe("http", "unexpected"))
    assert f"create a CNAME record for {HOST} with the value {TARGET}" in first
    assert "198.41.0.9" in first
    assert "check by http" in first


def test_many_addresses_are_not_all_repeated() -> None:
    """A sentence stays one."""
    [first, *_] = on(trace(hop(HOST, value(*(f"198.41.0.{n}" for n in range(100))))))
    assert len(first) < 400


def test_no_record() -> None:
    """What is missing is to be created, name and value said."""
    [first, *_] = on(way("absent"))
    assert first == f"create a CNAME record for {HOST} with the value {TARGET}"


def test_a_domain_that_nobody_has_registered() -> None:
    """Where the servers of the top-level domain say that the name does not exist, it is no matter of a record."""
    [first, *_] = on(trace(hop(HOST, nothing(), zone="com")))
    assert "check that its domain is registered" in first


def test_a_top_level_domain_that_does_not_exist() -> None:
    """The host is spelled wrong."""
    [first, *_] = on(trace(failure="no-such-tld", detail="there is no top-level domain 'con'"))
    assert first.startswith("there is no top-level domain 'con'")
    assert f"check the spelling of {HOST}" in first


def test_a_server_that_is_late() -> None:
    """The one that has another record is named, and no other."""
    sentences = on(trace(hop(HOST, alias(TARGET), nothing(server="ns2.acme.com", detail="the name does not exist"))))
    assert [sentence for sentence in sentences if "ns2.acme.com" in sentence]
    assert not [sentence for sentence in sentences if "ns1.acme.com" in sentence]
    assert "wait until it has the new record, or ask its operator" in sentences[0]


def test_a_server_that_is_late_on_the_way_of_a_chain() -> None:
    """A server that gives the chain by another name is not late."""
    middle = "middle.example.net"
    sentences = on(
        trace(hop(HOST, alias(middle), nothing(**SECOND)), hop(middle, alias(TARGET, server="ns3.example.net")))
    )
    assert "ns2.acme.com" in sentences[0]
    assert not [sentence for sentence in sentences if "ns1.acme.com" in sentence]


def test_servers_that_do_not_answer() -> None:
    """The zone is named whose servers are to be looked after."""
    [first, *_] = on(trace(hop(HOST, answer("no-answer"), answer("lame"))))
    assert "no name server of acme.com answers with authority" in first


def test_servers_further_down_that_do_not_answer() -> None:
    """It is the zone that the chain leads into."""
    [first, *_] = on(trace(hop(HOST, alias(OTHER)), hop(OTHER, answer("no-answer"))))
    assert "no name server of example.net answers with authority" in first


def test_a_loop() -> None:
    """It is said that records form a loop, and what one should do."""
    sentences = on(trace(hop(HOST, alias(OTHER)), hop(OTHER, alias(HOST))))
    assert "form a loop" in sentences[0]
    assert sentences[0].endswith(f"point one of them to {TARGET}")


def test_too_many_records() -> None:
    """A chain that does not end is to be replaced by one record."""
    names = [HOST, *(f"{n}.example.net" for n in range(8))]
    sentences = on(trace(*(hop(name, alias(to)) for name, to in pairwise(names))))
    assert f"CNAME records follow {HOST}: point it to {TARGET}" in sentences[0]


@pytest.mark.parametrize(
    ("failure", "words"),
    [("offline", "check the network and the DNS resolvers"), ("intercepted", "let this machine reach port 53")],
)
def test_what_cannot_be_asked_from_here(failure: Any, words: str) -> None:
    """It is the operator's own network that is to be looked after, and nothing is asked of the domain's owner."""
    found = evidence(
        trace(failure=failure, detail="the detail"), ownership_verified=False, ownership=trace(failure=failure)
    )
    sentences = advice(found)
    assert len(sentences) == 1
    assert sentences[0].startswith("the detail")
    assert words in sentences[0]


def owner(answer: Any) -> Trace:
    """What servers say of the TXT record."""
    return trace(hop(f"_linkwrap.{HOST}", answer, zone="acme.com"), cname_target="")


def test_an_owner_who_has_not_proven_it() -> None:
    """The TXT record is to be created, name and value said."""
    sentences = advice(evidence(ownership_verified=False, ownership=owner(nothing())))
    assert f"create a TXT record for _linkwrap.{HOST} with the value {CHALLENGE}" in sentences[0]
    assert "ownership is not verified yet" in sentences[0]


@pytest.mark.parametrize("failure", ["offline", "intercepted"])
def test_an_owner_that_cannot_be_asked_for(failure: Any) -> None:
    """Where the redirector is reached but no name server, it is said why the owner is not proven."""
    found = evidence(None, ownership_verified=False, ownership=trace(failure=failure, detail="outbound DNS is blocked"))
    sentences = advice(found, domain(method="http"))
    assert sentences[0] == "outbound DNS is blocked"
    assert not [sentence for sentence in sentences if "create" in sentence]


def test_another_txt_record() -> None:
    """A value that is another one is told from none, and not repeated."""
    sentences = advice(evidence(ownership_verified=False, ownership=owner(value("linkwrap=other"))))
    assert "missing or different on some server" in sentences[0]
    assert f"create a TXT record for _linkwrap.{HOST} with the value {CHALLENGE}" in sentences[0]
    assert "linkwrap=other" not in " ".join(sentences)


def test_an_owner_who_is_proven_is_asked_nothing() -> None:
    """Once proven, no TXT record is asked for."""
    assert not [sentence for sentence in advice(evidence("absent")) if "TXT" in sentence]


def test_a_host_of_another_account() -> None:
    """It is said that the host has to be removed there first."""
    sentences = advice(evidence(), taken=True)
    assert f"{HOST} belongs to another account: it must be removed there before it can be verified here" in sentences


def test_a_resolver_that_still_has_the_old_record() -> None:
    """Each resolver that is late is named, with what it returns."""
    sentences = advice(evidence(dns_resolvers=dns_resolvers(False, True)))
    assert "198.41.1.1: still has an address: wait until its cache has expired" in sentences[0]
    assert "198.41.1.2" not in " ".join(sentences)


def test_a_resolver_that_does_not_answer() -> None:
    """A resolver that is silent keeps nothing that could run out: it is to be looked after, or replaced."""
    silent = DnsResolverAnswer("198.41.1.1", False, False, "no answer within 2 s")
    sentences = advice(evidence(dns_resolvers=(silent,)))
    assert any("198.41.1.1" in sentence for sentence in sentences)
    assert "expired" not in " ".join(sentences)


@pytest.mark.parametrize(
    ("caa", "sentence"),
    [
        (
            Caa("acme.com", True, ("digicert.com", "pki.goog")),
            'only digicert.com, pki.goog may issue: add the record acme.com. CAA 0 issue "letsencrypt.org"',
        ),
        (Caa("acme.com", True), 'nobody may issue: add the record acme.com. CAA 0 issue "letsencrypt.org"'),
        (Caa("acme.com", True, unknown=True), "a critical record of an unknown kind: nobody may issue: remove it"),
        (Caa(TARGET, True, ("digicert.com",)), f"whoever runs {TARGET} has to add the record {TARGET}. CAA 0 issue"),
    ],
)
def test_caa_records_that_forbid_the_certificate(caa: Caa, sentence: str) -> None:
    """The records are named, and the one to add, by whoever can add it."""
    [*_, found] = advice(evidence(caa=caa, authorities=("letsencrypt.org",)))
    assert f"no certificate for {HOST} can be issued, since the CAA records of {caa.name} say" in found
    assert sentence in found


def test_caa_records_that_allow_the_certificate() -> None:
    """They need no sentence."""
    assert advice(evidence(caa=Caa("acme.com", True, ("letsencrypt.org",)))) == advice(evidence())


def test_waiting_for_resolvers() -> None:
    """Where all is there but the time, it is said until when."""
    sentences = advice(evidence(way("complete", negative_ttl=7200)))
    assert len(sentences) == 1
    assert "resolvers may keep the previous record until 2026-11-26 14:00:00 UTC" in sentences[0]
    assert "the domain is checked again after that" in sentences[0]


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"ownership_verified": False, "ownership": owner(nothing())}, False),
        ({"http": probe("http", "unexpected"), "https": probe("https", "unexpected")}, False),
        ({}, True),
    ],
    ids=["ownership", "redirect server", "taken"],
)
def test_not_everything_is_set_up_while_something_is_missing(fields: dict[str, Any], taken: bool) -> None:
    """Nobody is told to wait while there is something to do."""
    sentences = advice(evidence(way("complete", negative_ttl=7200), **fields), taken=taken)
    assert not [sentence for sentence in sentences if "everything is set up" in sentence]


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ("unexpected", "a redirect answers (status 301), which is not followed"),
        ("no-answer", "cannot be connected to"),
        ("blocked", "not asked: 10.0.0.1 is not a public address"),
        ("invalid-certificate", "no certificate that is valid for the host: self-signed certificate"),
    ],
)
def test_a_redirect_server_that_is_not_reached(status: str, detail: str) -> None:
    """It is said over which scheme, and why not."""
    found = evidence(http=probe("http", status, detail), https=probe("https", "no-answer", "no answer within 2 s"))
    sentences = advice(found)
    assert any(f"not reached through {HOST} by http" in sentence and detail in sentence for sentence in sentences)
    assert any(f"not reached through {HOST} by https" in sentence for sentence in sentences)


def test_a_certificate_that_is_missing() -> None:
    """Links are http as long as there is no valid certificate, and it is said why."""
    sentences = advice(
        evidence(https=probe("https", "invalid-certificate", "no certificate that is valid for the host: expired"))
    )
    assert len(sentences) == 1
    assert sentences[0].startswith(
        "links are http: for https the redirect server needs a certificate for click.acme.com"
    )


def test_a_certificate_that_is_there_by_now() -> None:
    """Links could be https, and it is said how."""
    sentences = advice(evidence(https=probe("https")), domain("verified"))
    assert len(sentences) == 1
    assert f"links on {HOST} can be https, once it is set secure" in sentences[0]


def test_a_certificate_that_has_run_out() -> None:
    """Links that are https are dead, and it is said why."""
    found = evidence(https=probe("https", "invalid-certificate", "no certificate that is valid for the host: expired"))
    sentences = advice(found, domain("verified", secure=True, certificate_valid=True))
    assert any("by https" in sentence and "expired" in sentence for sentence in sentences)


def test_a_domain_that_lapsed() -> None:
    """It is said what brings it back."""
    before = domain("suspended", contrary_since=NOW - 25 * HOUR)
    sentences = advice(evidence("absent"), before)
    assert f"create a CNAME record for {HOST} with the value {TARGET}" in sentences
    assert any("has lapsed: create the TXT record and let it lead to spgo.io" in sentence for sentence in sentences)


def test_a_domain_that_is_given_up() -> None:
    """It is said that nothing happens by itself any more."""
    before = domain(watched_since=NOW - 49 * HOUR, added_at=NOW - 49 * HOUR)
    sentences = advice(evidence("absent"), before)
    assert sentences[-1] == "automatic checks have ended: run a check after you change the records"


def test_most_important_first() -> None:
    """What stands in the way first is said first: the DNS, then the owner."""
    sentences = advice(evidence("absent", ownership_verified=False, ownership=owner(nothing())))
    assert ["CNAME" in sentences[0], "TXT" in sentences[1]] == [True, True]


def test_sentences_say_no_secret_and_have_no_line_breaks() -> None:
    """Advice is printed a line each."""
    for status in ("complete", "partial", "absent", "wrong", "unanswered", "offline", "intercepted"):
        for sentence in advice(evidence(status, ownership_verified=False, ownership=owner(nothing()))):
            assert "\n" not in sentence
            assert sentence == sentence.strip()

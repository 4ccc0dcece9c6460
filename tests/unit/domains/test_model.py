"""The values of the registry: hosts that can be tracking domains, the records to create, and JSON."""

import random
import re
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

from helpers.domain_values import domain
from linkwrap import DomainError
from linkwrap.domains import DnsRecord
from linkwrap.domains.model import (
    check_arguments,
    check_new_host,
    holds_challenge,
    make_challenge,
    ownership_name,
    read_host,
    request_for,
)

TARGET = "spgo.io"
LABEL = "a" * 63
# 243 characters: with "_linkwrap." a name has 253 at most.
LONGEST = f"{LABEL}.{LABEL}.{LABEL}.{'b' * 47}.com"


def check_host(host: str, cname_target: str) -> str:
    """A host as the registry stores it."""
    name = read_host(host)
    check_new_host(name, cname_target)
    return name


def records_for(
    host: str, cname_target: str, challenge: str | None, *, cname: bool, verified: bool = False
) -> tuple[DnsRecord, ...]:
    """The records of a request."""
    method = "cname" if cname else "http"
    trusted = challenge is None and not verified
    claim = domain(
        host=host,
        challenge=challenge or "",
        method=method,
        ownership_trusted=trusted,
        ownership_verified=verified,
    )
    return request_for(claim, cname_target).records


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("click.acme.com", "click.acme.com"),
        ("Click.ACME.com.", "click.acme.com"),
        ("acme.co.uk.com", "acme.co.uk.com"),
        ("klick.faß.de", "klick.xn--fa-hia.de"),
        ("クリック.例え.jp", "xn--pcka3d3h.xn--r8jz45g.jp"),
        ("click.acme。com", "click.acme.com"),
        ("1.acme.com", "1.acme.com"),
        ("a-b--c.acme.com", "a-b--c.acme.com"),
        ("click.notspgo.io", "click.notspgo.io"),
        ("acme.github.io", "acme.github.io"),
        ("click.acme.internal", "click.acme.internal"),
        ("spgo.io.acme.com", "spgo.io.acme.com"),
        ("localhost.acme.com", "localhost.acme.com"),
        (f"{LABEL}.acme.com", f"{LABEL}.acme.com"),
        (LONGEST, LONGEST),
    ],
)
def test_a_host_is_kept_as_lower_case_a_labels(host: str, expected: str) -> None:
    """A host in any spelling comes out in one."""
    assert check_host(host, TARGET) == expected


@pytest.mark.parametrize("host", ["acme.com", "acme.co.uk", "ACME.com.", "acme.test", "例え.jp", "acme.k12.ca.us"])
def test_a_whole_domain_is_refused_with_a_subdomain_of_it(host: str) -> None:
    """A domain as a registrar sells it has SOA and NS records, beside which no CNAME can stand."""
    with pytest.raises(DomainError, match=r"whole domain, which can have no CNAME: use a subdomain such as click\."):
        check_host(host, TARGET)


@pytest.mark.parametrize("host", ["co.uk", "com.br", "foo.ck", "k12.ca.us"])
def test_a_public_suffix_is_refused(host: str) -> None:
    """Names under it belong to others."""
    with pytest.raises(DomainError, match="is a public suffix"):
        check_host(host, TARGET)


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("", "it is empty"),
        (".", "it is empty"),
        ("acme", "it has only one label"),
        ("click..acme.com", "a label is empty"),
        (".click.acme.com", "a label is empty"),
        ("click.acme.com..", "a label is empty"),
        ("192.0.2.1", "it is an IP address"),
        ("click.acme.1", "it is an IP address"),
        ("0x7f.0.0.0x1", "it is an IP address"),
        ("2001:db8::1", "it is an IP address"),
        ("[2001:db8::1]", "it is an IP address"),
        ("click.acme.com:443", "has a port"),
        ("*.acme.com", "is a wildcard: add each host"),
        ("click.*.com", "is a wildcard: add each host"),
        ("https://click.acme.com", "is a URL: give the host alone"),
        ("click.acme.com/", "is a URL: give the host alone"),
        ("click_.acme.com", "'click_' is not 1 to 63 letters, digits and inner hyphens"),
        ("_linkwrap.acme.com", "'_linkwrap' is not"),
        ("-click.acme.com", "'-click' is not"),
        ("click-.acme.com", "'click-' is not"),
        (" click.acme.com", "' click' is not"),
        ("click.acme.com\n", "is not 1 to 63"),
        ("me@acme.com", "give the part after the @"),
        (f"{LABEL}a.acme.com", "is not 1 to 63 letters"),
        ("localhost", "a name of the reader's own machine"),
        ("LOCALHOST.", "a name of the reader's own machine"),
        ("click.localhost", "a name of the reader's own machine"),
        (LONGEST.replace(".com", ".info"), "longer than 243 characters: the TXT record needs the rest"),
        (f"{LABEL}.{LABEL}.{LABEL}.{LABEL}.com", "it is longer than 253 characters"),
        ("ü" * 200 + ".com", "is not a DNS host name"),
        ("spgo.io", "is the CNAME target"),
        ("SPGO.io.", "is the CNAME target"),
        ("ｓｐｇｏ.io", "is the CNAME target"),
        ("click.spgo.io", "overlaps with the CNAME target 'spgo.io'"),
        ("a.b.SPGO.IO", "overlaps with the CNAME target 'spgo.io'"),
    ],
)
def test_a_host_that_cannot_be_one_says_why(host: str, fault: str) -> None:
    """Each rule has its own words."""
    with pytest.raises(DomainError) as caught:
        check_host(host, TARGET)
    assert fault in str(caught.value)


@pytest.mark.parametrize("host", ["spgo.io", "links.spgo.io", "a.links.spgo.io"])
def test_names_above_and_below_the_target_are_refused(host: str) -> None:
    """Whoever had a name above the target, or under it, would have part of the service."""
    with pytest.raises(DomainError, match=r"overlaps with the CNAME target|is the CNAME target, and cannot be"):
        check_host(host, "links.spgo.io")


def test_names_beside_the_target_are_not_refused() -> None:
    """A target such as a customer's own zone may have siblings."""
    assert check_host("click.spgo.io", "links.spgo.io") == "click.spgo.io"


@pytest.mark.parametrize("host", [None, 7, b"click.acme.com", ["click.acme.com"]])
def test_a_host_is_a_string(host: Any) -> None:
    """Another type is named, not converted."""
    kind = "None" if host is None else type(host).__name__
    with pytest.raises(TypeError, match=f"^host must be str, not {kind}$"):
        check_arguments(host=host)


@pytest.mark.parametrize("host", ["*" * 9999, "/" * 9999, "a" * 9999, "ü" * 9999, "1.2." + "3" * 9999])
def test_a_fault_quotes_no_more_than_a_line(host: str) -> None:
    """What was given is not repeated without a limit."""
    with pytest.raises(DomainError) as caught:
        check_host(host, TARGET)
    assert len(str(caught.value)) < 300


def test_the_records_to_create_are_a_cname_and_a_txt() -> None:
    """The host leads to the CNAME target, and the TXT record beneath it shows ownership."""
    assert records_for("click.acme.com", TARGET, "linkwrap=x", cname=True) == (
        DnsRecord("click.acme.com", "CNAME", "spgo.io"),
        DnsRecord("_linkwrap.click.acme.com", "TXT", "linkwrap=x"),
    )


@pytest.mark.parametrize(
    ("challenge", "cname", "types"), [(None, True, ["CNAME"]), ("x", False, ["TXT"]), (None, False, [])]
)
def test_records_that_are_not_needed_are_not_asked_for(challenge: str | None, cname: bool, types: list[str]) -> None:
    """No CNAME if the method is "http", no TXT if ownership is trusted or verified."""
    assert [record.type for record in records_for("click.acme.com", TARGET, challenge, cname=cname)] == types
    verified = records_for("click.acme.com", TARGET, None, cname=cname, verified=True)
    assert [record.type for record in verified] == [kind for kind in types if kind == "CNAME"]


def test_a_record_says_in_words_what_to_create() -> None:
    """A web form asks for type, name and value."""
    cname, txt = records_for("click.acme.com", TARGET, "linkwrap=x", cname=True)
    assert str(cname) == "CNAME record: name click.acme.com, value spgo.io"
    assert str(txt) == "TXT record: name _linkwrap.click.acme.com, value linkwrap=x"


@pytest.mark.parametrize("host", ["click.acme.com", "xn--fa-hia.de", LONGEST])
@pytest.mark.parametrize("origin", [".", "acme.com.", "elsewhere.org."])
def test_zone_lines_are_lines_of_a_zone_file(host: str, origin: str) -> None:
    """What is pasted into a zone file gives the records that are meant, whatever its origin."""
    challenge = make_challenge()
    for record, kind in zip(records_for(host, TARGET, challenge, cname=True), ("CNAME", "TXT"), strict=True):
        name, ttl, cls, typed, text = record.zone_line.split(" ", 4)
        data = dns.rdata.from_text(cls, typed, text, origin=dns.name.from_text(origin), relativize=False)
        assert (dns.name.from_text(name, origin=None).is_absolute(), int(ttl), typed) == (True, record.ttl, kind)
        assert dns.name.from_text(name) == dns.name.from_text(record.name)
        assert data in (
            dns.rdata.from_text("IN", "CNAME", f"{TARGET}."),
            dns.rdata.from_text("IN", "TXT", f'"{challenge}"'),
        )


def test_zone_lines_stand_in_a_zone() -> None:
    """Both lines together are read by a name server's parser."""
    records = records_for("click.acme.com", TARGET, make_challenge(), cname=True)
    text = "\n".join(record.zone_line for record in records)
    zone = dns.zone.from_text(text, origin="acme.com.", relativize=False, check_origin=False)
    cname = zone.get_rdataset(dns.name.from_text("click.acme.com"), dns.rdatatype.CNAME)
    txt = zone.get_rdataset(dns.name.from_text("_linkwrap.click.acme.com"), dns.rdatatype.TXT)
    assert cname is not None
    assert cname[0].target == dns.name.from_text("spgo.io")
    assert txt is not None
    assert txt[0].strings == (records[1].value.encode(),)


def test_the_name_of_the_txt_record_is_one_for_any_host() -> None:
    """The longest host that is taken leaves room for the label in front of it."""
    name = dns.name.from_text(ownership_name(check_host(LONGEST, TARGET)))
    assert len(name.to_text(omit_final_dot=True)) == 253


def test_challenges_are_unique() -> None:
    """No two claims have one challenge."""
    assert len({make_challenge() for _ in range(2000)}) == 2000


def test_challenges_cannot_be_guessed() -> None:
    """They hold 128 bits or more, do not come from `random`, and say whom they are for."""
    random.seed(1)
    first = make_challenge()
    random.seed(1)
    second = make_challenge()
    assert first != second
    assert re.fullmatch(r"linkwrap=[A-Za-z0-9_-]{22,}", first)
    differing = [a != b for a, b in zip(first, second, strict=True)]
    assert sum(differing) > 16


def test_a_challenge_fits_into_one_string_of_a_txt_record() -> None:
    """Longer values would be cut into strings, in which forms go wrong."""
    assert len(make_challenge()) <= 255


@pytest.mark.parametrize(
    "values",
    [
        ("linkwrap=x",),
        ("v=spf1 -all", "linkwrap=x"),
        (" linkwrap=x ",),
        ('"linkwrap=x"',),
        ('"linkwrap=x"\n',),
        ("linkwrap=other", "linkwrap=x", ""),
    ],
)
def test_a_challenge_proves_among_others(values: tuple[str, ...]) -> None:
    """One of a name's TXT records is enough, also where a registrar kept quotes or spaces."""
    assert holds_challenge(values, "linkwrap=x")


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        ("linkwrap=",),
        ("x",),
        ("linkwrap=X",),
        ("linkwrap=xx",),
        ("linkwrap=x y",),
        ("linkwrap = x",),
        ("l", "x"),
    ],
)
def test_nothing_else_holds_challenge(values: tuple[str, ...]) -> None:
    """Another value, part of it or more than it proves nothing."""
    assert not holds_challenge(values, "linkwrap=x")

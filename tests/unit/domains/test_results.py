"""The meaning of the answers of authoritative name servers, taken together."""

from itertools import pairwise
from typing import Any

import pytest

from helpers.domain_values import HOST, TARGET, alias, answer, hop, nothing, trace, value
from linkwrap.domains import ServerAnswer, Trace

SECOND = {"server": "ns2.acme.com"}
OTHER = "other.example.net"
SILENT = answer("no-answer", ttl=0, detail="no answer within 2 s")
LAME = answer("lame", ttl=0, detail="does not serve the zone: answers REFUSED")
BLOCKED = answer("blocked", ttl=0, detail="10.0.0.1 is not a public address")


def chain(*names: str) -> Trace:
    """The way along CNAME records, each on two servers; the last name has none that was looked up."""
    return trace(
        *(hop(name, alias(to), alias(to, **SECOND)) for name, to in pairwise(names)),
    )


STATUSES: dict[str, tuple[Trace, str]] = {
    "one record on all servers": (chain(HOST, TARGET), "complete"),
    "a chain": (chain(HOST, "a.example.net", "b.example.org", TARGET), "complete"),
    "a chain of eight records": (chain(HOST, *(f"{n}.example.net" for n in range(7)), TARGET), "complete"),
    "one of two servers": (trace(hop(HOST, alias(TARGET), nothing(**SECOND))), "partial"),
    "one of two servers, an address": (trace(hop(HOST, alias(TARGET), value("198.41.0.9", **SECOND))), "partial"),
    "one of two servers, another target": (
        trace(hop(HOST, alias(TARGET), alias(OTHER, **SECOND)), hop(OTHER, value("198.41.0.9"))),
        "partial",
    ),
    "one of two servers, another target that is silent": (
        trace(hop(HOST, alias(TARGET), alias(OTHER, **SECOND)), hop(OTHER, SILENT)),
        "unanswered",
    ),
    "further down on one of two servers": (
        trace(hop(HOST, alias("a.example.net")), hop("a.example.net", alias(TARGET), nothing(**SECOND))),
        "partial",
    ),
    "no such record": (trace(hop(HOST, nothing(), nothing(**SECOND))), "absent"),
    "no such top-level domain": (trace(failure="no-such-tld"), "absent"),
    "an address": (trace(hop(HOST, value("198.41.0.9"))), "wrong"),
    "an address on one server, nothing on the other": (
        trace(hop(HOST, value("198.41.0.9"), nothing(**SECOND))),
        "wrong",
    ),
    "another target": (trace(hop(HOST, alias(OTHER)), hop(OTHER, value("198.41.0.9"))), "wrong"),
    "dangling": (trace(hop(HOST, alias(OTHER)), hop(OTHER, nothing())), "wrong"),
    "dangling below no top-level domain": (trace(hop(HOST, alias("spgo.oi")), failure="no-such-tld"), "wrong"),
    "a name under the target": (trace(hop(HOST, alias(f"x.{TARGET}")), hop(f"x.{TARGET}", nothing())), "wrong"),
    "a loop of one": (chain(HOST, HOST), "wrong"),
    "a loop of two": (chain(HOST, OTHER, HOST), "wrong"),
    "a loop behind the first name": (chain(HOST, "a.example.net", "b.example.net", "a.example.net"), "wrong"),
    "too many records": (chain(HOST, *(f"{n}.example.net" for n in range(8))), "wrong"),
    "an apex with an address": (trace(hop("acme.com", value("198.41.0.9"), zone="acme.com")), "wrong"),
    "an apex without": (trace(hop("acme.com", nothing(), zone="acme.com")), "wrong"),
    "an apex with a CNAME, which some servers allow": (trace(hop("acme.com", alias(TARGET), zone="acme.com")), "wrong"),
    "an apex without answers": (trace(hop("acme.com", SILENT, zone="acme.com")), "unanswered"),
    "no answer": (trace(hop(HOST, SILENT, LAME, BLOCKED)), "unanswered"),
    "no server": (trace(hop(HOST)), "unanswered"),
    "no answer further down": (trace(hop(HOST, alias(OTHER)), hop(OTHER, SILENT)), "unanswered"),
    "offline": (trace(failure="offline"), "offline"),
    "intercepted": (trace(failure="intercepted"), "intercepted"),
    "an apex at the second name": (
        trace(hop(HOST, alias("example.net")), hop("example.net", alias(TARGET), zone="example.net")),
        "complete",
    ),
}


@pytest.mark.parametrize(("way", "status"), STATUSES.values(), ids=STATUSES.keys())
def test_the_status(way: Trace, status: str) -> None:
    """Each kind of way has one meaning."""
    assert way.status == status


@pytest.mark.parametrize("failure", ["offline", "intercepted"])
def test_after_an_answer_with_authority_the_dns_is_not_cut_off(failure: Any) -> None:
    """A chain may lead below a top-level domain that is out of order: that is the chain's fault, not this machine's."""
    assert trace(hop(HOST, alias(OTHER), alias(OTHER, **SECOND)), failure=failure).status == "unanswered"


@pytest.mark.parametrize("other", [SILENT, LAME, BLOCKED], ids=["silent", "lame", "blocked"])
@pytest.mark.parametrize(
    ("said", "status"), [(alias(TARGET), "complete"), (nothing(), "absent"), (value("198.41.0.9"), "wrong")]
)
def test_servers_without_authority_do_not_count(other: ServerAnswer, said: ServerAnswer, status: str) -> None:
    """An unreachable or lame server is a warning, whatever the others say."""
    way = trace(hop(HOST, other, said, other))
    assert way.status == status
    assert len(way.warnings) == 2


def test_a_lame_servers_alias_is_not_followed() -> None:
    """What a server says without authority leads nowhere."""
    lame = answer("lame", TARGET)
    assert not trace(hop(HOST, lame)).reached
    assert hop(HOST, lame).aliases == []


def test_answers_agree_whatever_their_ttl() -> None:
    """Servers count down, and word their answers, each by itself."""
    assert trace(hop(HOST, alias(TARGET, ttl=300), alias(TARGET, ttl=17, detail="DNAME to"), SILENT)).contrary == []


def test_answers_that_differ_may_all_lead_to_the_target() -> None:
    """Some servers give the target and others a name that leads there: every reader arrives."""
    both = trace(hop(HOST, alias(TARGET), alias(OTHER)), hop(OTHER, alias(TARGET)))
    assert (both.status, both.contrary) == ("complete", [])


def test_what_most_servers_say_comes_first() -> None:
    """Where servers disagree, the way of the most is followed first."""
    answers = [alias(OTHER), alias(TARGET), alias(TARGET), nothing(), SILENT]
    assert hop(HOST, *answers).aliases == [TARGET, OTHER]


@pytest.mark.parametrize(
    ("way", "looped"),
    [
        (chain(HOST, HOST), True),
        (chain(HOST, OTHER, HOST), True),
        (chain(HOST, "a.example.net", "b.example.net", "a.example.net"), True),
        (chain(HOST, TARGET), False),
        (chain(HOST, OTHER, TARGET), False),
        (trace(hop(HOST, alias(OTHER)), hop(OTHER, value("198.41.0.9"))), False),
        (trace(hop(HOST, alias(OTHER)), hop(OTHER, nothing())), False),
        (chain(HOST, *(f"{n}.example.net" for n in range(8))), False),
        (
            trace(
                hop(HOST, alias("a.example.net"), alias("b.example.net", **SECOND)),
                hop("a.example.net", value("198.41.0.9")),
                hop("b.example.net", alias("a.example.net")),
            ),
            False,
        ),
    ],
    ids=["one", "two", "behind", "right", "chain", "elsewhere", "dangling", "long", "servers that disagree"],
)
def test_a_loop_leads_back_to_where_it_came_from(way: Trace, looped: bool) -> None:
    """A chain that goes on is no loop, nor are two ways to one name."""
    assert way.looped == looped


@pytest.mark.parametrize(
    ("way", "seconds"),
    [
        (trace(hop(HOST, alias(TARGET, ttl=86400))), 0),
        (trace(hop(HOST, value("198.41.0.9", ttl=3600), value("198.41.0.8", ttl=60))), 3600),
        (trace(hop(HOST, alias(OTHER, ttl=7200)), hop(OTHER, value("198.41.0.9", ttl=60))), 7200),
        (trace(hop(HOST, nothing(ttl=900), nothing(ttl=900))), 900),
        (trace(hop(HOST, alias(TARGET, ttl=86400), alias(OTHER, ttl=3600))), 3600),
        (trace(hop(HOST, alias(TARGET, ttl=86400), nothing(ttl=900))), 900),
        (trace(hop(HOST, answer("no-answer", ttl=999))), 0),
        (trace(failure="offline"), 0),
        (trace(failure="no-such-tld"), 0),
        (
            trace(hop(HOST, alias(OTHER, ttl=86400)), hop(OTHER, alias(TARGET, ttl=60), nothing(ttl=900))),
            900,
        ),
    ],
    ids=[
        "complete",
        "longest",
        "alias",
        "nothing",
        "late alias",
        "late",
        "silent",
        "offline",
        "no tld",
        "further down",
    ],
)
def test_the_ttl_of_what_is_to_be_replaced(way: Trace, seconds: int) -> None:
    """It is the longest of what servers with authority say other than the chain."""
    assert way.contrary_ttl == seconds


def test_the_negative_ttl_is_the_longest_of_the_zones() -> None:
    """Each zone on the way may have lacked its record."""
    way = trace(hop(HOST, alias(OTHER), negative_ttl=300), hop(OTHER, alias(TARGET), negative_ttl=3600))
    assert way.negative_ttl == 3600
    assert trace(failure="offline").negative_ttl == 0


def test_warnings_say_which_server_of_which_zone() -> None:
    """A line for each answer without authority, and none for those with."""
    way = trace(hop(HOST, alias(OTHER), SILENT), hop(OTHER, LAME, alias(TARGET)))
    assert way.warnings == [
        "acme.com: ns1.acme.com (198.41.0.4): no answer within 2 s",
        "example.net: ns1.acme.com (198.41.0.4): does not serve the zone: answers REFUSED",
    ]


def test_an_answer_is_shown_with_its_server() -> None:
    """A server without an address is shown by its name."""
    assert str(alias(TARGET, detail="CNAME spgo.io (TTL 300)")) == "ns1.acme.com (198.41.0.4): CNAME spgo.io (TTL 300)"
    assert str(ServerAnswer("ns9.acme.com", "", "no-answer", detail="its name has no address")) == (
        "ns9.acme.com: its name has no address"
    )


@pytest.mark.parametrize(
    ("kind", "authoritative"),
    [
        ("alias", True),
        ("records", True),
        ("no-records", True),
        ("lame", False),
        ("no-answer", False),
        ("blocked", False),
    ],
)
def test_which_answers_have_authority(kind: str, authoritative: bool) -> None:
    """Only what a zone's own servers say with authority counts."""
    assert answer(kind).authoritative == authoritative
    assert (answer(kind) in hop(HOST, answer(kind)).authoritative) == authoritative


def test_the_target_is_reached_by_name_alone() -> None:
    """An address that happens to be the target's is no CNAME to it."""
    assert trace(hop(HOST, alias(TARGET))).reached
    assert not trace(hop(HOST, value(TARGET))).reached

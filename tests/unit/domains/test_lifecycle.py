"""What a check makes of a domain: the next state, the wait for resolvers, the schedule, and a whole life of one."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from helpers.domain_values import (
    CHALLENGE,
    DAY,
    HOST,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
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
from linkwrap.domains import Domain, Evidence
from linkwrap.domains.lifecycle import conclude, finish, next_domain

STATES = ["pending", "propagating", "invalid", "verified", "suspended", "lapsed"]
NOT_IN_USE = ["pending", "propagating", "invalid", "lapsed"]
EVIDENCE: dict[str, Evidence] = {
    "works": evidence(),
    "partial": evidence("partial"),
    "absent": evidence("absent"),
    "wrong": evidence("wrong"),
    "unanswered": evidence("unanswered"),
    "offline": evidence("offline"),
    "intercepted": evidence("intercepted"),
}
TABLE = {
    # works, partial, absent, wrong, unanswered, offline, intercepted
    "pending": ["verified", "propagating", "pending", "invalid", "pending", "pending", "pending"],
    "propagating": ["verified", "propagating", "pending", "invalid", "propagating", "propagating", "propagating"],
    "invalid": ["verified", "propagating", "pending", "invalid", "invalid", "invalid", "invalid"],
    "verified": ["verified", "suspended", "suspended", "suspended", "verified", "verified", "verified"],
    "suspended": ["verified", "suspended", "suspended", "suspended", "suspended", "suspended", "suspended"],
    "lapsed": ["verified", "propagating", "lapsed", "lapsed", "lapsed", "lapsed", "lapsed"],
}


@pytest.mark.parametrize(
    ("state", "conclusion", "expected"),
    [
        (state, conclusion, expected)
        for state, row in TABLE.items()
        for conclusion, expected in zip(EVIDENCE, row, strict=True)
    ],
)
def test_the_next_state(state: str, conclusion: str, expected: str) -> None:
    """For each state and each kind of evidence there is one next state."""
    assert conclude(domain(state), EVIDENCE[conclusion]) == ("offline" if conclusion == "intercepted" else conclusion)
    assert next_domain(domain(state), EVIDENCE[conclusion], NOW).state == expected


@pytest.mark.parametrize("state", STATES)
def test_a_check_is_kept_with_its_time_and_evidence(state: str) -> None:
    """Whatever a check sees, its time, evidence and advice are stored, ready for JSON."""
    for found in EVIDENCE.values():
        after, advice, _ = finish(domain(state), found, NOW, cname_target=TARGET)
        assert after.checked_at == NOW
        assert after.evidence == found.as_dict() | {"advice": list(advice)}
        json.dumps(after.evidence)


@pytest.mark.parametrize("state", STATES)
def test_a_state_says_since_when(state: str) -> None:
    """`since` is when the state last changed, and a check that changes nothing leaves it."""
    before = domain(state)
    for found in EVIDENCE.values():
        after = next_domain(before, found, NOW)
        assert after.since == (before.since if after.state == state else NOW)


# The wait for resolvers.


def checked(start: Domain, *checks: tuple[timedelta, Evidence]) -> Domain:
    """A domain after checks, each some time after `NOW`."""
    for after, found in checks:
        start = next_domain(start, found, NOW + after)
    return start


def hourly(start: Domain, *checks: tuple[timedelta, Evidence]) -> Domain:
    """A domain after checks, with the evidence of each again every hour until the next."""
    for (after, found), (until, _) in zip(checks, [*checks[1:], (checks[-1][0] + HOUR, None)], strict=True):
        while after < until:
            start = next_domain(start, found, NOW + after)
            after += HOUR
    return start


def test_the_zones_negative_ttl_is_waited_out() -> None:
    """A resolver that asked before may keep that there is no record for so long."""
    found = evidence(way("complete", negative_ttl=900))
    seen = next_domain(domain(), found, NOW)
    assert (seen.state, seen.propagated_at) == ("propagating", NOW + 900 * SECOND)
    assert next_domain(seen, found, NOW + 899 * SECOND).state == "propagating"
    assert next_domain(seen, found, NOW + 900 * SECOND).state == "verified"


def test_the_replaced_records_ttl_is_waited_out() -> None:
    """A record that a check saw may be kept for its TTL from then on, where that is longer than the negative TTL."""
    found = evidence(way("complete", negative_ttl=60))
    seen = checked(domain(), (0 * SECOND, evidence(way("wrong", ttl=7200))), (MINUTE, found))
    assert seen.propagated_at is not None
    assert seen.propagated_at >= NOW + MINUTE + 7200 * SECOND
    assert checked(seen, (2 * HOUR, found)).state == "propagating"
    assert checked(seen, (2 * HOUR + MINUTE, found)).state == "verified"


def test_the_negative_ttl_counts_where_it_is_larger_than_the_replaced_ttl() -> None:
    """It is the larger of both that counts."""
    found = evidence(way("complete", negative_ttl=7200))
    seen = checked(domain(), (0 * SECOND, evidence(way("wrong", ttl=60))), (MINUTE, found))
    assert seen.propagated_at == NOW + MINUTE + 7200 * SECOND


def test_an_older_record_with_a_long_ttl_is_waited_out() -> None:
    """A record with a long TTL that was removed first is still kept by resolvers when the right one comes."""
    found = evidence(way("complete", negative_ttl=60))
    seen = checked(
        domain(),
        (0 * SECOND, evidence(way("wrong", ttl=86400))),
        (MINUTE, evidence(way("absent", negative_ttl=60))),
        (2 * MINUTE, evidence(way("absent", negative_ttl=60))),
        (HOUR, found),
    )
    assert seen.propagated_at is not None
    assert seen.propagated_at >= NOW + DAY
    assert checked(seen, (DAY - SECOND, found)).state == "propagating"
    assert checked(seen, (DAY + MINUTE, found)).state == "verified"


def test_a_record_may_have_been_fetched_right_before_it_was_gone() -> None:
    """Between two checks a resolver may have asked last, so the TTL counts from the check that misses the record."""
    seen = checked(
        domain(),
        (0 * SECOND, evidence(way("wrong", ttl=3600))),
        (50 * MINUTE, evidence(way("absent", negative_ttl=60))),
        (51 * MINUTE, evidence(way("complete", negative_ttl=60))),
    )
    assert seen.propagated_at == NOW + 50 * MINUTE + 3600 * SECOND


def test_the_wait_counts_from_when_all_servers_gave_the_chain() -> None:
    """As long as one server gives the old record, resolvers may fetch it again."""
    late = evidence(trace(hop(HOST, alias(TARGET), alias("old.example", server="ns2.acme.com", ttl=3600))))
    found = evidence(way("complete", negative_ttl=60))
    seen = checked(domain(), (0 * SECOND, late), (10 * HOUR, late), (11 * HOUR, found))
    assert seen.propagated_at is not None
    assert seen.propagated_at >= NOW + 11 * HOUR
    assert checked(seen, (12 * HOUR, found)).state == "verified"


def test_a_server_that_falls_back_starts_the_wait_anew() -> None:
    """What was seen on all servers once counts no more when one of them lost it."""
    found = evidence(way("complete", negative_ttl=900))
    back = checked(domain(), (0 * SECOND, found), (5 * MINUTE, evidence("partial")))
    assert (back.state, back.complete_since, back.propagated_at) == ("propagating", None, None)
    again = checked(back, (10 * MINUTE, found))
    assert again.propagated_at == NOW + 10 * MINUTE + 900 * SECOND


def test_no_answer_leaves_the_wait() -> None:
    """A time-out in between says nothing of what resolvers have."""
    found = evidence(way("complete", negative_ttl=900))
    seen = checked(domain(), (0 * SECOND, found), (5 * MINUTE, evidence("unanswered")), (15 * MINUTE, found))
    assert seen.state == "verified"


@pytest.mark.parametrize("ttl", [3 * 86400, 2**31 - 1])
def test_the_wait_is_48_hours_at_most(ttl: int) -> None:
    """No TTL keeps a domain waiting for longer: resolvers cap what they keep."""
    found = evidence(way("complete", negative_ttl=ttl))
    seen = checked(domain(), (0 * SECOND, evidence(way("wrong", ttl=ttl))), (HOUR, found))
    assert seen.propagated_at == NOW + HOUR + 48 * HOUR
    assert checked(seen, (49 * HOUR, found)).state == "verified"


def test_http_waits_for_nothing() -> None:
    """A domain that is verified by http has no chain that resolvers could lack."""
    assert next_domain(domain(method="http"), evidence(None), NOW).state == "verified"


# The resolvers.


@pytest.mark.parametrize(
    ("chains", "expected"),
    [
        ([True], "verified"),
        ([False], "propagating"),
        ([True, True], "verified"),
        ([True, False], "propagating"),
        ([False, False], "propagating"),
        ([True, False, True], "verified"),
        ([False, False, True], "propagating"),
        ([], "propagating"),
    ],
)
def test_two_resolvers_or_the_only_one_must_return_the_chain(chains: list[bool], expected: str) -> None:
    """One resolver is enough only where it is the only one."""
    assert next_domain(domain(), evidence(dns_resolvers=dns_resolvers(*chains)), NOW).state == expected


def test_a_resolver_that_is_late_does_not_suspend_a_domain() -> None:
    """What resolvers return is needed to come into use, not to stay."""
    assert next_domain(domain("verified"), evidence(dns_resolvers=dns_resolvers(False, False)), NOW).state == "verified"


# Ownership, other claims, and the redirect server.


@pytest.mark.parametrize("state", NOT_IN_USE)
def test_without_proof_of_the_owner_nothing_is_verified(state: str) -> None:
    """Everyone's CNAME has one target, so it proves no owner."""
    after = next_domain(domain(state), evidence(ownership_verified=False), NOW)
    assert (after.state, after.ownership_verified) == ("propagating", False)


@pytest.mark.parametrize("method", ["cname", "http"])
def test_the_proof_of_the_owner_makes_it_theirs(method: str) -> None:
    """With the state comes that the account owns the host."""
    after = next_domain(domain(method=method), evidence("complete" if method == "cname" else None), NOW)
    assert (after.state, after.ownership_verified) == ("verified", True)


@pytest.mark.parametrize("state", NOT_IN_USE)
@pytest.mark.parametrize("ownership_trusted", [True, False])
def test_what_another_account_has_proven_is_not_verified(state: str, ownership_trusted: bool) -> None:
    """The first to prove a host owns it, whatever others can show."""
    after = next_domain(domain(state, ownership_trusted=ownership_trusted), evidence(), NOW, taken=True)
    assert (after.state, after.ownership_verified) == ("propagating", False)


@pytest.mark.parametrize("status", ["unexpected", "invalid-certificate", "no-answer", "blocked", None])
def test_without_proof_by_the_redirector_nothing_is_verified(status: str | None) -> None:
    """A chain that leads nowhere would make dead links."""
    http = status and probe("http", status)
    assert next_domain(domain(), evidence(http=http, https=None), NOW).state == "propagating"


@pytest.mark.parametrize(
    ("status", "expected"), [("unexpected", "invalid"), ("blocked", "invalid"), ("no-answer", "pending")]
)
def test_by_http_what_answers_decides(status: str, expected: str) -> None:
    """Something else than the redirector is definite, silence is not."""
    assert next_domain(domain(method="http"), evidence(None, http=probe("http", status)), NOW).state == expected


@pytest.mark.parametrize(
    ("http", "https", "secure"),
    [
        ("confirmed", "confirmed", True),
        ("no-answer", "confirmed", True),
        ("unexpected", "confirmed", True),
        ("confirmed", "invalid-certificate", False),
        ("confirmed", "no-answer", False),
        ("confirmed", "unexpected", False),
    ],
)
def test_links_are_https_only_after_a_proof_over_https(http: str, https: str, secure: bool) -> None:
    """A bare CNAME brings no certificate, and https links on it would be dead."""
    after = next_domain(domain(), evidence(http=probe("http", http), https=probe("https", https)), NOW)
    assert (after.state, after.secure, after.certificate_valid) == ("verified", secure, secure)


@pytest.mark.parametrize("secure", [True, False])
def test_a_later_proof_over_https_changes_no_links(secure: bool) -> None:
    """Links of a domain in use become https, or http, when somebody asks for it."""
    found = evidence(http=probe("http"), https=probe("https"))
    after = next_domain(domain("verified", secure=secure), found, NOW)
    assert (after.state, after.secure, after.certificate_valid) == ("verified", secure, True)


@pytest.mark.parametrize("status", ["unexpected", "invalid-certificate", "blocked"])
def test_a_domain_whose_links_are_https_needs_https(status: str) -> None:
    """Without a valid certificate its links are dead, whatever http gives."""
    after = next_domain(domain("verified", secure=True), evidence(https=probe("https", status)), NOW)
    assert after.state == "suspended"


@pytest.mark.parametrize("status", ["unexpected", "invalid-certificate", "blocked", "no-answer"])
def test_a_domain_whose_links_are_http_needs_no_certificate(status: str) -> None:
    """It works as it is used."""
    assert next_domain(domain("verified"), evidence(https=probe("https", status)), NOW).state == "verified"


def test_links_that_are_http_work_where_https_does() -> None:
    """Something in front of the redirector sends readers from the one to the other; and only then."""
    found = evidence(http=probe("http", "redirected"), https=probe("https"))
    assert next_domain(domain("verified"), found, NOW).state == "verified"
    for https in ("confirmed", "invalid-certificate"):
        found = evidence(http=probe("http", "unexpected"), https=probe("https", https))
        assert next_domain(domain("verified"), found, NOW).state == "suspended"
    found = evidence(http=probe("http", "redirected"), https=probe("https", "invalid-certificate"))
    assert next_domain(domain("verified"), found, NOW).state == "suspended"


def test_times_that_cannot_be_are_put_right() -> None:
    """Where the database's clock was a month ahead for a while, a domain is looked at as if it had not been."""
    month = NOW + 30 * DAY
    ahead = domain("pending", since=month, watched_since=month, added_at=month, checked_at=month, propagated_at=month)
    after = next_domain(ahead, evidence("absent"), NOW)
    assert after.next_check is not None
    assert after.next_check - NOW <= 2 * DAY
    contrary = next_domain(domain("suspended", contrary_since=month, checked_at=month), evidence("wrong"), NOW)
    assert hourly(contrary, (HOUR, evidence("wrong")), (26 * HOUR, evidence("wrong"))).state == "lapsed"


def test_a_certificate_is_nothing_against_links_that_are_http() -> None:
    """Where http is silent, that is what counts."""
    found = evidence(http=probe("http", "no-answer"), https=probe("https", "invalid-certificate"))
    assert next_domain(domain("verified"), found, NOW).state == "verified"


def test_time_between_checks_counts_for_two_hours_at_most() -> None:
    """A week in which nobody looked is neither a day of contrary answers nor 72 hours of silence."""
    for conclusion, state in (("wrong", "suspended"), ("unanswered", "verified")):
        found = EVIDENCE[conclusion]
        assert checked(domain("verified"), (0 * SECOND, found), (7 * DAY, found)).state == state
        assert hourly(domain("verified"), (0 * SECOND, found), (7 * DAY, found)).state == "lapsed"


def test_servers_that_were_not_asked_keep_a_domain_back() -> None:
    """A chain that only some servers were asked for is not verified, and costs no domain its place."""
    full = way("complete")
    left_out = replace(full, hops=(replace(full.hops[0], answers=(*full.hops[0].answers, answer("not-asked"))),))
    assert left_out.status == "complete"
    settled = {"complete_since": NOW - DAY, "propagated_at": NOW - HOUR}
    assert next_domain(domain("propagating", **settled), evidence(left_out), NOW).state == "propagating"
    assert next_domain(domain("propagating", **settled), evidence(full), NOW).state == "verified"
    assert next_domain(domain("verified"), evidence(left_out), NOW).state == "verified"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("http", ["confirmed", "no-answer", "unexpected"])
def test_a_certificate_that_is_gone_is_not_remembered(state: str, http: str) -> None:
    """`certificate_valid` is what the last check saw, whatever else it saw: it decides whether links may be https."""
    found = evidence(http=probe("http", http), https=probe("https", "invalid-certificate"))
    assert not next_domain(domain(state, certificate_valid=True), found, NOW).certificate_valid


# Suspended, back, lapsed.


@pytest.mark.parametrize("conclusion", ["absent", "wrong"])
def test_a_contrary_answer_suspends_at_once(conclusion: str) -> None:
    """New mail goes elsewhere from the first definite answer on; the account stays the owner."""
    after = next_domain(domain("verified"), EVIDENCE[conclusion], NOW)
    assert (after.state, after.ownership_verified, after.contrary_since) == ("suspended", True, NOW)
    assert not after.tracking_domain.verified


@pytest.mark.parametrize("conclusion", ["absent", "wrong"])
def test_a_day_of_contrary_answers_lapses(conclusion: str) -> None:
    """What leads elsewhere for a day is lost."""
    found = EVIDENCE[conclusion]
    after = checked(domain("verified"), *((hours * HOUR, found) for hours in range(24)))
    assert after.state == "suspended"
    assert checked(after, (24 * HOUR, found)).state == "lapsed"


def test_a_suspended_domain_comes_back_once_it_is_right_and_settled() -> None:
    """Resolvers may keep the contrary answer, so it is waited out as at first."""
    right = evidence(way("complete", negative_ttl=60))
    gone = checked(domain("verified"), (0 * SECOND, evidence(way("wrong", ttl=7200))))
    back = checked(gone, (HOUR, right))
    assert (back.state, back.contrary_since) == ("suspended", None)
    assert checked(back, (2 * HOUR, right)).state == "suspended"
    assert checked(back, (3 * HOUR, right)).state == "verified"
    assert checked(back, (3 * HOUR, replace(right, dns_resolvers=dns_resolvers(True, False)))).state == "suspended"


def test_a_day_counts_anew_after_a_right_answer() -> None:
    """A domain that came back has a day again."""
    right, wrong = evidence(way("complete", negative_ttl=86400)), evidence("wrong")
    after = hourly(domain("verified"), (0 * SECOND, wrong), (20 * HOUR, right), (21 * HOUR, wrong), (44 * HOUR, wrong))
    assert (after.state, after.contrary_since) == ("suspended", NOW + 21 * HOUR)


def test_coming_back_needs_no_new_proof_of_the_owner() -> None:
    """A suspended domain is still its account's."""
    after = next_domain(domain("suspended"), evidence(), NOW)
    assert (after.state, after.ownership_verified) == ("verified", True)


def test_a_wrong_answer_in_the_redirectors_place_leaves_the_dns_settled() -> None:
    """Where the chain was never gone, no resolver can have anything else, and nothing is to be waited out."""
    found = evidence(way("complete", negative_ttl=86400))
    gone = checked(domain("verified"), (0 * SECOND, replace(found, http=probe("http", "unexpected"))))
    assert gone.state == "suspended"
    assert checked(gone, (HOUR, found)).state == "verified"


def test_a_server_that_leads_elsewhere_suspends_and_never_lapses() -> None:
    """Readers whose resolvers ask that server are lost, so mail goes elsewhere; but the domain is not gone."""
    partial = evidence("partial")
    after = checked(domain("verified"), *((hours * HOUR, partial) for hours in range(100)))
    assert (after.state, after.ownership_verified, after.contrary_since) == ("suspended", True, None)
    assert checked(after, (101 * HOUR, evidence()), (120 * HOUR, evidence())).state == "verified"


@pytest.mark.parametrize("state", ["verified", "suspended"])
@pytest.mark.parametrize("how", ["dns", "proof", "http"])
def test_72_hours_without_any_answer_lapse(state: str, how: str) -> None:
    """Silence of the name servers or of the redirector's host changes nothing before."""
    found = {
        "dns": evidence("unanswered"),
        "proof": evidence(http=probe("http", "no-answer")),
        "http": evidence(None, http=probe("http", "no-answer")),
    }[how]
    start = domain(state, method="http" if how == "http" else "cname")
    after = checked(start, *((hours * HOUR, found) for hours in range(72)))
    assert (after.state, after.ownership_verified) == (state, True)
    assert checked(after, (72 * HOUR, found)).state == "lapsed"


@pytest.mark.parametrize("conclusion", ["works", "partial"])
def test_an_answer_in_between_ends_the_silence(conclusion: str) -> None:
    """It is 72 hours without any answer that count."""
    silent = evidence("unanswered")
    after = hourly(
        domain("verified"),
        (0 * SECOND, silent),
        (71 * HOUR, EVIDENCE[conclusion]),
        (72 * HOUR, silent),
        (143 * HOUR, silent),
    )
    assert (after.state == "verified", after.silent_since) == (conclusion == "works", NOW + 72 * HOUR)


def test_a_contrary_answer_ends_the_silence() -> None:
    """Silence, a contrary answer and silence again are counted apart."""
    silent = evidence("unanswered")
    after = checked(domain("verified"), (0 * SECOND, silent), (71 * HOUR, evidence("wrong")), (73 * HOUR, silent))
    assert (after.state, after.silent_since) == ("suspended", NOW + 73 * HOUR)


@pytest.mark.parametrize("state", NOT_IN_USE)
def test_silence_does_not_lapse_what_is_not_in_use(state: str) -> None:
    """A domain that was never verified has nothing to lose."""
    after = checked(domain(state), *((hours * HOUR, evidence("unanswered")) for hours in range(100)))
    assert after.state == state


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("conclusion", ["offline", "intercepted"])
def test_what_cannot_be_asked_from_here_changes_nothing(state: str, conclusion: str) -> None:
    """Trouble of this machine's network is no answer about a domain, however long it lasts."""
    start = domain(state)
    after = checked(start, *((hours * HOUR, EVIDENCE[conclusion]) for hours in range(200)))
    if start.contrary_since:
        assert after.contrary_since == start.contrary_since + (after.checked_at - start.checked_at)
    for name in ("checked_at", "next_check", "evidence", "contrary_since"):
        after = replace(after, **{name: getattr(start, name)})
    assert after == start


@pytest.mark.parametrize("conclusion", ["offline", "intercepted"])
def test_time_in_which_nothing_could_be_asked_is_no_silence(conclusion: str) -> None:
    """Two time-outs around a long failure of this machine's network are not 72 hours without an answer."""
    silent = evidence("unanswered")
    offline = [(hours * HOUR, EVIDENCE[conclusion]) for hours in range(1, 80)]
    after = checked(domain("verified"), (0 * SECOND, silent), *offline, (80 * HOUR, silent))
    assert after.state == "verified"


def test_who_lapses_loses_the_host() -> None:
    """It may have changed hands: neither the proof nor the operator's word counts any more."""
    start = domain("suspended", ownership_trusted=True, contrary_since=NOW - 24 * HOUR)
    after = next_domain(start, evidence("wrong"), NOW)
    assert (after.state, after.ownership_verified, after.ownership_trusted) == ("lapsed", False, False)
    assert (after.contrary_since, after.silent_since, after.complete_since, after.propagated_at) == (None,) * 4
    assert after.tracking_domain.verified is False


def test_a_lapsed_domain_comes_back_only_with_a_new_proof() -> None:
    """That the chain is there again is not enough."""
    lapsed = next_domain(domain("suspended", contrary_since=NOW - 24 * HOUR), evidence("wrong"), NOW)
    unproven = evidence(ownership_verified=False)
    seen = checked(lapsed, (DAY, unproven), (2 * DAY, unproven))
    assert (seen.state, seen.ownership_verified) == ("propagating", False)
    after = checked(seen, (3 * DAY, evidence()))
    assert (after.state, after.ownership_verified) == ("verified", True)


# The evidence.


def stored(found: Evidence) -> Any:
    """The evidence that a check stores."""
    return finish(domain(), found, NOW, cname_target=TARGET)[0].evidence


def test_evidence_holds_no_txt_records() -> None:
    """The other TXT records of a customer are not stored, nor shown."""
    ownership = trace(
        hop(f"_linkwrap.{HOST}", value("secret=1", detail="1 TXT record (TTL 300)"), zone="acme.com"), cname_target=""
    )
    found = stored(evidence("absent", ownership=ownership, ownership_verified=False))
    assert "secret" not in json.dumps(found)
    assert found["ownership"]["hops"][0]["answers"][0]["detail"] == "1 TXT record (TTL 300)"


def test_evidence_of_verified_ownership_does_not_call_it_wrong() -> None:
    """The status of a trace means nothing for TXT records: whether ownership is verified stands beside it."""
    ownership = trace(hop(f"_linkwrap.{HOST}", value(CHALLENGE), zone="acme.com"), cname_target="")
    found = stored(evidence(ownership=ownership, ownership_verified=True))
    assert found["ownership_verified"] is True
    assert found["ownership"].get("status") not in ("wrong", "absent")


def test_evidence_says_what_the_dns_means() -> None:
    """The status stands beside the answer of each server."""
    found = stored(evidence("partial"))
    assert found["cname"]["status"] == "partial"
    assert [answer["kind"] for answer in found["cname"]["hops"][0]["answers"]] == ["alias", "no-records"]


# The schedule.


def waits(start: Domain, found: Evidence) -> list[timedelta]:
    """The times between the checks of a domain that finds the same again and again, until it is given up."""
    now, times = NOW, []
    while True:
        start = next_domain(start, found, now)
        if start.next_check is None or len(times) > 200:
            return times
        times.append(start.next_check - now)
        now = start.next_check


@pytest.mark.parametrize("conclusion", ["absent", "wrong", "partial", "unanswered"])
def test_a_domain_that_is_not_verified_is_looked_at_for_48_hours(conclusion: str) -> None:
    """Every minute or so at first, every few hours at last, then no more."""
    times = waits(domain(), EVIDENCE[conclusion])
    assert times[0] <= 2 * MINUTE
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert HOUR < times[-1] <= 4 * HOUR
    assert 44 * HOUR <= sum(times, timedelta()) <= 53 * HOUR
    assert len(times) < 60


def test_what_comes_into_sight_is_looked_at_often_again() -> None:
    """A record that appears after a day is followed by the minute."""
    after = checked(domain(), (0 * SECOND, evidence("absent")), (30 * HOUR, evidence("partial")))
    assert after.next_check == NOW + 30 * HOUR + MINUTE


def test_the_end_of_the_wait_is_when_it_is_looked_at() -> None:
    """Nothing is gained by a check before resolvers can have it."""
    after = next_domain(domain(), evidence(way("complete", negative_ttl=7200)), NOW)
    assert after.next_check == NOW + 2 * HOUR


def test_the_longest_wait_does_not_end_the_watch() -> None:
    """After 48 hours of waiting a domain is still looked at, for the owner's proof may be missing."""
    unproven = evidence(way("complete", negative_ttl=10**6), ownership_verified=False)
    after = checked(domain(), (0 * SECOND, unproven), (48 * HOUR, unproven))
    assert after.next_check == NOW + 48 * HOUR + MINUTE


@pytest.mark.parametrize("state", ["pending", "suspended", "verified"])
def test_a_verified_domain_is_looked_at_each_week(state: str) -> None:
    """A week, more or less, so that domains verified at once do not stay so."""
    after = [next_domain(domain(state), evidence(), NOW).next_check for _ in range(300)]
    days = [(moment - NOW) / DAY for moment in after if moment]
    assert len(days) == 300
    assert 6.3 <= min(days) < 6.6
    assert 7.4 < max(days) <= 7.7


@pytest.mark.parametrize(
    ("state", "conclusion"),
    [
        ("verified", "partial"),
        ("verified", "unanswered"),
        ("verified", "absent"),
        ("verified", "wrong"),
        ("suspended", "partial"),
        ("suspended", "unanswered"),
        ("suspended", "wrong"),
    ],
)
def test_a_domain_in_trouble_is_looked_at_each_hour(state: str, conclusion: str) -> None:
    """Links that were sent lead there."""
    assert next_domain(domain(state), EVIDENCE[conclusion], NOW).next_check == NOW + HOUR


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("next_check", [NOW, None])
def test_a_check_that_could_ask_nothing_is_done_again_in_time(state: str, next_check: datetime | None) -> None:
    """A domain in use is looked at within the hour, others as often as else, so that none is looked at for ever."""
    after = next_domain(domain(state, next_check=next_check), evidence("offline"), NOW)
    assert after.next_check is not None
    expected = {"verified": HOUR, "suspended": HOUR, "lapsed": 8 * DAY}.get(state, MINUTE)
    assert after.next_check - NOW <= expected
    if state in ("pending", "propagating", "invalid"):
        assert checked(after, (100 * HOUR, evidence("offline"))).next_check is None


def test_a_lapsed_domain_is_looked_at_each_week() -> None:
    """Its owner may put things right."""
    after = next_domain(domain("lapsed"), evidence("absent"), NOW)
    assert after.next_check is not None
    assert 6 * DAY < after.next_check - NOW < 8 * DAY


# A whole life.


class Life:
    """A domain that is checked whenever it is due, while its world changes; `states` holds each change and its time."""

    def __init__(self, cname: str, *, ttl: int = 300) -> None:
        self.domain = domain()
        self.cname, self.ttl, self.txt = cname, ttl, False
        self.time = timedelta()
        self.states: list[tuple[str, timedelta]] = []
        self.checks = 0

    def check(self) -> None:
        """One check now."""
        proven = self.domain.ownership_verified or self.domain.ownership_trusted or self.txt
        found = evidence(way(self.cname, ttl=self.ttl, negative_ttl=900), ownership_verified=proven)
        before = self.domain.state
        self.domain = next_domain(self.domain, found, NOW + self.time)
        self.checks += 1
        if self.domain.state != before:
            self.states.append((self.domain.state, self.time))

    def run(self, until: timedelta) -> None:
        """Check whenever it is due, up to a time."""
        while self.domain.next_check is not None and self.domain.next_check - NOW <= until:
            self.time = self.domain.next_check - NOW
            self.check()
        self.time = until

    def run_to(self, state: str) -> timedelta:
        """Check whenever it is due until a state is there; return how long that took."""
        begin = self.time
        while self.domain.state != state:
            assert self.domain.next_check is not None
            assert self.checks < 1000
            self.time = max(self.time, self.domain.next_check - NOW)
            self.check()
        return self.time - begin


def test_a_whole_life() -> None:
    """From the request to use, silence, suspension, return, loss, and a new beginning, over months."""
    life = Life("wrong", ttl=3600)  # the host had an address
    life.run(2 * HOUR)
    assert life.states == [("invalid", timedelta())]
    life.cname = "partial"
    life.run(3 * HOUR)
    assert [state for state, _ in life.states] == ["invalid", "propagating"]
    life.cname = "complete"
    life.run(6 * HOUR)
    assert life.domain.state == "propagating"  # nobody has proven who owns it
    life.txt = True
    assert life.run_to("verified") <= 2 * HOUR
    assert life.checks < 60
    life.txt = False  # it was needed once

    checks = life.checks
    life.run(90 * DAY)
    assert (life.domain.state, life.domain.ownership_verified) == ("verified", True)
    assert 11 <= life.checks - checks <= 15

    life.cname = "unanswered"
    assert 72 * HOUR <= life.run_to("lapsed") <= 8 * DAY + 72 * HOUR
    assert not life.domain.ownership_verified

    life.cname = "complete"
    assert life.run_to("propagating") <= 8 * DAY
    life.run(life.time + HOUR)
    assert not life.domain.ownership_verified  # the chain alone proves nothing
    life.txt = True
    life.run_to("verified")

    life.cname, life.txt = "absent", False
    assert life.run_to("suspended") <= 8 * DAY
    assert life.domain.ownership_verified
    life.cname = "complete"
    assert HOUR <= life.run_to("verified") <= 2 * HOUR

    life.cname = "wrong"
    assert life.run_to("suspended") <= 8 * DAY
    assert DAY <= life.run_to("lapsed") <= 25 * HOUR
    assert (life.domain.state, life.domain.ownership_verified) == ("lapsed", False)


def test_a_life_without_a_record_ends_in_silence() -> None:
    """A domain whose record never comes stays pending, and is given up."""
    life = Life("absent")
    life.run(365 * DAY)
    assert (life.states, life.domain.state, life.domain.next_check) == ([], "pending", None)


def test_dangling_answers_are_definite() -> None:
    """A chain whose end does not exist leads readers nowhere: links stop going there at once."""
    dangling = trace(hop(HOST, alias("gone.example.net")), hop("gone.example.net", nothing()))
    assert next_domain(domain("verified"), evidence(dangling), NOW).state == "suspended"

"""What holds for any domain and any run of evidence."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from helpers.domain_values import (
    CHALLENGE,
    DAY,
    HOST,
    NOW,
    TARGET,
    alias,
    answer,
    dns_resolvers,
    domain,
    hop,
    nothing,
    probe,
    trace,
    value,
)
from linkwrap.domains import Domain, Evidence
from linkwrap.domains.lifecycle import LONGEST_WAIT, SILENT_FOR, conclude, next_domain
from linkwrap.domains.model import State
from linkwrap.domains.results import ProbeStatus

TTLS = st.sampled_from([0, 1, 60, 300, 3600, 86400, 7 * 86400])
ANSWERS = st.one_of(
    st.builds(lambda ttl: alias(TARGET, ttl=ttl), TTLS),
    st.builds(lambda ttl: alias(TARGET, ttl=ttl), TTLS),
    st.builds(lambda ttl: alias("other.example", ttl=ttl), TTLS),
    st.builds(lambda ttl: value("198.41.0.9", ttl=ttl), TTLS),
    st.builds(lambda ttl: nothing(ttl=ttl), TTLS),
    st.sampled_from([answer(kind, ttl=0) for kind in ("no-answer", "lame", "blocked")]),
)
HOPS = st.builds(
    lambda answers, zone, negative_ttl: hop(HOST, *answers, zone=zone, negative_ttl=negative_ttl),
    st.lists(ANSWERS, min_size=1, max_size=4),
    st.sampled_from(["acme.com", "acme.com", "acme.com", HOST]),
    TTLS,
)
TRACES = st.one_of(
    HOPS.map(trace),
    HOPS.map(trace),
    st.sampled_from([trace(failure=failure) for failure in ("offline", "intercepted", "no-such-tld")]),
)
COMPLETE = TTLS.map(lambda ttl: trace(hop(HOST, alias(TARGET), negative_ttl=ttl)))
PROBES = {
    scheme: st.none() | st.sampled_from([probe(scheme, status) for status in get_args(ProbeStatus)])
    for scheme in ("http", "https")
}
EVIDENCE = st.builds(
    Evidence,
    cname=st.one_of(st.none(), TRACES, COMPLETE),
    ownership=st.none() | st.just(trace(hop(f"_linkwrap.{HOST}", value(CHALLENGE)), cname_target="")),
    ownership_verified=st.booleans(),
    dns_resolvers=st.lists(st.booleans(), max_size=3).map(lambda leads: dns_resolvers(*leads)),
    http=PROBES["http"],
    https=PROBES["https"],
)
STATES = st.sampled_from(get_args(State))
# From seconds to days, since the interesting limits lie at minutes, hours and 72 hours.
TIMES = st.one_of(
    st.integers(1, 120).map(lambda number: timedelta(seconds=number)),
    st.integers(1, 200).map(lambda number: timedelta(hours=number)),
)
RUNS = st.lists(st.tuples(TIMES, EVIDENCE, st.booleans()), min_size=1, max_size=12)


def lives(start: Domain, run: list[tuple[timedelta, Evidence, bool]]) -> list[tuple[Domain, Evidence, Domain, bool]]:
    """Each check of a run: the domain before, what was found, the domain after, and whether another owns the host."""
    now, checks = NOW, []
    for wait, found, taken in run:
        now += wait
        # An owner is not asked again, and no other account can have proven the host.
        found, taken = (
            replace(
                found,
                ownership_verified=found.ownership_verified or start.ownership_verified or start.ownership_trusted,
            ),
            taken and not start.ownership_verified,
        )
        after = next_domain(start, found, now, taken=taken)
        checks.append((start, found, after, taken))
        start = after
    return checks


@given(STATES, st.booleans(), st.booleans(), RUNS)
def test_nothing_is_verified_without_all_of_the_evidence(
    state: Any, secure: bool, ownership_trusted: bool, run: Any
) -> None:
    """Whatever happened before, a domain becomes verified only with chain, resolvers, owner, redirector and time."""
    for before, found, after, taken in lives(domain(state, secure=secure, ownership_trusted=ownership_trusted), run):
        if after.verified and not before.verified:
            assert found.cname is None or found.cname.status == "complete"
            assert (
                found.cname is None
                or sum(answer.leads_to_cname_target for answer in found.dns_resolvers)
                >= min(2, len(found.dns_resolvers))
                > 0
            )
            assert found.ownership_verified
            assert not taken
            # Links that are http work where https does; the other way round they do not.
            probes = [found.https] if after.secure else [found.http, found.https]
            assert any(probe is not None and probe.status == "confirmed" for probe in probes)
            assert after.propagated_at is not None
            assert after.checked_at is not None
            assert after.propagated_at <= after.checked_at
            assert after.ownership_verified


@given(STATES, st.booleans(), RUNS)
def test_a_verified_domain_was_not_seen_to_lead_elsewhere(state: Any, secure: bool, run: Any) -> None:
    """No domain stays in use for new mail after a definite contrary answer."""
    for _, found, after, _ in lives(domain(state, secure=secure), run):
        if after.verified:
            assert conclude(replace(after, state="verified"), found) not in ("absent", "wrong")


@given(STATES, st.booleans(), RUNS)
def test_only_domains_in_use_have_an_owner(state: Any, ownership_trusted: bool, run: Any) -> None:
    """The owner of a host is who has it verified, or had until a moment ago; nobody after it lapsed."""
    for _, _, after, _ in lives(domain(state, ownership_trusted=ownership_trusted), run):
        assert after.ownership_verified == after.in_use


@given(STATES.filter(lambda state: state != "lapsed"), st.booleans(), RUNS)
def test_who_lapsed_needs_a_new_proof(state: Any, ownership_trusted: bool, run: Any) -> None:
    """Once lost, a host is not its account's again before the proof of the owner is seen."""
    lost = False
    for (_, seen, _), (_, _, after, _) in zip(
        run, lives(domain(state, ownership_trusted=ownership_trusted), run), strict=True
    ):
        lost = lost or after.state == "lapsed"
        if lost:
            assert not after.ownership_trusted
            assert not after.verified or seen.ownership_verified
        lost = lost and not after.verified


SILENT = st.sampled_from(
    [
        Evidence(cname=trace(hop(HOST, answer("no-answer"), answer("lame"), answer("blocked")))),
        Evidence(cname=trace(failure="offline")),
        Evidence(cname=trace(failure="intercepted")),
    ]
)


@given(STATES, st.booleans(), st.lists(st.tuples(TIMES, SILENT, st.booleans()), min_size=1, max_size=12))
def test_silence_changes_no_state_but_after_72_hours(state: Any, ownership_trusted: bool, run: Any) -> None:
    """Without an answer a domain stays what it is, until one in use has given none for 72 hours."""
    now = silent_since = None
    for (wait, _, _), (before, found, after, _) in zip(
        run, lives(domain(state, ownership_trusted=ownership_trusted), run), strict=True
    ):
        now = (now or NOW) + wait
        unanswered = found.cname is not None and found.cname.status == "unanswered"
        silent_since = silent_since or (now if unanswered else None)
        if after.state != before.state:
            assert before.in_use
            assert after.state == "lapsed"
            assert silent_since is not None
            assert now - silent_since >= SILENT_FOR


@given(STATES, st.booleans(), RUNS)
def test_the_next_check_lies_ahead(state: Any, secure: bool, run: Any) -> None:
    """A domain is due at a time to come, within eight days, or given up; one that is in use never is given up."""
    for _, _, after, _ in lives(domain(state, secure=secure), run):
        assert after.checked_at is not None
        if after.next_check is None:
            assert after.state in ("pending", "propagating", "invalid")
        else:
            assert timedelta(minutes=1) <= after.next_check - after.checked_at <= 8 * DAY


@given(STATES, RUNS)
def test_the_wait_is_bounded(state: Any, run: Any) -> None:
    """Once all servers give the chain, the wait ends within 48 hours, at a time that is known."""
    for _, _, after, _ in lives(domain(state), run):
        assert (after.complete_since is None) == (after.propagated_at is None)
        if after.complete_since and after.propagated_at:
            assert after.complete_since <= after.propagated_at <= after.complete_since + LONGEST_WAIT


@given(STATES, EVIDENCE, st.booleans())
def test_a_decision_is_a_function_of_what_is_known(state: Any, found: Evidence, taken: bool) -> None:
    """The same evidence leads to the same domain, the time of the next check aside, and leave what others decide on."""
    before = domain(state, default=True, sending_domains=("acme.com",))
    one, two = (replace(next_domain(before, found, NOW, taken=taken), next_check=None) for _ in range(2))
    assert one == two
    for name in ("host", "account_id", "subaccount", "method", "challenge", "added_at", "default", "sending_domains"):
        assert getattr(one, name) == getattr(before, name)

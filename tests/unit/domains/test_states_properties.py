"""What holds for any domain and any run of findings."""

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
    domain,
    hop,
    nothing,
    proof,
    resolvers,
    said,
    trace,
    value,
)
from linkwrap.domains import Domain, Findings
from linkwrap.domains.domain import State
from linkwrap.domains.proof import Outcome
from linkwrap.domains.states import LONGEST_WAIT, SILENT_FOR, decide, read

TTLS = st.sampled_from([0, 1, 60, 300, 3600, 86400, 7 * 86400])
ANSWERS = st.one_of(
    st.builds(lambda ttl: alias(TARGET, ttl=ttl), TTLS),
    st.builds(lambda ttl: alias(TARGET, ttl=ttl), TTLS),
    st.builds(lambda ttl: alias("other.example", ttl=ttl), TTLS),
    st.builds(lambda ttl: value("198.41.0.9", ttl=ttl), TTLS),
    st.builds(lambda ttl: nothing(ttl=ttl), TTLS),
    st.sampled_from([said(how, ttl=0) for how in ("silent", "lame", "blocked")]),
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
PROOFS = {
    scheme: st.none() | st.sampled_from([proof(scheme, outcome) for outcome in get_args(Outcome)])
    for scheme in ("http", "https")
}
FINDINGS = st.builds(
    Findings,
    dns=st.one_of(st.none(), TRACES, COMPLETE),
    owner=st.none() | st.just(trace(hop(f"_linkwrap.{HOST}", value(CHALLENGE)), target="")),
    proven=st.booleans(),
    resolvers=st.lists(st.booleans(), max_size=3).map(lambda chains: resolvers(*chains)),
    http=PROOFS["http"],
    https=PROOFS["https"],
)
STATES = st.sampled_from(get_args(State))
# From seconds to days, since the interesting limits lie at minutes, hours and 72 hours.
TIMES = st.one_of(
    st.integers(1, 120).map(lambda number: timedelta(seconds=number)),
    st.integers(1, 200).map(lambda number: timedelta(hours=number)),
)
RUNS = st.lists(st.tuples(TIMES, FINDINGS, st.booleans()), min_size=1, max_size=12)


def lives(start: Domain, run: list[tuple[timedelta, Findings, bool]]) -> list[tuple[Domain, Findings, Domain, bool]]:
    """Each check of a run: the domain before, what was found, the domain after, and whether another owns the host."""
    now, checks = NOW, []
    for wait, found, taken in run:
        now += wait
        # An owner is not asked again, and no other account can have proven the host.
        found, taken = replace(found, proven=found.proven or start.owner or start.vouched), taken and not start.owner
        after = decide(start, found, now, taken=taken)
        checks.append((start, found, after, taken))
        start = after
    return checks


@given(STATES, st.booleans(), st.booleans(), RUNS)
def test_nothing_is_verified_without_all_of_the_evidence(state: Any, secure: bool, vouched: bool, run: Any) -> None:
    """Whatever happened before, a domain becomes verified only with chain, resolvers, owner, redirector and time."""
    for before, found, after, taken in lives(domain(state, secure=secure, vouched=vouched), run):
        if after.verified and not before.verified:
            assert found.dns is None or found.dns.verdict == "complete"
            assert (
                found.dns is None or sum(answer.chain for answer in found.resolvers) >= min(2, len(found.resolvers)) > 0
            )
            assert found.proven
            assert not taken
            # Links that are http work where https does; the other way round they do not.
            proofs = [found.https] if after.secure else [found.http, found.https]
            assert any(proof is not None and proof.outcome == "proven" for proof in proofs)
            assert after.settled_at is not None
            assert after.checked_at is not None
            assert after.settled_at <= after.checked_at
            assert after.owner


@given(STATES, st.booleans(), RUNS)
def test_a_verified_domain_was_not_seen_to_lead_elsewhere(state: Any, secure: bool, run: Any) -> None:
    """No domain stays in use for new mail after a definite contrary answer."""
    for _, found, after, _ in lives(domain(state, secure=secure), run):
        if after.verified:
            assert read(replace(after, state="verified"), found) not in ("absent", "wrong")


@given(STATES, st.booleans(), RUNS)
def test_only_domains_in_use_have_an_owner(state: Any, vouched: bool, run: Any) -> None:
    """The owner of a host is who has it verified, or had until a moment ago; nobody after it lapsed."""
    for _, _, after, _ in lives(domain(state, vouched=vouched), run):
        assert after.owner == after.in_use


@given(STATES.filter(lambda state: state != "lapsed"), st.booleans(), RUNS)
def test_who_lapsed_needs_a_new_proof(state: Any, vouched: bool, run: Any) -> None:
    """Once lost, a host is not its account's again before the proof of the owner is seen."""
    lost = False
    for (_, seen, _), (_, _, after, _) in zip(run, lives(domain(state, vouched=vouched), run), strict=True):
        lost = lost or after.state == "lapsed"
        if lost:
            assert not after.vouched
            assert not after.verified or seen.proven
        lost = lost and not after.verified


SILENT = st.sampled_from(
    [
        Findings(trace(hop(HOST, said("silent"), said("lame"), said("blocked"))), None, False),
        Findings(trace(failure="offline"), None, False),
        Findings(trace(failure="intercepted"), None, False),
    ]
)


@given(STATES, st.booleans(), st.lists(st.tuples(TIMES, SILENT, st.booleans()), min_size=1, max_size=12))
def test_silence_changes_no_state_but_after_72_hours(state: Any, vouched: bool, run: Any) -> None:
    """Without an answer a domain stays what it is, until one in use has given none for 72 hours."""
    now = silent_since = None
    for (wait, _, _), (before, found, after, _) in zip(run, lives(domain(state, vouched=vouched), run), strict=True):
        now = (now or NOW) + wait
        unanswered = found.dns is not None and found.dns.verdict == "unanswered"
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
        assert (after.seen_since is None) == (after.settled_at is None)
        if after.seen_since and after.settled_at:
            assert after.seen_since <= after.settled_at <= after.seen_since + LONGEST_WAIT


@given(STATES, FINDINGS, st.booleans())
def test_a_decision_is_a_function_of_what_is_known(state: Any, found: Findings, taken: bool) -> None:
    """The same findings lead to the same domain, the time of the next check aside, and leave what others decide on."""
    before = domain(state, default=True, sending_domains=("acme.com",))
    one, two = (replace(decide(before, found, NOW, taken=taken), next_check=None) for _ in range(2))
    assert one == two
    for name in ("host", "account_id", "subaccount", "method", "challenge", "added_at", "default", "sending_domains"):
        assert getattr(one, name) == getattr(before, name)

"""What the tests of tracking domains share: values of `linkwrap.domains` with defaults, so that no network is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from linkwrap.domains import Domain, Findings, Hop, Proof, ResolverAnswer, ServerAnswer, Trace

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
HOST = "click.acme.com"
TARGET = "spgo.io"
ZONE = "acme.com"
CHALLENGE = "linkwrap=0123456789abcdefghijklmnopqrstuv"

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def domain(state: Any = "pending", **fields: Any) -> Domain:
    """A claim in a state, with what belongs to the state: added a month ago where it is in use, else just now."""
    long_ago = NOW - 30 * DAY
    values: dict[str, Any] = {
        "host": HOST,
        "account_id": "acme",
        "subaccount": None,
        "method": "cname",
        "vouched": False,
        "challenge": CHALLENGE,
        "state": state,
        "since": NOW,
        "owner": False,
        "secure": False,
        "https": False,
        "default": False,
        "sending_domains": (),
        "added_at": NOW,
        "checked_at": None,
        "next_check": NOW,
        "watched_since": NOW,
        "seen_since": None,
        "settled_at": None,
        "contrary_since": None,
        "silent_since": None,
        "replaced_ttl": 0,
        "stale_until": None,
        "evidence": None,
    }
    if state in ("verified", "suspended", "lapsed"):
        values |= {"added_at": long_ago, "since": long_ago, "watched_since": long_ago, "checked_at": NOW - HOUR}
    if state in ("verified", "suspended"):
        values |= {"owner": True, "seen_since": long_ago, "settled_at": long_ago}
    if state == "suspended":
        values |= {"contrary_since": NOW - HOUR, "seen_since": None, "settled_at": None}
    return Domain(**(values | fields))


def said(how: Any, *values: str, server: str = "ns1.acme.com", ttl: int = 300, detail: str = "") -> ServerAnswer:
    """What one server says of a name."""
    return ServerAnswer(server, "198.41.0.4", how, values, ttl, detail or f"{how} {', '.join(values)}".strip())


def alias(name: str, **fields: Any) -> ServerAnswer:
    """A server's CNAME."""
    return said("alias", name, **fields)


def value(*values: str, **fields: Any) -> ServerAnswer:
    """A server's addresses, or TXT records."""
    return said("value", *values, **fields)


def nothing(**fields: Any) -> ServerAnswer:
    """A server that says with authority that there is no such record."""
    return said("nothing", **fields)


def hop(name: str, *answers: ServerAnswer, zone: str = "", negative_ttl: int = 0) -> Hop:
    """A name and what the servers of its zone say, which is the one above it where none is given."""
    return Hop(name, zone or name.partition(".")[2], answers, negative_ttl)


def trace(*hops: Hop, target: str = TARGET, failure: Any = None, detail: str = "") -> Trace:
    """Where a name leads."""
    return Trace(hops, target, failure, detail)


def way(verdict: str, *, ttl: int = 300, negative_ttl: int = 0) -> Trace:
    """A plain trace that means `verdict`; `ttl` is that of the host's records, which are on two servers."""
    if verdict == "offline":
        return trace(failure="offline", detail="the DNS cannot be asked from here: no recursive resolver answers")
    if verdict == "intercepted":
        return trace(failure="intercepted", detail="outbound DNS is blocked: resolvers answer, but no server does")
    says: dict[str, tuple[ServerAnswer, ServerAnswer]] = {
        "complete": (alias(TARGET, ttl=ttl), alias(TARGET, ttl=ttl)),
        "partial": (alias(TARGET), nothing(ttl=negative_ttl)),
        "absent": (nothing(ttl=negative_ttl), nothing(ttl=negative_ttl)),
        "wrong": (value("198.41.0.9", ttl=ttl), value("198.41.0.9", ttl=ttl)),
        "unanswered": (said("silent", ttl=0), said("lame", ttl=0)),
    }
    first, second = says[verdict]
    second = said(second.said, *second.values, server="ns2.acme.com", ttl=second.ttl)
    return trace(hop(HOST, first, second, negative_ttl=negative_ttl))


def proof(scheme: Any, outcome: Any = "proven", detail: str = "") -> Proof:
    """What came of asking the redirector over a scheme."""
    return Proof(scheme, outcome, detail or f"it is {outcome}", "198.41.0.9")


def resolvers(*chains: bool) -> tuple[ResolverAnswer, ...]:
    """Recursive resolvers that return the chain, or not."""
    return tuple(
        ResolverAnswer(f"198.41.1.{number}", True, chain, f"leads to {TARGET}" if chain else "still has an address")
        for number, chain in enumerate(chains, 1)
    )


def findings(dns: Trace | str | None = "complete", **fields: Any) -> Findings:
    """What a check found: all that is needed for links over http, where nothing else is said.

    `dns` is a trace, a verdict, or None for a domain that is verified by http. Where the chain is not complete, no
    resolver and no redirector was asked.
    """
    found = way(dns) if isinstance(dns, str) else dns
    values: dict[str, Any] = {"dns": found, "owner": None, "proven": True}
    if found is None or found.verdict == "complete":
        values |= {"http": proof("http"), "https": proof("https", "silent")}
    if found is not None and found.verdict == "complete":
        values |= {"resolvers": resolvers(True, True)}
    return Findings(**(values | fields))

"""What the tests of tracking domains share: values of `linkwrap.domains` with defaults, so that no network is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from linkwrap.domains import DnsResolverAnswer, Domain, Evidence, Hop, Probe, ServerAnswer, Trace

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
        "ownership_trusted": False,
        "challenge": CHALLENGE,
        "state": state,
        "since": NOW,
        "ownership_verified": False,
        "secure": False,
        "certificate_valid": False,
        "default": False,
        "sending_domains": (),
        "added_at": NOW,
        "checked_at": None,
        "next_check": NOW,
        "watched_since": NOW,
        "complete_since": None,
        "propagated_at": None,
        "contrary_since": None,
        "silent_since": None,
        "replaced_ttl": 0,
        "stale_until": None,
        "evidence": None,
    }
    if state in ("verified", "suspended", "lapsed"):
        values |= {"added_at": long_ago, "since": long_ago, "watched_since": long_ago, "checked_at": NOW - HOUR}
    if state in ("verified", "suspended"):
        values |= {"ownership_verified": True, "complete_since": long_ago, "propagated_at": long_ago}
    if state == "suspended":
        values |= {"contrary_since": NOW - HOUR, "complete_since": None, "propagated_at": None}
    return Domain(**(values | fields))


def answer(kind: Any, *values: str, server: str = "ns1.acme.com", ttl: int = 300, detail: str = "") -> ServerAnswer:
    """The answer of one server."""
    return ServerAnswer(server, "198.41.0.4", kind, values, ttl, detail or f"{kind} {', '.join(values)}".strip())


def alias(name: str, **fields: Any) -> ServerAnswer:
    """A server's CNAME."""
    return answer("alias", name, **fields)


def value(*values: str, **fields: Any) -> ServerAnswer:
    """A server's addresses, or TXT records."""
    return answer("records", *values, **fields)


def nothing(**fields: Any) -> ServerAnswer:
    """A server that says with authority that there is no such record."""
    return answer("no-records", **fields)


def hop(name: str, *answers: ServerAnswer, zone: str = "", negative_ttl: int = 0) -> Hop:
    """A name and the answers of the servers of its zone, which is the one above it if none is given."""
    return Hop(name, zone or name.partition(".")[2], answers, negative_ttl)


def trace(*hops: Hop, cname_target: str = TARGET, failure: Any = None, detail: str = "") -> Trace:
    """Where a name leads."""
    return Trace(hops, cname_target, failure, detail)


def way(status: str, *, ttl: int = 300, negative_ttl: int = 0) -> Trace:
    """A plain trace with a status; `ttl` is that of the host's records, which are on two servers."""
    if status == "offline":
        return trace(failure="offline", detail="the DNS cannot be asked from here: no recursive resolver answers")
    if status == "intercepted":
        return trace(failure="intercepted", detail="outbound DNS is blocked: resolvers answer, but no server does")
    says: dict[str, tuple[ServerAnswer, ServerAnswer]] = {
        "complete": (alias(TARGET, ttl=ttl), alias(TARGET, ttl=ttl)),
        "partial": (alias(TARGET), nothing(ttl=negative_ttl)),
        "absent": (nothing(ttl=negative_ttl), nothing(ttl=negative_ttl)),
        "wrong": (value("198.41.0.9", ttl=ttl), value("198.41.0.9", ttl=ttl)),
        "unanswered": (answer("no-answer", ttl=0), answer("lame", ttl=0)),
    }
    first, second = says[status]
    second = answer(second.kind, *second.values, server="ns2.acme.com", ttl=second.ttl)
    return trace(hop(HOST, first, second, negative_ttl=negative_ttl))


def probe(scheme: Any, status: Any = "confirmed", detail: str = "") -> Probe:
    """A probe of the redirect server over a scheme."""
    return Probe(scheme, status, detail or f"it is {status}", "198.41.0.9")


def dns_resolvers(*leads: bool) -> tuple[DnsResolverAnswer, ...]:
    """DNS resolvers that lead to the CNAME target, or not."""
    return tuple(
        DnsResolverAnswer(
            f"198.41.1.{number}", True, leads_there, f"leads to {TARGET}" if leads_there else "still has an address"
        )
        for number, leads_there in enumerate(leads, 1)
    )


def evidence(cname: Trace | str | None = "complete", **fields: Any) -> Evidence:
    """What a check saw: all that is needed for links over http, if nothing else is said.

    `cname` is a trace, a status, or None for a domain that is checked by http. If the CNAME is not complete, no DNS
    resolver and no redirect server was asked.
    """
    found = way(cname) if isinstance(cname, str) else cname
    values: dict[str, Any] = {"cname": found, "ownership_verified": True}
    if found is None or found.status == "complete":
        values |= {"http": probe("http"), "https": probe("https", "no-answer")}
    if found is not None and found.status == "complete":
        values |= {"dns_resolvers": dns_resolvers(True, True)}
    if found is not None and found.status == "wrong":
        values |= {"cname_target_addresses": ("198.41.0.80",)}
    return Evidence(**(values | fields))

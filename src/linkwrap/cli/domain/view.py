"""Domains, changes and results as text. What the DNS or a customer says is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from ..tables import make_table
from ..text import printable
from .data import time

if TYPE_CHECKING:
    from rich.table import Table

    from ...domains import Change, Domain, Proof, ServerAnswer, Trace, Verification

_COLOURS = {"verified": "green", "propagating": "yellow", "pending": "yellow"}
_Mark = Literal["ok", "no", "warning"]
_MARKS = {"ok": "green", "no": "red", "warning": "yellow"}


def domains_table(domains: Sequence[Domain]) -> Table:
    """Return a table of domains."""
    from rich.text import Text

    table = make_table(("host", 26), ("account", 10), ("state", 11), ("since", 20), ("use", None))
    for domain in domains:
        table.add_row(
            Text(domain.host),
            Text(printable(domain.account_id)),
            Text(domain.state, style=_COLOURS.get(domain.state, "red")),
            Text(time(domain.since)),
            Text(", ".join(_use(domain))),
        )
    return table


def _use(domain: Domain) -> Iterator[str]:
    if domain.default:
        yield "default"
    if domain.in_use:
        yield "https" if domain.secure else "http"
    if domain.subaccount is not None:
        yield f"subaccount {printable(domain.subaccount)}"
    yield from (f"from {sender}" for sender in domain.sending_domains)


def facts(domain: Domain) -> list[str]:
    """Return all that is known of a domain, a line for each fact."""
    owner = "proven" if domain.owner else "vouched for" if domain.vouched else "not proven"
    found = {
        "host": domain.host,
        "account": printable(domain.account_id),
        "subaccount": printable(domain.subaccount or ""),
        "state": domain.state,
        "since": time(domain.since),
        "method": domain.method,
        "owner": owner,
        "links": _links(domain),
        "certificate": "valid at the last check" if domain.https else "none seen",
        "default": "yes" if domain.default else "no",
        "sending domains": ", ".join(domain.sending_domains),
        "added": time(domain.added_at),
        "last check": time(domain.checked_at) if domain.checked_at else "none yet",
        "next check": time(domain.next_check) if domain.next_check else "none by itself",
    }
    times = {
        "complete since": domain.seen_since,
        "settled at": domain.settled_at,
        "contrary since": domain.contrary_since,
        "silent since": domain.silent_since,
    }
    found |= {name: time(moment) for name, moment in times.items() if moment}
    return [f"{name:17}{value}".rstrip() for name, value in found.items()]


def _links(domain: Domain) -> str:
    if domain.in_use:
        return "https" if domain.secure else "http"
    return "none any more" if domain.state == "lapsed" else "none yet"


def change_line(change: Change) -> str:
    """Return a change as a line."""
    values = f" {change.old} → {change.new}" if change.old and change.new else f" {change.new or change.old or ''}"
    where = f"{printable(change.account_id)} {change.host}"
    return f"{time(change.at)} {where}: {change.what}{printable(values.rstrip())}"


def state_line(result: Verification) -> str:
    """Return the state that a check found a domain in, and the one before."""
    domain = result.domain
    before = "" if domain.state == result.before else f", before {result.before}"
    return f"{domain.host} ({printable(domain.account_id)}): {domain.state}{before}"


def result_line(result: Verification) -> str:
    """Return what came of a check as a line of a log."""
    domain = result.domain
    at = time(domain.checked_at) if domain.checked_at else ""
    advice = "".join(f"; to do: {printable(sentence)}" for sentence in result.advice[:1])
    return f"{at} {printable(domain.account_id)} {domain.host}: checked, {domain.state}{advice}"


def todo(advice: Sequence[str]) -> list[str]:
    """Return advice as lines."""
    return [f"To do: {printable(sentence)}" for sentence in advice]


def answers_table(result: Verification, target: str) -> Table:
    """Return a table of all that a check asked: each name server, each resolver, and the redirector.

    `target` is what the registry's domains lead to.
    """
    from rich.text import Text

    table = make_table(("asked for", 24), ("server", 24), ("result", 7), ("answer", None))
    last = ""
    for asked, server, mark, answer in _rows(result, target):
        if asked != last and last:
            table.add_section()
        last = asked
        table.add_row(Text(asked), Text(printable(server)), Text(mark, style=_MARKS[mark]), Text(printable(answer)))
    return table


def _rows(result: Verification, target: str) -> Iterator[tuple[str, str, _Mark, str]]:
    findings = result.findings
    for kind, way in (("CNAME", findings.dns), ("TXT", findings.owner)):
        if way is None:
            continue
        for hop in way.hops:
            for answer in hop.answers:
                server = f"{answer.server} ({answer.address})" if answer.address else answer.server
                mark = _dns_mark(answer, way) if kind == "CNAME" else _owner_mark(answer, result)
                yield f"{kind} {printable(hop.name)}", server, mark, answer.detail
    for resolver in findings.resolvers:
        mark = _mark(resolver.chain) if resolver.answered else "warning"
        yield f"CNAME {result.domain.host}", f"resolver {resolver.resolver}", mark, resolver.detail
    for proof in (findings.http, findings.https):
        if proof:
            yield f"{proof.scheme} {result.domain.host}", _redirector(proof), _proof_mark(proof, result), proof.detail
    if control := findings.control:
        mark = "warning" if control.outcome == "unasked" else _mark(control.outcome == "proven")
        yield (
            f"{control.scheme} {target}",
            _redirector(control),
            mark,
            f"to compare, the target itself: {control.detail}",
        )


def _redirector(proof: Proof) -> str:
    return f"redirector ({proof.address})" if proof.address else "redirector"


def _mark(fine: bool) -> _Mark:
    return "ok" if fine else "no"


def _dns_mark(answer: ServerAnswer, way: Trace) -> _Mark:
    if not answer.authoritative:
        return "warning"
    return _mark(not way.at_root and answer not in way.contrary)


def _owner_mark(answer: ServerAnswer, result: Verification) -> _Mark:
    from ...domains.records import proves

    if not answer.authoritative:
        return "warning"
    return _mark(result.findings.proven or proves(answer.values, result.domain.challenge))


def _proof_mark(proof: Proof, result: Verification) -> _Mark:
    if proof.outcome == "proven":
        return "ok"
    if proof.outcome == "unasked":
        return "warning"
    used = result.domain.in_use or result.before in ("verified", "suspended")
    if used and result.domain.secure and proof.scheme == "https":
        return "no"
    # One of both will do where links are not https yet, and nobody was promised a certificate.
    return "warning" if result.findings.reached or proof.outcome in ("certificate", "untrusted") else "no"

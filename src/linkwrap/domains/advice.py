"""What a domain's owner or the operator should do about a check's findings, a sentence each."""

from collections.abc import Iterator

from .domain import Domain
from .findings import Findings
from .records import owner_name
from .trace import MAX_HOPS, Hop, Trace


def advise(domain: Domain, findings: Findings, target: str, *, taken: bool = False) -> tuple[str, ...]:
    """Return what to do, most important first; nothing where the domain is verified and nothing is wrong.

    `domain` is as the check left it; `taken`: another account has proven the host.
    """
    return tuple(_sentences(domain, findings, target, taken))


def _sentences(domain: Domain, findings: Findings, target: str, taken: bool) -> Iterator[str]:
    way = findings.dns
    if way:
        yield from _about_dns(domain, way, findings, target)
    if findings.offline:
        if findings.fault:
            yield findings.fault
        if findings.control:
            yield f"the redirector is not reached at {target} itself ({findings.control}): see to it first"
        return
    if not findings.proven and findings.owner:
        yield from _about_owner(domain, findings.owner)
    if taken:
        yield f"{domain.host} is another account's: it has to be removed there before it can be verified here"
    if way is None or way.verdict == "complete":
        if way and way.unasked:
            yield "not all name servers were asked, as they are too many or too slow: let fewer zones be on the way"
        if not findings.resolved:
            for answer in findings.resolvers:
                if answer.answered and not answer.chain:
                    yield f"the resolver {answer}: wait until what it keeps has run out"
                elif not answer.chain:
                    yield f"the resolver {answer}: see why, or configure another one"
        elif findings.proven and findings.reached and not taken and _waits(domain):
            yield (
                "everything is set up: resolvers may keep what was there before until "
                f"{domain.settled_at:%Y-%m-%d %H:%M:%S} UTC, and the domain is checked again after that"
            )
        yield from _about_proofs(domain, findings)
    if domain.state == "lapsed":
        yield f"{domain.host} has lapsed: it needs the TXT record and the way to {target}, or has to be added anew"
    if domain.next_check is None:
        yield "it is not checked by itself any more: verify it by hand once something has changed"


def _about_dns(domain: Domain, way: Trace, findings: Findings, target: str) -> Iterator[str]:
    host = domain.host
    create = f"create a CNAME record for {host} with the value {target}"
    if way.failure == "no-such-tld" and not way.hops:
        yield f"{way.detail}: is {host} spelled right?"
    elif way.verdict == "intercepted":
        yield f"{way.detail}: let this machine reach port 53 of any address, or vouch for the owner and verify by http"
    elif way.verdict == "offline":
        yield f"{way.detail}: check the network and the resolvers of this machine"
    elif way.at_root and way.verdict == "wrong":
        yield f"{host} is the root of a zone, where a CNAME cannot stand: choose a subdomain, such as click.{host}"
    elif way.verdict == "absent" and findings.misplaced:
        yield f"the record is at {findings.misplaced}: the zone was put behind the name, so give the name without it"
    elif way.verdict == "absent":
        yield create if len(way.hops[0].zone.split(".")) > 1 else f"{host} is in no zone: is its domain registered?"
    elif way.verdict == "partial":
        for answer in way.contrary:
            yield f"{answer}: wait until it has the new record, or ask who runs it"
    elif way.verdict == "unanswered":
        silent = [hop for hop in way.hops if not hop.heard]
        for hop in silent:
            yield f"no name server of {hop.zone} answers with authority for {hop.name}: ask who runs them"
        if not silent:
            yield f"{way.hops[-1].name} leads to a name that cannot be looked up: {way.detail}"
    elif way.verdict == "wrong":
        yield from _about_wrong(way, findings, create, target)


def _about_wrong(way: Trace, findings: Findings, create: str, target: str) -> Iterator[str]:
    first, last = way.hops[0], way.hops[-1]
    if way.looped:
        yield f"the CNAME records from {first.name} lead back to where they came from: let one point to {target}"
        return
    if len(way.hops) == MAX_HOPS and last.aliases:
        yield f"more than {len(way.hops) - 1} CNAME records follow {first.name}: let it point to {target}"
        return
    if first.aliases and first.aliases[0] == f"{target}.{first.zone}":
        yield f"the record points to {first.aliases[0]}: the zone was put behind {target}, so end the value with a dot"
    elif first.aliases:
        yield f"the record points to {first.aliases[0]}, it must point to {target}"
    value = _values(last)
    if value and findings.reached:
        yield f"the address of {last.name} ({value}) is a proxy's that leads here: verify by http"
    elif value and not first.aliases:
        yield (
            f"{last.name} has an address ({value}) in place of a CNAME: {create}, or if the address is that of a proxy "
            "or a CDN in front of it, verify by http"
        )
    elif last is not first and not value:
        yield f"{last.name}, to which it leads, does not exist"


def _values(hop: Hop) -> str:
    return ", ".join(sorted({value for answer in hop.heard if answer.said == "value" for value in answer.values})[:4])


def _about_owner(domain: Domain, owner: Trace) -> Iterator[str]:
    record = f"a TXT record for {owner_name(domain.host)} with the value {domain.challenge}"
    if owner.failure in ("offline", "intercepted"):
        yield owner.detail
    elif any(answer.said == "value" for hop in owner.hops for answer in hop.heard):
        yield f"the TXT record that proves the owner is missing or another one on some server: create {record}"
    else:
        yield f"the owner is not proven yet: create {record}"


def _about_proofs(domain: Domain, findings: Findings) -> Iterator[str]:
    host, http, https = domain.host, findings.http, findings.https
    if http is None or https is None:
        return
    used = findings.used(domain)
    if http.outcome == "absent":
        yield f"{host} has no address: let it lead to the redirector, by its DNS records or those of the CDN before it"
    elif used is None or used.outcome != "proven":
        for proof in (http, https):
            if proof.outcome != "proven":
                yield f"the redirector is not reached through {host} by {proof}"
    elif domain.in_use and not domain.secure and http.outcome == "redirected":
        yield f"links on {host} should be https, as {http}: set it secure"
    elif domain.in_use and not domain.secure and findings.secure:
        yield f"a valid certificate is there: links on {host} can be https, once it is set secure"
    elif domain.in_use and not domain.secure:
        yield f"links are http: for https the redirector needs a certificate for {host} ({https})"


def _waits(domain: Domain) -> bool:
    waits = domain.settled_at and domain.checked_at and domain.settled_at > domain.checked_at
    return bool(waits) and not domain.verified

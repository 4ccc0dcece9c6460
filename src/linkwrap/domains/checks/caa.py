"""CAA records: which authorities may issue a certificate for a host (RFC 8659)."""

import re

import dns.name
import dns.rdatatype
from dns.name import Name

from ..results import Caa
from .dns import Questions, Unanswered, as_text

_CRITICAL = 128  # a bit of the flags (RFC 8659 4.1)
_ISSUER = re.compile(rb"[a-z0-9.-]{1,80}")
_MAX_CLIMBED = 10  # names that are asked for


async def ask_caa(questions: Questions, host: Name) -> Caa | None:
    """Return the CAA records that count for a host, by the DNS resolvers; None for none, or if it cannot be told.

    They are those of the host, to which a CNAME's target counts, or else of the closest name above it that has some
    (RFC 8659 3).
    """
    name = host
    for _ in range(_MAX_CLIMBED):
        if name == dns.name.root:
            return None
        try:
            answer = await questions.resolve(name, dns.rdatatype.CAA)
        except Unanswered:
            return None
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.CAA:
                return _read(as_text(rrset.name), [(rdata.flags, rdata.tag, rdata.value) for rdata in rrset])
        name = name.parent()
    return None


def _read(name: str, records: list[tuple[int, bytes, bytes]]) -> Caa:
    issuers: set[str] = set()
    restricted = False
    for flags, tag, value in records:
        kind = tag.lower()
        if kind == b"issue":
            restricted = True
            issuer = value.partition(b";")[0].strip().lower()
            # What is no name allows nobody (RFC 8659 4.2), and is a stranger's text.
            issuers |= {issuer.decode("ascii")} if _ISSUER.fullmatch(issuer) else set()
        elif flags & _CRITICAL and kind not in (b"issuewild", b"iodef"):
            # Who does not know a critical property must not issue (RFC 8659 4.1).
            return Caa(name, True, (), unknown=True)
    return Caa(name, restricted, tuple(sorted(issuers)))

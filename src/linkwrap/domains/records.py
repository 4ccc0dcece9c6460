"""The DNS records that the owner of a custom tracking domain is to create."""

import secrets
from dataclasses import dataclass
from typing import Final

from .domain import Domain

OWNER_LABEL: Final = "_linkwrap"
"""The label in front of a host at which the TXT record that proves its owner stands."""

_TTL: Final = 300


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to create in the DNS. `str()` says it in words, `zone_line` is a line of a zone file (RFC 1035 5.1)."""

    name: str
    type: str
    value: str
    ttl: int = _TTL

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file, names absolute."""
        value = f"{self.value}." if self.type == "CNAME" else f'"{self.value}"'
        return f"{self.name}. {self.ttl} IN {self.type} {value}"

    def __str__(self) -> str:
        return f"{self.type} record: name {self.name}, value {self.value}"


@dataclass(frozen=True, slots=True)
class DomainRequest:
    """A domain, and the DNS records that its owner is to create. `str()` says them in words, a line each."""

    domain: Domain
    records: tuple[DnsRecord, ...]

    @property
    def zone_lines(self) -> tuple[str, ...]:
        """The records as lines of a zone file (RFC 1035 5.1), names absolute."""
        return tuple(record.zone_line for record in self.records)

    def __str__(self) -> str:
        return "\n".join(map(str, self.records))


def make_challenge() -> str:
    """Return a new value for the TXT record of one account's claim to a host."""
    return f"linkwrap={secrets.token_urlsafe(24)}"


def owner_name(host: str) -> str:
    """Return the name at which the TXT record that proves a host's owner stands."""
    return f"{OWNER_LABEL}.{host}"


def records_for(host: str, target: str, challenge: str | None, *, cname: bool) -> tuple[DnsRecord, ...]:
    """Return the records to create: the CNAME if the host is reached by one, the TXT where there is a challenge."""
    records = (DnsRecord(host, "CNAME", target),) if cname else ()
    return records if challenge is None else (*records, DnsRecord(owner_name(host), "TXT", challenge))


def proves(values: tuple[str, ...], challenge: str) -> bool:
    """Tell whether one of a name's TXT records is the challenge, which some registrars keep in quotes."""
    return any(value.strip().strip('"') == challenge for value in values)

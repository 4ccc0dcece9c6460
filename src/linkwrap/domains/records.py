"""Which hosts may be custom tracking domains, and the DNS records that their owners are to create."""

import secrets
from dataclasses import dataclass
from typing import Final

from ..errors import DomainError
from ..urls import host_name
from .domain import Domain

OWNER_LABEL: Final = "_linkwrap"
"""The label in front of a host at which the TXT record that proves its owner stands."""

_TTL: Final = 300
_MAX_HOST: Final = 253 - len(OWNER_LABEL) - 1


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


def check_host(host: str, target: str) -> str:
    """Return the host that a customer asks for as lower-case A-labels.

    Raises `DomainError` with one sentence that says what is wrong: it is no DNS host name (RFC 1123 2.1), too long, a
    wildcard, a name of this machine only, or it overlaps with the target that all custom tracking domains lead to.
    """
    if not isinstance(host, str):
        raise DomainError(f"{host!r} is no host name, but {type(host).__name__}")
    if "*" in host:
        raise DomainError(f"{host[:80]!r} is a wildcard: add each host that links shall be on by itself")
    if "/" in host:
        raise DomainError(f"{host[:80]!r} is a URL: give the host alone, such as click.acme.com")
    try:
        name = host_name(host)
    except ValueError as error:
        raise DomainError(f"{error}: give a subdomain of yours, such as click.acme.com") from None
    if name == "localhost" or name.endswith(".localhost"):
        raise DomainError(f"{name!r} is a name of the reader's own machine: give one that is in the DNS")
    if len(name) > _MAX_HOST:
        raise DomainError(f"{name[:80]!r}… is longer than the {_MAX_HOST} characters that leave room for a TXT record")
    if name == target:
        raise DomainError(f"{name!r} is what custom tracking domains lead to, and cannot be one itself")
    if name.endswith(f".{target}") or target.endswith(f".{name}"):
        raise DomainError(
            f"{name!r} belongs to {target!r}, which custom tracking domains lead to: give one of your own"
        )
    return name

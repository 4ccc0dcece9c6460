"""Custom tracking domains as the registry keeps them, and which hosts can be one. Values only: nothing does I/O."""

import secrets
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from .._faults import Faults
from .._hosts import host_name
from .._token.wire import MAX_ACCOUNT_ID
from ..account import TrackingDomain
from ..errors import DomainError, LinkWrapError, OptionError

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

State = Literal["pending", "propagating", "verified", "invalid", "suspended", "lapsed"]
STATES: Final[tuple[State, ...]] = get_args(State)
Method = Literal["cname", "http"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
IN_USE: Final[tuple[State, ...]] = ("verified", "suspended")
"""The states of a domain that sent mail has links on, and that the account still controls."""
ChangeKind = Literal["added", "removed", "state", "method", "default", "secure", "assigned", "unassigned"]

OWNERSHIP_LABEL: Final = "_linkwrap"
"""The label in front of a host at which the TXT record stands that shows who controls the host."""

_MAX_HOST: Final = 253 - len(OWNERSHIP_LABEL) - 1
_TTL: Final = 300


TIME: Final = "%Y-%m-%d %H:%M:%S UTC"
"""The form of times in text."""


class NoRegistry(LinkWrapError):
    """There is no registry in the database, or no such database: the first `DomainRegistry.add` makes one."""


def json_value(value: object) -> Any:
    """Return a value ready for JSON: times as "2026-11-26T10:00:00Z", tuples as lists, values by their `as_dict`."""
    if isinstance(value, Value):
        return value.as_dict()
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return list(map(json_value, value)) if isinstance(value, tuple) else value


class Value:
    """The base of the values of `linkwrap.domains`, which are dataclasses."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields ready for JSON, times in UTC as "2026-11-26T10:00:00Z"."""
        return {field.name: json_value(getattr(self, field.name)) for field in fields(cast("Any", self))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Value):
    """An account's claim to a host, and what checks have found out about it. Times are in UTC, by the database's clock.

    Attributes:
        host: The host name, in lower-case A-labels.
        account_id: The account that claims the host.
        subaccount: The one subaccount that uses it; None if it is the account's own.
        method: How it is checked: "cname" (its CNAME, and the redirect server behind it) or "http" (the redirect
            server alone, for a host behind a CDN or proxy).
        ownership_trusted: The operator knows that the account controls the host: no TXT record is needed.
        ownership_verified: The account has been verified to control the host; no other account can be.
        challenge: The value of the TXT record that shows who controls the host.
        state: "pending" (no record is seen), "propagating" (a record is seen, but not everywhere, not for long enough,
            or without ownership), "verified" (links may go there), "invalid" (a record leads elsewhere), "suspended"
            (it was verified, and now leads elsewhere: new mail uses another domain), "lapsed" (that went on for too
            long, or nothing answered).
        since: When the domain got this state.
        secure: Links on the domain are https.
        certificate_valid: The last check saw a valid certificate.
        default: It serves mail that no sending domain decides.
        sending_domains: The sending domains that are assigned to it.
        added_at: When the account added it.
        checked_at: When the last check ended; None before the first.
        next_check: When the next check is due; None once automatic checks have ended.
        watched_since: When automatic checks of a domain that is not in use began.
        complete_since: Since when all authoritative name servers give the CNAME; None if they do not.
        propagated_at: When no DNS resolver can have the replaced record any more; None if the CNAME is not complete.
        contrary_since: Since when a domain in use leads elsewhere; None if it does not.
        silent_since: Since when a domain in use gives no answer; None if it does.
        replaced_ttl: TTL in seconds of the record that was seen in place of the CNAME.
        stale_until: Until when DNS resolvers may keep a replaced record.
        evidence: `Evidence.as_dict()` of the last check, and its "advice"; None before the first.
    """

    host: str
    account_id: str
    subaccount: str | None
    method: Method
    ownership_trusted: bool
    ownership_verified: bool
    challenge: str = field(repr=False)
    state: State
    since: datetime
    secure: bool
    certificate_valid: bool
    default: bool
    sending_domains: tuple[str, ...]
    added_at: datetime
    checked_at: datetime | None
    next_check: datetime | None
    watched_since: datetime
    complete_since: datetime | None
    propagated_at: datetime | None
    contrary_since: datetime | None
    silent_since: datetime | None
    replaced_ttl: int
    stale_until: datetime | None
    evidence: dict[str, Any] | None = field(repr=False)

    @property
    def verified(self) -> bool:
        """Whether links may go to the domain."""
        return self.state == "verified"

    @property
    def in_use(self) -> bool:
        """Whether sent mail has links on the domain, and the account still controls it."""
        return self.state in IN_USE

    @property
    def tracking_domain(self) -> TrackingDomain:
        """The domain as an `Account` takes it; if it is not verified, state and advice are its problem."""
        problem = None
        if not self.verified:
            advice = (self.evidence or {}).get("advice")
            first = advice[:1] if isinstance(advice, list) else []
            problem = ": ".join((f"{self.state} since {self.since:{TIME}}", *map(str, first)))
        return TrackingDomain(
            self.host,
            secure=self.secure,
            verified=self.verified,
            default=self.default,
            subaccount=self.subaccount,
            sending_domains=self.sending_domains,
            problem=problem,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Value):
    """One entry of a domain's history.

    Attributes:
        id: The number of the change. Numbers are in the order in which changes became visible: no change appears
            later with a smaller number.
        at: When it was made, in UTC by the database's clock.
        host: The domain's host.
        account_id: The domain's account.
        subaccount: The domain's subaccount.
        kind: "added", "removed", "state", "method", "default", "secure", "assigned" or "unassigned".
        previous_state: The state before the change; None for "added".
        state: The state after it; None for "removed". Only for "state" the two differ otherwise.
        value: The new method for "method", the new setting for "default" and "secure", the sending domain for
            "assigned" and "unassigned"; None for the others.
        evidence: What a check saw, if a check made the change, ready for JSON; None if a call made it.
    """

    id: int
    at: datetime
    host: str
    account_id: str
    subaccount: str | None
    kind: ChangeKind
    previous_state: State | None
    state: State | None
    value: bool | str | None
    evidence: dict[str, Any] | None = field(repr=False)

    def __str__(self) -> str:
        if self.kind == "state":
            words = f"{self.previous_state} → {self.state}"
        elif self.value is None:
            words = self.state or self.previous_state or ""
        else:
            words = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{self.at:{TIME}} {self.account_id} {self.host}: {self.kind} {words}"


@dataclass(frozen=True, slots=True)
class DnsRecord(Value):
    """A DNS record to create. `str()` describes it in words.

    Attributes:
        name: The absolute name, without a trailing dot.
        type: "CNAME" or "TXT".
        value: The host that a CNAME points to, or the text of a TXT record.
        ttl: Time to live in seconds.
    """

    name: str
    type: Literal["CNAME", "TXT"]
    value: str
    ttl: int = _TTL

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file, names absolute (RFC 1035 5.1)."""
        value = f"{self.value}." if self.type == "CNAME" else f'"{self.value}"'
        return f"{self.name}. {self.ttl} IN {self.type} {value}"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and the `zone_line`, ready for JSON."""
        return Value.as_dict(self) | {"zone_line": self.zone_line}

    def __str__(self) -> str:
        return f"{self.type} record: name {self.name}, value {self.value}"


@dataclass(frozen=True, slots=True)
class DomainRequest(Value):
    """A domain, and the DNS records that the domain owner creates. `str()` describes them, a line each.

    Attributes:
        domain: The domain.
        records: The records: the CNAME if the method is "cname", and the TXT record while ownership is not verified.
    """

    domain: Domain
    records: tuple[DnsRecord, ...]

    @property
    def zone_lines(self) -> tuple[str, ...]:
        """The records as lines of a zone file, names absolute (RFC 1035 5.1)."""
        return tuple(record.zone_line for record in self.records)

    def __str__(self) -> str:
        return "\n".join(map(str, self.records))


def new_domain(
    host: str, *, account_id: str, subaccount: str | None, method: Method, ownership_trusted: bool, at: datetime
) -> Domain:
    """Return a new claim, due for its first check at once."""
    return Domain(
        host=host,
        account_id=account_id,
        subaccount=subaccount,
        method=method,
        ownership_trusted=ownership_trusted,
        ownership_verified=False,
        challenge=make_challenge(),
        state="pending",
        since=at,
        secure=False,
        certificate_valid=False,
        default=False,
        sending_domains=(),
        added_at=at,
        checked_at=None,
        next_check=at,
        watched_since=at,
        complete_since=None,
        propagated_at=None,
        contrary_since=None,
        silent_since=None,
        replaced_ttl=0,
        stale_until=None,
        evidence=None,
    )


def make_challenge() -> str:
    """Return a new value for the TXT record of one account's claim to a host."""
    return f"linkwrap={secrets.token_urlsafe(24)}"


def request_for(domain: Domain, cname_target: str) -> DomainRequest:
    """Return a domain with the records that its owner creates, or keeps."""
    records = []
    if domain.method == "cname":
        records.append(DnsRecord(domain.host, "CNAME", cname_target))
    if not (domain.ownership_trusted or domain.ownership_verified):
        records.append(DnsRecord(ownership_name(domain.host), "TXT", domain.challenge))
    return DomainRequest(domain, tuple(records))


def ownership_name(host: str) -> str:
    """Return the name of the TXT record that shows who controls a host."""
    return f"{OWNERSHIP_LABEL}.{host}"


def holds_challenge(values: tuple[str, ...], challenge: str) -> bool:
    """Tell whether one of a name's TXT records is the challenge; some registrars keep the quotes around it."""
    return any(value.strip().strip('"') == challenge for value in values)


def check_arguments(**arguments: object) -> dict[str, str]:
    """Check the arguments of a call by their names.

    Returns:
        The host names among them as the registry keeps them.

    Raises:
        TypeError: An argument has a wrong type; the message lists every fault.
        DomainError: A host name cannot be used, and nothing else is wrong.
        OptionError: An argument cannot be used; the message lists every fault.
    """
    faults: Faults | None = None
    hosts: dict[str, str] = {}
    error: type[LinkWrapError] = DomainError
    value: Any
    for name, value in arguments.items():
        kind, wanted = _ARGUMENTS[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            faults = faults or Faults()
            faults.wrong_type(name, kind.__name__, value)
        elif name in _HOSTS:
            try:
                hosts[name] = read_host(str(value))
            except DomainError as refused:
                faults = faults or Faults()
                faults.wrong_value(str(refused))
        elif not _can_be_used(name, value):
            faults, error = faults or Faults(), OptionError
            shown = repr(value[:40]) if isinstance(value, str) else value
            faults.wrong_value(f"{name} must be {wanted}, not {shown}")
    if faults:
        faults.raise_any(error=error)
    return hosts


_MAX_NUMBER: Final = (1 << 63) - 1
_HOSTS: Final = ("host", "sending_domain")
_CHOICES: Final[dict[str, tuple[str, ...]]] = {"method": METHODS, "state": STATES}
_ID: Final = (str, f"1 to {MAX_ACCOUNT_ID} printable bytes of UTF-8")
_ARGUMENTS: Final[dict[str, tuple[type, str]]] = {
    **dict.fromkeys(_HOSTS, (str, "")),
    "account": _ID,
    "account_id": _ID,
    "subaccount": _ID,
    "after": (int, "a whole number from 0 on"),
    "limit": (int, "a whole number from 0 on"),
    "concurrency": (int, "a whole number from 1 on"),
    "default": (bool, ""),
    "secure": (bool, ""),
    "ownership_trusted": (bool, ""),
} | {name: (str, " or ".join(map(repr, choices))) for name, choices in _CHOICES.items()}


def _can_be_used(name: str, value: Any) -> bool:
    if name in _CHOICES:
        return value in _CHOICES[name]
    if isinstance(value, int):
        return isinstance(value, bool) or (name == "concurrency") <= value <= _MAX_NUMBER
    try:
        return value.isprintable() and 0 < len(value.encode()) <= MAX_ACCOUNT_ID
    except UnicodeEncodeError:
        return False


def read_host(host: str) -> str:
    """Return a host name as the registry keeps it, in lower-case A-labels.

    Raises:
        DomainError: It is not a host name (RFC 1123 2.1); the message says why.
    """
    shown = repr(host[:80])
    if "/" in host:
        raise DomainError(f"{shown} is a URL: give the host alone, such as click.acme.com")
    if "@" in host:
        raise DomainError(f"{shown} is an email address: give the part after the @")
    if "*" in host:
        raise DomainError(f"{shown} is a wildcard: add each host by itself")
    try:
        return host_name(host)
    except ValueError as error:
        raise DomainError(str(error)) from None


def check_new_host(name: str, cname_target: str) -> None:
    """Check that a host, as `read_host` returns it, can be a custom tracking domain.

    Raises:
        DomainError: The host is too long, a name of the reader's own machine, a domain as a registrar sells it, where
            no CNAME can stand, a public suffix, or overlaps with the CNAME target.
    """
    if name == "localhost" or name.endswith(".localhost"):
        raise DomainError(f"{name!r} is a name of the reader's own machine: use a name in the public DNS")
    if len(name) > _MAX_HOST:
        raise DomainError(f"{name[:80]!r}… is longer than {_MAX_HOST} characters: the TXT record needs the rest")
    if name == cname_target:
        raise DomainError(f"{name!r} is the CNAME target, and cannot be a custom tracking domain")
    if name.endswith(f".{cname_target}") or cname_target.endswith(f".{name}"):
        raise DomainError(f"{name!r} overlaps with the CNAME target {cname_target!r}: use a host of your own")
    registrable = registrable_domain(name)
    if registrable is None:
        raise DomainError(f"{name!r} is a public suffix, under which others have domains: use a name under your own")
    if name == registrable:
        # It has SOA and NS records, beside which no CNAME can stand (RFC 1034, 3.6.2).
        raise DomainError(f"{name!r} is a whole domain, which can have no CNAME: use a subdomain such as click.{name}")


def registrable_domain(name: str) -> str | None:
    """Return the domain that a registrar sells, and that a host, as `read_host` returns it, is or is under.

    By the ICANN section of the public suffix list (publicsuffix.org); a top-level domain that is not in it is a public
    suffix. None for a public suffix.
    """
    return _public_suffixes().privatesuffix(name)


@cache
def _public_suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)

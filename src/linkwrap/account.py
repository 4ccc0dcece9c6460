"""Tracking domains, and which of an account's a message's links go to, after SparkPost's resource and precedence.

Values only: nothing here asks the DNS. Whether a domain is `verified` is what its maker found out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Final, TypeVar

from ._hosts import host_name
from .errors import DomainError

_Key = TypeVar("_Key")

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def _host_and_port(host: str, port: int | None, faults: list[str]) -> tuple[str, int | None]:
    if not isinstance(host, str):
        return _checked_host(host, faults), port
    if "/" in host:
        faults.append("host must be a host name, not a URL")
        return "", port
    # An IPv6 address has more colons, and is refused as a whole.
    name, colon, digits = host.partition(":") if host.count(":") == 1 else (host, "", "")
    if colon and not _PORT.fullmatch(digits):
        faults.append(f"{digits!r} is no port")
    elif colon:
        if port not in {None, int(digits)}:
            faults.append(f"port is {port!r}, but host says {digits}")
        port = int(digits)
    if port is not None and not (isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536):
        faults.append(f"port {port!r} is not from 1 to 65535")
    return _checked_host(name, faults), port


def _checked_host(host: str, faults: list[str]) -> str:
    """The host name; empty, with one more fault, where it is none."""
    if not isinstance(host, str):
        faults.append(f"{host!r} is no string")
        return ""
    try:
        return host_name(host)
    except ValueError as error:
        faults.append(str(error))
        return ""


@dataclass(frozen=True, slots=True)
class TrackingDomain:
    """A host that redirect URLs are on.

    - `host`: a DNS host name, kept as lower-case A-labels without a trailing dot; "localhost:8080" sets `port` too;
    - `secure`: its URLs are https; without it, http;
    - `port`: None is the scheme's own;
    - `verified`: it is known to reach the redirector; only such domains are used;
    - `default`: it serves the messages of its account, or of its subaccount, that no linked domain serves;
    - `subaccount`: the one subaccount that it belongs to and serves; None where it is the account's own;
    - `sending_domains`: the domains of From addresses that it is linked to, kept like `host`.

    Raises `DomainError` with one message that lists every fault.
    """

    host: str
    _: KW_ONLY
    secure: bool = True
    port: int | None = None
    verified: bool = False
    default: bool = False
    subaccount: str | None = None
    sending_domains: Sequence[str] = ()

    def __post_init__(self) -> None:
        faults: list[str] = []
        host, port = _host_and_port(self.host, self.port, faults)
        flags = {"secure": self.secure, "verified": self.verified, "default": self.default}
        faults += [f"{name} must be True or False" for name, flag in flags.items() if not isinstance(flag, bool)]
        if self.subaccount is not None and not (isinstance(self.subaccount, str) and self.subaccount):
            faults.append("subaccount must be a string that is not empty, or None for the account itself")
        if isinstance(self.sending_domains, str) or not isinstance(self.sending_domains, Iterable):
            faults.append("sending_domains must be a sequence of domains, not one string")
            sending_domains = []
        else:
            sending_domains = [_checked_host(domain, faults) for domain in self.sending_domains]
        if faults:
            raise DomainError(f"TrackingDomain({self.host!r}): {'; '.join(faults)}")
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "port", port)
        object.__setattr__(self, "sending_domains", tuple(dict.fromkeys(sending_domains)))

    @property
    def origin(self) -> str:
        """What its URLs begin with: "https://click.acme.com", "http://localhost:8080"; default ports left out."""
        scheme, scheme_port = ("https", 443) if self.secure else ("http", 80)
        return f"{scheme}://{self.host}" if self.port in {None, scheme_port} else f"{scheme}://{self.host}:{self.port}"


DEFAULT_TRACKING_DOMAIN: Final = TrackingDomain("spgo.io", verified=True)
"""The system's default, for messages that no tracking domain of their account serves."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its tracking domains; its messages that none of them serves go out on `fallback`.

    Raises `DomainError` with one message that lists every fault: the id is empty, a host is there twice, the account
    or one of its subaccounts has two defaults, or a sending domain is linked to two tracking domains.
    """

    id: str
    domains: Sequence[TrackingDomain] = ()
    _: KW_ONLY
    fallback: TrackingDomain = field(default=DEFAULT_TRACKING_DOMAIN, repr=False)
    _hosts: dict[str, TrackingDomain] = field(init=False, repr=False, compare=False)
    _linked: dict[str, TrackingDomain] = field(init=False, repr=False, compare=False)
    _defaults: dict[str | None, TrackingDomain] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        domains = tuple(self.domains) if isinstance(self.domains, Iterable) else (self.domains,)
        faults: list[str] = []
        if not isinstance(self.id, str) or not self.id:
            faults.append("the id must be a string that is not empty")
        if any(not isinstance(domain, TrackingDomain) for domain in domains):
            raise DomainError(f"Account({self.id!r}): domains must be TrackingDomain objects")
        if not isinstance(self.fallback, TrackingDomain) or not self.fallback.verified:
            faults.append("fallback must be a TrackingDomain that is verified")
        hosts: dict[str, TrackingDomain] = {}
        linked: dict[str, TrackingDomain] = {}
        defaults: dict[str | None, TrackingDomain] = {}
        for domain in domains:
            _add(hosts, domain.host, domain, f"have the host {domain.host!r}", faults)
            for sending_domain in domain.sending_domains:
                _add(linked, sending_domain, domain, f"are linked to {sending_domain!r}", faults)
            if domain.default:
                owner = "the account" if domain.subaccount is None else f"subaccount {domain.subaccount!r}"
                _add(defaults, domain.subaccount, domain, f"are the default of {owner}", faults)
        if faults:
            raise DomainError(f"Account({self.id!r}): {'; '.join(faults)}")
        for name, value in (("domains", domains), ("_hosts", hosts), ("_linked", linked), ("_defaults", defaults)):
            object.__setattr__(self, name, value)

    def tracking_domain(
        self, requested: str | None = None, sending_domain: str | None = None, subaccount: str | None = None
    ) -> TrackingDomain:
        """Return the tracking domain of a message: the first verified one of these.

        1. the `requested` host ("click.acme.com", with its port or without);
        2. the domain linked to `sending_domain`, the domain of the message's From address, if there is one;
        3. the default of `subaccount`, the one that the message is sent for;
        4. the default of the account;
        5. the `fallback`, which is `DEFAULT_TRACKING_DOMAIN` where the account has no other.

        The account's own domains serve its subaccounts too. A subaccount's domain serves only that subaccount, at
        every step: never the account's own messages, never another subaccount's.
        Raises `DomainError` where a requested host is none that may serve the message, or is not verified; at the
        other steps such domains are passed over, and a `sending_domain` that is no host name is linked to nothing.
        """
        if requested is not None:
            return self._requested(requested, subaccount)
        linked = self._linked.get(_checked_host(sending_domain, [])) if sending_domain else None
        for domain in (linked, self._defaults.get(subaccount), self._defaults.get(None)):
            if domain is not None and domain.verified and domain.subaccount in {None, subaccount}:
                return domain
        return self.fallback

    def _requested(self, requested: str, subaccount: str | None) -> TrackingDomain:
        wanted = TrackingDomain(requested)
        domain = self._hosts.get(wanted.host)
        if domain is None or domain.subaccount not in {None, subaccount} or wanted.port not in {None, domain.port}:
            owner = "" if subaccount is None else f"subaccount {subaccount!r} of "
            raise DomainError(f"{owner}account {self.id!r} has no tracking domain {requested!r}")
        if not domain.verified:
            raise DomainError(f"the tracking domain {requested!r} is not verified yet: verify it, or request no domain")
        return domain


def _add(found: dict[_Key, TrackingDomain], key: _Key, domain: TrackingDomain, fault: str, faults: list[str]) -> None:
    if key in found:
        faults.append(f"two domains {fault}")
    found[key] = domain

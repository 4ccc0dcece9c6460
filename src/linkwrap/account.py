"""Tracking domains, and the choice of the one that a message's links are on.

Values only: nothing here asks the DNS. Whether a domain is `verified` is the word of the code that makes it. The order
of precedence is SparkPost's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Final, TypeVar

from ._faults import Faults
from ._hosts import host_name, url_host
from .errors import DomainError

_Key = TypeVar("_Key")

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def _host_and_port(host: object, port: object, faults: Faults) -> tuple[str, int | None]:
    said: int | None = None
    name = ""
    if not isinstance(host, str):
        faults.wrong_type("host", "str", host)
    elif "/" in host:
        faults.wrong_value(f"host must be a host name, not a URL: {_without_url(host)}")
    else:
        # An IPv6 address has more colons, and is refused as a whole.
        name, colon, digits = host.partition(":") if host.count(":") == 1 else (host, "", "")
        if colon and not _PORT.fullmatch(digits):
            faults.wrong_value(f"{digits!r} is not a port")
        elif colon:
            said = int(digits)
        name = _checked_host("host", name, faults)
    if port is not None and (not isinstance(port, int) or isinstance(port, bool)):
        faults.wrong_type("port", "int or None", port)
        return name, None
    if None not in {port, said} and port != said:
        faults.wrong_value(f"port is {port}, but host says {said}")
    elif (number := said if port is None else port) is not None and not 0 < number < 65536:
        faults.wrong_value(f"port must be from 1 to 65535, not {number}")
    return name, said if port is None else port


def _without_url(url: str) -> str:
    """Return how to write the host of what was given as a URL."""
    host, is_http = url_host(url)
    if is_http:
        return f"for http use TrackingDomain({host!r}, secure=False, verified=True)"
    return f"use {host or 'click.acme.com'!r}"


def _checked_host(name: str, host: object, faults: Faults) -> str:
    """Return the host name; empty, with one more fault, where there is none."""
    if not isinstance(host, str):
        faults.wrong_type(name, "str", host)
        return ""
    try:
        return host_name(host)
    except ValueError as error:
        faults.wrong_value(str(error))
        return ""


@dataclass(frozen=True, slots=True)
class TrackingDomain:
    """A host that redirect URLs are on.

    To try links on one machine, where there is no certificate, make them http:
    `TrackingDomain("localhost:8080", secure=False, verified=True)`. A plain "localhost:8080" makes https links.

    Args:
        host: A DNS host name, kept as lower-case A-labels without a trailing dot. "localhost:8080" sets `port` too.
        secure: Whether its URLs are https; else they are http.
        port: None is the scheme's own port.
        verified: Whether it leads to the redirect server; only such domains are used.
        default: Whether it serves the messages of its account, or of its subaccount, whose sending domain is not
            assigned to another tracking domain.
        subaccount: The one subaccount that it belongs to and serves; None where it is the account's own.
        sending_domains: The sending domains (domains of From addresses) that are assigned to it, kept like `host`.
        problem: Why it is not verified, in words, such as "suspended since 2026-11-30 10:00:00 UTC"; the error for
            a request for the domain quotes it.

    Raises:
        TypeError: An argument is of the wrong type.
        DomainError: The host, the port, the subaccount or a sending domain is not valid. The message lists all faults.
    """

    host: str
    _: KW_ONLY
    secure: bool = True
    port: int | None = None
    verified: bool = False
    default: bool = False
    subaccount: str | None = None
    sending_domains: Sequence[str] = ()
    problem: str | None = None

    def __post_init__(self) -> None:
        faults = Faults()
        host, port = _host_and_port(self.host, self.port, faults)
        for name, flag in (("secure", self.secure), ("verified", self.verified), ("default", self.default)):
            if not isinstance(flag, bool):
                faults.wrong_type(name, "bool", flag)
        for name, text in (("subaccount", self.subaccount), ("problem", self.problem)):
            if text is not None and not isinstance(text, str):
                faults.wrong_type(name, "str or None", text)
            elif text == "":
                faults.wrong_value(f"{name} must be None or a string that is not empty")
        sending_domains: list[str] = []
        if isinstance(self.sending_domains, str) or not isinstance(self.sending_domains, Iterable):
            faults.wrong_type("sending_domains", "a sequence of domains", self.sending_domains)
        else:
            for number, domain in enumerate(self.sending_domains):
                sending_domains.append(_checked_host(f"sending_domains[{number}]", domain, faults))
        faults.raise_any(f"TrackingDomain({self.host!r}): ", DomainError)
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "port", port)
        object.__setattr__(self, "sending_domains", tuple(dict.fromkeys(sending_domains)))

    @property
    def origin(self) -> str:
        """The beginning of its URLs, `https://click.acme.com` or `http://localhost:8080`, without a default port."""
        scheme, scheme_port = ("https", 443) if self.secure else ("http", 80)
        return f"{scheme}://{self.host}" if self.port in {None, scheme_port} else f"{scheme}://{self.host}:{self.port}"


DEFAULT_TRACKING_DOMAIN: Final = TrackingDomain("spgo.io", verified=True)
"""The system's default, for messages that no tracking domain of their account serves."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its tracking domains.

    Args:
        id: The `account_id` in its redirect URLs and events.
        domains: Its tracking domains and those of its subaccounts.
        fallback: The tracking domain of the messages that none of `domains` serves.

    Raises:
        TypeError: An argument is of the wrong type.
        DomainError: The id is empty, the fallback is not verified, a host is there twice, the account or one of its
            subaccounts has two defaults, or a sending domain is assigned to two tracking domains. The message lists
            all faults.
    """

    id: str
    domains: Sequence[TrackingDomain] = ()
    _: KW_ONLY
    fallback: TrackingDomain = field(default=DEFAULT_TRACKING_DOMAIN, repr=False)
    _hosts: dict[str, TrackingDomain] = field(init=False, repr=False, compare=False)
    _assigned: dict[str, TrackingDomain] = field(init=False, repr=False, compare=False)
    _defaults: dict[str | None, TrackingDomain] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        faults = Faults()
        if not isinstance(self.id, str):
            faults.wrong_type("id", "str", self.id)
        elif not self.id:
            faults.wrong_value("id must be a string that is not empty")
        domains: tuple[TrackingDomain, ...] = ()
        if isinstance(self.domains, str) or not isinstance(self.domains, Iterable):
            faults.wrong_type("domains", "a sequence of TrackingDomain", self.domains)
        else:
            domains = tuple(self.domains)
        if not isinstance(self.fallback, TrackingDomain):
            faults.wrong_type("fallback", "TrackingDomain", self.fallback)
        elif not self.fallback.verified:
            faults.wrong_value(f"fallback must be a verified TrackingDomain, and {self.fallback.host!r} is not")
        hosts: dict[str, TrackingDomain] = {}
        assigned: dict[str, TrackingDomain] = {}
        defaults: dict[str | None, TrackingDomain] = {}
        for number, domain in enumerate(domains):
            if not isinstance(domain, TrackingDomain):
                faults.wrong_type(f"domains[{number}]", "TrackingDomain", domain)
                continue
            _add(hosts, domain.host, domain, f"two domains have the host {domain.host!r}", faults)
            for sending_domain in domain.sending_domains:
                _add(assigned, sending_domain, domain, f"{sending_domain!r} is assigned to two domains", faults)
            if domain.default:
                whose = "the account" if domain.subaccount is None else f"subaccount {domain.subaccount!r}"
                _add(defaults, domain.subaccount, domain, f"two domains are the default of {whose}", faults)
        faults.raise_any(f"Account({self.id!r}): ", DomainError)
        for name, value in (("domains", domains), ("_hosts", hosts), ("_assigned", assigned), ("_defaults", defaults)):
            object.__setattr__(self, name, value)

    def tracking_domain(
        self, requested: str | None = None, sending_domain: str | None = None, subaccount: str | None = None
    ) -> TrackingDomain:
        """Return the tracking domain of a message.

        It is the first verified one of these:

        1. the `requested` host;
        2. the domain that `sending_domain` is assigned to;
        3. the default of `subaccount`;
        4. the default of the account;
        5. the `fallback`, which is `DEFAULT_TRACKING_DOMAIN` where the account has no other.

        The account's own domains serve its subaccounts too. A subaccount's domain serves only that subaccount, at
        every step: never the account's own messages, never another subaccount's.

        Args:
            requested: The host that the sender asks for ("click.acme.com", with its port or without). It is used or
                refused; at the other steps, domains that cannot be used are passed over.
            sending_domain: The domain of the message's From address. One that is not a host name is assigned to
                nothing.
            subaccount: The subaccount that the message is sent for; None is the account itself.

        Raises:
            TypeError: An argument is neither a string nor None.
            DomainError: The requested host is not a tracking domain that may serve the message, or is not verified.
        """
        faults = Faults()
        given = {"requested": requested, "sending_domain": sending_domain, "subaccount": subaccount}
        for name, value in given.items():
            if value is not None and not isinstance(value, str):
                faults.wrong_type(name, "str or None", value)
        faults.raise_any()
        if requested is not None:
            return self._requested(requested, subaccount)
        host = _checked_host("sending_domain", sending_domain, faults) if sending_domain else ""
        assigned = self._assigned.get(host)
        for domain in (assigned, self._defaults.get(subaccount), self._defaults.get(None)):
            if domain is not None and domain.verified and domain.subaccount in {None, subaccount}:
                return domain
        return self.fallback

    def _requested(self, requested: str, subaccount: str | None) -> TrackingDomain:
        wanted = TrackingDomain(requested)
        domain = self._hosts.get(wanted.host)
        if domain is None or domain.subaccount not in {None, subaccount} or wanted.port not in {None, domain.port}:
            whose = "" if subaccount is None else f"subaccount {subaccount!r} of "
            raise DomainError(f"{whose}account {self.id!r} has no tracking domain {requested!r}")
        if not domain.verified and domain.problem is not None:
            raise DomainError(f"the tracking domain {requested!r} cannot be used: {domain.problem}")
        if not domain.verified:
            raise DomainError(f"the tracking domain {requested!r} is not verified yet: until it is, request no domain")
        return domain


def _add(found: dict[_Key, TrackingDomain], key: _Key, domain: TrackingDomain, fault: str, faults: Faults) -> None:
    if key in found:
        faults.wrong_value(fault)
    found[key] = domain

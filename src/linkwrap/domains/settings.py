"""How a domain is used: as a default, over https, for which senders. Each in a transaction of the caller's."""

from dataclasses import replace

from sqlalchemy import Connection, select

from ..errors import DomainError, OptionError
from . import store
from .database import moment, now
from .domain import METHODS, Change, Domain, Method
from .hosts import read_host
from .schema import DOMAINS, LINKS


def set_default(connection: Connection, domain: Domain, default: bool) -> list[Change]:
    """Make a domain the default of its account or subaccount in place of another, or no default any more."""
    _check_flag("default", default)
    if default and not domain.verified:
        raise DomainError(f"{domain.host} is {domain.state}, and only a verified domain can be the default")
    if domain.default == default:
        return []
    same = (DOMAINS.c.account_id == domain.account_id) & DOMAINS.c.subaccount.is_not_distinct_from(domain.subaccount)
    former = store.find(connection, same, DOMAINS.c.is_default, lock=True) if default else []
    switched = [*((old, False) for old in former), (domain, default)]
    for changing, value in switched:
        store.update(connection, replace(changing, default=value))
    return [store.record(connection, changing, "default", str(not value), str(value)) for changing, value in switched]


def set_method(connection: Connection, domain: Domain, method: Method) -> list[Change]:
    """Let a domain be verified in another way from now on."""
    if method not in METHODS:
        raise OptionError(f"method takes {' or '.join(map(repr, METHODS))}")
    if domain.method == method:
        return []
    # What the other way has seen, and since when, is not said of this one.
    store.update(connection, replace(_advised(domain), method=method, seen_since=None, settled_at=None))
    return [store.record(connection, domain, "method", domain.method, method)]


def set_secure(connection: Connection, domain: Domain, secure: bool) -> list[Change]:
    """Let the links on a domain be https, or http."""
    _check_flag("secure", secure)
    if secure and not domain.https:
        raise DomainError(f"the last check of {domain.host} saw no valid certificate: get one, then verify it again")
    if domain.secure == secure:
        return []
    # Whether it works is seen at once.
    store.update(connection, replace(_advised(domain), secure=secure, next_check=moment(now(connection))))
    return [store.record(connection, domain, "secure", str(domain.secure), str(secure))]


def link(connection: Connection, domain: Domain, sending_domain: str) -> list[Change]:
    """Link a sending domain to a domain of the same account."""
    sender = read_host(sending_domain)
    this = (LINKS.c.account_id == domain.account_id) & (LINKS.c.sending_domain == sender)
    linked = connection.execute(select(LINKS.c.host).where(this)).scalar_one_or_none()
    if linked == domain.host:
        return []
    if linked is not None:
        raise DomainError(f"{sender} is linked to {linked} already: unlink it there first")
    connection.execute(LINKS.insert().values(account_id=domain.account_id, sending_domain=sender, host=domain.host))
    return [store.record(connection, domain, "linked", new=sender)]


def unlink(connection: Connection, domain: Domain, sending_domain: str) -> list[Change]:
    """Undo `link`."""
    sender = read_host(sending_domain)
    if sender not in domain.sending_domains:
        raise DomainError(f"{sender} is not linked to {domain.host}")
    connection.execute(LINKS.delete().where(LINKS.c.account_id == domain.account_id, LINKS.c.sending_domain == sender))
    return [store.record(connection, domain, "unlinked", old=sender)]


def _advised(domain: Domain) -> Domain:
    """The domain without its advice, which may be done now."""
    return replace(domain, evidence=domain.evidence and {**domain.evidence, "advice": []})


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name} takes True or False")

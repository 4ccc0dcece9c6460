"""Which account claims which host: adding, picking and removing, each in a transaction of the caller's."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from .._token.wire import MAX_ACCOUNT_ID
from ..errors import DomainError, OptionError
from . import store
from .domain import METHODS, Change, Domain, Method
from .hosts import check_host, read_host
from .records import make_challenge
from .schema import DOMAINS

_ACCOUNT_FAULT = f"the account id takes a string of 1 to {MAX_ACCOUNT_ID} printable bytes of UTF-8"


def new_domain(
    account_id: str, host: str, target: str, *, subaccount: str | None, method: Method, vouched: bool, at: datetime
) -> Domain:
    """Return a new claim, due for its first check at once.

    Raises `DomainError` for a host that cannot be a tracking domain, `OptionError` for the rest.
    """
    faults = []
    if not _is_id(account_id):
        faults.append(_ACCOUNT_FAULT)
    if subaccount is not None and not _is_id(subaccount):
        faults.append("subaccount takes a string like an account id, or None for the account itself")
    if method not in METHODS:
        faults.append(f"method takes {' or '.join(map(repr, METHODS))}")
    if not isinstance(vouched, bool):
        faults.append("vouched takes True or False")
    if faults:
        raise OptionError("; ".join(faults))
    return Domain(
        host=check_host(host, target),
        account_id=account_id,
        subaccount=subaccount,
        method=method,
        vouched=vouched,
        challenge=make_challenge(),
        state="pending",
        since=at,
        owner=False,
        secure=False,
        https=False,
        default=False,
        sending_domains=(),
        added_at=at,
        checked_at=None,
        next_check=at,
        watched_since=at,
        seen_since=None,
        settled_at=None,
        contrary_since=None,
        silent_since=None,
        replaced_ttl=0,
        stale_until=None,
        evidence=None,
    )


def check_account(account_id: object) -> None:
    """Raise `OptionError` for what can be no account's id: it would be an error of the database's, or mean another."""
    if not _is_id(account_id):
        raise OptionError(_ACCOUNT_FAULT)


def _is_id(value: object) -> bool:
    try:
        return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= MAX_ACCOUNT_ID
    except UnicodeEncodeError:
        return False


def add(connection: Connection, domain: Domain) -> list[Change]:
    """Write a new claim, in place of a lapsed one of the same account.

    Raises `DomainError` where the host is another account's, or was added already.
    """
    host, account_id = domain.host, domain.account_id
    lapsed: list[Domain] = []
    for other in store.find(connection, DOMAINS.c.host == host, lock=True):
        if other.account_id != account_id:
            if other.owner:
                raise DomainError(f"{host} belongs to another account: it has to be removed there first")
        elif other.state == "lapsed":
            lapsed.append(other)
        else:
            raise DomainError(f"account {account_id!r} has {host} already: it is {other.state}")
    changes = [change for former in lapsed for change in remove(connection, former)]
    try:
        store.insert(connection, domain)
    except IntegrityError:
        raise DomainError(f"account {account_id!r} has {host} already: it was added at this moment") from None
    return [*changes, store.record(connection, domain, "added", new=domain.state)]


def remove(connection: Connection, domain: Domain) -> list[Change]:
    """Remove a claim, and with it that it is a default and linked to sending domains."""
    store.delete(connection, domain)
    changes = [store.record(connection, domain, "unlinked", old=sender) for sender in domain.sending_domains]
    if domain.default:
        changes.append(store.record(connection, domain, "default", "True", "False"))
    return [*changes, store.record(connection, domain, "removed", old=domain.state)]


def pick(connection: Connection, host: str, account_id: str | None, *, lock: bool = False) -> Domain:
    """Return the domain that is meant: the account's, or else the one that is proven, or else the only one.

    Raises `DomainError` where there is none, or none of several is proven.
    """
    name = read_host(host)
    if account_id is not None:
        check_account(account_id)
    conditions: list[Any] = [DOMAINS.c.host == name]
    conditions += [] if account_id is None else [DOMAINS.c.account_id == account_id]
    found = store.find(connection, *conditions, lock=lock)
    owned = [domain for domain in found if domain.owner]
    if not found:
        whose = "" if account_id is None else f" of account {account_id!r}"
        raise DomainError(f"there is no domain {name!r}{whose} in the registry: add it first")
    if len(found) > 1 and not owned:
        raise DomainError(f"{len(found)} accounts claim {name}, and none has proven it: say which account is meant")
    return (owned or found)[0]

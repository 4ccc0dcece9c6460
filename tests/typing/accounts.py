"""Accounts and tracking domains, as users write them. Type checkers read this file; nothing runs it."""

from dataclasses import replace
from typing import assert_type

from linkwrap import Account, DomainError, LinkWrapError, OptionError, TrackingDomain

local = TrackingDomain("localhost:8080", secure=False, verified=True)
own = TrackingDomain("click.acme.com", verified=True, default=True, sending_domains=["acme.com"])
suspended = TrackingDomain("old.acme.com", problem="suspended since 2026-11-30T10:00:00Z")
account = Account("acme", [own, suspended], fallback=local)

assert_type(own.origin, str)
assert_type(own.port, int | None)
assert_type(own.subaccount, str | None)
assert_type(suspended.problem, str | None)
assert_type(replace(own, secure=False), TrackingDomain)
assert_type(account.tracking_domain(), TrackingDomain)
assert_type(account.tracking_domain("click.acme.com", "acme.com", subaccount="shop"), TrackingDomain)

own.verified = False  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
TrackingDomain("click.acme.com", False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Account("acme", ["click.acme.com"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def errors() -> str:
    """One clause catches all errors; those of callers are ValueErrors too."""
    try:
        account.tracking_domain("click.other.com")
    except (DomainError, OptionError) as error:
        value_error: ValueError = error
        return str(value_error)
    except LinkWrapError:
        return ""
    return "fine"

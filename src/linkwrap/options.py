"""What may differ from message to message, and the check of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from ._token.wire import MAX_ACCOUNT_ID
from .account import TrackingDomain
from .errors import DomainError, OptionError


class MessageOptions(TypedDict, total=False):
    """What may differ from message to message; what is left out is as the wrapper was made.

    `sent_at` is a time with a zone, now where it is left out; tokens hold it to the second.
    """

    account_id: str
    tracking_domain: str | TrackingDomain
    click_tracking: bool
    open_tracking: bool
    initial_open: bool
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one message, checked."""

    account_id: str
    origin: str
    host: str
    click_tracking: bool
    open_tracking: bool
    initial_open: bool
    sent_at: int | None


def make_settings(options: MessageOptions) -> Settings:
    """Check the options of a message, and say in one message all that is wrong with them."""
    known = MessageOptions.__optional_keys__
    faults = [f"there is no option {name!r}, only {', '.join(sorted(known))}" for name in options if name not in known]
    account_id = options["account_id"]
    if not isinstance(account_id, str):
        faults.append("account_id takes a string")
    elif len(account_id.encode("utf-8", "surrogatepass")) > MAX_ACCOUNT_ID:
        faults.append(f"the account id is longer than {MAX_ACCOUNT_ID} bytes of UTF-8")
    flags = {name: options.get(name) for name in ("click_tracking", "open_tracking", "initial_open")}
    faults += [f"{name} takes True or False" for name, flag in flags.items() if not isinstance(flag, bool)]
    sent_at = options.get("sent_at")
    if sent_at is not None and (not isinstance(sent_at, datetime) or sent_at.tzinfo is None):
        faults.append("sent_at takes a datetime with a time zone, such as datetime.now(UTC)")
    if faults:
        raise OptionError("; ".join(faults))
    domain = options["tracking_domain"]
    if not isinstance(domain, TrackingDomain):
        domain = TrackingDomain(domain, verified=True)
    if not domain.verified:
        raise DomainError(f"the tracking domain {domain.host} is not verified: links on it may be dead")
    return Settings(
        options["account_id"],
        domain.origin,
        domain.host,
        options["click_tracking"],
        options["open_tracking"],
        options["initial_open"],
        None if sent_at is None else int(sent_at.timestamp()),
    )

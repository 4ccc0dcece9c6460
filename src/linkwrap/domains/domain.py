"""What the registry keeps of a domain, and of each change to it. Values only."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from ..account import TrackingDomain

State = Literal["pending", "propagating", "verified", "invalid", "suspended", "lapsed"]
STATES: tuple[State, ...] = get_args(State)
Method = Literal["cname", "http"]
METHODS: tuple[Method, ...] = get_args(Method)
What = Literal["added", "removed", "state", "method", "default", "secure", "linked", "unlinked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """An account's claim to a host, and what is known of it. Times are in UTC, by the database's clock.

    - `state`, since `since`: "pending" (no record is seen), "propagating" (seen, but not everywhere, not for long
      enough, or not proven), "verified" (links go there), "invalid" (a record leads elsewhere), "suspended" (was
      verified, and something contrary was seen: new mail goes elsewhere), "lapsed" (that lasted, or nothing answered);
    - `method`: how it is verified, by its "cname" and the redirector behind it, or by "http", the redirector alone;
    - `challenge`: what the TXT record that proves the owner must hold; `vouched`: none is needed;
    - `owner`: the account has proven the host, and no other can. `secure`: links are https; `https`: the last check
      saw a valid certificate;
    - `checked_at`: the last check, `next_check`: when the next is due, None where it is not checked by itself any more;
    - `seen_since`: when all servers gave the chain, `settled_at`: when no resolver can have the replaced record any
      more, by its TTL of `replaced_ttl` seconds or one seen before, which may be kept until `stale_until`;
    - `contrary_since`, `silent_since`: when a domain in use was first seen to lead elsewhere, or not to answer;
    - `evidence`: what the last check found, ready for JSON; None before the first.
    """

    host: str
    account_id: str
    subaccount: str | None
    method: Method
    vouched: bool
    challenge: str = field(repr=False)
    state: State
    since: datetime
    owner: bool
    secure: bool
    https: bool
    default: bool
    sending_domains: tuple[str, ...]
    added_at: datetime
    checked_at: datetime | None
    next_check: datetime | None
    watched_since: datetime
    seen_since: datetime | None
    settled_at: datetime | None
    contrary_since: datetime | None
    silent_since: datetime | None
    replaced_ttl: int
    stale_until: datetime | None
    evidence: dict[str, Any] | None = field(repr=False)

    @property
    def verified(self) -> bool:
        """Whether links may go there."""
        return self.state == "verified"

    @property
    def in_use(self) -> bool:
        """Whether links were sent that lead there, and its owner has not lost it."""
        return self.state in ("verified", "suspended")

    @property
    def tracking_domain(self) -> TrackingDomain:
        """The domain as an `Account` takes it."""
        return TrackingDomain(
            self.host,
            secure=self.secure,
            verified=self.verified,
            default=self.default,
            subaccount=self.subaccount,
            sending_domains=self.sending_domains,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, numbered in the order in which changes became visible: none appears behind a higher number.

    `what` is "state", "method", "default" or "secure" (`old` and `new` hold the values), "linked" or "unlinked" (`new`
    or `old` holds the sending domain), "added" or "removed". `evidence` is what a check found, ready for JSON; None
    where somebody asked for the change. `at` is in UTC, by the database's clock.
    """

    id: int
    at: datetime
    host: str
    account_id: str
    subaccount: str | None
    what: What
    old: str | None
    new: str | None
    evidence: dict[str, Any] | None = field(repr=False)

    def __str__(self) -> str:
        values = f" {self.old} → {self.new}" if self.old and self.new else f" {self.new or self.old or ''}".rstrip()
        return f"{self.at:%Y-%m-%d %H:%M:%S} UTC {self.account_id} {self.host}: {self.what}{values}"

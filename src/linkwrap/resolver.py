"""What a redirect URL meant: a `Click` or an `Open`, or `InvalidToken`.

Nothing comes out of an URL that was forged, altered, or made for another host, and no click leads to anything but an
http or https URL in printable ASCII, even if something else was signed. What was signed stays good for ever: age is
only flagged, and a `refuse` that fails refuses nothing. A `Resolver` holds no state and may be shared by threads.
"""

import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ._decide.destination import redirect_target
from ._hosts import host_name
from ._token import wire
from .errors import InvalidToken, OptionError
from .keys import SigningKeys

_log = logging.getLogger("linkwrap")

MAX_URL = 32_768
"""Characters of a redirect URL that `resolve` looks at; the longest that a token can have is well below."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_AUTHORITY = 512
_URL = re.compile(r"https?://([^/?#\\]++)(/[^?#]*+)", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"([^\x00-\x20%:@\[\]\x7f]++)(?::[0-9]{0,5}+)?+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a wrapped link.

    `url` is the destination, printable ASCII and so safe in a header; `link_name` is None where the link had none;
    `host` is the tracking domain it was made for, in lower-case A-labels; `sent_at` is in UTC, to the second; `expired`
    says that this is longer ago than the resolver's `max_age`: redirect all the same. `unsubscribe` says how the link
    was marked, not that anyone consented to anything.
    """

    url: str
    link_name: str | None
    unsubscribe: bool
    metadata: dict[str, Any]
    account_id: str
    host: str
    sent_at: datetime
    expired: bool


@dataclass(frozen=True, slots=True)
class Open:
    """A load of an open pixel; `initial` where it was the one at the top of the mail. The rest is as in `Click`."""

    initial: bool
    metadata: dict[str, Any]
    account_id: str
    host: str
    sent_at: datetime
    expired: bool


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A message's one-click unsubscribe URL; what it holds is as in `Click`."""

    metadata: dict[str, Any]
    account_id: str
    host: str
    sent_at: datetime
    expired: bool


class Resolver:
    """Redeems the URLs that were made with `keys`.

    `max_age`: how long after its sending a URL counts as expired; one sent in the future never does.
    `refuse(account_id, host, destination)` returns true for clicks that must not redirect any more, an abused account's
    for example. It is asked on each click whose signature verifies, never on opens, so it should be quick. If it
    raises, the click is let through and the exception goes to the logger `linkwrap`: a block list that is down must not
    kill every link. To have it the other way round, catch the exception in it and return true.
    Raises `OptionError` for a `max_age` that is not positive or a `refuse` that is not a plain callable.
    """

    __slots__ = ("_keys", "_max_age", "_refuse")

    def __init__(
        self,
        keys: SigningKeys,
        *,
        max_age: timedelta = timedelta(days=365),
        refuse: Callable[[str, str, str], bool] | None = None,
    ) -> None:
        faults = []
        if not isinstance(keys, SigningKeys):
            faults.append("keys must be SigningKeys")
        if not isinstance(max_age, timedelta) or max_age <= timedelta(0):
            faults.append("max_age must be a positive timedelta")
        if refuse is not None and (not callable(refuse) or inspect.iscoroutinefunction(refuse)):
            faults.append("refuse must be a callable that returns a bool, and not async")
        if faults:
            raise OptionError("; ".join(faults))
        self._keys = keys
        self._max_age = max_age
        self._refuse = refuse

    def resolve(self, url: str) -> Click | Open:
        """The click or open that a whole redirect URL stands for.

        The path is read as it stands; the port, the query and the fragment are ignored.
        Raises `InvalidToken` with a `reason` for everything else, its message without any of the URL's content.
        """
        if len(url) > MAX_URL:
            raise InvalidToken(f"the URL is longer than {MAX_URL} characters", reason="too-long")
        match = _URL.match(url)
        if match is None:
            raise InvalidToken("not an absolute http or https URL", reason="malformed")
        return self.resolve_path(match[1], match[2])

    def resolve_click(self, url: str) -> Click:
        """As `resolve`, but an open pixel's URL is refused too, with the reason `kind`."""
        found = self.resolve(url)
        if not isinstance(found, Click):
            raise InvalidToken("an open pixel's URL, not a link's", reason="kind")
        return found

    def resolve_open(self, url: str) -> Open:
        """As `resolve`, but a link's URL is refused too, with the reason `kind`."""
        found = self.resolve(url)
        if not isinstance(found, Open):
            raise InvalidToken("a link's URL, not an open pixel's", reason="kind")
        return found

    def resolve_path(self, host: str, raw_path: str) -> Click | Open:
        """As `resolve`, for a request's `Host` header and its path (not percent-decoded, no query)."""
        token, host, sent_at, expired = self._read(host, raw_path)
        if token.kind == "unsubscribe":
            raise InvalidToken("an unsubscribe URL, neither a link's nor a pixel's", reason="kind")
        if token.kind == "open":
            return Open(token.initial, token.metadata, token.account_id, host, sent_at, expired)
        url = redirect_target(token.url)
        if url is None:
            raise InvalidToken("the signed destination is not one to redirect to", reason="destination")
        if self._refuses(token.account_id, host, url):
            raise InvalidToken("links to this destination are refused", reason="refused")
        return Click(url, token.link_name, token.unsubscribe, token.metadata, token.account_id, host, sent_at, expired)

    def resolve_unsubscribe(self, host: str, raw_path: str) -> Unsubscribe:
        """The one-click unsubscribe URL that a request came for; the rest as in `resolve_path`."""
        token, host, sent_at, expired = self._read(host, raw_path)
        if token.kind != "unsubscribe":
            raise InvalidToken("a link's or a pixel's URL, not an unsubscribe URL", reason="kind")
        return Unsubscribe(token.metadata, token.account_id, host, sent_at, expired)

    def _read(self, host: str, raw_path: str) -> tuple[wire.Token, str, datetime, bool]:
        host = _host(host)
        token = wire.read(self._keys, host, raw_path)
        sent_at = _EPOCH + timedelta(seconds=token.sent_at)
        return token, host, sent_at, datetime.now(UTC) - sent_at > self._max_age

    def verification(self, host: str, nonce: str) -> str:
        """The text that proves to `linkwrap.domains` that a request for `host`, as in a `Host` header, arrived here.

        Raises `InvalidToken` where `host` is no host name.
        """
        return wire.verification(self._keys, nonce, _host(host))

    def _refuses(self, account_id: str, host: str, destination: str) -> bool:
        if self._refuse is None:
            return False
        try:
            return bool(self._refuse(account_id, host, destination))
        except Exception as error:
            # Not the exception itself: it may quote the destination.
            _log.error("refuse raised %s, so the click was let through", type(error).__name__)
            return False


def _host(authority: str) -> str:
    """The host name in `HOST` or `HOST:PORT`, as lower-case A-labels."""
    match = _AUTHORITY.fullmatch(authority) if len(authority) <= _MAX_AUTHORITY else None
    if match is not None:
        try:
            return host_name(match[1])
        except ValueError:
            pass
    raise InvalidToken("the host is no DNS host name", reason="malformed")

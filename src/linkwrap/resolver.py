"""From a redirect URL to its content: a `Click`, an `Open` or an `Unsubscribe`, else `InvalidToken`.

Nothing comes out of a URL that was forged, altered, or made for another host, and no click leads to anything but an
http or https URL in printable ASCII, even if something else was signed. What was signed stays valid for ever: age is
only flagged, and a `refuse` that fails refuses nothing. A `Resolver` holds no state and may be shared by threads.
"""

import inspect
import re
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NoReturn, Self

from ._decide.destination import redirect_target
from ._faults import Faults, require_str
from ._hosts import host_name
from ._token import wire
from .errors import InvalidToken
from .keys import SigningKeys
from .link import Part

MAX_URL: Final[int] = 32_768
"""Characters of a redirect URL that `resolve` reads; the longest token is well below."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_AUTHORITY = 512
_URL = re.compile(r"https?://([^/?#\\]++)(/[^?#]*+)", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"([^\x00-\x20%:@\[\]\x7f]++)(?::[0-9]{0,5}+)?+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a wrapped link."""

    url: str
    """The destination, in printable ASCII and so safe in a header."""
    link_name: str | None
    """None where the link had no name."""
    unsubscribe: bool
    """Whether the link was marked so; not that anyone consented to anything."""
    metadata: dict[str, Any]
    """The metadata of the message."""
    account_id: str
    host: str
    """The tracking domain that the URL was made for, in lower-case A-labels."""
    sent_at: datetime
    """When the message was sent, in UTC, to the second."""
    expired: bool
    """Whether that is longer ago than the resolver's `max_age`; redirect all the same."""
    part: Part
    """The part of the message that the link is in; "url" for one that `wrap_url` made."""
    index: int | None
    """Its number in `LinkTemplate.links` of that part; None for "url", and for those above 2,047."""
    anonymous: bool
    """Whether the message names no recipient; `sent_at` is midnight then."""
    token: str = field(repr=False)
    """The canonical form of the token, its path: equal for all requests for this link of this message."""


@dataclass(frozen=True, slots=True)
class Open:
    """A load of an open pixel."""

    initial: bool
    """Whether it was the pixel at the top of the mail."""
    metadata: dict[str, Any]
    account_id: str
    host: str
    sent_at: datetime
    expired: bool
    part: Literal["html", "amp"]
    """The body that the pixel is in."""
    anonymous: bool
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A one-click unsubscribe URL of a message (RFC 8058); only a POST to it is the reader's wish."""

    metadata: dict[str, Any]
    account_id: str
    host: str
    sent_at: datetime
    expired: bool
    anonymous: bool
    token: str = field(repr=False)


_NAMES = {Click: "a link's URL", Open: "an open pixel's URL", Unsubscribe: "an unsubscribe URL"}


class Resolver:
    """Verifies redirect URLs and returns what they mean.

    Args:
        keys: The keys that the URLs were made with; retired ones count.
        max_age: How long after its sending a URL counts as expired. One sent in the future never does.
        refuse: `refuse(account_id, host, destination)` returns true for clicks that must not redirect any more, those
            of an abused account for example. It is called for each click whose signature verifies, never for opens, so
            it should be quick. If it raises, the click is let through and the exception is logged to `linkwrap`: a
            block list that is down must not stop every link. To stop them instead, catch the exception in it and return
            true.

    Raises:
        TypeError: An argument is of the wrong type, or `refuse` is async.
        OptionError: `max_age` is not positive. The message lists all faults.
    """

    __slots__ = ("_keys", "_max_age", "_refuse")

    def __init__(
        self,
        keys: SigningKeys,
        *,
        max_age: timedelta = timedelta(days=365),
        refuse: Callable[[str, str, str], bool] | None = None,
    ) -> None:
        faults = Faults()
        if not isinstance(keys, SigningKeys):
            faults.wrong_type("keys", "SigningKeys", keys)
            del keys  # a traceback may show the variables of a frame, and this may be a key
        if not isinstance(max_age, timedelta):
            faults.wrong_type("max_age", "timedelta", max_age)
        elif max_age <= timedelta(0):
            faults.wrong_value(f"max_age must be positive, not {max_age}")
        if inspect.iscoroutinefunction(refuse):
            faults.wrong_type("refuse", "a callable", refuse, "an async one")
        elif refuse is not None and not callable(refuse):
            faults.wrong_type("refuse", "a callable or None", refuse)
        faults.raise_any()
        self._keys = keys
        self._max_age = max_age
        self._refuse = refuse

    def refusing(self, refuse: Callable[[str, str, str], bool]) -> Self:
        """Return the same resolver that refuses also what `refuse` says, which is asked before its own."""
        own = self._refuse
        made = copy(self)
        made._refuse = refuse if own is None else lambda *click: refuse(*click) or own(*click)
        return made

    def resolve(self, url: str) -> Click | Open | Unsubscribe:
        """Return what a redirect URL means.

        Args:
            url: The whole URL. Its path is percent-decoded once; the port, the query and the fragment are ignored, and
                so is a rest behind the signature, such as a bracket that a mail client took for part of the URL.

        Raises:
            TypeError: `url` is not a `str`.
            InvalidToken: It is not a redirect URL made with these keys, or must not be followed; its `reason` says why,
                and its message holds nothing of the URL.
        """
        if not isinstance(url, str):
            require_str(url=url)
        if len(url) > MAX_URL:
            raise InvalidToken(f"the URL is longer than {MAX_URL} characters", reason="too-long")
        match = _URL.match(url)
        if match is None:
            raise InvalidToken("not an absolute http or https URL", reason="malformed")
        return self.resolve_path(match[1], match[2])

    def resolve_click(self, url: str) -> Click:
        """Return the click that a link's URL means; as `resolve`, but other URLs have the reason "kind"."""
        found = self.resolve(url)
        return found if isinstance(found, Click) else _wrong_kind(found, Click)

    def resolve_open(self, url: str) -> Open:
        """Return the open that a pixel's URL means; as `resolve`, but other URLs have the reason "kind"."""
        found = self.resolve(url)
        return found if isinstance(found, Open) else _wrong_kind(found, Open)

    def resolve_unsubscribe(self, url: str) -> Unsubscribe:
        """Return what an unsubscribe URL means; as `resolve`, but other URLs have the reason "kind"."""
        found = self.resolve(url)
        return found if isinstance(found, Unsubscribe) else _wrong_kind(found, Unsubscribe)

    def resolve_path(self, host: str, raw_path: str) -> Click | Open | Unsubscribe:
        """Return what the URL of a request means; as `resolve`.

        Args:
            host: The request's `Host` header, with a port or without.
            raw_path: The request's path, not percent-decoded, without its query. A rest behind the signature is
                ignored as docs/token.md says.
        """
        if not (isinstance(host, str) and isinstance(raw_path, str)):
            require_str(host=host, raw_path=raw_path)
        host = _host(host)
        token = wire.read(self._keys, host, raw_path)
        sent_at = _EPOCH + timedelta(seconds=token.sent_at)
        expired = time.time() - token.sent_at > self._max_age.total_seconds()
        if token.kind == "click":
            url = redirect_target(token.url)
            if url is None:
                raise InvalidToken("the signed destination is not one to redirect to", reason="destination")
            if self._refuses(token.account_id, host, url):
                raise InvalidToken("links to this destination are refused", reason="refused")
            return Click(
                url=url,
                link_name=token.link_name,
                unsubscribe=token.unsubscribe,
                metadata=token.metadata,
                account_id=token.account_id,
                host=host,
                sent_at=sent_at,
                expired=expired,
                part=token.part or "url",
                index=token.index,
                anonymous=token.anonymous,
                token=token.canonical,
            )
        common: dict[str, Any] = {
            "metadata": token.metadata,
            "account_id": token.account_id,
            "host": host,
            "sent_at": sent_at,
            "expired": expired,
            "anonymous": token.anonymous,
            "token": token.canonical,
        }
        if token.kind == "unsubscribe":
            return Unsubscribe(**common)
        return Open(initial=token.initial, part="amp" if token.part == "amp" else "html", **common)

    def challenge_response(self, host: str, nonce: str) -> str:
        """Return the response to the challenge `nonce`: a signature over it and `host`.

        It shows `linkwrap.domains` that a request for `host` reaches a redirect server with these keys.

        Args:
            host: The request's `Host` header, with a port or without.
            nonce: The value in the request of the check.

        Raises:
            TypeError: An argument is not a `str`.
            InvalidToken: `host` is not a host name, or all keys are for some hosts only.
        """
        if not (isinstance(host, str) and isinstance(nonce, str)):
            require_str(host=host, nonce=nonce)
        return wire.challenge_response(self._keys, nonce, _host(host))

    def _refuses(self, account_id: str, host: str, destination: str) -> bool:
        if self._refuse is None:
            return False
        try:
            return bool(self._refuse(account_id, host, destination))
        except Exception as error:
            import logging  # takes a quarter of the time that importing linkwrap takes

            # Not the exception itself: it may quote the destination.
            logging.getLogger("linkwrap").error("refuse raised %s, so the click was let through", type(error).__name__)
            return False


def _wrong_kind(found: Click | Open | Unsubscribe, wanted: type[Click | Open | Unsubscribe]) -> NoReturn:
    raise InvalidToken(f"{_NAMES[type(found)]}, not {_NAMES[wanted]}", reason="kind")


@lru_cache(maxsize=256)  # of at most 512 characters each: the host is a stranger's word
def _host(authority: str) -> str:
    """Return the host name in `HOST` or `HOST:PORT`, as lower-case A-labels."""
    match = _AUTHORITY.fullmatch(authority) if len(authority) <= _MAX_AUTHORITY else None
    if match is not None:
        try:
            return host_name(match[1])
        except ValueError:
            pass
    raise InvalidToken("the host is not a DNS host name", reason="malformed")

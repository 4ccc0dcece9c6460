"""Accounts as they were read from the registry, kept for a minute: mail goes out while the database is away."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from ..account import Account
from ..errors import LinkWrapError

_log = logging.getLogger("linkwrap")

KEPT_FOR: Final = 60.0
"""Seconds that an account is kept before it is read again."""
_MOST: Final = 10_000


class Accounts:
    """The accounts that `read` returns, each at most `KEPT_FOR` seconds old, unless it cannot be read again."""

    def __init__(self, read: Callable[[str], Account]) -> None:
        self._read = read
        self._kept: dict[str, tuple[float, Account]] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def get(self, account_id: str) -> Account:
        """Return an account; raises `LinkWrapError` where it cannot be read and was not before."""
        until, account = self._kept.get(account_id, (0.0, None))
        if account is not None and time.monotonic() < until:
            return account
        until, changes = time.monotonic() + KEPT_FOR, self._changes
        try:
            account = self._read(account_id)
        except LinkWrapError as error:
            if account is None:
                raise
            _log.warning("the account %r is used as it was read before: %s", account_id, error)
        with self._lock:
            if account_id not in self._kept and len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]  # the one that came first
            if self._changes == changes:  # else it may have been read before a change that another thread made
                self._kept[account_id] = (until, account)
        return account

    def changed(self, account_id: str) -> None:
        """Have an account read again."""
        with self._lock:
            self._changes += 1
            if account_id in self._kept:
                self._kept[account_id] = (0.0, self._kept[account_id][1])

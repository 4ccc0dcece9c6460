"""Accounts as they were last read from the registry: mail goes out while the database is unavailable."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from ..account import Account
from ..errors import LinkWrapError

_log = logging.getLogger("linkwrap")

KEPT_FOR: Final = 60.0
"""Seconds for which a cached account is used."""
MAX_ACCOUNTS: Final = 10_000
"""Accounts that are kept at most."""


class AccountCache:
    """Cache accounts for `KEPT_FOR` seconds; serve a stale entry while the database is unavailable.

    Args:
        read: Reads an account from the database.
        seconds: A clock, in seconds.
        max_accounts: How many accounts are kept at most; one more takes the place of the oldest entry.
        kept_for: Seconds for which an entry is used.
    """

    def __init__(
        self,
        read: Callable[[str], Account],
        seconds: Callable[[], float],
        *,
        max_accounts: int = MAX_ACCOUNTS,
        kept_for: float = KEPT_FOR,
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._max_accounts = max_accounts
        self._kept_for = kept_for
        self._entries: dict[str, tuple[float, Account]] = {}
        self._invalidations = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, account_id: str) -> Account:
        """Return an account.

        Raises:
            LinkWrapError: It cannot be read, and no stale entry is there.
        """
        until, account = self._entries.get(account_id, (float("-inf"), None))
        if account is not None and self._seconds() < until:
            return account
        until, invalidations = self._seconds() + self._kept_for, self._invalidations
        try:
            account = self._read(account_id)
        except LinkWrapError as error:
            if account is None:
                raise
            _log.warning("a stale entry is used for the account %r: %s", account_id, error)
        with self._lock:
            if account_id not in self._entries and len(self._entries) >= self._max_accounts:
                del self._entries[next(iter(self._entries))]
            if self._invalidations == invalidations:  # else it may have been read before another thread's change
                self._entries[account_id] = (until, account)
        return account

    def invalidate(self, account_id: str) -> None:
        """Have an account read again; its entry stays as a stale one."""
        with self._lock:
            self._invalidations += 1
            if account_id in self._entries:
                self._entries[account_id] = (float("-inf"), self._entries[account_id][1])

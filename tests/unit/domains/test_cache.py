"""Accounts that are cached: for a minute, longer while the database is unavailable, never across a change."""

from typing import Any

import pytest

from linkwrap import Account, LinkWrapError
from linkwrap.domains.cache import KEPT_FOR, AccountCache


class Source:
    """A database of accounts: `reads` are the ids that were read; `hook` is called during each read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.away = False
        self.hook: Any = None
        self.time = 0.0

    def read(self, account_id: str) -> Account:
        """Read an account."""
        self.reads.append(account_id)
        if self.away:
            raise LinkWrapError("away")
        account = Account(account_id)
        if self.hook:
            self.hook()
        return account

    def cache(self, **options: Any) -> AccountCache:
        """A cache before this."""
        return AccountCache(self.read, lambda: self.time, **options)


def test_an_account_is_read_once_a_minute() -> None:
    """Also by a clock that has just begun."""
    source = Source()
    cache = source.cache()
    first = cache.get("acme")
    source.time = KEPT_FOR - 0.5
    assert cache.get("acme") is first
    source.time = KEPT_FOR
    assert cache.get("acme") is not first
    assert source.reads == ["acme", "acme"]


def test_a_stale_entry_is_used_while_the_database_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    """That is logged once a minute; an account that was never read is an error."""
    source = Source()
    cache = source.cache()
    first = cache.get("acme")
    source.away = True
    for minute in range(1, 4):
        source.time += KEPT_FOR
        assert cache.get("acme") is cache.get("acme") is first
        assert [record.getMessage() for record in caplog.records] == [
            "a stale entry is used for the account 'acme': away"
        ] * minute
        with pytest.raises(LinkWrapError, match="away"):
            cache.get("bolt")
    cache.invalidate("acme")
    assert cache.get("acme") is first
    source.away = False
    cache.invalidate("acme")
    assert cache.get("acme") is not first


def test_an_account_that_changes_while_it_is_read_is_read_again() -> None:
    """A value from before a change is not kept after it."""
    source = Source()
    cache = source.cache()
    source.hook = lambda: cache.invalidate("acme")
    before = cache.get("acme")
    source.hook = None
    assert cache.get("acme") is not before


def test_accounts_that_are_cached_are_bounded() -> None:
    """Names of accounts that mail is asked for do not fill the memory."""
    cache = Source().cache(max_accounts=3)
    for number in range(10):
        cache.get(f"account{number}")
    assert len(cache) == 3


def test_many_accounts_while_the_database_is_away() -> None:
    """However many accounts are cached, none that was read before is lost to another that is read again."""
    source = Source()
    cache = source.cache(max_accounts=3, kept_for=0.0)
    for account_id in ("a", "b", "c"):
        cache.get(account_id)
    source.away = True
    for account_id in ("a", "b", "c", "a"):
        assert cache.get(account_id).id == account_id

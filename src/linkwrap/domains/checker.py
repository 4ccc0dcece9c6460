"""Checks with what belongs to them: a lease before, the result written and told afterwards, many at once."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from ..errors import DomainError, LinkWrapError
from ..keys import SigningKeys
from . import leases
from .database import Database
from .domain import Change, Domain, Method
from .examine import examine
from .findings import Findings
from .leases import Lease
from .network import Network
from .questions import MAX_SOCKETS
from .verification import Verification

_Held = TypeVar("_Held", Lease, Lease | None)
_log = logging.getLogger("linkwrap")

_MARGIN: Final = 30.0
"""Seconds that a lease holds beyond the deadline of a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """What the checks of one call share. `tell` is called with each change, once it is stored."""

    database: Database
    target: str
    keys: SigningKeys
    network: Network
    tell: Callable[[Change], None]
    # Changes are written one after the other, and told in that order.
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    untold: deque[Change] = field(default_factory=deque)
    sockets: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, MAX_SOCKETS))

    async def verify(self, domain: Domain, method: Method | None) -> Verification:
        """Check a domain now, by `method` from now on if it is given.

        Raises `DomainError` where it is being checked already, or was removed.
        """

        def take() -> Lease:
            held, changes = leases.lease(self.database, domain, self._seconds, method)
            for change in changes:
                self.tell(change)
            return held

        held = await self._lease(take)
        try:
            verification = await self._check(held)
        except BaseException:
            leases.release(self.database, held)
            raise
        if verification is None:
            raise DomainError(f"the check of {domain.host} came to nothing: it was removed meanwhile, or took too long")
        return verification

    async def verify_due(self, limit: int | None, concurrency: int) -> list[Verification]:
        """Check the domains that are due, at most `limit` of them and `concurrency` at once."""
        self.network.recursive_servers()  # where there are none, nothing is leased
        found: list[Verification] = []
        failed: list[Exception] = []
        holding: dict[str, Lease] = {}
        slots = asyncio.Semaphore(concurrency)

        async def check(held: Lease) -> None:
            try:
                verification = await self._check(held)
            except Exception as error:
                # The lease stays, so that others come before this domain comes up again.
                _log.exception("the result of the check of %s could not be stored", held.domain.host)
                failed.append(error)
                verification = None
            finally:
                slots.release()
            del holding[held.token]
            if verification is not None:
                found.append(verification)

        # What becomes due meanwhile is for the next call: this one comes to an end.
        due = await asyncio.to_thread(leases.time_of, self.database)
        take = partial(leases.lease_due, self.database, self._seconds, due)
        leased, broken = 0, None
        try:
            async with asyncio.TaskGroup() as checks:
                while limit is None or leased < limit:
                    await slots.acquire()
                    try:
                        held = await self._lease(take)
                    except LinkWrapError as error:  # of the database: what was begun comes to its end
                        broken = error
                        break
                    if held is None:
                        break
                    leased += 1
                    holding[held.token] = held
                    checks.create_task(check(held))
        finally:
            with suppress(LinkWrapError):
                for held in holding.values():
                    leases.release(self.database, held)
        if broken or (failed and not found):
            raise broken or failed[0]
        return found

    @property
    def _seconds(self) -> float:
        return self.network.deadline + _MARGIN

    async def _lease(self, take: Callable[[], _Held]) -> _Held:
        """Take a lease; one that comes when nobody waits for it any more is given back."""
        taking = asyncio.ensure_future(asyncio.to_thread(take))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            held = await taking
            if held is not None:
                leases.release(self.database, held)
            raise

    async def _check(self, held: Lease) -> Verification | None:
        try:
            findings = await examine(held.domain, self.target, self.keys, self.network, self.sockets)
        except LinkWrapError:
            raise
        except Exception as error:
            _log.exception("the check of %s failed", held.domain.host)
            known = held.domain.owner or held.domain.vouched
            findings = Findings(None, None, known, fault=f"the check failed here ({type(error).__name__}): see the log")
        async with self.writing:
            written = await asyncio.to_thread(leases.write, self.database, held, findings, self.target)
            if written is None:
                _log.warning("a check of %s came to nothing: it took too long, or the domain changed", held.domain.host)
                await asyncio.to_thread(leases.release, self.database, held)
                return None
            verification, changes = written
            self.untold.extend(changes)
        async with self.telling:  # apart, since a check that waits to be written has but so long
            while self.untold:
                await asyncio.to_thread(self.tell, self.untold.popleft())
        return verification

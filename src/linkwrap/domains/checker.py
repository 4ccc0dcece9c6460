"""Checks with what belongs to them: a lease before, the result written and told afterwards, many at once."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..errors import DomainError, LinkWrapError
from ..tokens import SigningKeys
from . import leases
from .database import Database
from .domain import Change, Domain
from .examine import examine
from .leases import Lease
from .network import Network
from .verification import Verification

_log = logging.getLogger("linkwrap")

_MARGIN: Final = 30.0
"""Seconds that a lease holds beyond the deadline of a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """What all checks of a registry share. `tell` is called with each change of a state, once it is stored."""

    database: Database
    target: str
    keys: SigningKeys
    network: Network
    tell: Callable[[Change], None]

    async def verify(self, domain: Domain) -> Verification:
        """Check a domain now.

        Raises `DomainError` where it is being checked already, or was removed.
        """
        held = await self._lease(partial(leases.lease, self.database, domain, self._seconds))
        assert held is not None
        try:
            verification = await self._check(held, asyncio.Lock())
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
        holding: dict[str, Lease] = {}
        slots, writing = asyncio.Semaphore(concurrency), asyncio.Lock()

        async def check(held: Lease) -> None:
            try:
                verification = await self._check(held, writing)
            except LinkWrapError:
                raise
            except Exception:
                # The lease stays, so that others come before this domain comes up again.
                _log.exception("the check of %s failed", held.domain.host)
                verification = None
            finally:
                slots.release()
            del holding[held.token]
            if verification is not None:
                found.append(verification)

        take = partial(leases.lease_due, self.database, self._seconds)
        leased = 0
        try:
            async with asyncio.TaskGroup() as checks:
                while limit is None or leased < limit:
                    await slots.acquire()
                    held = await self._lease(take)
                    if held is None:
                        break
                    leased += 1
                    holding[held.token] = held
                    checks.create_task(check(held))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # of the database: what else fails in a check is logged
        finally:
            with suppress(LinkWrapError):
                for held in holding.values():
                    leases.release(self.database, held)
        return found

    @property
    def _seconds(self) -> float:
        return self.network.deadline + _MARGIN

    async def _lease(self, take: Callable[[], Lease | None]) -> Lease | None:
        """Take a lease; one that comes when nobody waits for it any more is given back."""
        taking = asyncio.ensure_future(asyncio.to_thread(take))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            held = await taking
            if held is not None:
                leases.release(self.database, held)
            raise

    async def _check(self, held: Lease, writing: asyncio.Lock) -> Verification | None:
        findings = await examine(held.domain, self.target, self.keys, self.network)
        async with writing:  # so that changes are told in the order of their numbers
            written = await asyncio.to_thread(leases.write, self.database, held, findings, self.target)
            if written is None:
                _log.warning("a check of %s came to nothing: its lease ran out, or it was removed", held.domain.host)
                return None
            for change in written.changes:
                await asyncio.to_thread(self.tell, change)
        return Verification(written.domain, held.domain.state, findings, written.advice)

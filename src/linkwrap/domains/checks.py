"""Checks with what belongs to them: a lease before, the result written and told afterwards, many at once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..errors import DomainError, LinkWrapError
from ..tokens import SigningKeys
from . import leases
from .check import examine
from .database import Database
from .domain import Change, Domain
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
        held = await asyncio.to_thread(leases.lease, self.database, domain, self._seconds)
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
        slots = asyncio.Semaphore(concurrency)
        telling = asyncio.Lock()

        async def check(held: Lease) -> None:
            try:
                verification = await self._check(held, telling)
            except asyncio.CancelledError:
                leases.release(self.database, held)
                raise
            except LinkWrapError:
                raise
            except Exception as error:
                # The lease stays, so that this domain does not come up again at once.
                _log.error("the check of %s failed: %r", held.domain.host, error)
                return
            finally:
                slots.release()
            if verification is not None:
                found.append(verification)

        try:
            async with asyncio.TaskGroup() as checks:
                leased = 0
                while limit is None or leased < limit:
                    await slots.acquire()
                    held = await asyncio.to_thread(leases.lease_due, self.database, self._seconds)
                    if held is None:
                        break
                    leased += 1
                    checks.create_task(check(held))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # of the database: what else fails in a check is told above
        return found

    @property
    def _seconds(self) -> float:
        return self.network.deadline + _MARGIN

    async def _check(self, held: Lease, telling: asyncio.Lock | None = None) -> Verification | None:
        findings = await examine(held.domain, self.target, self.keys, self.network)
        written = await asyncio.to_thread(leases.write, self.database, held, findings, self.target)
        if written is None:
            _log.warning("a check of %s came to nothing: its lease ran out, or it was removed", held.domain.host)
            return None
        if written.change:
            async with telling or asyncio.Lock():  # one after the other
                await asyncio.to_thread(self.tell, written.change)
        return Verification(written.domain, held.domain.state, findings, written.advice)

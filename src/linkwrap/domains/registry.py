"""The registry of custom tracking domains: which account claims which host, what checks have found, and its use."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from . import _packages  # noqa: F401  # first: its error names the extra

# isort: split

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from .._faults import Faults
from ..account import Account, TrackingDomain
from ..errors import DomainError, OptionError
from ..keys import SigningKeys
from . import lifecycle
from .cache import AccountCache
from .checks.dns import MAX_SOCKETS
from .checks.network import Network
from .checks.runner import Runner, check_domain
from .model import (
    Change,
    Domain,
    DomainRequest,
    Method,
    State,
    check_arguments,
    check_new_host,
    new_domain,
    request_for,
)
from .results import CheckResult, Evidence
from .storage import repository
from .storage.database import Database, now
from .storage.tables import CHANGES, DOMAINS

_T = TypeVar("_T")
_log = logging.getLogger("linkwrap")


class DomainRegistry:
    """Custom tracking domains, kept in a database.

    Methods take a `host`, such as "click.acme.com", in any spelling; and `account`, the id of its account, which they
    need only if several accounts claim the host and none has verified ownership.
    They raise `NoRegistry` if there is no registry yet, `DomainError` for a domain that is not there or not allowed,
    `OptionError` for a value that cannot be used, `TypeError` for a wrong type, and `LinkWrapError` if the database
    cannot be used. Threads may share it.

    Args:
        url: An SQLAlchemy URL: "sqlite:///domains.db" for one machine, "postgresql+psycopg://…" for several.
        keys: The keys of the redirect server. Only checks need them.
        cname_target: The host that all CNAME records must point to, and that mail without a verified domain uses. A new
            registry needs it, and stores it: leave it out later. Another one is refused.
        create: Let `add` and checks make the tables if there are none. Nothing else makes tables.
        network: How checks reach DNS and the redirect server.
        on_change: Called with each `Change` that this object makes, once it is stored, maybe in another thread. If it
            raises, that is logged to `linkwrap`; `changes` continues after the last change that was handled.
        check: Returns the evidence on a domain, in place of asking the network.
        clock: Returns the time as an aware datetime, in place of the database's clock.

    Raises:
        TypeError: A value has a wrong type; the message lists every fault.
        OptionError: A value cannot be used; the message lists every fault.
        NoRegistry: There is no such file, and `create` is False.
    """

    def __init__(
        self,
        url: str,
        *,
        keys: SigningKeys | None = None,
        cname_target: str | TrackingDomain | None = None,
        create: bool = True,
        network: Network | None = None,
        on_change: Callable[[Change], object] | None = None,
        check: Callable[[Domain], Awaitable[Evidence]] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        faults = Faults()
        if not isinstance(url, str):
            faults.wrong_type("url", "str such as sqlite:///domains.db", url)
        if keys is not None and not isinstance(keys, SigningKeys):
            faults.wrong_type("keys", "SigningKeys", keys)
            keys = None  # a traceback that prints the variables of a frame must not print keys
        elif keys is not None and not keys._challengers():
            faults.wrong_value("keys for some hosts only make no challenge response: checks need a key for all hosts")
        if cname_target is not None and not isinstance(cname_target, str | TrackingDomain):
            faults.wrong_type("cname_target", "str or TrackingDomain", cname_target)
        elif isinstance(cname_target, TrackingDomain) and not cname_target.verified:
            faults.wrong_value("cname_target must be a host name, or a TrackingDomain that is verified")
        if not isinstance(create, bool):
            faults.wrong_type("create", "bool", create)
        if network is not None and not isinstance(network, Network):
            faults.wrong_type("network", "Network", network)
        for name, function in (("on_change", on_change), ("check", check), ("clock", clock)):
            if function is not None and not callable(function):
                faults.wrong_type(name, "a callable", function)
        faults.raise_any("DomainRegistry: ")
        given = TrackingDomain(cname_target, verified=True) if isinstance(cname_target, str) else cname_target
        self._given = given
        self._database = Database(url, given.host if given else None, create=create, clock=clock)
        self._keys = keys
        self._network = network or Network()
        self._on_change = on_change
        self._check = check
        self._runners: dict[asyncio.AbstractEventLoop, Runner] = {}
        seconds = time.monotonic if clock is None else lambda: clock().timestamp()
        self._accounts = AccountCache(self._read_account, seconds)

    @property
    def cname_target(self) -> TrackingDomain:
        """The host that all CNAME records must point to, and that mail without a verified domain uses.

        Raises:
            OptionError: The registry has another one than this object was made with.
        """
        host = self._cname_host()
        return self._given or TrackingDomain(host, verified=True)

    def add(
        self,
        host: str,
        *,
        account: str,
        subaccount: str | None = None,
        method: Method = "cname",
        ownership_trusted: bool = False,
    ) -> DomainRequest:
        """Add a host for an account, and return the DNS records to create; the first check is due at once.

        A claim reserves nothing: the host belongs to the first account with verified ownership. A domain that has
        lapsed can be added again.

        Args:
            host: The host.
            account: The id of the account.
            subaccount: The one subaccount that uses it; None for the account's own.
            method: "cname", or "http" for a host behind a CDN or proxy.
            ownership_trusted: The account is known to control the host: no TXT record is needed.

        Raises:
            DomainError: The host cannot be a tracking domain, belongs to another account, or was added already.
        """
        options = {"account": account, "method": method, "ownership_trusted": ownership_trusted}
        name = check_arguments(**options, **_given(subaccount=subaccount), host=host)["host"]

        def add(connection: Connection) -> tuple[DomainRequest, list[Change]]:
            cname_target, at = self._cname_host(), now(connection)
            check_new_host(name, cname_target)
            domain = new_domain(
                name,
                account_id=account,
                subaccount=subaccount,
                method=method,
                ownership_trusted=ownership_trusted,
                at=at,
            )
            return request_for(domain, cname_target), repository.add(connection, domain)

        return self._change(add, create=True)

    def request(self, host: str, *, account: str | None = None) -> DomainRequest:
        """Return a domain with the DNS records that its owner creates, or keeps."""
        return request_for(self.domain(host, account=account), self._cname_host())

    def domain(self, host: str, *, account: str | None = None) -> Domain:
        """Return a domain."""
        name = _read(host, account)
        with self._database.read() as connection:
            return repository.pick(connection, name, account)

    def domains(self, *, account: str | None = None, state: State | None = None) -> list[Domain]:
        """Return the domains, ordered by host.

        Args:
            account: Only those of this account.
            state: Only those in this state.
        """
        check_arguments(**_given(account=account, state=state))
        conditions: list[Any] = [] if account is None else [DOMAINS.c.account_id == account]
        conditions += [] if state is None else [DOMAINS.c.state == state]
        with self._database.read() as connection:
            return repository.find(connection, *conditions)

    def account(self, account_id: str) -> Account:
        """Return an account with its domains, which picks the tracking domain of a message.

        It is at most `linkwrap.domains.cache.KEPT_FOR` seconds old. An account without domains is one too: its mail
        uses the CNAME target. An account that was read before is used while the database is unavailable.

        Args:
            account_id: The id of the account.
        """
        check_arguments(account_id=account_id)
        return self._accounts.get(account_id)

    def check(self, host: str, *, account: str | None = None, method: Method | None = None) -> CheckResult:
        """Check a domain now, and store the result. It takes at most as long as the network's deadline.

        `method` is how it is checked from now on, such as "http" for a domain that is behind a CDN or proxy after all.
        In a program that runs an event loop, use `acheck`.

        Raises:
            DomainError: The domain is being checked already.
        """
        name = _read(host, account, method=method)
        return self._run(Runner.check_now, name, account, method)

    async def acheck(self, host: str, *, account: str | None = None, method: Method | None = None) -> CheckResult:
        """Do the same as `check`, in the running event loop."""
        name = _read(host, account, method=method)
        return await (await self._shared_runner()).check_now(name, account, method)

    def check_due(self, *, limit: int | None = None, concurrency: int = 20) -> list[CheckResult]:
        """Check the domains that are due, and return the results. Call it every minute or so.

        Any number of processes may call it: one of them checks each domain. In a program that runs an event loop, use
        `acheck_due`.

        Args:
            limit: How many are checked at most.
            concurrency: How many are checked at once.
        """
        check_arguments(concurrency=concurrency, **_given(limit=limit))
        return self._run(Runner.check_due, limit, concurrency)

    async def acheck_due(self, *, limit: int | None = None, concurrency: int = 20) -> list[CheckResult]:
        """Do the same as `check_due`, in the running event loop."""
        check_arguments(concurrency=concurrency, **_given(limit=limit))
        return await (await self._shared_runner()).check_due(limit, concurrency)

    def set_default(self, host: str, default: bool = True, *, account: str | None = None) -> Domain:
        """Make a domain the default of its account or subaccount in place of another, or no default.

        Raises:
            DomainError: It is not verified.
        """
        name = _read(host, account, default=default)
        return self._update(
            name, account, lambda connection, domain: repository.set_default(connection, domain, default)
        )

    def set_secure(self, host: str, secure: bool = True, *, account: str | None = None) -> Domain:
        """Make the links on a domain https, or http.

        Raises:
            DomainError: Its last check saw no valid certificate: https links would be dead.
        """
        name = _read(host, account, secure=secure)

        def update(connection: Connection, domain: Domain) -> list[Change]:
            if secure and not domain.certificate_valid:
                raise DomainError(
                    f"the last check of {domain.host} saw no valid certificate: get one, then check again"
                )
            after = lifecycle.with_secure(domain, secure, now(connection))
            return repository.save(connection, domain, after)

        return self._update(name, account, update)

    def assign(self, host: str, sending_domain: str, *, account: str | None = None) -> Domain:
        """Use a domain for the mail of a sending domain (that of the From address), as soon as it is verified.

        Raises:
            DomainError: The sending domain is not a host name, or assigned to another domain of the account.
        """
        return self._assign(repository.assign, host, sending_domain, account)

    def unassign(self, host: str, sending_domain: str, *, account: str | None = None) -> Domain:
        """Undo `assign`.

        Raises:
            DomainError: The sending domain is not assigned to the domain.
        """
        return self._assign(repository.unassign, host, sending_domain, account)

    def remove(self, host: str, *, account: str | None = None) -> None:
        """Remove a domain and its assignments. New mail uses another domain; links in old mail keep working.

        Its history stays. Whoever adds the host next must verify ownership again.
        """
        name = _read(host, account)

        def remove(connection: Connection) -> tuple[None, list[Change]]:
            domain = repository.pick(connection, name, account, lock=True, evidence=False)
            return None, repository.save(connection, domain, None)

        self._change(remove)

    def changes(
        self, *, after: int = 0, host: str | None = None, account: str | None = None, limit: int = 1000
    ) -> list[Change]:
        """Return changes in their order.

        A program that stores the number of the last change that it has handled misses none, whenever it stops.

        Args:
            after: Only changes after the one with this number.
            host: Only those of this host.
            account: Only those of this account.
            limit: How many are returned at most.
        """
        names = check_arguments(after=after, limit=limit, **_given(host=host, account=account))
        conditions: list[Any] = [CHANGES.c.id > after]
        conditions += [CHANGES.c.host == name for name in names.values()]
        conditions += [] if account is None else [CHANGES.c.account_id == account]
        with self._database.read() as connection:
            return repository.changes(connection, conditions, limit)

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cname_host(self, *, create: bool = False) -> str:
        """The stored CNAME target, if it is the one that this object was made with."""
        stored = self._database.prepare(create=create).cname_target
        if self._given is not None and self._given.host != stored:
            raise OptionError(f"the CNAME target of this registry is {stored}, not {self._given.host}: leave it out")
        return stored

    def _read_account(self, account_id: str) -> Account:
        with self._database.read() as connection:
            domains = repository.find(connection, DOMAINS.c.account_id == account_id)
        return Account(account_id, [domain.tracking_domain for domain in domains], fallback=self.cname_target)

    # Checks

    def _run(self, check: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any) -> _T:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            raise OptionError("an event loop is running: use acheck or acheck_due")
        cname_target = self._ready_to_check()

        async def run() -> _T:
            return await check(self._runner(cname_target), *arguments)

        return asyncio.run(run())

    async def _shared_runner(self) -> Runner:
        """The runner of the running event loop: its checks share their sockets, and the order of changes."""
        loop = asyncio.get_running_loop()
        if loop not in self._runners:
            cname_target = await asyncio.to_thread(self._ready_to_check)
            for other in [other for other in self._runners if other.is_closed()]:
                del self._runners[other]
            self._runners.setdefault(loop, self._runner(cname_target))
        return self._runners[loop]

    def _ready_to_check(self) -> str:
        """The CNAME target, if checks can run."""
        if self._check is None and self._keys is None:
            raise OptionError("a check needs the keys of the redirect server: DomainRegistry(…, keys=…)")
        if self._check is None:
            self._network.dns_resolver_servers()  # without any, no lease is taken
        return self._cname_host(create=True)

    def _runner(self, cname_target: str) -> Runner:
        check = self._check
        if check is None:
            assert self._keys is not None
            check = partial(
                check_domain,
                cname_target=cname_target,
                keys=self._keys,
                network=self._network,
                sockets=asyncio.Semaphore(MAX_SOCKETS),
            )
        return Runner(
            database=self._database,
            cname_target=cname_target,
            check=check,
            deadline=self._network.deadline,
            tell=self._tell,
        )

    # Changes

    def _update(self, name: str, account: str | None, update: Callable[[Connection, Domain], list[Change]]) -> Domain:
        """Update a domain in a transaction, and return its new value."""

        def change(connection: Connection) -> tuple[Domain, list[Change]]:
            domain = repository.pick(connection, name, account, lock=True)
            changes = update(connection, domain)
            return repository.pick(connection, name, domain.account_id), changes

        return self._change(change)

    def _assign(
        self,
        change: Callable[[Connection, Domain, str], list[Change]],
        host: str,
        sending_domain: str,
        account: str | None,
    ) -> Domain:
        names = check_arguments(**_given(account=account), host=host, sending_domain=sending_domain)
        sender = names["sending_domain"]
        return self._update(names["host"], account, lambda connection, domain: change(connection, domain, sender))

    def _change(self, change: Callable[[Connection], tuple[_T, list[Change]]], *, create: bool = False) -> _T:
        """Make changes in a transaction, and tell them once they are stored."""
        try:
            with self._database.write(create=create) as connection:
                result, changes = change(connection)
        except IntegrityError:
            raise DomainError("the domain was changed concurrently: retry") from None
        for made in changes:
            self._tell(made)
        return result

    def _tell(self, change: Change) -> None:
        self._accounts.invalidate(change.account_id)
        if self._on_change is None:
            return
        try:
            self._on_change(change)
        except Exception:
            _log.exception("on_change raised for change %d: changes(after=%d) returns it", change.id, change.id - 1)


def _read(host: str, account: str | None, *, method: str | None = None, **settings: object) -> str:
    """Check the arguments of a call, of which the first two say which domain; return the host as it is stored."""
    return check_arguments(**_given(account=account, method=method), **settings, host=host)["host"]


def _given(**arguments: object) -> dict[str, object]:
    """The arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}

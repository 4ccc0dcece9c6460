"""The registry of custom tracking domains: which account asked for which host, what it is proven to be, and its use."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ..account import DEFAULT_TRACKING_DOMAIN, Account, TrackingDomain
from ..errors import DomainError, OptionError
from ..keys import SigningKeys
from . import claims, settings, store
from .accounts import Accounts
from .checker import Checker
from .database import Database, moment, now
from .domain import STATES, Change, Domain, Method, State
from .hosts import read_host
from .network import Network
from .records import DomainRequest, records_for
from .schema import CHANGES, DOMAINS
from .verification import Verification

_T = TypeVar("_T")
_log = logging.getLogger("linkwrap")


class DomainRegistry:
    """Custom tracking domains, kept in a database.

    - `url`: an SQLAlchemy URL: "sqlite:///domains.db" for one machine, "postgresql+psycopg://…" for several;
    - `keys`: those of the redirector, which prove that a host leads to it; only `verify` and `verify_due` need them;
    - `target`: the host that all CNAMEs must point to, and that mail without a verified domain goes out on. Its name
      is kept in the database from the first use on, so that nobody has to repeat it, and another one is refused;
    - `create`: whether the tables are made where there are none;
    - `network`: how checks reach the DNS and the redirector;
    - `on_change`: called with each `Change` that this object brings about, once it is stored, maybe in another thread.
      If it raises, that goes to the logger `linkwrap`; `changes` reads on from where one was last heard.

    Of the methods below, those that take a host need the `account` only where several accounts claim the host and none
    has proven it. All raise `DomainError` for what is not there or not allowed, `OptionError` for values of the wrong
    kind, and `LinkWrapError` where the database cannot be used. The object may be shared by threads.
    """

    def __init__(
        self,
        url: str,
        *,
        keys: SigningKeys | None = None,
        target: str | TrackingDomain | None = None,
        create: bool = True,
        network: Network | None = None,
        on_change: Callable[[Change], object] | None = None,
    ) -> None:
        faults: list[str] = []
        if not isinstance(url, str):
            faults.append("the URL of the database is a string, such as sqlite:///domains.db")
        if keys is not None and not isinstance(keys, SigningKeys):
            faults.append("keys must be SigningKeys")
        if network is not None and not isinstance(network, Network):
            faults.append("network must be a Network")
        if on_change is not None and not callable(on_change):
            faults.append("on_change must be a callable")
        if isinstance(target, TrackingDomain) and not target.verified:
            faults.append("the target must be a host name, or a TrackingDomain that is verified")
        if faults:
            raise OptionError(f"DomainRegistry: {'; '.join(faults)}")
        given = TrackingDomain(target, verified=True) if isinstance(target, str) else target
        self._given = given
        self._database = Database(url, (given or DEFAULT_TRACKING_DOMAIN).host, create=create)
        self._keys = keys
        self._network = network or Network()
        self._on_change = on_change
        self._accounts = Accounts(self._read_account)

    @property
    def target(self) -> TrackingDomain:
        """What all CNAMEs must point to, and mail without a verified domain goes out on.

        Raises `OptionError` where it is not the one that this object was made with.
        """
        kept = self._database.target
        if self._given is None:
            return TrackingDomain(kept, verified=True)
        if self._given.host != kept:
            raise OptionError(f"the domains of this registry lead to {kept}, not to {self._given.host}: leave it out")
        return self._given

    def add(
        self,
        account_id: str,
        host: str,
        *,
        subaccount: str | None = None,
        method: Method = "cname",
        vouched: bool = False,
    ) -> DomainRequest:
        """Take an account's request for a host, and return the records to create; the first check is due at once.

        `method="http"` is for a host behind a CDN or with a flattened CNAME: the redirector's proof alone verifies it.
        `vouched=True` needs no TXT record: the caller knows that the account owns the host. The claim reserves nothing:
        the first account to prove a host owns it. A domain that has lapsed may be added anew.
        Raises `DomainError` where the host cannot be a tracking domain, is another account's, or was added already.
        """
        read_host(host)  # before any table is made

        def new(connection: Connection) -> tuple[Domain, list[Change]]:
            domain = claims.new_domain(
                account_id,
                host,
                self.target.host,
                subaccount=subaccount,
                method=method,
                vouched=vouched,
                at=moment(now(connection)),
            )
            return domain, claims.add(connection, domain)

        return self._request(self._change(new))

    def request(self, host: str, *, account: str | None = None) -> DomainRequest:
        """Return a domain with the records that its owner is to create, or to keep; no TXT once the owner is proven."""
        return self._request(self.domain(host, account=account))

    def domain(self, host: str, *, account: str | None = None) -> Domain:
        """Return a domain."""
        with self._database.read() as connection:
            return claims.pick(connection, host, account)

    def domains(self, *, account: str | None = None, state: State | None = None) -> list[Domain]:
        """Return all domains, or those of an account or in a state, ordered by host."""
        if account is not None:
            claims.check_account(account)
        if state is not None and state not in STATES:
            raise OptionError(f"there is no state {state!r}, only {', '.join(STATES)}")
        conditions: list[Any] = [] if account is None else [DOMAINS.c.account_id == account]
        conditions += [] if state is None else [DOMAINS.c.state == state]
        with self._database.read() as connection:
            return store.find(connection, *conditions)

    def account(self, account_id: str) -> Account:
        """Return an account with its domains, to pick a message's tracking domain; at most `KEPT_FOR` seconds old.

        An account without domains is one too: its mail goes out on the registry's target. One that was read before is
        used on while the database is away.
        """
        claims.check_account(account_id)
        return self._accounts.get(account_id)

    def verify(self, host: str, *, account: str | None = None, method: Method | None = None) -> Verification:
        """Check a domain now, store what was seen, and return it. It takes as long as the network's deadline at most.

        `method` is how it is verified from now on: "http" where it turns out to be behind a CDN or a proxy.
        In a program that runs an event loop, call it in a thread: `await asyncio.to_thread(registry.verify, host)`.
        Raises `DomainError` where it is being checked already.
        """
        checker = self._checker()
        return asyncio.run(checker.verify(self.domain(host, account=account), method))

    def verify_due(self, *, limit: int | None = None, concurrency: int = 20) -> list[Verification]:
        """Check the domains whose time has come, at most `limit` of them and `concurrency` at once; return the results.

        Any number of processes may do so: each domain is checked by one. Call it every minute or so, as in `verify`.
        """
        checker = self._checker()
        _check_number("concurrency", concurrency, 1)
        _check_number("limit", 0 if limit is None else limit, 0)
        return asyncio.run(checker.verify_due(limit, concurrency))

    def set_default(self, host: str, default: bool = True, *, account: str | None = None) -> Domain:
        """Make a domain the default of its account or subaccount, in place of another, or no default any more.

        Raises `DomainError` where it is not verified.
        """
        return self._set(settings.set_default, host, default, account)

    def set_secure(self, host: str, secure: bool = True, *, account: str | None = None) -> Domain:
        """Let the links on a domain be https, or http.

        Raises `DomainError` where its last check saw no valid certificate: https links would be dead.
        """
        return self._set(settings.set_secure, host, secure, account)

    def link(self, host: str, sending_domain: str, *, account: str | None = None) -> Domain:
        """Let the mail of a sending domain, that of the From address, go out on a domain as soon as that is verified.

        Raises `DomainError` where the sending domain is no host name, or linked to another domain of the account.
        """
        return self._set(settings.link, host, sending_domain, account)

    def unlink(self, host: str, sending_domain: str, *, account: str | None = None) -> Domain:
        """Undo `link`; raises `DomainError` where the sending domain is not linked to the host."""
        return self._set(settings.unlink, host, sending_domain, account)

    def remove(self, host: str, *, account: str | None = None) -> None:
        """Remove a domain and its links to sending domains. New mail goes elsewhere; links in old mail keep working.

        Its history stays. Whoever adds the host next has to prove it anew.
        """

        def gone(connection: Connection) -> tuple[None, list[Change]]:
            return None, claims.remove(connection, claims.pick(connection, host, account, lock=True))

        self._change(gone)

    def changes(
        self, *, after: int = 0, host: str | None = None, account: str | None = None, limit: int = 1000
    ) -> list[Change]:
        """Return the changes behind the one with the number `after`, at most `limit`, in their order.

        A notifier that stores the number of the last one it has told of loses none, whenever it stops.
        """
        _check_number("after", after, 0)
        _check_number("limit", limit, 0)
        if account is not None:
            claims.check_account(account)
        conditions: list[Any] = [CHANGES.c.id > after]
        conditions += [] if host is None else [CHANGES.c.host == read_host(host)]
        conditions += [] if account is None else [CHANGES.c.account_id == account]
        with self._database.read() as connection:
            return store.changes(connection, conditions, limit)

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, domain: Domain) -> DomainRequest:
        challenge = None if domain.vouched or domain.owner else domain.challenge
        cname = domain.method == "cname"
        return DomainRequest(domain, records_for(domain.host, self.target.host, challenge, cname=cname))

    def _read_account(self, account_id: str) -> Account:
        domains = [domain.tracking_domain for domain in self.domains(account=account_id)]
        return Account(account_id, domains, fallback=self.target)

    def _checker(self) -> Checker:
        if self._keys is None:
            raise OptionError("a check needs the keys of the redirector: DomainRegistry(…, keys=…)")
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            raise OptionError("an event loop runs here: use a thread, as in asyncio.to_thread(registry.verify, host)")
        return Checker(
            database=self._database,
            target=self.target.host,
            keys=self._keys,
            network=self._network,
            tell=self._tell,
        )

    def _set(self, how: Callable[..., list[Change]], host: str, value: object, account: str | None) -> Domain:
        def use(connection: Connection) -> tuple[Domain, list[Change]]:
            domain = claims.pick(connection, host, account, lock=True)
            changes = how(connection, domain, value)
            return claims.pick(connection, host, domain.account_id), changes

        return self._change(use)

    def _change(self, how: Callable[[Connection], tuple[_T, list[Change]]]) -> _T:
        """Make a change in a transaction, and tell of it once it is stored."""
        try:
            with self._database.write() as connection:
                result, changes = how(connection)
        except IntegrityError:
            raise DomainError("somebody else changed the same at this moment: try again") from None
        for change in changes:
            self._tell(change)
        return result

    def _tell(self, change: Change) -> None:
        self._accounts.changed(change.account_id)
        if self._on_change is None:
            return
        try:
            self._on_change(change)
        except Exception:
            _log.exception("on_change raised for change %d: changes(after=%d) has it", change.id, change.id - 1)


def _check_number(name: str, number: object, least: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number < 1 << 63:
        raise OptionError(f"{name} takes a whole number from {least} on")

"""`linkwrap domain`: custom tracking domains, from an account's request to their use. It needs the extra `domains`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from ..errors import LinkWrapError, OptionError
from .keys import key_file_option, require_keys
from .options import json_option, option, tracking_domain, with_options
from .output import TIME, Cell, Table, fact_lines, print_json, print_lines, printable, spinner, tell

if TYPE_CHECKING:
    from ..domains import Change, CheckResult, Domain, DomainRegistry

STATES: Final = ("pending", "propagating", "verified", "invalid", "suspended", "lapsed")
_COLOURS: Final = {"ok": "green", "verified": "green"} | dict.fromkeys(("warning", "pending", "propagating"), "yellow")
_ALL: Final = 1 << 62
_BATCH: Final = 5  # times --concurrency domains are checked before their results are printed

_SECONDS = partial(click.FloatRange, 0, min_open=True)
_account = partial(option, "--account", metavar="ID")
_method = partial(option, "--method", type=click.Choice(["cname", "http"]), metavar="cname|http")
_cname_target = partial(option, "--cname-target", envvar="LINKWRAP_CNAME_TARGET", metavar="HOST")
_dns_resolver = partial(option, "--dns-resolver", "dns_resolvers", multiple=True, metavar="ADDRESS")
_HOST: Final = (click.argument("host"), _account(help="Account of HOST, if several accounts claim it."))
_CNAME_TARGET = _cname_target(help="For a new registry: host that the CNAMEs of all domains point to.")
_NETWORK: Final = (
    _dns_resolver(help="DNS resolver in place of the system's, such as 1.1.1.1. Any number of times."),
    option(
        "--certificate-authority",
        "certificate_authorities",
        multiple=True,
        default=("letsencrypt.org",),
        show_default="letsencrypt.org",
        metavar="DOMAIN",
        help="Authority of your certificates, which CAA records must allow. Any number of times.",
    ),
    option("--deadline", type=_SECONDS(max=300), default=20, metavar="SECONDS", help="Longest time of one check."),
    key_file_option,
)
_REGISTRY: Final = (
    option("--registry", envvar="LINKWRAP_REGISTRY", metavar="URL", help="Database, in place of linkwrap.db here."),
    json_option,
)


class _Output(NamedTuple):
    """What a command returns: the value that --json prints, the lines without it and what to say beside them."""

    value: object
    lines: Iterable[str | Table] = ()
    note: str | None = None
    status: int = 0


@click.group(invoke_without_command=True)
@click.pass_context
def domain(context: click.Context) -> None:
    """Manage custom tracking domains.

    They are kept in a registry, a database: --registry is its SQLAlchemy URL. add and watch create it.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def _command(*options: Callable[[Any], Any], name: str | None = None) -> Callable[[Callable[..., _Output]], Any]:
    """Return a decorator for a command of `linkwrap domain`, which gets the registry that its options say."""

    def decorate(function: Callable[..., _Output]) -> Any:
        @wraps(function)
        def call(registry: str | None, as_json: bool, **values: Any) -> None:
            with _open(registry, values) as opened:
                output = function(opened, **values)
            if as_json:
                print_json(output.value)
            else:
                print_lines(output.lines)
                tell(output.note)
            click.get_current_context().exit(output.status)

        return domain.command(name)(with_options(*options, *_REGISTRY)(call))

    return decorate


def _open(url: str | None, values: dict[str, Any], **options: Any) -> DomainRegistry:
    """Open the registry, with the options in `values` that are for it; create it if one is the CNAME target."""
    if "key_file" in values:
        options["keys"] = require_keys(values.pop("key_file"))
    from ..domains import DomainRegistry, Network, NoRegistry

    if "deadline" in values:
        names = ("dns_resolvers", "deadline", "certificate_authorities")
        options["network"] = Network(**{name: values.pop(name) for name in names})
    if url is None:
        url = "sqlite:///linkwrap.db"
        tell("Note: the registry is linkwrap.db in this folder: --registry or LINKWRAP_REGISTRY names another")
    creates, host = "cname_target" in values, values.pop("cname_target", None)
    if host is None:
        try:
            registry = DomainRegistry(url, create=False, **options)
            registry.cname_target  # noqa: B018  # reads the database
            return registry
        except NoRegistry as error:
            if not creates:
                raise NoRegistry(f"{error} (linkwrap domain add makes one)") from None
        if sys.stdin is None or not sys.stdin.isatty():
            raise click.UsageError(
                "a new registry needs a CNAME target, the host that the CNAMEs of all its domains point to: "
                "give --cname-target or LINKWRAP_CNAME_TARGET (--cname-target spgo.io for SparkPost's)"
            )
        question = "The host that the CNAMEs of all domains in this new registry point to (spgo.io is SparkPost's)"
        host = click.prompt(question, err=True)
    target = tracking_domain(host, "--cname-target")
    if target.port is not None:
        raise click.BadParameter("it must be a host without a port", param_hint="'--cname-target'")
    return DomainRegistry(url, cname_target=target, **options)


@_command(
    click.argument("host"),
    _account(required=True, help="Account that asks for HOST."),
    option("--subaccount", metavar="ID", help="Subaccount that alone uses it; else all of the account."),
    _method(default="cname", help="How it is checked; http is for a host behind a CDN or proxy."),
    option("--ownership-trusted", is_flag=True, help="You know that the account controls HOST: no TXT record."),
    _CNAME_TARGET,
)
def add(registry: DomainRegistry, host: str, **options: Any) -> _Output:
    """Add HOST for an account, and print the DNS records.

    They are lines of a zone file, for the domain owner to create. Then check or watch looks for them.
    """
    request = registry.add(host, **options)
    name = request.domain.host
    waits = "until these records exist" if request.records else "and needs no record"
    note = (
        f"{name} is pending {waits}: linkwrap domain check {name} checks it now, linkwrap domain watch when it is due"
    )
    return _Output(request, request.zone_lines, note)


@_command(
    _account(help="Only the domains of an account."),
    option("--state", type=click.Choice(STATES), metavar="STATE", help=f"Only those that are {', '.join(STATES)}."),
    name="list",
)
def list_domains(registry: DomainRegistry, **options: Any) -> _Output:
    """List the domains, with their states and uses."""
    domains = registry.domains(**options)
    rows: list[tuple[Cell, ...]] = []
    for found in domains:
        uses = ["default"] if found.default else []
        uses += ["https" if found.secure else "http"] if found.in_use else []
        uses += [] if found.subaccount is None else [f"subaccount {found.subaccount}"]
        uses += [f"from {sender}" for sender in found.sending_domains]
        state = (found.state, _COLOURS.get(found.state, "red"))
        rows.append((found.host, found.account_id, state, f"{found.since:{TIME}}", ", ".join(uses)))
    if rows:
        return _Output(domains, [Table({"host": 26, "account": 10, "state": 11, "since": 23, "use": None}, rows)])
    return _Output(domains, note=f"there is no {'such domain' if any(options.values()) else 'domain'} in the registry")


@_command(*_HOST)
def show(registry: DomainRegistry, host: str, account: str | None) -> _Output:
    """Show all about HOST, with its DNS records and history."""
    request = registry.request(host, account=account)
    found = request.domain
    changes = registry.changes(host=found.host, account=found.account_id, limit=_ALL)
    facts = {field.name: getattr(found, field.name) for field in fields(found) if field.repr}
    lines = list(fact_lines({name: value for name, value in facts.items() if value not in (None, ())}))
    lines += [f"To do: {sentence}" for sentence in (found.evidence or {}).get("advice", ())]
    if request.records:
        lines += ["", "Records:", *(f"  {line}" for line in request.zone_lines)]
    lines += ["", "History:", *(f"  {change}" for change in changes)]
    return _Output(request.as_dict() | {"history": changes}, lines)


@_command(*_HOST, _method(help="How HOST is checked from now on: http if it is behind a CDN or proxy."), *_NETWORK)
def check(registry: DomainRegistry, host: str, account: str | None, method: Any) -> _Output:
    """Check HOST now, and show what each server answers.

    The exit status is 0 if HOST is verified, and 1 if it is not.
    """
    found = registry.domain(host, account=account)
    with spinner(f"Checking {found.host}"):
        result = registry.check(found.host, account=found.account_id, method=method)
    return _Output(result, _check_lines(result), status=0 if result.verified else 1)


def _check_lines(result: CheckResult) -> Iterator[str | Table]:
    yield result.headline
    rows: list[tuple[Cell, ...]] = []
    for asked, server, good, answer in result.report():
        mark = "warning" if good is None else "ok" if good else "no"
        between = [()] if rows and rows[-1][0] != asked else []
        rows += [*between, (asked, server, (mark, _COLOURS.get(mark, "red")), answer)]
    if rows:
        yield Table({"asked for": 24, "server": 24, "result": 7, "answer": None}, rows)
    yield from (f"To do: {sentence}" for sentence in result.advice)
    if result.domain.next_check:
        yield f"Next check by watch: {result.domain.next_check:{TIME}}"


@_command(*_HOST, option("--off", is_flag=True, help="Make it the default no longer."))
def default(registry: DomainRegistry, host: str, account: str | None, off: bool) -> _Output:
    """Make HOST the default of its account or subaccount."""
    found = registry.set_default(host, not off, account=account)
    subaccount = "" if found.subaccount is None else f"subaccount {found.subaccount} of "
    return _use(found, f"is {'not ' if off else ''}the default of {subaccount}account {found.account_id}")


@_command(*_HOST, option("--off", is_flag=True, help="Make its links http."))
def secure(registry: DomainRegistry, host: str, account: str | None, off: bool) -> _Output:
    """Make the links on HOST https, if it has a certificate."""
    return _use(registry.set_secure(host, not off, account=account), f"has {'http' if off else 'https'} links")


@_command(*_HOST, click.argument("sending_domain"))
def assign(registry: DomainRegistry, host: str, sending_domain: str, account: str | None) -> _Output:
    """Let mail from SENDING_DOMAIN go out on HOST."""
    return _use(registry.assign(host, sending_domain, account=account), f"serves mail from {sending_domain}")


@_command(*_HOST, click.argument("sending_domain"))
def unassign(registry: DomainRegistry, host: str, sending_domain: str, account: str | None) -> _Output:
    """Let mail from SENDING_DOMAIN go out on the default again."""
    found = registry.unassign(host, sending_domain, account=account)
    return _use(found, f"serves mail from {sending_domain} no longer")


@_command(*_HOST, option("--yes", is_flag=True, help="Do not ask."))
def remove(registry: DomainRegistry, host: str, account: str | None, yes: bool) -> _Output:
    """Remove HOST, after asking.

    New mail goes out on another domain; links in old mail keep working. Without a terminal, --yes is needed.
    """
    if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError("there is no terminal to ask at: --yes removes without asking")
    found = registry.domain(host, account=account)
    whose = f"{found.host} of account {found.account_id}"
    if not yes and not click.confirm(printable(f"Remove {whose}, which is {found.state}?"), err=True):
        raise click.ClickException("nothing was removed")
    registry.remove(found.host, account=found.account_id)
    return _Output(found, [f"{whose} is removed."])


@domain.command()
@with_options(
    option("--every", type=_SECONDS(), default=60, metavar="SECONDS", help="Time between two rounds."),
    option("--once", is_flag=True, help="Do one round, and end."),
    option("--concurrency", type=click.IntRange(1, 1000), default=20, metavar="N", help="Checks at a time."),
    option("--after", type=click.IntRange(0), metavar="ID", help="Print all changes after this one, not only its own."),
    _CNAME_TARGET,
    *_NETWORK,
    *_REGISTRY,
)
def watch(registry: str | None, every: float, once: bool, **options: Any) -> None:
    """Check the domains that are due, until Ctrl-C or SIGTERM.

    Prints a line for each change and each result. Any number of these may run at a time.
    """
    made: list[Change] = []
    how = {name: options.pop(name) for name in ("concurrency", "after", "as_json")}
    with _open(registry, options, on_change=made.append) as opened:
        opened.check_due(limit=0)  # makes the tables of a new registry
        rounds = _Rounds(opened, made, **how)
        rounds.run()
        while not once:
            with spinner("Nothing is due"):
                time.sleep(every)
            try:
                rounds.run()
            except OptionError:
                raise
            except LinkWrapError as error:  # the database is away for a while
                tell(f"Warning: {error}: trying again in {every:.3g} s")


@dataclass(slots=True)
class _Rounds:
    registry: DomainRegistry
    made: list[Change]
    concurrency: int
    after: int | None
    as_json: bool

    def run(self) -> None:
        """Check what is due, a batch at a time, and print the changes and the results of each."""
        self.print_changes()
        results: list[CheckResult] | None = None
        while results is None or results:
            try:
                with spinner("Checking what is due"):
                    results = self.registry.check_due(limit=self.concurrency * _BATCH, concurrency=self.concurrency)
            except BaseException:
                with suppress(LinkWrapError):  # which must not take the place of Ctrl-C
                    self.print_changes()  # those that are stored by now are printed only once
                raise
            self.print_changes()
            for result in results:
                found, advice = result.domain, "".join(f"; to do: {sentence}" for sentence in result.advice[:1])
                at = f"{found.checked_at or found.since:{TIME}}"
                line = f"{at} {found.account_id} {found.host}: checked, {found.state}{advice}"
                self.print({"result": result}, line)

    def print_changes(self) -> None:
        made, after = self.made.copy(), self.after
        self.made.clear()
        for change in made if after is None else self.registry.changes(after=after, limit=_ALL):
            self.after = None if after is None else change.id
            self.print({"change": change}, str(change))

    def print(self, value: object, line: str) -> None:
        if self.as_json:
            print_json(value, line=True)
        else:
            print_lines([line])


def _use(found: Domain, use: str) -> _Output:
    waits = "" if found.verified else f", once it is verified: it is {found.state}"
    return _Output(found, [f"{found.host} {use}{waits}."])

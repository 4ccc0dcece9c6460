"""The options about wrapping, which `wrap` and `inspect` share, and what they mean."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce, wraps
from typing import Any, Literal

import click
from click.core import ParameterSource

from .._hosts import url_host
from .._mime.input import is_empty, is_text, looks_like_message, sending_domain
from ..account import DEFAULT_TRACKING_DOMAIN, Account, TrackingDomain
from ..errors import DomainError, OptionError
from ..wrapper import LinkWrapper
from .files import read_input, shown
from .output import Decorator

option: Callable[..., Decorator] = partial(click.option, show_envvar=True)
json_option: Decorator = option("--json", "as_json", is_flag=True, help="Print JSON.")


@dataclass(frozen=True, slots=True)
class Wrapping:
    """The way that files are wrapped, by the options.

    `kind` is None to tell by the name of each file; `options` are those of `LinkWrapper`, but for the tracking domain:
    that is `domain`, or one that the `account` of the registry has, if there is a registry.
    """

    kind: Literal["html", "eml"] | None
    encoding: str | None
    text: bool
    metadata: dict[str, str]
    options: dict[str, Any]
    domain: TrackingDomain | None
    account: Account | None
    subaccount: str | None

    @property
    def note(self) -> str | None:
        """A message about the tracking domain for the user; None for none."""
        if self.account:
            note = f"Warning: account {self.account.id!r} has no domain in the registry: its links are on "
            return None if self.account.domains else note + self.account.fallback.host
        if self.domain is None:
            origin = DEFAULT_TRACKING_DOMAIN.origin
            return f"Note: links lead to {origin}: set your own tracking domain with --domain or LINKWRAP_DOMAIN"
        if self.domain.secure and self.domain.host.rpartition(".")[2] == "localhost":
            return f"Warning: links lead to {self.domain.origin}: for a local try without certificate, add --http"
        return None

    def read(self, name: str) -> tuple[bytes, bool]:
        """Return the content of a file, and whether it is a message; an error if it cannot be read or is not mail."""
        source = read_input(name)
        message = self.kind == "eml" or (self.kind is None and name.lower().endswith(".eml"))
        if is_empty(source):
            raise click.ClickException(f"{shown(name)} is empty: it must be HTML or a message")
        if not is_text(source, message=message, encoding=self.encoding):
            raise click.ClickException(f"{shown(name)} is not text: it must be HTML or a message")
        if self.kind is None and not message and looks_like_message(source):
            raise OptionError("the input looks like a message, not HTML: give --type eml, or --type html if it is HTML")
        return source, message

    def tracking_domain(self, message: bytes | None = None) -> TrackingDomain:
        """Return the tracking domain of a message, or of HTML; a `DomainError` if the one asked for cannot be used."""
        if self.account is None:
            return self.domain or DEFAULT_TRACKING_DOMAIN
        asked = f"{self.domain.host}:{self.domain.port}".removesuffix(":None") if self.domain else None
        sender = sending_domain(message) if message else None
        return self.account.tracking_domain(asked, sender, self.subaccount)

    def compile(self, wrapper: LinkWrapper, source: bytes, *, message: bool) -> Any:
        """Return the `LinkTemplate` or `MessageTemplate` of a file."""
        if message:
            return wrapper.compile_message(source, text=self.text)
        return wrapper.compile(source, encoding=self.encoding)

    def wrap(self, wrapper: LinkWrapper, source: bytes, *, message: bool) -> tuple[bytes, Any]:
        """Return the wrapped file, and its template."""
        template = self.compile(wrapper, source, message=message)
        domain = self.tracking_domain(source if message else None)
        return wrapper.render(template, self.metadata, tracking_domain=domain), template


def _metadata(_: click.Context, __: click.Parameter, entries: tuple[str, ...]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in entries]
    if not all(key and separator for key, separator, _ in pairs):
        raise click.BadParameter("it must be KEY=VALUE, such as rcpt=r-42")
    metadata = {key: value for key, _, value in pairs}
    if len(metadata) < len(pairs):
        raise click.BadParameter("a key is given twice")
    return metadata


_REPEATED: dict[str, Any] = {"multiple": True, "callback": _metadata, "metavar": "KEY=VALUE"}
_OPTIONS = (
    option("--domain", envvar="LINKWRAP_DOMAIN", metavar="HOST", help="Your tracking domain, in place of spgo.io."),
    option("--http", is_flag=True, help="Make the links http, not https: for a local try."),
    option("--account", default="", show_default=False, metavar="ID", help="Account that the message belongs to."),
    option("--registry", metavar="URL", help="Take the tracking domain of --account from this registry."),
    option("--subaccount", metavar="ID", help="Subaccount that sends the message, with --registry."),
    option("-m", "--metadata", **_REPEATED, help="Metadata for events, such as rcpt=r-42. Readers can see it."),
    option("--initial-open", is_flag=True, help="Add an open pixel at the top of the mail too."),
    option("--no-opens", is_flag=True, help="Add no open pixel at the end."),
    option("--anonymous", is_flag=True, help="Make links and pixels that do not tell recipients apart."),
    option(
        "--campaign-metadata",
        metavar="KEY",
        multiple=True,
        default=["campaign_id"],
        help="Metadata that --anonymous keeps.",
    ),
    option("--encoding", metavar="LABEL", help="Encoding of HTML, such as shift_jis; else it is detected."),
    option("--type", "kind", type=click.Choice(["html", "eml"]), help="What FILE holds; else its name tells."),
    option("--text", is_flag=True, help="Wrap the plain text of messages too."),
)


def message_options(command: Callable[..., None]) -> Any:
    """Give a command the options about wrapping, which it gets as one argument, `wrapping`."""

    @wraps(command)
    def call(
        domain: str | None, http: bool, account: str, registry: str | None, subaccount: str | None, **rest: Any
    ) -> None:
        if registry and click.get_current_context().get_parameter_source("domain") is ParameterSource.ENVIRONMENT:
            domain = None  # only --domain goes before the registry
        if registry and not account:
            raise click.UsageError("--registry needs --account, whose domains it holds")
        if subaccount is not None and not registry:
            raise click.UsageError("--subaccount needs --registry")
        if http and (registry or domain is None):
            raise click.UsageError("--http needs --domain, and no --registry, which says whether links are https")
        kept = None
        if registry:
            from ..domains import DomainRegistry

            with DomainRegistry(registry, create=False) as opened:
                kept = opened.account(account)
        opens = {"open_tracking": not rest.pop("no_opens"), "initial_open": rest.pop("initial_open")}
        privacy = {name: rest.pop(name) for name in ("anonymous", "campaign_metadata")}
        wrapping = Wrapping(
            **{name: rest.pop(name) for name in ("kind", "encoding", "text", "metadata")},
            options={"account_id": account, **opens, **privacy},
            domain=None if domain is None else tracking_domain(domain, "--domain", secure=not http),
            account=kept,
            subaccount=subaccount,
        )
        wrapping.tracking_domain()  # one that is refused is an error before anything is read or written
        command(wrapping=wrapping, **rest)

    return with_options(*_OPTIONS)(call)


def tracking_domain(host: str, name: str, *, secure: bool = True) -> TrackingDomain:
    """Return the tracking domain that an option names; raises `click.BadParameter` if it is not a host name."""
    try:
        return TrackingDomain(host, secure=secure, verified=True)
    except DomainError as error:
        message = str(error).removeprefix(f"TrackingDomain({host!r}): ")
    if "/" in host:
        plain, is_http = url_host(host)
        option = f"{name} {plain or 'click.acme.com'}{' --http' * (is_http and name == '--domain')}"
        message = f"it must be a host name, not a URL: give {option}"
    raise click.BadParameter(message, param_hint=f"'{name}'")


def with_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator that gives a command these options and arguments."""
    return lambda command: reduce(lambda made, add: add(made), reversed(options), command)

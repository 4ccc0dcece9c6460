"""The options that say how a document or a message is wrapped, the same for each command that wraps one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Literal

import click

from .._mime.template import MessageTemplate
from ..account import DEFAULT_TRACKING_DOMAIN, TrackingDomain
from ..errors import OptionError
from ..keys import SigningKeys
from ..options import MessageOptions
from ..template import LinkTemplate
from ..wrapper import LinkWrapper
from .choice import DomainChoice
from .registry import is_text, read_account, tracking_domain
from .registry import text as as_text

# Header fields before any empty line, one of those among them that mail has.
_MESSAGE = re.compile(
    rb"(?:From [^\n]*+\n)?+(?:(?!(?i:MIME-Version|Content-Type|Received|Message-ID|Subject|From):)"
    rb"(?:[A-Za-z0-9-]++:|[ \t])[^\n]*+\n)*+(?i:MIME-Version|Content-Type|Received|Message-ID|Subject|From):"
)


@dataclass(frozen=True, slots=True)
class Wrapping:
    """How a document or a message is wrapped."""

    encoding: str | None
    metadata: dict[str, str]
    options: MessageOptions
    kind: Literal["html", "eml"] | None = None
    """What the input is; None to tell by the name of a file."""
    text: bool = False
    """Whether plain-text bodies of messages are wrapped too."""
    choice: DomainChoice | None = None
    """What the tracking domain of each input is chosen from; None where it is the same for all."""

    @property
    def tracking_domain(self) -> TrackingDomain:
        """The tracking domain of what is wrapped."""
        domain = self.options["tracking_domain"]
        assert isinstance(domain, TrackingDomain)
        return domain

    def takes_message(self, name: str) -> bool:
        """Tell whether a file is a message, and not HTML."""
        return self.kind == "eml" or (self.kind is None and name.lower().endswith(".eml"))

    def for_input(self, source: bytes, *, message: bool) -> "Wrapping":
        """Return how this document or message is wrapped: on the tracking domain that is chosen for it."""
        if self.choice is None:
            return self
        options: MessageOptions = {
            **self.options,
            "tracking_domain": self.choice.pick(source if message else None),
        }
        return replace(self, options=options)

    def wrap(
        self, source: bytes, keys: SigningKeys, *, message: bool = False, click_tracking: bool = True
    ) -> tuple[bytes, LinkTemplate[bytes] | MessageTemplate[bytes]]:
        """Return the wrapped document or message, and the template with what was decided about each link."""
        wrapper = LinkWrapper(keys, click_tracking=click_tracking)
        if message:
            mail = wrapper.compile_message(source, text=self.text)
            return wrapper.render(mail, self.metadata, **self.options), mail
        if self.kind is None and _MESSAGE.match(source):
            raise OptionError("the input looks like a message, not HTML: give --type eml, or --type html if it is none")
        template = wrapper.compile(source, encoding=self.encoding)
        return wrapper.render(template, self.metadata, **self.options), template

    def wrapped_size(self, template: LinkTemplate[bytes], keys: SigningKeys) -> int:
        """Return how many bytes a body of a message has when it is wrapped, before transfer encoding."""
        return len(LinkWrapper(keys).render(template, self.metadata, **self.options))


def _metadata(_: click.Context, __: click.Parameter, entries: tuple[str, ...]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for entry in entries:
        key, separator, value = entry.partition("=")
        if not key or not separator:
            raise click.BadParameter("it takes KEY=VALUE, such as rcpt=r-42")
        if key in metadata:
            raise click.BadParameter("a key is given twice")
        metadata[key] = value
    return metadata


_OPTIONS = (
    click.option(
        "--domain",
        callback=tracking_domain,
        metavar="HOST",
        help=f"Tracking domain of the links: set one that you run. The default is {DEFAULT_TRACKING_DOMAIN.host}.",
    ),
    click.option("--account", default="", metavar="ID", help="Account that the message belongs to."),
    click.option(
        "--registry",
        metavar="URL",
        help="Take the tracking domain from what --account has verified in this registry.",
    ),
    click.option("--subaccount", callback=as_text, metavar="ID", help="Subaccount that it is sent for, in --registry."),
    click.option(
        "-m",
        "--metadata",
        multiple=True,
        callback=_metadata,
        metavar="KEY=VALUE",
        help="What an event shall say about the message, for example rcpt=r-42; any number of times. "
        "Readers can see it: give ids.",
    ),
    click.option("--initial-open", is_flag=True, help="Add an open pixel at the top of the mail too."),
    click.option("--no-opens", is_flag=True, help="Add no open pixel at the end."),
    click.option(
        "--encoding",
        metavar="LABEL",
        help="Encoding of HTML files, such as shift_jis. Else it is the one that they declare, or detected.",
    ),
    click.option(
        "--type",
        "kind",
        type=click.Choice(["html", "eml"]),
        metavar="html|eml",
        help="What FILE holds. Else a name that ends in .eml is a message, all else HTML.",
    ),
    click.option("--text", is_flag=True, help="Wrap the plain text of messages too."),
)


def message_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, which it gets as one argument, `wrapping`."""

    @wraps(command)
    def call(
        *,
        domain: TrackingDomain | None,
        account: str,
        registry: str | None,
        subaccount: str | None,
        metadata: dict[str, str],
        initial_open: bool,
        no_opens: bool,
        encoding: str | None,
        kind: Literal["html", "eml"] | None,
        text: bool,
        **rest: Any,
    ) -> None:
        choice = None
        if registry is not None:
            choice = _choice(registry, account, domain, subaccount)
        elif subaccount is not None:
            raise click.UsageError("--subaccount says something of a --registry: give that too")
        options = MessageOptions(
            account_id=account,
            tracking_domain=choice.pick() if choice else domain or DEFAULT_TRACKING_DOMAIN,
            open_tracking=not no_opens,
            initial_open=initial_open,
        )
        command(wrapping=Wrapping(encoding, metadata, options, kind, text, choice), **rest)

    for option in reversed(_OPTIONS):
        call = option(call)
    return call


def _choice(registry: str, account: str, domain: TrackingDomain | None, subaccount: str | None) -> DomainChoice:
    if not account:
        raise click.UsageError("--registry takes the account whose domains are meant: give --account too")
    if not is_text(account):
        raise click.UsageError("the account is not in the encoding of this system")
    requested = None
    if domain is not None:
        requested = domain.host if domain.port is None else f"{domain.host}:{domain.port}"
    return DomainChoice(read_account(registry, account), requested, subaccount)

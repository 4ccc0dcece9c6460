"""The options that say how a document or a message is wrapped, the same for each command that wraps one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import click

from ..account import DEFAULT_TRACKING_DOMAIN, TrackingDomain
from ..errors import DomainError, OptionError
from ..mime.template import MessageTemplate
from ..options import MessageOptions
from ..template import LinkTemplate
from ..tokens import SigningKeys
from ..wrapper import LinkWrapper

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

    def takes_message(self, name: str) -> bool:
        """Tell whether a file is a message, and not HTML."""
        return self.kind == "eml" or (self.kind is None and name.lower().endswith(".eml"))

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


def _tracking_domain(_: click.Context, __: click.Parameter, host: str | None) -> TrackingDomain:
    if host is None:
        return DEFAULT_TRACKING_DOMAIN
    try:
        return TrackingDomain(host, verified=True)
    except DomainError as error:
        raise click.BadParameter(str(error).removeprefix(f"TrackingDomain({host!r}): ")) from None


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
        callback=_tracking_domain,
        metavar="HOST",
        help=f"Tracking domain of the links: set one that you run. The default is {DEFAULT_TRACKING_DOMAIN.host}.",
    ),
    click.option("--account", default="", metavar="ID", help="Account that the message belongs to."),
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
        domain: TrackingDomain,
        account: str,
        metadata: dict[str, str],
        initial_open: bool,
        no_opens: bool,
        encoding: str | None,
        kind: Literal["html", "eml"] | None,
        text: bool,
        **rest: Any,
    ) -> None:
        options = MessageOptions(
            account_id=account,
            tracking_domain=domain,
            open_tracking=not no_opens,
            initial_open=initial_open,
        )
        command(wrapping=Wrapping(encoding, metadata, options, kind, text), **rest)

    for option in reversed(_OPTIONS):
        call = option(call)
    return call

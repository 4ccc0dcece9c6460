"""The options that say how a message is wrapped, the same for each command that wraps one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from ..account import DEFAULT_TRACKING_DOMAIN, TrackingDomain
from ..errors import DomainError
from ..template import LinkTemplate
from ..tokens import SigningKeys
from ..wrapper import LinkWrapper, MessageOptions


@dataclass(frozen=True, slots=True)
class Wrapping:
    """How a message is wrapped."""

    encoding: str | None
    metadata: dict[str, str]
    options: MessageOptions

    def wrap(self, html: bytes, keys: SigningKeys, *, click_tracking: bool = True) -> tuple[bytes, LinkTemplate[bytes]]:
        """Return the wrapped document, and the template with what was decided about each link."""
        wrapper = LinkWrapper(keys, click_tracking=click_tracking)
        template = wrapper.compile(html, encoding=self.encoding)
        return wrapper.render(template, self.metadata, **self.options), template


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
        help="Encoding of the HTML, such as shift_jis. Else it is the one that the HTML declares, or detected.",
    ),
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
        **rest: Any,
    ) -> None:
        options = MessageOptions(
            account_id=account,
            tracking_domain=domain,
            open_tracking=not no_opens,
            initial_open=initial_open,
        )
        command(wrapping=Wrapping(encoding, metadata, options), **rest)

    for option in reversed(_OPTIONS):
        call = option(call)
    return call

"""`linkwrap inspect`: every link of a mail, what would be done with it and why, and how large the mail would be."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from .._mime.template import MessagePart
from ..keys import SigningKeys
from ..link import MAX_DESTINATION, Link
from ..template import LinkTemplate
from .files import read_input
from .keys import find_keys, key_file_option
from .options import Wrapping, message_options
from .places import lines_and_columns
from .tables import print_table
from .text import printable, tell

if TYPE_CHECKING:
    from rich.table import Table

GMAIL_CLIP: Final = 102 * 1024
"""Bytes of HTML from which on Gmail cuts a mail off."""

_FAULTS = ("placeholder", "invalid", "too-long")
_SHAPE_OF_OURS = re.compile(
    r"https?://[^/]++/f/[A-Za-z0-9_-]{1,64}+/1[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]{22}(?![^?#])", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Body:
    """An HTML file, or a part of a message and what its transfer encoding holds."""

    links: tuple[Link, ...] = ()
    places: tuple[tuple[int, int], ...] = ()
    source: bytes = b""
    encoding: str | None = None
    wrapped_size: int = 0
    part: MessagePart | None = None


@dataclass(frozen=True, slots=True)
class _Report:
    bodies: tuple[_Body, ...]
    keys_known: bool
    wrapping: Wrapping

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(link for body in self.bodies for link in body.links)

    @property
    def html(self) -> _Body | None:
        """The body that mail clients show as HTML."""
        return next((body for body in self.bodies if body.part is None or _is_html(body.part)), None)

    @property
    def left_alone(self) -> dict[str, int]:
        """How many links were left alone, by the reason."""
        return dict(sorted(Counter(link.reason for link in self.links if link.reason).items()))

    @property
    def perhaps_ours(self) -> int:
        """How many links look as if they were wrapped already, where there are no keys to tell."""
        if self.keys_known:
            return 0
        return sum(link.wrapped and _SHAPE_OF_OURS.match(link.url or "") is not None for link in self.links)


@click.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", is_flag=True, help=f"Exit with 1 where a link is left alone as {', '.join(_FAULTS)}.")
@message_options
@key_file_option
def inspect(file: str, as_json: bool, strict: bool, wrapping: Wrapping, key_file: str | None) -> None:
    """Show each link of FILE, and what wrap does with it.

    Also shows how large the mail gets, with the same options as for wrap. FILE is HTML or a message (.eml), - for
    standard input. Nothing is written; without keys, only links that are wrapped already cannot be told.
    """
    source = read_input(file)
    keys = find_keys(key_file)
    if wrapping.choice and wrapping.choice.warning:
        tell(wrapping.choice.warning)
    message = wrapping.takes_message(file)
    wrapping = wrapping.for_input(source, message=message)
    bodies = _bodies(source, wrapping, keys or SigningKeys(SigningKeys.generate()), message)
    report = _Report(tuple(bodies), keys is not None, wrapping)
    if as_json:
        click.echo(json.dumps(_machine_readable(report), indent=2))
    else:
        for body in report.bodies:
            if body.part:
                click.echo(_title(body.part))
            if body.links:
                print_table(links_table(body.links, body.source, encoding=body.encoding))
        click.echo("\n".join(_summary(report)))
    faults = [f"{count} {reason}" for reason, count in report.left_alone.items() if reason in _FAULTS]
    if strict and faults:
        raise click.ClickException(f"links that should be wrapped were left alone: {', '.join(faults)}")


def _bodies(source: bytes, wrapping: Wrapping, keys: SigningKeys, message: bool) -> Iterator[_Body]:
    wrapped, template = wrapping.wrap(source, keys, message=message)
    if isinstance(template, LinkTemplate):
        yield _body(template, wrapping.encoding, len(wrapped))
        return
    for part in template.parts:
        if part.template is None:
            yield _Body(part=part)
        else:
            size = wrapping.wrapped_size(part.template, keys)
            yield _body(part.template, part.template.encoding, size, part)


def _body(
    template: LinkTemplate[bytes], encoding: str | None, wrapped_size: int, part: MessagePart | None = None
) -> _Body:
    links = template.links
    places = lines_and_columns(_starts(links), template.source, encoding)
    return _Body(links, tuple(places), template.source, encoding, wrapped_size, part)


def _is_html(part: MessagePart) -> bool:
    return part.action == "wrapped" and part.content_type == "text/html"


def _title(part: MessagePart) -> str:
    kept = f": left as it was ({part.reason})" if part.reason else ""
    return f"{printable(part.content_type)} ({printable(part.transfer_encoding)}){kept}"


def links_table(links: Sequence[Link], source: str | bytes, *, encoding: str | None = None) -> Table:
    """Return a table of the links of a document, for `rich.console.Console.print`.

    `source` is the document that the links were found in, and `encoding` what was said of it then, if anything.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table("line", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for title, width in (("element", 11), ("name", 16), ("decision", 13)):
        table.add_column(title, max_width=width, overflow="fold")  # leaves room for the destination in 80 columns
    table.add_column("destination", overflow="fold")
    places = lines_and_columns(_starts(links), source, encoding)
    for (line, column), link in zip(places, links, strict=True):
        colour = "green" if link.wrapped else "red" if link.reason in _FAULTS else "yellow"
        table.add_row(
            Text(f"{line}:{column}", no_wrap=True),
            Text(printable(link.element) + (" (Outlook)" if link.conditional else "")),
            Text(f"{printable(link.name or '')} {'(unsubscribe)' if link.unsubscribe else ''}".strip()),
            Text("wrapped" if link.wrapped else f"left alone ({link.reason})", style=colour),
            Text(_cut(link.url or link.href)),
        )
    return table


def _starts(links: Sequence[Link]) -> list[int]:
    return [link.start for link in links if link.start is not None]


def _cut(url: str) -> str:
    """The URL, but of one that is longer than any destination only the beginning."""
    if len(url) <= MAX_DESTINATION:
        return printable(url)
    return f"{printable(url[:MAX_DESTINATION])}… ({len(url)} characters)"


def _summary(report: _Report) -> list[str]:
    count, left_alone = len(report.links), report.left_alone
    wrapped = count - sum(left_alone.values())
    reasons = ", ".join(f"{number} {reason}" for reason, number in left_alone.items())
    lines = [
        f"{count} link{'' if count == 1 else 's'}: {wrapped} wrapped, {count - wrapped} left alone"
        + (f" ({reasons})" if reasons else ""),
    ]
    if report.wrapping.choice:
        lines.append(f"tracking domain: {report.wrapping.tracking_domain.origin}")
    if html := report.html:
        clipped = "is over" if html.wrapped_size > GMAIL_CLIP else "is under"
        sizes = f"{len(html.source):,} bytes, {html.wrapped_size:,} when wrapped, before transfer encoding"
        of = "HTML of " if html.part else ""
        lines.append(f"{of}{sizes}: that {clipped} the {GMAIL_CLIP:,} at which Gmail clips a mail")
    if report.perhaps_ours:
        lines.append(
            f"Warning: {report.perhaps_ours} of them may be wrapped already: only with your keys can that be told"
        )
    for body in report.bodies:
        where = f"{printable(body.part.content_type)}: " if body.part else ""
        for (line, column), link in zip(body.places, body.links, strict=True):
            if link.warning:
                lines.append(f"Warning: {where}{line}:{column}: {printable(link.warning)}")
    return lines


def _machine_readable(report: _Report) -> dict[str, Any]:
    left_alone, html = report.left_alone, report.html or _Body()
    return {
        "links": [
            {"part": number if body.part else None, "line": line, "column": column, **asdict(link)}
            for number, body in enumerate(report.bodies)
            for (line, column), link in zip(body.places, body.links, strict=True)
        ],
        "parts": [
            {key: getattr(body.part, key) for key in ("content_type", "transfer_encoding", "action", "reason")}
            for body in report.bodies
            if body.part
        ],
        "summary": {
            "links": len(report.links),
            "wrapped": len(report.links) - sum(left_alone.values()),
            "left_alone": left_alone,
            "perhaps_wrapped_already": report.perhaps_ours,
            "tracking_domain": report.wrapping.tracking_domain.origin,
        },
        "size": {
            "source": len(html.source),
            "wrapped": html.wrapped_size,
            "gmail_clip": GMAIL_CLIP,
            "clipped": html.wrapped_size > GMAIL_CLIP,
        },
    }

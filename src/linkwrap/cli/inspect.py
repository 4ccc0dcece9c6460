"""`linkwrap inspect`: every link of a mail, what would be done with it and why, and how large the mail would be."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import click

from .._markup.places import lines_and_columns
from .._mime.template import MessagePart
from ..keys import SigningKeys
from ..link import MAX_DESTINATION, Link
from ..template import LinkTemplate
from ..wrapper import LinkWrapper
from .keys import find_keys, key_file_option
from .options import Wrapping, json_option, message_options
from .output import Table, print_json, print_lines, tell

GMAIL_CLIP: Final = 102 * 1024  # bytes of HTML from which on Gmail cuts a mail off
_FAULTS: Final = ("placeholder", "invalid", "too-long")
_LINK_FIELDS: Final = tuple(field.name for field in fields(Link))
_PART_FIELDS: Final = ("content_type", "transfer_encoding", "action", "reason")
_is_ours = re.compile(
    r"https?://[^/]++/f/[A-Za-z0-9_-]{1,64}+/1[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]{22}(?![^?#])", re.ASCII
).match


@dataclass(frozen=True, slots=True)
class Found:
    """A link, and where it stands: its line and column, and the number of its part in a message."""

    line: int
    column: int
    link: Link
    part: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the place and the link, ready for JSON."""
        place = {"part": self.part, "line": self.line, "column": self.column}
        return place | {name: getattr(self.link, name) for name in _LINK_FIELDS}


@dataclass(frozen=True, slots=True)
class _Body:
    """An HTML file, or a part of a message with what its transfer encoding holds."""

    found: Sequence[Found] = ()
    size: int = 0
    wrapped_size: int = 0
    is_html: bool = False
    part: MessagePart | None = None


@click.command()
@click.argument("file", type=click.Path())
@json_option
@click.option("--strict", is_flag=True, help=f"Exit with 1 if a link is left alone as {', '.join(_FAULTS)}.")
@message_options
@key_file_option
def inspect(file: str, as_json: bool, strict: bool, wrapping: Wrapping, key_file: str | None) -> None:
    """Show each link of FILE, and what wrap does with it.

    Also shows how large the mail gets, with the same options as for wrap. FILE is HTML or a message (.eml), - for
    standard input. Nothing is written. Without keys, links that are wrapped already are not recognised.
    """
    source, message = wrapping.read(file)
    keys = find_keys(key_file)
    tell(wrapping.note)
    bodies = list(_bodies(source, wrapping, keys or SigningKeys(SigningKeys.generate()), message))
    found = [item for body in bodies for item in body.found]
    left_alone = dict(sorted(Counter(item.link.reason for item in found if item.link.reason).items()))
    html = next((body for body in bodies if body.is_html), _Body())
    origin = wrapping.tracking_domain(source if message else None).origin
    perhaps = [item for item in found if item.link.wrapped and not keys and _is_ours(item.link.url or "")]
    summary = {
        "links": len(found),
        "wrapped": len(found) - sum(left_alone.values()),
        "left_alone": left_alone,
        "perhaps_wrapped_already": len(perhaps),
        "tracking_domain": origin,
    }
    size = {"source": html.size, "wrapped": html.wrapped_size, "gmail_clip": GMAIL_CLIP}
    size["clipped"] = html.wrapped_size > GMAIL_CLIP
    if as_json:
        parts = [{name: getattr(body.part, name) for name in _PART_FIELDS} for body in bodies if body.part]
        print_json({"links": found, "parts": parts, "summary": summary, "size": size})
    else:
        print_lines(_report(bodies, summary, html, origin if wrapping.account else None))
    faults = [f"{count} {reason}" for reason, count in left_alone.items() if reason in _FAULTS]
    if strict and faults:
        raise click.ClickException(f"links that should be wrapped were left alone: {', '.join(faults)}")


def _bodies(source: bytes, wrapping: Wrapping, keys: SigningKeys, message: bool) -> Iterator[_Body]:
    wrapper = LinkWrapper(keys, **wrapping.options)
    wrapped, template = wrapping.wrap(wrapper, source, message=message)
    if isinstance(template, LinkTemplate):
        yield _Body(find_links(template), len(source), len(wrapped), is_html=True)
        return
    domain = wrapping.tracking_domain(source)
    for number, part in enumerate(template.parts):
        if part.template is None:
            yield _Body(part=part)
        else:
            size = len(wrapper.render(part.template, wrapping.metadata, tracking_domain=domain))
            found = find_links(part.template, part=number)
            yield _Body(found, len(part.template.source), size, part.content_type == "text/html", part)


def find_links(template: LinkTemplate[Any], *, part: int | None = None) -> list[Found]:
    """Return the links of a template, or of the template of a part, with their places."""
    links = template.links
    places = lines_and_columns((link.start or 0 for link in links), template.source, template.encoding)
    return [Found(line, column, link, part) for (line, column), link in zip(places, links, strict=True)]


def links_table(found: Sequence[Found]) -> Table:
    """Return a table of links."""
    rows = [
        (
            f"{item.line}:{item.column}",
            item.link.element + (" (Outlook)" if item.link.conditional else ""),
            " ".join(filter(None, (item.link.name, "(unsubscribe)" if item.link.unsubscribe else ""))),
            ("wrapped", "green")
            if item.link.wrapped
            else (f"left alone ({item.link.reason})", "red" if item.link.reason in _FAULTS else "yellow"),
            url if len(url) <= MAX_DESTINATION else f"{url[:MAX_DESTINATION]}… ({len(url)} characters)",
        )
        for item in found
        for url in (item.link.url or item.link.href,)
    ]
    return Table({"line": 0, "element": 11, "name": 16, "decision": 13, "destination": None}, rows)


def _report(bodies: list[_Body], summary: dict[str, Any], html: _Body, origin: str | None) -> Iterator[str | Table]:
    for body in bodies:
        if body.part:
            kept = f": left as it was ({body.part.reason})" if body.part.reason else ""
            yield f"{body.part.content_type} ({body.part.transfer_encoding}){kept}"
        if body.found:
            yield links_table(body.found)
    count, wrapped = summary["links"], summary["wrapped"]
    reasons = ", ".join(f"{number} {reason}" for reason, number in summary["left_alone"].items())
    left_alone = f"{count - wrapped} left alone" + (f" ({reasons})" if reasons else "")
    yield f"{count} link{'' if count == 1 else 's'}: {wrapped} wrapped, {left_alone}"
    if origin:
        yield f"tracking domain: {origin}"
    if html.size:
        sizes = f"{html.size:,} bytes, {html.wrapped_size:,} when wrapped, before transfer encoding"
        clipped = "over" if html.wrapped_size > GMAIL_CLIP else "under"
        of = "HTML of " if html.part else ""
        yield f"{of}{sizes}: that is {clipped} the {GMAIL_CLIP:,} at which Gmail clips a mail"
    if perhaps := summary["perhaps_wrapped_already"]:
        yield f"Warning: {perhaps} of them may be wrapped already: only your keys can tell"
    for body in bodies:
        where = f"{body.part.content_type}: " if body.part else ""
        for item in body.found:
            if item.link.warning:
                yield f"Warning: {where}{item.line}:{item.column}: {item.link.warning}"

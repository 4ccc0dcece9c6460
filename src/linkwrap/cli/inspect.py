"""`linkwrap inspect`: every link of a mail, what would be done with it and why, and how large the mail would be."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from .._decide.warnings import looks_wrapped
from .._inspection import Found, Inspection, inspect_template
from ..keys import SigningKeys
from ..link import MAX_DESTINATION
from ..wrapper import LinkWrapper
from .keys import find_keys, key_file_option
from .options import Wrapping, json_option, message_options
from .output import Cell, Table, print_json, print_lines, tell

GMAIL_CLIP: Final = 102 * 1024  # bytes of HTML from which on Gmail cuts a mail off
_FAULTS: Final = ("placeholder", "invalid", "too-long")


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
    wrapper = LinkWrapper(keys or SigningKeys(SigningKeys.generate()), **wrapping.options)
    template = wrapping.compile(wrapper, source, message=message)
    domain = wrapping.tracking_domain(source if message else None)
    inspected = inspect_template(wrapper, template, wrapping.metadata, domain)
    found, left_alone, html = inspected.found, inspected.left_alone, inspected.html
    perhaps = [item for item in found if item.link.wrapped and not keys and looks_wrapped(item.link.url or "")]
    summary = {
        "links": len(found),
        "wrapped": len(found) - sum(left_alone.values()),
        "left_alone": left_alone,
        "perhaps_wrapped_already": len(perhaps),
        "warnings": inspected.kinds,
        "tracking_domain": domain.origin,
    }
    size = {"source": html.size, "wrapped": html.wrapped_size, "gmail_clip": GMAIL_CLIP}
    size["clipped"] = html.wrapped_size > GMAIL_CLIP
    if as_json:
        parts = [body.part_as_dict() for body in inspected.bodies if body.part]
        report = {"links": found, "warnings": inspected.warnings, "parts": parts, "summary": summary, "size": size}
        print_json(report)
    else:
        print_lines(_report(inspected, summary, domain.origin if wrapping.account else None))
    faults = [f"{count} {reason}" for reason, count in left_alone.items() if reason in _FAULTS]
    if strict and faults:
        raise click.ClickException(f"links that should be wrapped were left alone: {', '.join(faults)}")


def links_table(found: Sequence[Found]) -> Table:
    """Return a table of links."""
    rows = [
        (
            f"{item.line}:{item.column}",
            item.link.element + (" (Outlook)" if item.link.conditional else ""),
            " ".join(filter(None, (item.link.name, "(unsubscribe)" if item.link.unsubscribe else ""))),
            ("wrapped", "green") if item.link.wrapped else _left_alone(item),
            url if len(url) <= MAX_DESTINATION else f"{url[:MAX_DESTINATION]}… ({len(url)} characters)",
        )
        for item in found
        for url in (item.link.url or item.link.href,)
    ]
    return Table({"line": 0, "element": 11, "name": 16, "decision": 13, "destination": None}, rows)


def _left_alone(item: Found) -> Cell:
    piece: str | None = getattr(item.link, "placeholder", None)
    named = f" {piece}" if piece and piece != item.link.href.strip() else ""
    colour = "red" if item.link.reason in _FAULTS else "yellow"
    return f"left alone ({item.link.reason}{named})", colour


def _counted(count: int, word: str, kinds: dict[str, int]) -> str:
    details = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"{count} {word}" + (f" ({details})" if details else "")


def _report(inspected: Inspection, summary: dict[str, Any], origin: str | None) -> Iterator[str | Table]:
    for body in inspected.bodies:
        if body.part:
            kept = f": left as it was ({body.part.reason})" if body.part.reason else ""
            yield f"{body.part.content_type} ({body.part.transfer_encoding}){kept}"
        if body.found:
            yield links_table(body.found)
    count, wrapped, html = summary["links"], summary["wrapped"], inspected.html
    left_alone = _counted(count - wrapped, "left alone", summary["left_alone"])
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
    for warned in inspected.warnings:
        part = None if warned.part is None else inspected.bodies[warned.part].part
        where = (f"{part.content_type}: " if part else "") + (f"{warned.line}:{warned.column}: " if warned.line else "")
        yield f"Warning: {where}{warned.warning.message}"
    if warnings := len(inspected.warnings):
        yield _counted(warnings, "warning" if warnings == 1 else "warnings", summary["warnings"])

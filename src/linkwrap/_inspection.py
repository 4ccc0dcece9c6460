"""What `linkwrap inspect` says of a compiled mail: its links with their places, its size when wrapped, warnings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from ._decide.warnings import (
    MailWarning,
    document_warnings,
    link_warnings,
    metadata_warnings,
    opt_out_warnings,
    pixel_warnings,
    visible_texts,
)
from ._markup.places import lines_and_columns
from ._mime.template import MessagePart, MessageTemplate
from .account import TrackingDomain
from .link import Link
from .template import LinkTemplate
from .wrapper import LinkWrapper

_LINK_FIELDS: Final = tuple(field.name for field in fields(Link))
_PART_FIELDS: Final = ("content_type", "transfer_encoding", "action", "reason")


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
class Warned:
    """A warning, and where its link stands; without a line it is about the part, without a part about the mail."""

    warning: MailWarning
    part: int | None = None
    line: int | None = None
    column: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the place and the warning, ready for JSON."""
        return {"part": self.part, "line": self.line, "column": self.column} | self.warning._asdict()


@dataclass(frozen=True, slots=True)
class InspectedBody:
    """An HTML file, or a part of a message with what its transfer encoding holds; sizes are in bytes."""

    found: Sequence[Found] = ()
    warnings: Sequence[Warned] = ()
    size: int = 0
    wrapped_size: int = 0
    is_html: bool = False
    part: MessagePart | None = None

    def part_as_dict(self) -> dict[str, Any]:
        """Return the facts about the part, ready for JSON."""
        return {name: getattr(self.part, name) for name in _PART_FIELDS}


@dataclass(frozen=True, slots=True)
class Inspection:
    """A mail that was inspected."""

    bodies: Sequence[InspectedBody]
    warnings: Sequence[Warned]
    """All warnings: those about the mail first, then those about each part and its links."""

    @property
    def found(self) -> list[Found]:
        """All links."""
        return [found for body in self.bodies for found in body.found]

    @property
    def html(self) -> InspectedBody:
        """The HTML body, of size 0 if there is none."""
        return next((body for body in self.bodies if body.is_html), InspectedBody())

    @property
    def kinds(self) -> dict[str, int]:
        """How many warnings there are of each kind."""
        return counts(warned.warning.kind for warned in self.warnings)

    @property
    def left_alone(self) -> dict[str, int]:
        """How many links are left alone, by the reason."""
        return counts(found.link.reason for found in self.found if found.link.reason)


def counts(words: Iterable[str]) -> dict[str, int]:
    """Return how often there is each word, in their order."""
    return dict(sorted(Counter(words).items()))


def inspect_template(
    wrapper: LinkWrapper,
    template: "LinkTemplate[bytes] | MessageTemplate[Any]",
    metadata: Mapping[str, Any] | None,
    tracking_domain: TrackingDomain,
) -> Inspection:
    """Return the links of a mail, its sizes when it is wrapped with these options, and the warnings.

    The errors are those of `LinkWrapper.render`.
    """
    options: dict[str, Any] = {"metadata": metadata, "tracking_domain": tracking_domain}
    if isinstance(template, LinkTemplate):
        bodies = [_body(wrapper, template, options)]
    else:
        bodies = [
            InspectedBody(part=part)
            if part.template is None
            else _body(wrapper, part.template, options, part=part, number=number)
            for number, part in enumerate(template.parts)
        ]
    warnings = [Warned(warning) for warning in metadata_warnings(metadata)]
    others: dict[int, list[Warned]] = {}
    for number, at, warning in opt_out_warnings([[found.link for found in body.found] for body in bodies]):
        others.setdefault(number, []).append(_placed(warning, bodies[number].found[at]))
    for number, body in enumerate(bodies):
        warnings += [*body.warnings, *others.get(number, ())]
    return Inspection(bodies, warnings)


def find_links(template: LinkTemplate[Any], *, part: int | None = None) -> list[Found]:
    """Return the links of a template, or of the template of a part, with their places."""
    links = template.links
    places = lines_and_columns((link.start or 0 for link in links), template.source, template.encoding)
    return [Found(line, column, link, part) for (line, column), link in zip(places, links, strict=True)]


def _body(
    wrapper: LinkWrapper,
    template: LinkTemplate[bytes],
    options: dict[str, Any],
    *,
    part: MessagePart | None = None,
    number: int | None = None,
) -> InspectedBody:
    found = find_links(template, part=number)
    wrapped = wrapper.render(template, **options)
    source, encoding = template.source, template.encoding
    is_html = part is None or part.content_type == "text/html"
    about_it = document_warnings(source, encoding) + pixel_warnings(source, wrapped, encoding) if is_html else []
    warnings = [Warned(warning, number) for warning in about_it]
    warnings += _about_links(found, template, wrapper.urls(template, **options))
    return InspectedBody(found, warnings, len(source), len(wrapped), is_html, part)


def _about_links(found: Sequence[Found], template: LinkTemplate[bytes], redirect_urls: list[str]) -> Iterator[Warned]:
    urls = iter(redirect_urls)
    texts = visible_texts(template.source, template.encoding, [item.link for item in found])
    for item, text in zip(found, texts, strict=True):
        for warning in link_warnings(item.link, next(urls) if item.link.wrapped else None, text):
            yield _placed(warning, item)


def _placed(warning: MailWarning, found: Found) -> Warned:
    return Warned(warning, found.part, found.line, found.column)

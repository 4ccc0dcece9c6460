"""What is filled into a document: for one recipient its URLs and pixels, for many what they share, once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ._compiled import Compiled, Filling, Slotted
from ._mime.template import Mail, MessageTemplate, fill_message
from ._pixels import AMP_TAGS, HTML_TAGS, Pixels, PixelTag
from ._token import wire
from .errors import OptionError
from .keys import SigningKeys
from .options import Contexts, Settings, encode_contexts
from .template import LinkTemplate

Metadata = Mapping[str, Any] | None
Text = TypeVar("Text", str, bytes)
_Wanted = tuple[PixelTag | None, PixelTag | None]
"""The open pixel and the initial-open pixel that a document gets."""


def fill_in(slotted: Slotted, keys: SigningKeys, settings: Settings, context: Contexts) -> Filling:
    """Return the texts for the slots of one recipient's document: its URLs, and the pixels that it gets."""
    wanted = _wanted(slotted.pixels, settings)
    pixels = [tag.link for tag in wanted if tag]
    return _filling(message_urls(slotted, keys, settings, context, pixels), wanted, settings)


def message_urls(
    slotted: Slotted, keys: SigningKeys, settings: Settings, context: Contexts, pixels: Sequence[str]
) -> list[str]:
    """Return the redirect URL of each link of one recipient's document, then those of pixels, given by their LINK."""
    origin, host = settings.origin, settings.host
    slots = slotted.slots if settings.click_tracking else ()
    urls = wire.message_urls(keys, origin, host, context.shared, slots, pixels)
    if settings.anonymous and slots and slotted.unsubscribes:
        # The one exception: from an anonymous link, nobody could tell who unsubscribes.
        marked = [slots[number] for number in slotted.unsubscribes]
        own = wire.message_urls(keys, origin, host, context.own, marked)
        for number, url in zip(slotted.unsubscribes, own, strict=True):
            urls[number] = url
    return urls


def _filling(urls: list[str], wanted: _Wanted, settings: Settings) -> Filling:
    """Return URLs, those of links and then those of pixels, as a filling; the list is used up."""
    opened, first = wanted
    initial = first.around(urls.pop()) if first else ""
    pixel = opened.around(urls.pop()) if opened else ""
    return Filling(urls if settings.click_tracking else None, pixel, initial)


def fill_in_message(template: MessageTemplate[Mail], keys: SigningKeys, settings: Settings, context: Contexts) -> Mail:
    """Return the message for one recipient."""
    return fill_message(template, lambda body: fill_in(body, keys, settings, context))


def fill_many(
    template: LinkTemplate[Any] | MessageTemplate[Any],
    rows: Iterable[Metadata],
    keys: SigningKeys,
    settings: Settings,
    campaign_metadata: Sequence[str],
) -> Iterator[Any]:
    """Return the documents of many recipients, as `LinkWrapper.render_many` does."""
    fill: Callable[[Contexts], Any]
    if settings.anonymous:  # one document has two CONTEXTs, so nothing is prepared
        fill = _one_by_one(template, keys, settings)
    elif isinstance(template, LinkTemplate):
        fill = _document_filler(template._compiled, keys, settings)
    else:
        fill = _message_filler(template, keys, settings)

    def document(row: tuple[int, Metadata]) -> Any:
        number, metadata = row
        try:
            context = encode_contexts(settings, metadata, campaign_metadata)
        except (TypeError, OptionError) as error:
            raise type(error)(f"rows[{number}]: {error}") from None
        return fill(context)

    # A generator would end with the first error; this goes on behind it.
    return map(document, enumerate(rows))


def _one_by_one(
    template: LinkTemplate[Any] | MessageTemplate[Any], keys: SigningKeys, settings: Settings
) -> Callable[[Contexts], Any]:
    if isinstance(template, MessageTemplate):
        return lambda context: fill_in_message(template, keys, settings, context)
    compiled = template._compiled
    return lambda context: compiled.fill(fill_in(compiled, keys, settings, context))


def _wanted(pixels: Pixels | None, settings: Settings) -> _Wanted:
    """Return the open pixel and the initial-open pixel that a document gets."""
    if pixels is None or (pixels.amp and settings.origin.startswith("http:")):
        return None, None
    account_id, own = settings.account_id, pixels.own
    tags = AMP_TAGS if pixels.amp else HTML_TAGS
    opened = settings.open_tracking and (not own or (account_id, False) not in own)
    first = settings.initial_open and pixels.initial_at is not None and (account_id, True) not in own
    return tags.open if opened else None, tags.initial if first else None


def _document_filler(compiled: Compiled[Text], keys: SigningKeys, settings: Settings) -> Callable[[Contexts], Text]:
    """Return what fills in a document for one recipient after the other, each given by the CONTEXTs of the message."""
    links: list[PixelTag | None] | None = None
    if settings.click_tracking:
        links = [PixelTag("", slot, "", "") for slot in compiled.slots]
    placed = compiled.in_order(links, *_wanted(compiled.pixels, settings))
    between = compiled.between(links=settings.click_tracking)
    # What all recipients share: the text up to the first CONTEXT, then from each signature to the next CONTEXT.
    fixed: list[Text] = [between[0]]
    slots: list[str] = []
    for tag, text in zip(placed, between[1:], strict=True):
        if tag is None:
            fixed[-1] += text
        else:
            fixed[-1] += compiled.encode(f"{tag.before}{settings.origin}{tag.slot}")
            fixed.append(compiled.encode(tag.after) + text)
            slots.append(tag.slot)
    sign = wire.SharedSlots(keys, settings.host, slots).sign
    nothing = compiled.source[:0]
    pieces = [nothing] * (3 * len(slots) + 1)
    pieces[0::3] = fixed

    def fill(context: Contexts) -> Text:
        filled = pieces.copy()
        filled[1::3] = [compiled.encode(f"{context.own}.")] * len(slots)
        filled[2::3] = compiled.encode_all(sign(context.own))
        return nothing.join(filled)

    return fill


def _message_filler(
    template: MessageTemplate[Mail], keys: SigningKeys, settings: Settings
) -> Callable[[Contexts], Mail]:
    """Return what fills in a message, as `_document_filler` does for a document."""
    bodies = [place.body.compiled for place in template._places]
    fillers = {body: _body_filler(body, keys, settings) for body in bodies}
    return lambda context: fill_message(template, lambda body: fillers[body](context.own))


def _body_filler(slotted: Slotted, keys: SigningKeys, settings: Settings) -> Callable[[str], Filling]:
    wanted = _wanted(slotted.pixels, settings)
    slots = [*(slotted.slots if settings.click_tracking else ()), *[tag.slot for tag in wanted if tag]]
    sign = wire.SharedSlots(keys, settings.host, slots).sign
    starts = [settings.origin + slot for slot in slots]

    def filling(context: str) -> Filling:
        urls = [f"{start}{context}.{end}" for start, end in zip(starts, sign(context), strict=True)]
        return _filling(urls, wanted, settings)

    return filling

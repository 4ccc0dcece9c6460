"""What the tags of Jinja2 and Django share: the HTML that a block of a template has rendered, or one URL in it.

A block is a piece of a document more often than a whole one, so it gets pixels only where it holds the live `</body>`,
or where its tag says so.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ._markup.tokenizer import decode_references
from .options import MessageOptions
from .wrapper import LinkWrapper

OPTIONS: Final = frozenset({"metadata", *MessageOptions.__optional_keys__})
"""What may be said of a message, in the template's context as in a tag."""
BLOCK_OPTIONS: Final = OPTIONS | {"pixel"}
"""What a block's tag may say."""

_BODY_END = re.compile(r"</body[\t\n\f\r />]", re.ASCII | re.IGNORECASE)


def unknown_option(names: set[str]) -> str | None:
    """Return what is wrong with these names of a block's options, as a sentence."""
    unknown = sorted(names - BLOCK_OPTIONS)
    if not unknown:
        return None
    return f"linkwrap has no option {', '.join(map(repr, unknown))}: there are {', '.join(sorted(BLOCK_OPTIONS))}"


def message_options(given: object, where: str = "the template's variable linkwrap") -> dict[str, Any]:
    """Return the options that a mapping `where` holds; `given` is None where there is none.

    Raises `TypeError` for anything but a mapping.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f'{where} must be a mapping, not {type(given).__name__}: use {{"account_id": …, …}}')
    return dict(given)


def wrap_block(wrapper: LinkWrapper, html: str, given: object, said: Mapping[str, Any]) -> str:
    """Return the block wrapped, by the options in the context (`given`) and those in the tag (`said`), which win.

    A pixel that is asked for is added only where open tracking is on: a reader who wants none must get none, whatever
    the template says. Raises `OptionError` and `DomainError` as `LinkWrapper.render` does.
    """
    options = {**message_options(given), **said}
    pixel = options.pop("pixel", None)
    metadata = options.pop("metadata", None)
    # The plain text of a string type that escapes what is joined to it.
    template = wrapper.compile(str.__str__(html))
    if pixel is None:
        pixels = template._compiled.pixels
        pixel = pixels is not None and _BODY_END.match(template.source, pixels.at) is not None
    if not pixel:
        options |= {"open_tracking": False, "initial_open": False}
    return wrapper.render(template, metadata, **options)


def wrap_url(wrapper: LinkWrapper, url: object, given: object, said: Mapping[str, Any]) -> object:
    """Return the redirect URL for `url`, or `url` itself where it is not to be wrapped; the rest as in `wrap_block`.

    What is marked safe stands in the template as HTML, and is read as that; anything else as it is.
    """
    text = str.__str__(str(url))
    plain = decode_references(text) if hasattr(url, "__html__") else text
    wrapped = wrapper.wrap_url(plain, **{**message_options(given), **said})
    return url if wrapped == plain else wrapped

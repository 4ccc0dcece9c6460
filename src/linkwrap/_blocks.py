"""The common part of the tags for Jinja2 and Django: they wrap the HTML that a block has rendered, or one URL.

A block is often a piece of a document, so it gets pixels only where it holds the live `</body>`, or where its tag has
the option `pixel`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ._markup.tokenizer import decode_references
from .options import MessageOptions
from .wrapper import LinkWrapper

OPTIONS: Final = frozenset({"metadata", *MessageOptions.__optional_keys__})
"""The options of a message, in the template's context and in a tag."""
BLOCK_OPTIONS: Final = OPTIONS | {"pixel"}
"""The options of a block's tag."""

_BODY_END = re.compile(r"</body[\t\n\f\r />]", re.ASCII | re.IGNORECASE)


def unknown_option(names: set[str]) -> str | None:
    """Return a sentence that names the options of a block that do not exist; None for none."""
    unknown = sorted(names - BLOCK_OPTIONS)
    if not unknown:
        return None
    return f"linkwrap has no option {', '.join(map(repr, unknown))}: there are {', '.join(sorted(BLOCK_OPTIONS))}"


def message_options(given: object, where: str = "the template's variable linkwrap") -> dict[str, Any]:
    """Return the options in a mapping.

    Args:
        given: The mapping, None for no options.
        where: The name of it for an error.

    Raises:
        TypeError: It is not a mapping.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f'{where} must be a mapping, {{"account_id": …, …}}, not {type(given).__name__}')
    return dict(given)


def wrap_block(wrapper: LinkWrapper, html: str, given: object, tag: Mapping[str, Any]) -> str:
    """Return the block, wrapped.

    The tag's option `pixel` adds one only where open tracking is on: a reader who wants none must get none, whatever
    the template says.

    Args:
        wrapper: Wraps it.
        html: The block, as rendered.
        given: The options in the template's context.
        tag: The options in the tag, which come first.

    Raises:
        TypeError: An option is of the wrong type, or there is no such option.
        OptionError: An option cannot be used.
        DomainError: The tracking domain is not a host name, or not verified.
    """
    options = {**message_options(given), **tag}
    pixel = options.pop("pixel", None)
    metadata = options.pop("metadata", None)
    # The plain text of a string type that escapes text which is joined to it.
    template = wrapper.compile(str.__str__(html))
    if pixel is None:
        pixels = template._compiled.pixels
        pixel = pixels is not None and _BODY_END.match(template.source, pixels.at) is not None
    if not pixel:
        options |= {"open_tracking": False, "initial_open": False}
    return wrapper.render(template, metadata, **options)


def wrap_url(wrapper: LinkWrapper, url: object, given: object, tag: Mapping[str, Any]) -> object:
    """Return the redirect URL for `url`, or `url` itself where it is not wrapped; the rest as in `wrap_block`.

    Text that is marked as safe is HTML, so its character references are decoded.
    """
    text = str.__str__(str(url))
    plain = decode_references(text) if hasattr(url, "__html__") else text
    wrapped = wrapper.wrap_url(plain, **{**message_options(given), **tag})
    return url if wrapped == plain else wrapped

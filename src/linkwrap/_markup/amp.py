"""Whether a document is AMP for Email, whose validators know other tags than HTML does."""

import re

from . import tokenizer
from .source import Source

AMP_NAMES = frozenset(("amp4email", "\N{HIGH VOLTAGE SIGN}4email", "\N{HIGH VOLTAGE SIGN}\ufe0f4email"))
"""The attributes of `<html>` that mark such a document."""

_HEAD = 2048  # characters within which the tag must end
_UP_TO_HTML = re.compile(
    r"(?:[\t\n\f\r ]++|\ufeff|\xef\xbb\xbf|<!--(?:[^-]++|-(?!->))*+-->|<[!?](?!--)[^>]*+>)*+", re.ASCII
)


def is_amp(source: Source) -> bool:
    """Tell whether the document's `<html>` tag marks it: `<html ⚡4email>` or `<html amp4email>`."""
    text = source.text
    if text.rfind("4email", 0, _HEAD) < 0 and text.rfind("4EMAIL", 0, _HEAD) < 0:  # rfind is the quicker one here
        return False
    head = text[:_HEAD]
    opening = _UP_TO_HTML.match(head)
    tag = tokenizer.TAG.match(head, opening.end()) if opening else None
    if tag is None or tag[2].lower() != "html":
        return False
    written = source.decode(*tag.span())
    return bool(tokenizer.attributes(written, 0, len(written), AMP_NAMES))

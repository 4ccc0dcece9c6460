"""The URL that a browser would open for an attribute's value, or why there is none.

A destination is serialised as in the WHATWG URL standard (by ada-url): absolute, http or https, with a host, in
printable ASCII without spaces and double quotes, so that it is safe in a header. It is a fixed point: read again, it
stays the same. All functions take time linear in their input.
"""

import re

import ada_url

from ..link import MAX_DESTINATION, Unusable

__all__ = ["MAX_DESTINATION", "read_base", "read_destination", "redirect_target"]

_MAX_HREF = 4 * MAX_DESTINATION

# The URL parser trims C0 controls and space.
_TRIMMED = "".join(map(chr, range(0x21)))
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*+):", re.ASCII)
_TWO_SLASHES = re.compile(r"[/\\]{2}", re.ASCII)
# A letter that is encoded behind a lone "%" ("%%C3%A9") opens no placeholder.
_PLACEHOLDER = re.compile(
    r"\{[{%]|<%|\*\||%%(?![C-F][0-9A-F]%[89AB][0-9A-F])[a-zA-Z=_]|\$\{|\[\[",
    re.ASCII,
)
# URLs that the URL parser leaves as they are, but for the "/" of an empty path: no host that is an IPv4 address (its
# last part would begin with a digit) or has an A-label ("--"), no character that is encoded anywhere, no dot segment,
# no port and no user. Others can still be valid URLs.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9]++[.-])++[a-z][a-z0-9]*+"
    r"((?:/(?![.%])[a-zA-Z0-9._~!$&()*+,;=:@%-]*+)++"
    r"(?:\?[a-zA-Z0-9._~!$&()*+,;=:@%/?-]*+)?+"
    r"(?:#[a-zA-Z0-9._~!$&()*+,;=:@%/?-]*+)?+)?+",
    re.ASCII,
)

_TARGET = re.compile(r"https?://[!-~]++", re.ASCII)


def read_destination(href: str, base: str | None = None) -> tuple[str, None] | tuple[None, Unusable]:
    """Return the URL that a browser opens for `href`, or why there is none: `(url, None)` or `(None, reason)`.

    The reasons, in the order of the checks:

    - "empty": only characters that the URL parser trims;
    - "placeholder": the opener of a template placeholder is in it, closed or not: `{{`, `{%`, `<%`, `*|`, `${`, `[[`,
      or `%%` before a letter, "=" or "_";
    - "too-long": over `MAX_DESTINATION` bytes as serialised, or four times as many characters before;
    - "fragment": a place in the mail itself;
    - "scheme": another scheme than http and https;
    - "relative": there is no base to resolve it against;
    - "invalid": the URL parser finds no URL in it, or no host that could be one.

    Args:
        href: The value, its character references decoded.
        base: The base URL of the document, from `read_base`. Without one, a relative reference is no destination,
            except that `//host/…` takes https.
    """
    plain = _PLAIN.fullmatch(href)
    if plain and len(href) < MAX_DESTINATION and "%%" not in href:
        return (href if plain[1] else href + "/"), None
    return _parse(href, base)


def _parse(href: str, base: str | None) -> tuple[str, None] | tuple[None, Unusable]:
    text = href.strip(_TRIMMED)
    for removed in "\t\n\r":
        text = text.replace(removed, "")
    if not text:
        return None, "empty"
    if _PLACEHOLDER.search(text):
        return None, "placeholder"
    if len(text) > _MAX_HREF:
        return None, "too-long"
    if text[0] == "#":
        return None, "fragment"
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in {"http", "https"}:
        return None, "scheme"
    if not scheme and base is None:
        if not _TWO_SLASHES.match(text):
            return None, "relative"
        text = "https:" + text
    try:
        url = ada_url.normalize_url(text) if base is None else ada_url.join_url(base, text)
    except ValueError:
        return None, "invalid"
    if len(url) > MAX_DESTINATION:
        return None, "too-long"
    # Percent-decoding and IDNA can put either into a host.
    if '"' in url:
        return None, "invalid"
    if _PLACEHOLDER.search(url):
        return None, "placeholder"
    return url, None


def redirect_target(url: str) -> str | None:
    """Return the URL to redirect to for a signed destination: http or https, in printable ASCII; None for others.

    It is serialised once more, but not checked as in `read_destination`: a link that was signed stays a link.
    """
    if not _TARGET.fullmatch(url):
        return None
    try:
        return ada_url.normalize_url(url)
    except ValueError:
        return None


def read_base(href: str) -> str | None:
    """Return the absolute http or https URL that the value of a `<base href>` sets (WHATWG HTML 4.2.3), else None.

    `href` has its character references decoded; `//host/` takes https.
    """
    return read_destination(href)[0]

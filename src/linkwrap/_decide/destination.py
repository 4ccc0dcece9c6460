"""The URL that a browser would open for an attribute's value, or why there is none.

A destination comes out as the WHATWG URL standard serialises it (through ada-url): absolute, http or https, with a
host, in printable ASCII without spaces and double quotes, so that it can stand in a header. It is a fixed point: read
again, it stays the same. All functions take time linear in their input, whatever it holds.
"""

import re
from typing import Final, Literal

import ada_url

Unusable = Literal["empty", "fragment", "placeholder", "scheme", "relative", "invalid", "too-long"]

MAX_DESTINATION: Final = 4096
"""Bytes that a destination may have at most, as serialised."""

_MAX_HREF = 4 * MAX_DESTINATION

# What the URL parser trims: C0 controls and space.
_TRIMMED = "".join(map(chr, range(0x21)))
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*+):", re.ASCII)
_TWO_SLASHES = re.compile(r"[/\\]{2}", re.ASCII)
# A letter encoded behind a lone "%" ("%%C3%A9") opens no placeholder.
_PLACEHOLDER = re.compile(
    r"\{[{%]|<%|\*\||%%(?![C-F][0-9A-F]%[89AB][0-9A-F])[a-zA-Z=_]|\$\{|\[\[",
    re.ASCII,
)
# URLs that the URL parser leaves as they are, but for the "/" of an empty path: no host that is an IPv4 address (its
# last part would begin with a digit) or has an A-label ("--"), no character that is encoded anywhere, no dot segment,
# no port and no user. What does not match may still be a fine URL.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9]++[.-])++[a-z][a-z0-9]*+"
    r"((?:/(?![.%])[a-zA-Z0-9._~!$&()*+,;=:@%-]*+)++"
    r"(?:\?[a-zA-Z0-9._~!$&()*+,;=:@%/?-]*+)?+"
    r"(?:#[a-zA-Z0-9._~!$&()*+,;=:@%/?-]*+)?+)?+",
    re.ASCII,
)

_TARGET = re.compile(r"https?://[!-~]++", re.ASCII)


def read_destination(href: str, base: str | None = None) -> tuple[str, None] | tuple[None, Unusable]:
    """Return the URL that a browser opens for `href`, or why this is no destination: `(url, None)` or `(None, reason)`.

    `href` has its character references decoded already. `base` is what `read_base` returned for the document; without
    one, a relative reference is no destination, except that `//host/…` takes https. The reasons, judged in this order:

    - "empty": nothing but what the URL parser trims;
    - "placeholder": an opener of a template placeholder is in it, closed or not: `{{`, `{%`, `<%`, `*|`, `${`, `[[`,
      or `%%` before a letter, "=" or "_";
    - "too-long": over `MAX_DESTINATION` bytes as serialised, or four times as many characters before;
    - "fragment": a place in the mail itself;
    - "scheme": another one than http and https;
    - "relative": there is no base to resolve it against;
    - "invalid": the URL parser finds no URL in it, or no host that could be one.
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
    # Percent-decoding and IDNA can bring both into a host.
    if '"' in url:
        return None, "invalid"
    if _PLACEHOLDER.search(url):
        return None, "placeholder"
    return url, None


def redirect_target(url: str) -> str | None:
    """Return a signed destination as the URL to redirect to: http or https, in printable ASCII; else None.

    It is serialised once more, and not judged as `read_destination` does: what was a link once stays one.
    """
    if not _TARGET.fullmatch(url):
        return None
    try:
        return ada_url.normalize_url(url)
    except ValueError:
        return None


def read_base(href: str) -> str | None:
    """Return the absolute http or https URL that the value of a `<base href>` sets (WHATWG HTML 4.2.3), else None.

    `href` has its character references decoded already; `//host/` takes https.
    """
    return read_destination(href)[0]

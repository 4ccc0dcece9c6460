"""The URL that a browser would open for an attribute's value, or why there is none.

A destination is serialised as in the WHATWG URL standard (by ada-url): absolute, http or https, with a host, in
printable ASCII without spaces and double quotes, so that it is safe in a header. It is a fixed point: read again, it
stays the same. All functions take time linear in their input.
"""

import re

from ..link import MAX_DESTINATION, Unusable
from .placeholders import DEFAULT_PLACEHOLDERS, find_placeholder

__all__ = ["MAX_DESTINATION", "placeholder_of", "read_base", "read_destination", "redirect_target"]

_MAX_HREF = 4 * MAX_DESTINATION

# The URL parser trims C0 controls and space.
_TRIMMED = "".join(map(chr, range(0x21)))
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*+):", re.ASCII)
# Placeholders that stand in no finished URL, whatever its scheme.
_CERTAIN = re.compile(r"\{[{%]|<%|\*\||%%|\$\{|\[\[", re.ASCII)
_TWO_SLASHES = re.compile(r"[/\\]{2}", re.ASCII)
# URLs that the URL parser leaves as they are, but for the "/" of an empty path, and that hold no placeholder: no host
# that is an IPv4 address (its last part would begin with a digit) or has an A-label ("--"), no character that is
# encoded anywhere, no dot segment, no port and no user; no "(", no "%" but of an escape, and none of "[", "{" and "|".
# Others can still be valid URLs.
_ESCAPE = "%(?![57][Bb]|7[Cc])[0-9a-fA-F]{2}"
_IN_PATH = "[a-zA-Z0-9._~!$&)*+,;=:@-]*+"
_IN_QUERY = "[a-zA-Z0-9._~!$&)*+,;=:@/?-]*+"
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9]++[.-])++[a-z][a-z0-9]*+"
    rf"((?:/(?![.%]){_IN_PATH}(?:{_ESCAPE}{_IN_PATH})*+)++"
    rf"(?:\?{_IN_QUERY}(?:{_ESCAPE}{_IN_QUERY})*+)?+"
    rf"(?:#{_IN_QUERY}(?:{_ESCAPE}{_IN_QUERY})*+)?+)?+",
    re.ASCII,
)

# The user, where there is one, and the host of a serialised URL.
_HOST = re.compile(r"https?://([^/@]*+@)?+(?:\[[0-9a-f:.]++\]|([a-z0-9._-]++))[:/]", re.ASCII)

_TARGET = re.compile(r"https?://[!-~]++", re.ASCII)


def read_destination(
    href: str, base: str | None = None, placeholders: re.Pattern[str] | None = DEFAULT_PLACEHOLDERS
) -> tuple[str, None] | tuple[None, Unusable]:
    """Return the URL that a browser opens for `href`, or why there is none: `(url, None)` or `(None, reason)`.

    The reasons, in the order of the checks:

    - "empty": only characters that the URL parser trims;
    - "placeholder": a placeholder is in it, or in the URL that it stands for; with another scheme than http and https
      only one that looks like nothing else;
    - "too-long": over `MAX_DESTINATION` bytes as serialised, or four times as many characters before;
    - "fragment": a place in the mail itself;
    - "scheme": another scheme than http and https;
    - "relative": there is no base to resolve it against;
    - "invalid": the URL parser finds no URL in it, or a host that can be none: one with other characters than letters,
      digits, ".", "-" and "_", or a single label behind a user ("a.test@TrackLink", whose host is a name that some
      service replaces).

    Args:
        href: The value, its character references decoded.
        base: The base URL of the document, from `read_base`. Without one, a relative reference is no destination,
            except that `//host/…` takes https.
        placeholders: What is a placeholder; None for nothing.
    """
    plain = _PLAIN.fullmatch(href)
    if plain and len(href) < MAX_DESTINATION and (placeholders is DEFAULT_PLACEHOLDERS or placeholders is None):
        return (href if plain[1] else href + "/"), None
    return _parse(href, base, placeholders)


def _parse(
    href: str, base: str | None, placeholders: re.Pattern[str] | None
) -> tuple[str, None] | tuple[None, Unusable]:
    text = _trimmed(href)
    if not text:
        return None, "empty"
    scheme = _SCHEME.match(text)
    other_scheme = scheme is not None and scheme[1].lower() not in {"http", "https"}
    if placeholders is not None and (found := placeholders.search(text)):
        # "mailto:?subject=[News]" is finished, but "mailto:{{ address }}" is not.
        certain = not other_scheme or placeholders is not DEFAULT_PLACEHOLDERS or _CERTAIN.match(found[0])
        return None, "placeholder" if certain else "scheme"
    if len(text) > _MAX_HREF:
        return None, "too-long"
    if text[0] == "#":
        return None, "fragment"
    if other_scheme:
        return None, "scheme"
    if not scheme and base is None and not _TWO_SLASHES.match(text):
        return None, "relative"
    url = _serialised(text, base)
    if url is None:
        return None, "invalid"
    if len(url) > MAX_DESTINATION:
        return None, "too-long"
    # Encoding makes "%7B%7B" of "%7B{", and percent-decoding and IDNA can put any character into a host.
    if placeholders is not None and placeholders.search(url):
        return None, "placeholder"
    host = _HOST.match(url)
    if host is None or (host[1] and host[2] and "." not in host[2].removesuffix(".")):
        return None, "invalid"
    return url, None


def placeholder_of(href: str, base: str | None, placeholders: re.Pattern[str] | None) -> str | None:
    """Return the piece of a value for which `read_destination` calls it a placeholder; None for other values."""
    text = _trimmed(href)
    piece = find_placeholder(text, placeholders)
    if piece is None and len(text) <= _MAX_HREF and (url := _serialised(text, base)):
        piece = find_placeholder(url, placeholders)
    return piece


def _trimmed(href: str) -> str:
    """Return a value without the characters that the URL parser ignores."""
    text = href.strip(_TRIMMED)
    for removed in "\t\n\r":
        text = text.replace(removed, "")
    return text


def _serialised(text: str, base: str | None) -> str | None:
    """Return the URL that a value stands for, as the URL standard writes it; None where it stands for none."""
    import ada_url  # takes a sixth of the time that importing linkwrap takes; most URLs do without it

    if base is None and _TWO_SLASHES.match(text):
        text = "https:" + text
    try:
        return ada_url.normalize_url(text) if base is None else ada_url.join_url(base, text)
    except ValueError:
        return None


def redirect_target(url: str) -> str | None:
    """Return the URL to redirect to for a signed destination: http or https, in printable ASCII; None for others.

    It is serialised once more, but not checked as in `read_destination`: a link that was signed stays a link.
    """
    if (plain := _PLAIN.fullmatch(url)) and plain[1]:
        return url
    if not _TARGET.fullmatch(url):
        return None
    import ada_url  # as above

    try:
        return ada_url.normalize_url(url)
    except ValueError:
        return None


def read_base(href: str, placeholders: re.Pattern[str] | None = DEFAULT_PLACEHOLDERS) -> str | None:
    """Return the absolute http or https URL that the value of a `<base href>` sets (WHATWG HTML 4.2.3), else None.

    `href` has its character references decoded; `//host/` takes https.
    """
    return read_destination(href, None, placeholders)[0]

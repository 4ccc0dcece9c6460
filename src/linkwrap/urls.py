"""The URL that a browser would open for an attribute's value, or why there is none.

A destination comes out as the WHATWG URL standard serialises it (through ada-url): absolute, http or https, with a
host, in printable ASCII without spaces and double quotes, so that it can stand in a header. It is a fixed point: read
again, it stays the same. All functions take time linear in their input, whatever it holds.
"""

import re
from html.entities import html5
from typing import Final, Literal

import ada_url

Unusable = Literal["empty", "fragment", "placeholder", "scheme", "relative", "invalid", "too-long"]

MAX_DESTINATION: Final = 4096
"""Bytes that a destination may have at most, as serialised."""

_MAX_HREF = 4 * MAX_DESTINATION

_REFERENCE = re.compile(
    r"&(?:#(?:[xX]([0-9a-fA-F]++)|([0-9]++));?+|([a-zA-Z][a-zA-Z0-9]*+(?!=);?+))",
    re.ASCII,
)

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

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?+", re.ASCII)
_NUMBER = re.compile(r"[0-9]++|0x[0-9a-f]*+", re.ASCII)


def decode_references(value: str) -> str:
    """Return what an attribute's source text says (WHATWG HTML 13.2.5.36 to 38 and 13.2.5.72 to 80).

    Line ends become LF and NUL becomes U+FFFD, as the input stream and the attribute value states have it. A named
    reference without a semicolon stays text before "=" and before a letter or digit: `?a=1&copy=2` has no "©".
    """
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in value:
        value = value.replace("\0", "\ufffd")
    if "&" not in value:
        return value
    if value.count("&") == value.count("&amp;"):
        return value.replace("&amp;", "&")
    return _REFERENCE.sub(_character, value)


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    if name is not None:
        # In an attribute a name counts only as a whole, so the longest match of the standard is one look-up.
        return html5.get(name, reference[0])
    digits = (hexadecimal or decimal).lstrip("0") or "0"
    code = int(digits, 16 if hexadecimal else 10) if len(digits) <= 7 else 0x110000
    if 0x80 <= code <= 0x9F:
        return bytes((code,)).decode("cp1252", "ignore") or chr(code)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return chr(code)


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


def host_name(host: str) -> str:
    """Return a DNS host name (RFC 1123 2.1) as lower-case A-labels without a trailing dot.

    International names become A-labels as in browsers (UTS 46, non-transitional). "localhost" and names under it are
    host names; IP addresses, other single labels, wildcards and names with an underscore are not.
    Raises `ValueError` with one sentence that says why.
    """
    name = host.lower() if host.isascii() else _a_labels(host)
    name = name.removesuffix(".")
    labels = name.split(".")
    if not name:
        fault = "it is empty"
    elif len(name) > 253:
        fault = "it is longer than 253 characters"
    elif "" in labels:
        fault = "a label is empty"
    elif _NUMBER.fullmatch(labels[-1]) or ":" in name:
        fault = "it is an IP address or has a port"
    elif wrong := [label for label in labels if not _LABEL.fullmatch(label)]:
        fault = f"{wrong[0][:80]!r} is not 1 to 63 letters, digits and inner hyphens"
    elif len(labels) == 1 and name != "localhost":
        fault = "it has only one label"
    else:
        return name
    raise ValueError(f"{host[:80]!r} is no DNS host name: {fault}")


def _a_labels(host: str) -> str:
    # The bound keeps IDNA's time small. ada-url ends its result at a NUL.
    if len(host) <= 1024 and "\0" not in host:
        try:
            name = ada_url.idna_to_ascii(host).decode("ascii").lower()
        except UnicodeError:
            name = ""
        if name:
            return name
    raise ValueError(f"{host[:80]!r} is no DNS host name: it is not valid in IDNA")

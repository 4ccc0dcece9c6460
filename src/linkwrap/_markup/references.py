"""Character references in attribute values (WHATWG HTML 13.2.5.72 to 80)."""

import re
from html.entities import html5

_REFERENCE = re.compile(
    r"&(?:#(?:[xX]([0-9a-fA-F]++)|([0-9]++));?+|([a-zA-Z][a-zA-Z0-9]*+(?!=);?+))",
    re.ASCII,
)


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

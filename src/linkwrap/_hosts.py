"""DNS host names, in the one form in which they are compared, signed and stored."""

import re

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?+", re.ASCII)
_URL = re.compile(r"(?:([a-z][a-z0-9+.-]*):(?=//))?(?://)?(?:[^/?#]*@)?([^/?#]*)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]++|0x[0-9a-f]*+", re.ASCII)


def host_name(host: str) -> str:
    """Return a DNS host name (RFC 1123, 2.1) as lower-case A-labels without a trailing dot.

    International names become A-labels as in browsers (UTS 46, non-transitional). "localhost" and names under it are
    host names; IP addresses, other single labels, wildcards and names with an underscore are not.

    Raises:
        ValueError: It is not a DNS host name; the message is one sentence that says why.
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
    elif _NUMBER.fullmatch(labels[-1]) or name.count(":") > 1:
        fault = "it is an IP address: use a host name such as localhost"
    elif ":" in name:
        fault = "it has a port"
    elif wrong := [label for label in labels if not _LABEL.fullmatch(label)]:
        which = "it" if len(labels) == 1 else repr(wrong[0][:80])
        fault = f"{which} is not 1 to 63 letters, digits and inner hyphens"
    elif len(labels) == 1 and name != "localhost":
        fault = "it has only one label"
    else:
        return name
    raise ValueError(f"{host[:80]!r} is not a DNS host name: {fault}")


def url_host(url: str) -> tuple[str, bool]:
    """Return the host and port of a URL that was given as a host name, and whether its scheme is http."""
    found = _URL.match(url)
    return (found[2], (found[1] or "").lower() == "http") if found else ("", False)


def _a_labels(host: str) -> str:
    # Only here, so that the values of this package are made without a third-party package.
    import ada_url

    # The bound keeps IDNA's time small. ada-url ends its result at a NUL.
    if len(host) <= 1024 and "\0" not in host:
        try:
            name = ada_url.idna_to_ascii(host).decode("ascii").lower()
        except UnicodeError:
            name = ""
        if name:
            return name
    raise ValueError(f"{host[:80]!r} is not a DNS host name: it is not valid in IDNA")

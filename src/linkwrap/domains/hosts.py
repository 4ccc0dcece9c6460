"""Which hosts may be custom tracking domains."""

from typing import Final

from .._hosts import host_name
from ..errors import DomainError
from .records import OWNER_LABEL

_MAX_HOST: Final = 253 - len(OWNER_LABEL) - 1


def read_host(host: str) -> str:
    """Return a host name as the registry keeps it, in lower-case A-labels.

    Raises `DomainError` with one sentence that says why it is none (RFC 1123 2.1).
    """
    if not isinstance(host, str):
        raise DomainError(f"{host!r} is no host name, but {type(host).__name__}")
    shown = repr(host[:80])
    if "/" in host:
        raise DomainError(f"{shown} is a URL: give the host alone, such as click.acme.com")
    if "@" in host:
        raise DomainError(f"{shown} is an address: give the part behind the @")
    if "*" in host:
        raise DomainError(f"{shown} is a wildcard: give each host by itself")
    try:
        return host_name(host)
    except ValueError as error:
        raise DomainError(str(error)) from None


def check_host(host: str, target: str) -> str:
    """Return the host that a customer asks for, as `read_host` does.

    Raises `DomainError` too where it is too long, a name of the reader's own machine, or overlaps with the target that
    all custom tracking domains lead to.
    """
    name = read_host(host)
    if name == "localhost" or name.endswith(".localhost"):
        raise DomainError(f"{name!r} is a name of the reader's own machine: give one that is in the DNS")
    if len(name) > _MAX_HOST:
        raise DomainError(f"{name[:80]!r}… is longer than the {_MAX_HOST} characters that leave room for a TXT record")
    if name == target:
        raise DomainError(f"{name!r} is what custom tracking domains lead to, and cannot be one itself")
    if name.endswith(f".{target}") or target.endswith(f".{name}"):
        raise DomainError(f"{name!r} overlaps with {target!r}, which all of them lead to: give a host of your own")
    return name

"""What `linkwrap serve` takes, checked; and the keys, which come from the environment or from a file it names."""

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Final

from .._key_files import read_key_file
from ..endpoint import Ip
from ..errors import LinkWrapError, OptionError
from ..keys import SigningKeys
from .limits import PER_MINUTE
from .proxies import parse_networks
from .repeats import LIMIT
from .store import KEEP_SECONDS, Durability

MAX_WORKERS: Final = 64
_DAY: Final = 86_400
_MAX_DAYS: Final = 36_500
_UNITS: Final = (None, "kB", "MB", "GB", "TB")
_LEAST_BYTES: Final = 1_000_000
_LISTEN: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", re.ASCII)


class StartError(LinkWrapError):
    """The redirect server cannot start; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the redirect server is run.

    Attributes:
        address: The IP address to listen on.
        port: The port to listen on.
        store: The file of the store.
        workers: How many processes answer requests.
        durability: What a stored event outlives, as for `Store`.
        fallback: The file of the fallback; None is standard error.
        ip: What events hold of a reader's address, as for `linkwrap.endpoint.respond`.
        keep_seconds: How long events are kept.
        keep_bytes: Bytes of the store that events may take; None for no bound.
        replay_limit: Requests a minute for one token that are events of their own, in each worker.
        trusted_proxies: Networks of proxies whose `X-Forwarded-For` counts.
        forwarded_host: Whether their `X-Forwarded-Host` is the host.
        limit: Requests a minute and network that verify nothing, in one worker; 0 is no limit.
        blocks: The file of the block list; None is the store's name with `.blocks`.
        files: The folder of well-known files.
        pages: The folder of pages for readers.

    Raises:
        OptionError: A value cannot be used.
    """

    address: str = "127.0.0.1"
    port: int = 8025
    store: str = "linkwrap-events.db"
    workers: int = 1
    durability: Durability = "process"
    fallback: str | None = None
    ip: Ip = "cut"
    keep_seconds: int = KEEP_SECONDS
    keep_bytes: int | None = None
    replay_limit: int = LIMIT
    trusted_proxies: tuple[str, ...] = ()
    forwarded_host: bool = False
    limit: int = PER_MINUTE
    blocks: str | None = None
    files: str | None = None
    pages: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= MAX_WORKERS:
            raise OptionError(f"there must be 1 to {MAX_WORKERS} workers")
        if self.replay_limit < 1:
            raise OptionError("the replay limit must be positive")
        parse_networks(self.trusted_proxies)
        if self.forwarded_host and not self.trusted_proxies:
            raise OptionError("a forwarded host needs a trusted proxy: name it with --trusted-proxy")
        if self.limit < 0:
            raise OptionError("the limit must not be negative")

    @property
    def listen(self) -> str:
        """Address and port, as in a URL."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_listen(text: str) -> tuple[str, int]:
    """Return the IP address and port of `ADDRESS:PORT`; an IPv6 address stands in brackets.

    Raises:
        OptionError: It is not of this form.
    """
    found = _LISTEN.fullmatch(text)
    if found is not None and 1 <= int(found[3]) <= 65_535:
        try:
            named = "127.0.0.1" if found[2] == "localhost" else found[1] or found[2]
            address = ipaddress.IPv6Address(named) if found[1] else ipaddress.IPv4Address(named)
            return str(address), int(found[3])
        except ValueError:
            pass
    raise OptionError("what to listen on must be ADDRESS:PORT, such as 127.0.0.1:8025 or [::1]:8025")


def parse_keep(text: str) -> int:
    """Return the seconds of a number of days, `400d`.

    Raises:
        OptionError: It is not of this form.
    """
    if (found := re.fullmatch(r"([0-9]{1,6})d", text, re.ASCII)) and 1 <= int(found[1]) <= _MAX_DAYS:
        return int(found[1]) * _DAY
    raise OptionError(f"how long events are kept must be a number of days, 1d to {_MAX_DAYS}d, such as 400d")


def parse_bytes(text: str) -> int:
    """Return the bytes of a size, such as `500MB`; a kB has 1000.

    Raises:
        OptionError: It is not of this form, or below 1 MB.
    """
    found = re.fullmatch(r"([0-9]{1,15})(kB|MB|GB|TB)?", text, re.ASCII)
    size = int(found[1]) * 1000 ** _UNITS.index(found[2]) if found else 0
    if size < _LEAST_BYTES:
        raise OptionError("the bytes that events may take must be a size of at least 1MB, such as 500MB or 10GB")
    return size


def find_keys() -> SigningKeys:
    """Return the keys that `LINKWRAP_KEYS` lists, or those in the file that `LINKWRAP_KEYS_FILE` names.

    Raises:
        StartError: There are none, they cannot be used, or everybody on the machine can read the file.
    """
    listed, file = os.environ.get("LINKWRAP_KEYS"), os.environ.get("LINKWRAP_KEYS_FILE")
    both = bool(listed and file)
    del listed  # a traceback may show the variables of a frame
    if both:
        raise StartError("LINKWRAP_KEYS and LINKWRAP_KEYS_FILE are both set: set one of them")
    try:
        if file:
            return _from_file(file)
        if os.environ.get("LINKWRAP_KEYS"):
            return SigningKeys.from_env()
    except OptionError as error:
        raise StartError(str(error)) from None
    raise StartError("no keys: set LINKWRAP_KEYS, or LINKWRAP_KEYS_FILE; linkwrap keygen prints a key")


def _from_file(name: str) -> SigningKeys:
    try:
        keys, fault, open_to_all = read_key_file(name)
    except OSError as error:
        raise StartError(f"cannot read the file that LINKWRAP_KEYS_FILE names: {error.strerror}") from None
    if open_to_all:
        del keys
        raise StartError("everybody on this machine can read the file that LINKWRAP_KEYS_FILE names: chmod 600 it")
    if not keys:
        raise StartError(fault)
    try:
        return SigningKeys(keys[0], retired=keys[1:])
    finally:
        del keys

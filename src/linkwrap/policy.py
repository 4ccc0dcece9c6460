"""Which links are wrapped: the sender's own rules."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ._decide.controls import SENDERS
from ._hosts import host_name
from .errors import OptionError
from .link import Link

__all__ = ["SENDERS", "LinkPolicy"]

_HOST = re.compile(r"https?://(?:[^/?#@]*+@)?([^/?#:]*+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicy:
    """Which links are wrapped, beyond what every sender wants.

    - `honour`: the senders whose opt-out markup counts, of `SENDERS` (sparkpost, sendgrid, mailgun, postmark, ses,
      mandrill, customerio, ahoy, mautic).
    - `skip_hosts`: host names to which links are left alone; `*.example.com` means all names under example.com.
    - `destination`: sees the `Link` at compile time, once per link, and returns the URL to sign in place of `link.url`,
      or None to leave the link alone. What it returns is checked like any other destination.

    Raises `OptionError` that lists every fault.
    """

    honour: Collection[str] = SENDERS
    skip_hosts: Collection[str] = ()
    destination: Callable[[Link], str | None] | None = None

    def __post_init__(self) -> None:
        faults = []
        hosts = set()
        if not (_is_names(self.honour) and _is_names(self.skip_hosts)):
            faults.append("honour and skip_hosts take a collection of names, not one string")
        else:
            if unknown := sorted(set(self.honour) - SENDERS):
                faults.append(f"honour names {', '.join(unknown)}: known are {', '.join(sorted(SENDERS))}")
            for host in self.skip_hosts:
                try:
                    hosts.add(host_name(host.removeprefix("*.")) if host[:2] != "*." else "*." + host_name(host[2:]))
                except ValueError as error:
                    faults.append(f"skip_hosts: {error}")
        if self.destination is not None and not callable(self.destination):
            faults.append("destination takes a callable or None")
        if faults:
            raise OptionError("; ".join(faults))
        object.__setattr__(self, "honour", frozenset(self.honour))
        object.__setattr__(self, "skip_hosts", frozenset(hosts))

    def skips(self, url: str) -> bool:
        """Whether links to the host of this destination are left alone."""
        if not self.skip_hosts:
            return False
        match = _HOST.match(url)
        host = match[1].removesuffix(".") if match else ""
        if host in self.skip_hosts:
            return True
        labels = host.split(".")
        return any("*." + ".".join(labels[first:]) in self.skip_hosts for first in range(1, len(labels)))


def _is_names(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str) and all(isinstance(name, str) for name in value)

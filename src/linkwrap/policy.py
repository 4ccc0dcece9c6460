"""Which links are wrapped: whose opt-outs count, and the sender's own rules."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ._faults import Faults, require_str
from ._hosts import host_name
from .link import Link

__all__ = ["SENDERS", "LinkPolicy"]

OPT_OUTS: Final[Mapping[str, tuple[str, str | None]]] = {
    "sparkpost": ("data-msys-clicktrack", "0"),
    "sendgrid": ("clicktracking", "off"),
    "mailgun": ("disable-tracking", "true"),
    "postmark": ("data-pm-no-track", None),
    "ses": ("ses:no-track", None),
    "mandrill": ("mc:disable-tracking", None),
    "customerio": ("class", "untracked"),
    "ahoy": ("data-skip-click", "true"),
    "mautic": ("mautic:disable-tracking", "true"),
}
"""The attribute by which a sender's mail opts a link out, and its value; None for any value, or none at all."""
SENDERS: Final = frozenset(OPT_OUTS)
"""The senders whose opt-outs are read."""

_HOST = re.compile(r"https?://(?:[^/?#@]*+@)?([^/?#:]*+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicy:
    """Which links are wrapped, beyond what every sender wants.

    Args:
        honour: The senders whose opt-outs count, of `SENDERS` (sparkpost, sendgrid, mailgun, postmark, ses, mandrill,
            customerio, ahoy, mautic).
        skip_hosts: Host names to which links are left alone; `*.example.com` means all names under example.com.
        destination: Called when a document is compiled, once per link, with the `Link`; returns the URL to sign in
            place of `link.url`, or None to leave the link alone. The URL is checked like any other destination.

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: A sender is unknown, or a host name is not valid. Either message lists all faults.
    """

    honour: Collection[str] = SENDERS
    skip_hosts: Collection[str] = ()
    destination: Callable[[Link], str | None] | None = None

    def __post_init__(self) -> None:
        faults = Faults()
        hosts: set[str] = set()
        senders = set(self.honour) if _are_names("honour", "senders", self.honour, faults) else set()
        if unknown := sorted(senders - SENDERS):
            faults.wrong_value(f"honour must be senders of {', '.join(sorted(SENDERS))}, not {', '.join(unknown)}")
        if _are_names("skip_hosts", "host names", self.skip_hosts, faults):
            for host in self.skip_hosts:
                wildcard, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
                try:
                    hosts.add(wildcard + host_name(name))
                except ValueError as error:
                    faults.wrong_value(f"skip_hosts: {error}")
        if self.destination is not None and not callable(self.destination):
            faults.wrong_type("destination", "a callable or None", self.destination)
        faults.raise_any()
        object.__setattr__(self, "honour", frozenset(self.honour))
        object.__setattr__(self, "skip_hosts", frozenset(hosts))

    def skips(self, url: str) -> bool:
        """Tell whether links to the host of this destination are left alone."""
        if not isinstance(url, str):
            require_str(url=url)
        match = _HOST.match(url)
        host = match[1].removesuffix(".") if match else ""
        if host in self.skip_hosts:
            return True
        labels = host.split(".")
        return any("*." + ".".join(labels[first:]) in self.skip_hosts for first in range(1, len(labels)))


def _are_names(name: str, kind: str, value: object, faults: Faults) -> bool:
    """Return whether an argument is a collection of strings; add a fault if not."""
    if not isinstance(value, Collection) or isinstance(value, str | bytes):
        faults.wrong_type(name, f"a collection of {kind}", value)
        return False
    others = [item for item in value if not isinstance(item, str)]
    if others:
        faults.wrong_type(f"each of {name}", "str", others[0])
    return not others

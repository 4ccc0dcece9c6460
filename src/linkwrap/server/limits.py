"""How many requests that verify nothing a network may send: a table of fixed size, in each worker.

Only answers are limited, after the request was read: what verifies is never refused, however many share the network.
"""

import math
import os
import time
from array import array
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import ip_address
from typing import Final

from ..endpoint import Response, cut_address

PER_MINUTE: Final = 120
"""Requests a minute that verify nothing, of one network and worker."""

_CELLS: Final = 1 << 16  # networks that share one are limited together, which hurts no link
_STATUSES: Final = frozenset((404, 405))


def verifies_nothing(response: Response) -> bool:
    """Return whether an answer of `respond` is one to a request in which nothing was verified."""
    return response.event is None and (
        response.status in _STATUSES or response.headers.get("Content-Type") == "image/gif"
    )


class Limits:
    """Counts requests by the network that they come from: /24 of IPv4, /48 of IPv6.

    Args:
        per_minute: Requests of one network; so many may come at once. 0 is no limit.
        clock: Seconds, for tests.
    """

    def __init__(self, per_minute: int = PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = 60.0
        self._interval = self._burst / per_minute if per_minute else 0.0
        self._clock = clock
        self._key = os.urandom(16)  # nobody chooses whose cell they share
        # When all that a network has sent would have come, had it kept to the rate: one number is count and decay.
        self._due = array("d", bytes(8 * _CELLS if per_minute else 0))

    def wait_seconds(self, client: str | None) -> int:
        """Count a request, and return after how many seconds the client may try again; 0 where it is in the limit.

        Clients without an address, and those of this machine, are a proxy that is not named as trusted, or its
        operator: they are not limited.
        """
        network = cut_address(client)
        if not self._interval or network is None or ip_address(network).is_loopback or client == "::1":
            return 0
        digest = blake2b(network.encode(), key=self._key, digest_size=8).digest()
        cell = int.from_bytes(digest, "big") % _CELLS
        now = self._clock()
        due = max(self._due[cell], now) + self._interval
        # Half a request, against the rounding of sums.
        if (over := due - now - self._burst) > self._interval / 2:
            return math.ceil(over)
        self._due[cell] = due
        return 0

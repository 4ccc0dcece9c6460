"""How many requests that verify nothing a network may send."""

import sys
from ipaddress import IPv4Address

import pytest

from helpers.effort import count
from linkwrap.server.limits import Limits


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (["203.0.113.1", "203.0.113.255", "::ffff:203.0.113.9"], "203.0.114.1"),
        (["2001:db8:1::1", "2001:db8:1:ffff::2"], "2001:db8:2::1"),
    ],
)
def test_a_network(same: list[str], other: str) -> None:
    """All addresses of a network count together, and another one is not held up; time gives back."""
    clock = Clock()
    limits = Limits(60, clock)
    assert [limits.wait_seconds(same[number % len(same)]) for number in range(60)] == [0] * 60
    assert [limits.wait_seconds(address) for address in same] == [1] * len(same)
    assert limits.wait_seconds(other) == 0
    clock.now += 1
    assert [limits.wait_seconds(same[0]) for _ in range(2)] == [0, 1]
    clock.now += 3600
    assert [limits.wait_seconds(same[0]) for _ in range(61)] == [0] * 60 + [1]


@pytest.mark.parametrize("per_minute", [1, 7, 120, 100_000])
def test_rates(per_minute: int) -> None:
    """So many come through at once, and not one more."""
    limits = Limits(per_minute, Clock())
    found = [limits.wait_seconds("203.0.113.1") for _ in range(per_minute + 1)]
    assert (found[:-1], found[-1] > 0) == ([0] * per_minute, True)
    assert found[-1] <= 60


@pytest.mark.parametrize("client", [None, "", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "a socket"])
def test_clients_without_a_network(client: str | None) -> None:
    """They are not limited: it is a proxy that nobody has named, or the operator."""
    limits = Limits(1, Clock())
    assert [limits.wait_seconds(client) for _ in range(10)] == [0] * 10


def test_no_limit() -> None:
    """0 turns it off."""
    limits = Limits(0)
    assert [limits.wait_seconds("203.0.113.1") for _ in range(1000)] == [0] * 1000


def test_invented_addresses() -> None:
    """Any number of networks leaves the memory as it was."""
    limits = Limits(2, Clock())
    before = _size(limits)
    for number in range(count(20_000, ci=100_000, endurance=10_000_000)):
        limits.wait_seconds(str(IPv4Address((number * 2_654_435_761) % (1 << 32))))
    assert _size(limits) == before < 1_000_000


def _size(limits: Limits) -> int:
    return sum(map(sys.getsizeof, vars(limits).values()))

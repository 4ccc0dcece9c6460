"""One link that is requested again and again: every request is answered and counted, and the store stays small."""

import asyncio
import contextlib
import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from itertools import count as numbers_from
from pathlib import Path
from typing import Any

import pytest

from helpers.effort import count
from helpers.events import an_event
from helpers.redirects import HOST, RESOLVER, SHOP, click_path
from helpers.writers import a_writer, until
from linkwrap import LinkWrapper, OptionError, SigningKeys
from linkwrap.endpoint import respond
from linkwrap.events import Event
from linkwrap.server.repeats import LIMIT, Repeats
from linkwrap.server.store import Store

TOKEN = "/f/a/a token"
_ids = numbers_from()


def a_click(**changes: Any) -> Event:
    """A click with an id of its own."""
    return an_event(next(_ids), **changes)


class Clock:
    """A time that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def requests_of(events: Iterable[Event]) -> Counter[str]:
    """How many requests each event stands for, as a store would have it."""
    found = Counter[str]()
    for event in events:
        found[event.event_id] = max(found[event.event_id], event.repeated)
    return found


def test_further_requests_share_an_event(clock: Clock) -> None:
    """Up to the limit each has its own; later ones share one for five seconds, and after a minute it begins anew."""
    repeats = Repeats(3, clock=clock)
    first = [repeats.count(TOKEN, a_click()) for _ in range(3)]
    assert [event.repeated for event in first] == [1, 1, 1]
    shared = [repeats.count(TOKEN, a_click()) for _ in range(10)]
    assert [event.repeated for event in shared] == list(range(1, 11))
    assert len({event.event_id for event in first + shared}) == 4
    clock.now += 5.5
    later = repeats.count(TOKEN, a_click())
    assert later.event_id != shared[0].event_id
    clock.now += 55
    anew = [repeats.count(TOKEN, a_click()) for _ in range(3)]
    assert [event.repeated for event in anew] == [1, 1, 1]
    assert sum(requests_of([*first, *shared, later, *anew]).values()) == 17


def test_other_links_types_and_visitors_are_apart() -> None:
    """A link that is replayed takes nothing from another; what an event says of its visitor holds for all it counts."""
    repeats = Repeats(1)
    kinds: list[dict[str, Any]] = [{}, {"visitor": "scanner"}, {"type": "link_unsubscribe"}]
    found = [(kind, repeats.count(TOKEN, a_click(**kind))) for kind in kinds * 20]
    assert all(event.type == kind.get("type", "click") for kind, event in found)
    assert all(event.visitor == kind.get("visitor", "person") for kind, event in found)
    assert sum(requests_of(event for _, event in found).values()) == 60
    assert repeats.count("/f/a/another", a_click()).repeated == 1


def test_a_token_is_known_in_any_spelling() -> None:
    """What is counted is the link, however its path was written."""
    path = click_path(7)
    spelled = [path, path.replace("/f/", "/%66/"), f"{path}?x=1", f"{path})"]
    answers = [respond(RESOLVER, method="GET", raw_path=one, host=HOST, headers={}) for one in spelled]
    assert len({answer.token for answer in answers}) == 1
    assert respond(RESOLVER, method="GET", raw_path=f"{path}x", host=HOST, headers={}).token is None
    assert path not in repr(answers[0])


def test_memory_is_bounded() -> None:
    """Of a million different tokens only some are remembered, over the limit too."""
    repeats = Repeats(1)
    event = an_event(1, rcpt_meta={"rcpt": "x" * 900})
    tracemalloc.start()
    try:
        for number in range(count(30_000, ci=100_000, endurance=1_000_000)):
            for _ in range(3):
                repeats.count(f"/f/a/{number}" + 2000 * "x", event)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def total(path: Path) -> Counter[str]:
    """How many requests are in a store, by account."""
    with Store(path) as store:
        found = Counter[str]()
        for stored in store.events():
            found[stored.event.account_id] += stored.event.repeated
        assert store.stats().events == found.total()
        return found


def test_a_link_that_is_replayed(tmp_path: Path) -> None:
    """All are answered and counted, in a small file; another account's clicks are all stored, each by itself."""
    pytest.importorskip("starlette")
    from linkwrap.server import create_app

    other = LinkWrapper(SigningKeys("a key for the tests of the redirect server"), account_id="o", tracking_domain=HOST)
    replayed, wanted = click_path(1), count(3000, ci=20_000, endurance=1_000_000)
    app = create_app(RESOLVER, store=tmp_path / "events.db", fallback=tmp_path / "fallback.jsonl")
    statuses = Counter[int]()

    async def get(path: str) -> None:
        async def send(message: Any) -> None:
            if "status" in message:
                statuses[message["status"]] += 1

        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
        await app({**scope, "headers": [(b"host", HOST.encode())], "client": None}, None, send)

    async def client(number: int) -> None:
        for request in range(wanted // 50):
            await get(replayed)
            if request % (wanted // 200) == 0:
                url = other.wrap_url(SHOP, {"n": number, "request": request})
                await get(url.removeprefix(f"https://{HOST}"))

    async def test() -> None:
        async with app.lifespan():
            await asyncio.gather(*map(client, range(50)))

    asyncio.run(test())
    others = 200
    assert statuses == {302: wanted + others}
    with Store(tmp_path / "events.db") as store, (tmp_path / "fallback.jsonl").open("rb") as lines:
        store.import_lines(lines)  # of a busy machine, whose store was late
        assert store.stats().bytes_used < 5_000_000
        rows = Counter(found.event.account_id for found in store.events())
    assert total(tmp_path / "events.db") == {"acme": wanted, "o": others}
    assert rows["o"] == others
    assert LIMIT < rows["acme"] < LIMIT + wanted / 10


def test_a_store_that_is_locked_meanwhile(tmp_path: Path) -> None:
    """The counts go to the fallback, in few lines; after an import, or two, each is counted once."""
    path, fallback = tmp_path / "events.db", tmp_path / "fallback.jsonl"
    repeats, sent = Repeats(2), 0

    async def test() -> None:
        nonlocal sent
        async with a_writer(path, fallback, limit_seconds=0.05) as writer:

            async def client(requests: int) -> None:
                nonlocal sent
                for _ in range(requests):
                    sent += 1
                    await writer.submit(repeats.count(TOKEN, a_click(), writer.metrics.opened))

            for _ in range(3):
                await asyncio.gather(*[client(20) for _ in range(10)])
                with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                    other.execute("BEGIN IMMEDIATE")
                    await asyncio.gather(*[client(50) for _ in range(10)])
                    assert writer.fault is not None
                    await asyncio.sleep(0.1)
                    await asyncio.gather(*[client(20) for _ in range(10)])
                await until(lambda: writer.fault is None, "the circuit did not close")

    asyncio.run(test())
    assert total(path).total() < sent == 2700
    assert fallback.read_bytes().count(b"\n") < 100
    with Store(path) as store:
        for _ in range(2):
            with fallback.open("rb") as lines:
                store.import_lines(lines)
            assert store.stats().events == sent


def test_a_count_that_comes_again(tmp_path: Path) -> None:
    """Of an event with one id the highest count holds, in whatever order they come."""
    with Store(tmp_path / "events.db", create=True) as store:
        for repeated, new in [(3, 1), (7, 1), (5, 0), (7, 0)]:
            assert store.add([an_event(1, repeated=repeated)]) == new
        store.add([an_event(2, repeated=2), an_event(3), an_event(2, repeated=4)])
        assert [found.event.repeated for found in store.events()] == [7, 4, 1]
        stats = store.stats()
        assert (stats.events, stats.by_type, stats.recipients) == (12, {"click": 12}, 3)


@pytest.mark.parametrize("limit", [0, -1, True, "60", 1.5])
def test_a_limit_that_cannot_be(limit: Any, tmp_path: Path) -> None:
    """It is refused at the start."""
    pytest.importorskip("starlette")
    from linkwrap.server import create_app

    with pytest.raises(OptionError if isinstance(limit, int) and not isinstance(limit, bool) else TypeError):
        create_app(RESOLVER, store=tmp_path / "events.db", replay_limit=limit)

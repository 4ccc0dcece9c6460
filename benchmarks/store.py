"""How many events a second the store takes, in groups of 1, 8 and 32, by durability; and the writer with 64 clients.

    python benchmarks/store.py [FOLDER]

The folder is where the stores are made, each for a second or two: a disk, not memory, if "power" is to mean anything.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from linkwrap.events import Event
from linkwrap.server.fallback import Fallback
from linkwrap.server.store import Durability, Store
from linkwrap.server.writer import Writer

SECONDS = 1.5
CLIENTS = 64
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
_numbers = count()


def an_event() -> Event:
    """Return a click as a newsletter's is, with an id of its own."""
    number = next(_numbers)
    moment = f"{0x19A1B2C3D4E + number // 5:012x}"  # five a millisecond
    return Event(
        event_id=f"{moment[:8]}-{moment[8:]}-7c1d-9b7a-{number * 2654435761 % 2**48:012x}",
        type="click",
        timestamp=1_760_000_000 + number // 1000,
        account_id="acme",
        tracking_domain="click.acme.com",
        target_link_url="https://acme.com/shop/sale?utm_source=newsletter&utm_campaign=autumn",
        target_link_name="Shop",
        target_link_part="html",
        target_link_index=3,
        rcpt_meta={"rcpt": f"r-{number}", "message_id": "m-99", "campaign_id": "c-7"},
        sent_at=1_759_987_200,
        visitor="person",
        visitor_reasons=("agent",),
        ip_address="203.0.113.0",
        user_agent=AGENT,
    )


def store(path: Path, durability: Durability, group: int) -> float:
    """Return the events a second that one connection stores, rows and events made included."""
    with Store(path, create=True, durability=durability) as opened:
        stored, start = 0, time.perf_counter()
        while (now := time.perf_counter()) < start + SECONDS:
            opened.add([an_event() for _ in range(group)])
            stored += group
        return stored / (now - start)


async def write(path: Path, durability: Durability) -> tuple[float, float, float]:
    """Return the events a second of so many clients, and the median and 99th percentile of their waits in ms."""
    fallback = Fallback(path.parent / "fallback.jsonl")
    writer = Writer(path, fallback, durability=durability)
    await writer.start()
    waits: list[float] = []
    ends = time.perf_counter() + SECONDS

    async def client() -> None:
        while (start := time.perf_counter()) < ends:
            if await writer.submit(an_event()):
                waits.append(time.perf_counter() - start)

    await asyncio.gather(*[client() for _ in range(CLIENTS)])
    await writer.close()
    fallback.close()
    waits.sort()
    return len(waits) / SECONDS, waits[len(waits) // 2] * 1000, waits[len(waits) * 99 // 100] * 1000


def paths(folder: str | None) -> Iterator[Path]:
    """Yield paths of stores, each in a new folder that is removed when the next one is asked for."""
    while True:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            yield Path(name) / "events.db"


def main() -> None:
    """Print a line for each measurement."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", help="where the stores are made")
    path = paths(arguments.parse_args().folder)
    durabilities: tuple[Durability, ...] = ("process", "power")
    for durability in durabilities:
        for group in (1, 8, 32):
            rate = store(next(path), durability, group)
            print(f"{durability:8} groups of {group:2}        {rate:9,.0f} events/s")
        rate, middle, high = asyncio.run(write(next(path), durability))
        print(f"{durability:8} writer, {CLIENTS} clients {rate:8,.0f} events/s, p50 {middle:.1f} ms, p99 {high:.1f} ms")
    path.close()


if __name__ == "__main__":
    main()

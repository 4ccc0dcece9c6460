"""A program that submits events as fast as they are stored: `python -m helpers.submitter STORE FALLBACK START COUNT`.

It prints the number of each event that was answered, `+` in front if it is stored and `-` if not, before it submits the
next one of the same client; and ends after COUNT events.
"""

import asyncio
import os
import sys
from collections.abc import Iterator

from helpers.events import an_event
from linkwrap.server.fallback import Fallback
from linkwrap.server.writer import Writer

CLIENTS = 32


async def submit(store: str, fallback: str, start: int, count: int) -> None:
    """Submit events from so many clients at once."""
    lines = Fallback(fallback)
    writer = Writer(store, lines, limit_seconds=float(os.environ.get("LIMIT", "600")))
    await writer.start()
    numbers = iter(range(start, start + count))

    async def client(numbers: Iterator[int]) -> None:
        for number in numbers:
            stored = await writer.submit(an_event(number))
            os.write(1, f"{'+' if stored else '-'}{number}\n".encode())

    await asyncio.gather(*[client(numbers) for _ in range(CLIENTS)])
    await writer.close()
    lines.close()


if __name__ == "__main__":
    asyncio.run(submit(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

"""Events and their store, as users write it. Type checkers read this file; nothing runs it."""

import asyncio
from pathlib import Path
from typing import Any, assert_type

from linkwrap import Resolver, SigningKeys
from linkwrap.events import Event, Visitor
from linkwrap.server import RedirectApp, create_app
from linkwrap.server.fallback import Fallback
from linkwrap.server.store import Store, StoredEvent, StoreError
from linkwrap.server.writer import Writer


def read(path: str) -> list[Event]:
    """A store is a context, and what is in it is read by keyword."""
    try:
        with Store(path) as store:
            for found in store.events(after=5, where=("rcpt", "r-42")):
                assert_type(found, StoredEvent)
                assert_type(found.seq, int)
                assert_type(found.event.visitor, Visitor)
                assert_type(found.event.as_dict(), dict[str, Any])
            assert_type(store.stats(since=1_760_000_000, event_type="click").by_day, dict[str, dict[str, int]])
            store.stats(event_type="visit")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            store.stats(kind="click")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
            assert_type(store.delete(before=1_760_000_000), int)
            store.delete(1_760_000_000)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
            return [found.event for found in store.events()]
    except StoreError:
        return []


async def write(event: Event) -> bool:
    """A future says whether an event is stored."""
    writer = Writer("events.db", Fallback(), durability="power")
    Writer("events.db", Fallback(), durability="disk")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await writer.start()
    assert_type(writer.submit(event), asyncio.Future[bool])
    assert_type(writer.fault, str | None)
    return await writer.submit(event)


def serve(keys: SigningKeys) -> RedirectApp:
    """The redirect server as an application."""
    create_app(keys, store="events.db", ip="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    create_app(keys)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    return create_app(Resolver(keys), store=Path("events.db"), fallback=None, durability="power", ip="none")

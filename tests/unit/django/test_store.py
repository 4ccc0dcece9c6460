"""The settings STORE and FALLBACK: events are stored before the reader is answered, beside the signals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client

from helpers.writers import FOREVER
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.django.signals import link_clicked
from linkwrap.server.store import Store

HOST = "click.acme.test"
WRAPPER = LinkWrapper(SigningKeys("a key for the tests of Django"), account_id="acme", tracking_domain=HOST)
Configure = Callable[..., None]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No busy machine reaches the limits."""
    from functools import partial

    from linkwrap.server.writer import Writer

    monkeypatch.setattr("linkwrap.server.recorder.Writer", partial(Writer, limit_seconds=FOREVER))
    monkeypatch.setattr("linkwrap.server.recorder._LATEST_SECONDS", FOREVER)


def click() -> int:
    """Follow a link, and return the status."""
    url = WRAPPER.wrap_url("https://shop.test/", {"rcpt": "r-42"})
    return Client().get(url.removeprefix(f"https://{HOST}"), headers={"host": HOST}).status_code


def found() -> list[tuple[str, str]]:
    """The id and message of each fault."""
    return [(str(fault.id), fault.msg) for fault in run_checks(tags=["linkwrap"])]


def test_events_are_stored_and_announced(configure: Configure, listen: Any, tmp_path: Path) -> None:
    """Both get the same event; when a receiver is called, it is stored already."""
    path = tmp_path / "events.db"
    stored: list[Any] = []

    def look(**_: object) -> None:
        with Store(path) as store:
            stored.extend(found.event.as_dict() for found in store.events())

    configure(STORE=path, FALLBACK=str(tmp_path / "fallback.jsonl"))
    assert found() == []
    assert not path.exists()
    link_clicked.connect(look)
    try:
        with listen(link_clicked) as clicks:
            assert click() == 302
    finally:
        link_clicked.disconnect(look)
    assert stored == clicks
    assert [event["rcpt_meta"] for event in stored] == [{"rcpt": "r-42"}]


def test_readers_go_on_without_the_store(configure: Configure, listen: Any, tmp_path: Path) -> None:
    """The event is in the fallback, and its signal is sent."""
    fallback = tmp_path / "fallback.jsonl"
    configure(STORE=tmp_path / "missing" / "events.db", FALLBACK=fallback)
    with listen(link_clicked) as clicks:
        assert click() == 302
    configure()  # another setting closes the store and the fallback of this one
    assert clicks[0]["event_id"] in fallback.read_text()


@pytest.mark.parametrize(
    ("entries", "id", "message"),
    [
        ({"STORE": 5}, "E003", "STORE must be a path, not int"),
        ({"STORE": "events.db", "FALLBACK": 5}, "E003", "FALLBACK must be a path, not int"),
        ({"FALLBACK": "events.jsonl"}, "E003", "STORE names no store"),
        ({"STORE": "/no/such/folder/events.db"}, "E005", "'/no/such/folder/events.db': its folder does not exist"),
        ({"STORE": "/"}, "E005", "'/': it is a folder"),
    ],
)
def test_faults(configure: Configure, entries: dict[str, Any], id: str, message: str) -> None:  # noqa: A002
    """Each is told once."""
    configure(**entries)
    [(told, text)] = found()
    assert told == f"linkwrap.{id}"
    assert message in text

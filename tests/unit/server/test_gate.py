"""What the redirect server lets through: the block list, the limit, proxies, and one-click POSTs whatever they say."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from helpers.redirects import HOST, KEY, ONE_CLICK, RESOLVER, click_path, open_path, unsubscribe_path
from linkwrap import LinkWrapError, OptionError, Resolver, SigningKeys
from linkwrap.server.blocks import BlockKind, add_blocks, make_block

pytest.importorskip("starlette")

from linkwrap.server import create_app

from .test_app import Served, body, call, patience, running, scope_of, served

__all__ = ["patience", "served"]
AGENTS = [
    "Mozilla/5.0",
    "Barracudacentral",
    "Slackbot 1.0",
    "GoogleImageProxy",
    "HeadlessChrome",
    "",
    "\x1b[31m",
]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("account", "acme"), ("tracking-host", HOST), ("host", "test.shop.test"), ("host", "shop.test")),
        *[("url", f"https://shop.test/{rest}") for rest in ("sale", "sale?id=1", "other")],
    ],
)
def test_blocks(served: Served, kind: BlockKind, value: str) -> None:
    """A blocked click is answered with 410 and stored nowhere; opens and unsubscribes go on."""
    add_blocks(f"{served.store}.blocks", [make_block(kind, value)])
    meant = value not in ("test.shop.test", "https://shop.test/other")
    click, pixel, page, wish = served.run(
        (scope_of(click_path()), None),
        (scope_of(open_path()), None),
        (scope_of(unsubscribe_path()), None),
        (scope_of(unsubscribe_path(), "POST"), body(ONE_CLICK)),
    )
    assert (click.status, "location" in click.headers) == ((410, False) if meant else (302, True))
    assert (pixel.status, page.status, wish.status) == (200, 200, 200)
    assert [event.type for event in served.events()][-2:] == ["open", "list_unsubscribe"]


def test_a_refuse_of_ones_own(tmp_path: Path) -> None:
    """A resolver's own `refuse` goes on beside the list, one that raises too."""

    def refuse(account: str, host: str, destination: str) -> bool:
        if account != "acme":
            raise LinkWrapError
        return True

    async def status(resolver: Resolver, **options: Any) -> int:
        app = create_app(resolver, store=tmp_path / "events.db", fallback=tmp_path / "fallback", **options)
        async with running(app):
            return (await call(app, scope_of(click_path()))).status

    mine = Resolver(SigningKeys(KEY), refuse=refuse)
    failing = Resolver(SigningKeys(KEY), refuse=lambda *_: bool(1 // 0))
    assert [asyncio.run(status(resolver)) for resolver in (mine, failing, RESOLVER)] == [410, 302, 302]
    add_blocks(tmp_path / "mine", [make_block("host", "shop.test")])
    options = {"blocks": tmp_path / "mine"}
    assert [asyncio.run(status(resolver, **options)) for resolver in (mine, failing, RESOLVER)] == [410, 410, 410]


def test_the_limit(served: Served) -> None:
    """What verifies nothing is limited by network; what verifies never is."""
    forged = [(scope_of(path), None) for path in ("/f/a/forged", "/q/forged", "/u/forged", "/favicon.ico")]
    good = [
        *[(scope_of(path), None) for path in (click_path(), open_path(), unsubscribe_path(), "/healthz")],
        (scope_of(unsubscribe_path(), "POST"), body(ONE_CLICK)),
        (scope_of(unsubscribe_path(), "POST"), body(b"hello")),
        (scope_of("/.well-known/linkwrap/" + "0" * 32), None),
    ]
    other = (scope_of("/f/a/forged", client=("198.51.100.1", 1)), None)
    answers = served.run(*forged, *forged, *good, *good, other, limit=4)
    statuses = [answer.status for answer in answers]
    assert statuses[:8] == [404, 200, 404, 404, 429, 429, 429, 429]
    assert statuses[8:] == [302, 200, 200, 200, 200, 400, 200] * 2 + [404]
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in answers[4:8])
    assert {answer.status for answer in served.run(*forged, *forged, limit=0)} == {404, 200}


def test_one_click_posts(served: Served) -> None:
    """A wish is a wish, whoever sends it: 50 at once from every kind of visitor, blocked, limited and expired."""
    add_blocks(f"{served.store}.blocks", [make_block("account", "acme"), make_block("tracking-host", HOST)])
    requests = [
        scope_of(
            unsubscribe_path(number),
            "POST",
            headers=[
                (b"host", HOST.encode()),
                (b"user-agent", AGENTS[number % len(AGENTS)].encode()),
                (b"sec-purpose", b"prefetch"),
            ],
        )
        for number in range(50)
    ]

    async def clients() -> list[int]:
        async with running(served.app(limit=1)) as app:
            for _ in range(5):
                await call(app, scope_of("/f/a/forged"))
            return [
                answer.status
                for answer in await asyncio.gather(*[call(app, each, body(ONE_CLICK)) for each in requests])
            ]

    assert asyncio.run(clients()) == [200] * 50
    events = served.events()
    assert {(event.type, event.visitor, event.machine) for event in events} == {("list_unsubscribe", "unknown", False)}
    assert sorted(event.rcpt_meta["n"] for event in events) == list(range(50))


@pytest.mark.parametrize(
    ("peer", "options", "address", "status"),
    [
        ("10.0.0.1", {}, "10.0.0.1", 404),
        ("10.0.0.1", {"trusted_proxies": ["10.0.0.0/8"]}, "198.51.100.9", 404),
        ("10.0.0.1", {"trusted_proxies": ["10.0.0.0/8"], "forwarded_host": True}, "198.51.100.9", 302),
        ("203.0.113.1", {"trusted_proxies": ["10.0.0.0/8"], "forwarded_host": True}, "203.0.113.1", 404),
    ],
)
def test_proxies(served: Served, peer: str, options: dict[str, Any], address: str, status: int) -> None:
    """Address and host come from a proxy only if it is trusted, and the host only if it is asked for."""
    forwarded = [(b"x-forwarded-for", b"1.2.3.4, 198.51.100.9")]
    headers = [(b"host", b"inside.test"), (b"x-forwarded-host", HOST.encode()), *forwarded]
    own = [(b"host", HOST.encode()), *forwarded]
    inside, outside = (scope_of(click_path(), headers=each, client=(peer, 1)) for each in (headers, own))
    [answer, _] = served.run((inside, None), (outside, None), ip="full", **options)
    assert answer.status == status
    assert {event.ip_address for event in served.events()} == {address}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"trusted_proxies": ["x"]}, OptionError),
        ({"trusted_proxies": "10.0.0.1"}, TypeError),
        ({"limit": -1}, OptionError),
        ({"limit": "1"}, TypeError),
        ({"blocks": 5}, TypeError),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], error: type[Exception]) -> None:
    """They are told at once."""
    with pytest.raises(error):
        create_app(RESOLVER, store=tmp_path / "events.db", **options)

"""The block list: what it stops in whatever spelling, and a file that changes, vanishes or breaks under the server."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwrap import OptionError
from linkwrap.server.blocks import (
    MAX_BLOCKS,
    Block,
    BlockError,
    BlockKind,
    BlockList,
    add_blocks,
    make_block,
    read_blocks,
    remove_blocks,
)


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the block list is."""
    return tmp_path / "events.db.blocks"


@pytest.fixture
def refused(file: Path) -> Callable[..., bool]:
    """Whether a click is refused by a list with one block."""

    def ask(kind: BlockKind, value: str, url: str, account: str = "acme", host: str = "click.acme.com") -> bool:
        add_blocks(file, [make_block(kind, value)])
        return BlockList(file).refuse(account, host, url)

    return ask


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("evil.test", "https://evil.test/"),
        ("evil.test", "http://EVIL.Test/x"),
        ("evil.test", "https://evil.test./x"),
        ("evil.test", "https://a.b.evil.test:8443/x"),
        ("evil.test", "https://shop.example@evil.test/x"),
        ("evil.test", "https://user:pass@evil.test:443/x"),
        ("evil.test", "https:\\\\evil.test\\x"),
        ("evil.test", "https:///evil.test/x"),
        ("evil.test", "https:evil.test/x"),
        ("evil.test", "https://%65vil.test/x"),
        ("evil.test", "https://evil%2Etest/x"),
        ("evil.test", "https://shop.example%40@evil.test/x"),
        ("evil.test", "https://evil.test\\@shop.example/x"),
        ("evil.test", "https://%ef%bd%85vil.test/x"),
        ("evil.test", "https://evil%e3%80%82test/x"),
        ("evil.test", "https://ev%C2%ADil.test/x"),
        ("evil.test", "https://evil.test?x"),
        ("evil.test", "https://evil.test#shop.example"),
        ("EVIL.test.", "https://evil.test/"),
        ("ｅｖｉｌ.test", "https://evil.test/"),
        ("bücher.test", "https://xn--bcher-kva.test/"),
        ("BÜCHER.test", "https://b%C3%BCcher.test/"),
        ("xn--bcher-kva.test", "https://B%C3%9CCHER.test/"),
        ("192.0.2.1", "http://3221225985/"),
        ("192.0.2.1", "http://0xC0.0.2.1/"),
        ("192.0.2.1", "http://0300.0.02.1/"),
        ("192.0.2.1", "http://192.0.513/"),
        ("192.0.2.1", "http://192.0.2.1./"),
        ("192.0.2.1", "http://[::ffff:192.0.2.1]/"),
        ("192.0.2.1", "http://[::ffff:c000:201]/"),
        ("::ffff:192.0.2.1", "http://192.0.2.1/"),
        ("2001:db8::1", "http://[2001:0DB8:0:0::0001]:80/"),
        ("[2001:db8::1]", "http://[2001:db8::1]/"),
    ],
)
def test_hosts_in_other_spellings(refused: Callable[..., bool], value: str, url: str) -> None:
    """Whatever leads a browser to a blocked host is refused."""
    assert refused("host", value, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://notevil.test/",
        "https://evil.test.shop.example/",
        "https://shop.example/evil.test",
        "https://evil.test@shop.example/",
        "https://shop.example/?to=https://evil.test/",
        "https://shop.example#@evil.test",
        "https://test/",
    ],
)
def test_other_hosts(refused: Callable[..., bool], url: str) -> None:
    """Nobody else is refused."""
    assert not refused("host", "evil.test", url)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.test/a/b",
        "http://shop.test/a/b",
        "https://SHOP.test.:443/a/b/",
        "https://shop.test/a/b/c?d#e",
        "https://x@shop.test:8443/a/b",
        "https://shop.test/%61/%62",
        "https://shop.test//a///b",
        "https://shop.test/x/../a/./b",
        "https://shop.test/x/%2e%2e/a/b",
        "https://shop.test/x%2F..%2Fa/b",
        "https://shop.test/a%2Fb",
        "https://shop.test\\a\\b",
        "https://shop.test/a%5Cb",
        "https://shop.test/a/b?",
    ],
)
def test_urls_in_other_spellings(refused: Callable[..., bool], url: str) -> None:
    """Neither scheme, port, user nor encoding gets round a URL, and what is under its path is meant too."""
    assert refused("url", "https://shop.test/a/b", url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://shop.test/", "https://shop.test/a", "https://shop.test/a/bc", "https://shop.test/A/b"),
        *("https://other.test/a/b", "https://x.shop.test/a/b", "https://shop.test/a%252Fb", "https://shop.test/?a/b"),
        "https://shop.test/" + "a/" * 15_000,
    ],
)
def test_other_urls(refused: Callable[..., bool], url: str) -> None:
    """A shortener's other links stay as they are: segments are compared whole, in their case."""
    assert not refused("url", "https://shop.test/a/b", url)


@pytest.mark.parametrize(
    ("url", "blocked"),
    [
        ("https://shop.test/r?id=5&x=1", True),
        ("https://shop.test/r?x=1&%69d=5", True),
        ("https://shop.test/r?x=1&id=5+", False),
        ("https://shop.test/r?id=55", False),
        ("https://shop.test/r", False),
    ],
)
def test_queries(refused: Callable[..., bool], url: str, blocked: bool) -> None:
    """All pieces of a blocked query must be there, in any order."""
    assert refused("url", "https://shop.test/r?id=5", url) == blocked


def test_accounts_and_tracking_hosts(file: Path) -> None:
    """An account is compared as it is, a tracking host in its canonical form."""
    add_blocks(file, [make_block("account", "bad"), make_block("tracking-host", "Click.BAD.com.")])
    blocks = BlockList(file)
    asked = [("bad", "a.com"), ("BAD", "a.com"), ("acme", "click.bad.com"), ("acme", "x.click.bad.com"), ("", "a.com")]
    assert [blocks.refuse(*each, "https://shop.test/") for each in asked] == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("host", text) for text in ("", "com", "a b.test", "https://evil.test/", "evil.test:80", "evil.test/x")],
        *[("host", text) for text in ("a@evil.test", "evil.test?", "[::1", "evil\0.test", "x" * 3000, "..", ".")],
        *[("url", text) for text in ("evil.test/x", "https://evil.test/", "ftp://evil.test/x", "javascript:x", "/x")],
        ("url", "https://evil.test/" + "a/" * 40),
        *[("tracking-host", text) for text in ("com", "127.0.0.1", "click.acme.com:80")],
        *[("account", text) for text in ("", "a\nb", "\ud800")],
    ],
)
def test_what_cannot_be_blocked(kind: BlockKind, value: str) -> None:
    """A slip does not block a whole top-level domain, nor nothing at all."""
    with pytest.raises(OptionError):
        make_block(kind, value)


def test_changes_while_the_server_runs(file: Path) -> None:
    """A block is in force after a second, and so is its end; the file is its owner's alone."""
    clock = Clock()
    blocks = BlockList(file, clock)
    block = make_block("host", "evil.test", "phishing", 7)

    def refused() -> bool:
        clock.now += 1
        return blocks.refuse("acme", "click.acme.com", "https://evil.test/x")

    assert not refused()
    assert add_blocks(file, [block, block]) == [block]
    assert refused()
    assert add_blocks(file, [make_block("host", "EVIL.test")]) == []
    assert read_blocks(file) == [block]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert remove_blocks(file, [make_block("host", "evil.test.")]) == [block]
    assert not refused()
    assert remove_blocks(file, [block]) == []
    assert blocks.fault is None
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b'{"blocks": 5}',
        b'{"blocks": [5]}',
        b'{"blocks": [{"kind": "x", "value": "y", "note": "", "timestamp": 1}]}',
        b'{"blocks": [{"kind": "host", "value": "com", "note": "", "timestamp": 1}]}',
        b'{"blocks": [{"kind": ["host"], "value": "a.com", "note": "", "timestamp": 1}]}',
        b'{"blocks": [{"kind": "url", "value": "https:", "note": "", "timestamp": 1}]}',
        b"[" * 100_000,
        b"\xff" * 100,
    ],
)
def test_a_file_that_vanishes_or_breaks(file: Path, content: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    """The last list stands and the log says so once; at a start there is none, and links work."""
    clock = Clock()
    add_blocks(file, [make_block("host", "evil.test")])
    blocks = BlockList(file, clock)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    for clock.now in range(1, 5):
        assert blocks.refuse("acme", "click.acme.com", "https://evil.test/x")
    assert blocks.fault is not None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the last list stands" in caplog.text
    caplog.clear()
    started = BlockList(file)
    assert not started.refuse("acme", "click.acme.com", "https://evil.test/x")
    assert ("nothing is blocked" in caplog.text) == (content is not None)
    if content is not None:
        with pytest.raises(BlockError, match="is damaged"):
            add_blocks(file, [make_block("account", "bad")])
        file.unlink()
    add_blocks(file, [make_block("account", "bad")])
    clock.now = 10
    assert blocks.refuse("bad", "click.acme.com", "https://evil.test/x")
    assert not blocks.refuse("acme", "click.acme.com", "https://evil.test/x")
    assert blocks.fault is None


def test_bounds(file: Path) -> None:
    """A list is bounded; a folder that is not there is one sentence."""
    blocks = [Block("account", f"a{number}") for number in range(MAX_BLOCKS + 1)]
    with pytest.raises(BlockError, match="at most 10,000"):
        add_blocks(file, blocks)
    assert not file.exists()
    add_blocks(file, blocks[1:])
    assert len(json.loads(file.read_bytes())["blocks"]) == MAX_BLOCKS
    assert BlockList(file).refuse("a10000", "", "https://a.test/")
    with pytest.raises(BlockError, match="cannot be written"):
        add_blocks(file.parent / "nowhere" / "x", blocks[:1])


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60))
def test_any_destination(tmp_path_factory: pytest.TempPathFactory, rest: str) -> None:
    """Nothing that a destination holds makes the list fail."""
    file = tmp_path_factory.getbasetemp() / "any.blocks"
    if not file.exists():
        add_blocks(file, [make_block("url", "https://evil.test/x?y"), make_block("host", "other.test")])
    assert BlockList(file).refuse("acme", "click.acme.com", f"https://{rest}") in (True, False)

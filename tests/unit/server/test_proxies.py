"""Whose request it is behind proxies."""

import time

import pytest

from helpers.forwarded import TABLE, Forwarded
from linkwrap import OptionError
from linkwrap.server.proxies import client_of, host_of, parse_networks


@pytest.mark.parametrize("case", TABLE, ids=lambda case: repr(case.lines)[:60])
def test_clients(case: Forwarded) -> None:
    """The first address from the peer backwards that is not trusted counts, and garbage ends the way."""
    headers = [(b"Host", b"a.com"), *((b"X-Forwarded-For", line) for line in case.lines)]
    assert client_of(case.peer, headers, parse_networks(case.trusted)) == case.client


def test_headers_without_end() -> None:
    """What is read of a header is bounded."""
    trusted = parse_networks(["10.0.0.0/8"])
    for text in (b"10.0.0.1," * 7000, b"," * 60_000, b"[" * 60_000, b"9" * 60_000, b":" * 60_000, b" " * 60_000):
        started = time.process_time()
        assert (client_of("10.0.0.1", [(b"x-forwarded-for", text)] * 3, trusted) or "").startswith("10.0.0.1")
        assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("lines", "host"),
    [
        ([], None),
        ([b""], None),
        ([b"a.com"], "a.com"),
        ([b"a.com, b.com"], "b.com"),
        ([b"a.com", b"b.com:80"], "b.com:80"),
        ([b"a.com,"], None),
        ([b"\xff"], "\xff"),
    ],
)
def test_hosts(lines: list[bytes], host: str | None) -> None:
    """The last one is what the nearest proxy has said."""
    assert host_of([(b"X-Forwarded-Host", line) for line in lines]) == host


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8,::/0", "proxy.example.com"])
def test_networks_that_are_none(text: str) -> None:
    """One sentence says so."""
    with pytest.raises(OptionError, match="a trusted proxy must be a network"):
        parse_networks([text])

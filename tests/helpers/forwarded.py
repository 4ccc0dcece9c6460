"""Sets of headers behind proxies, and whose request each is."""

from typing import NamedTuple

_TEN = ("10.0.0.0/8", "2001:db8:aaaa::/48")


class Forwarded(NamedTuple):
    """A connection with lines of X-Forwarded-For, and the client that it is."""

    peer: str | None
    lines: list[bytes]
    client: str | None
    trusted: tuple[str, ...] = _TEN


def _lines(*lines: bytes, client: str, peer: str = "10.0.0.1") -> Forwarded:
    return Forwarded(peer, list(lines), client)


TABLE = [
    # Nobody trusted: the peer, whatever it says.
    Forwarded("203.0.113.7", [b"198.51.100.1"], "203.0.113.7", ()),
    Forwarded("10.0.0.1", [b"198.51.100.1"], "10.0.0.1", ()),
    Forwarded(None, [b"198.51.100.1"], None),
    Forwarded("a socket", [b"198.51.100.1"], "a socket"),
    _lines(b"198.51.100.1", peer="203.0.113.7", client="203.0.113.7"),
    _lines(b"10.0.0.9", peer="203.0.113.7", client="203.0.113.7"),
    # A trusted peer
    _lines(client="10.0.0.1"),
    _lines(b"", client="10.0.0.1"),
    _lines(b" , ,", client="10.0.0.1"),
    _lines(b"203.0.113.7", client="203.0.113.7"),
    _lines(b" 203.0.113.7\t", client="203.0.113.7"),
    _lines(b"203.0.113.7,", client="203.0.113.7"),
    _lines(b"203.0.113.7:50000", client="203.0.113.7"),
    _lines(b'"203.0.113.7:50000"', client="203.0.113.7"),
    _lines(b"2001:db8::7", client="2001:db8::7"),
    _lines(b"2001:DB8:0:0::7", client="2001:db8::7"),
    _lines(b"[2001:db8::7]", client="2001:db8::7"),
    _lines(b"[2001:db8::7]:443", client="2001:db8::7"),
    _lines(b'"[2001:db8::7]:443"', client="2001:db8::7"),
    _lines(b"[fe80::7%eth0]:443", client="fe80::7"),
    _lines(b"::ffff:203.0.113.7", client="203.0.113.7"),
    _lines(b"::ffff:10.0.0.2", client="10.0.0.2"),
    _lines(b"203.0.113.7", peer="::ffff:10.0.0.1", client="203.0.113.7"),
    _lines(b"203.0.113.7", peer="2001:db8:aaaa::1", client="203.0.113.7"),
    # What a client has invented stands in front.
    _lines(b"198.51.100.1, 203.0.113.7", client="203.0.113.7"),
    _lines(b"10.0.0.9, 203.0.113.7", client="203.0.113.7"),
    _lines(b"127.0.0.1, 203.0.113.7", client="203.0.113.7"),
    _lines(b"x, 203.0.113.7", client="203.0.113.7"),
    _lines(b"\xff\x01, 203.0.113.7", client="203.0.113.7"),
    # Several proxies
    _lines(b"203.0.113.7, 10.0.0.2", client="203.0.113.7"),
    _lines(b"203.0.113.7, 10.0.0.2, 10.9.9.9", client="203.0.113.7"),
    _lines(b"203.0.113.7, 2001:db8:aaaa::2", client="203.0.113.7"),
    _lines(b"198.51.100.1, 203.0.113.7, 10.0.0.2:80", client="203.0.113.7"),
    _lines(b"203.0.113.7", b"10.0.0.2", client="203.0.113.7"),
    _lines(b"198.51.100.1", b"203.0.113.7", client="203.0.113.7"),
    _lines(b"198.51.100.1,203.0.113.7", b"", b"10.0.0.3 ,10.0.0.2", client="203.0.113.7"),
    _lines(b"10.0.0.3, 10.0.0.2", client="10.0.0.3"),
    # Garbage ends the way: the last good one counts.
    _lines(b"unknown", client="10.0.0.1"),
    _lines(b"203.0.113.7, unknown", client="10.0.0.1"),
    _lines(b"203.0.113.7, unknown, 10.0.0.2", client="10.0.0.2"),
    _lines(b"203.0.113.7, _hidden, 10.0.0.2", client="10.0.0.2"),
    _lines(b"203.0.113.7 10.0.0.2", client="10.0.0.1"),
    _lines(b"203.0.113.07", client="10.0.0.1"),
    _lines(b"203.0.113", client="10.0.0.1"),
    _lines(b"203.0.113.256", client="10.0.0.1"),
    _lines(b"0xcb.0.113.7", client="10.0.0.1"),
    _lines(b"3405803783", client="10.0.0.1"),
    _lines(b"[203.0.113.7]", client="10.0.0.1"),
    _lines(b"[2001:db8::7", client="10.0.0.1"),
    _lines(b"2001:db8::7::1", client="10.0.0.1"),
    _lines(b"203.0.113.7:", client="10.0.0.1"),
    _lines(b"203.0.113.7:x", client="10.0.0.1"),
    _lines(b"for=203.0.113.7", client="10.0.0.1"),
    _lines(b"localhost", client="10.0.0.1"),
    _lines(b"203.0.113.\xb2", client="10.0.0.1"),
    # More hops than are read
    _lines(b"203.0.113.7," + b"10.0.0.2," * 40, client="10.0.0.2"),
    _lines(b"198.51.100.1," * 2000 + b"203.0.113.7", client="203.0.113.7"),
    # Named by address, and as IPv4 in IPv6
    Forwarded("192.0.2.1", [b"203.0.113.7, 192.0.2.2"], "192.0.2.2", ("192.0.2.1",)),
    Forwarded("192.0.2.1", [b"203.0.113.7"], "203.0.113.7", ("::ffff:192.0.2.0/120",)),
]

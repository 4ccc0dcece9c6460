"""Hostile clients on sockets: the same requests to `linkwrap serve`, and to uvicorn with the same application."""

import contextlib
import re
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.effort import count
from helpers.forwarded import TABLE
from helpers.processes import wait
from helpers.redirects import HOST, ONE_CLICK, SHOP, click_path, numbers, unsubscribe_path
from helpers.serving import Server, request, serving
from linkwrap.server.blocks import add_blocks, make_block, remove_blocks
from linkwrap.server.store import Store

if sys.platform != "linux":
    pytest.skip("processes are looked up in /proc", allow_module_level=True)
pytest.importorskip("granian")
pytest.importorskip("uvicorn")

KINDS = ["granian", "uvicorn"]
OTHER = "click.other.com"
CLICK = click_path()
WISH = unsubscribe_path()
FORGED = CLICK[:-1] + ("A" if CLICK[-1] != "A" else "Q")
_GROWTH = 64 << 20  # bytes that a worker may grow by, whatever it is sent


def raw(line: str, *lines: str, body: bytes = b"") -> bytes:
    """A request with nothing added."""
    return "\r\n".join([line, *lines, "", ""]).encode("latin-1") + body


def post(*lines: str, body: bytes) -> bytes:
    """A one-click unsubscribe with other headers and body."""
    return raw(f"POST {WISH} HTTP/1.1", f"Host: {HOST}", "Connection: close", *lines, body=body)


def chunks(*pieces: bytes) -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


NOT_SIGNED: dict[str, bytes] = {
    **{
        f"method {method!r}": raw(f"{method} {CLICK} HTTP/1.1", f"Host: {HOST}", "Connection: close")
        for method in ("PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH", "get", "G\0T", "G" * 5000)
    },
    "CONNECT": raw(f"CONNECT {HOST}:443 HTTP/1.1", f"Host: {HOST}"),
    "OPTIONS *": raw("OPTIONS * HTTP/1.1", f"Host: {HOST}", "Connection: close"),
    "absolute target, another Host": raw(f"GET http://{HOST}{CLICK} HTTP/1.1", f"Host: {OTHER}", "Connection: close"),
    "absolute target with a user": raw(f"GET http://{HOST}@{OTHER}{CLICK} HTTP/1.1", f"Host: {OTHER}"),
    "absolute target without Host": raw(f"GET http://{OTHER}{CLICK} HTTP/1.0"),
    "no Host": raw(f"GET {CLICK} HTTP/1.1", "Connection: close"),
    "no Host, HTTP/1.0": raw(f"GET {CLICK} HTTP/1.0"),
    "empty Host": request(CLICK, ""),
    "Host twice": request(CLICK, HOST, f"Host: {HOST}"),
    "Host and another": request(CLICK, HOST, f"HOST: {OTHER}"),
    "another and Host": request(CLICK, OTHER, f"Host: {HOST}"),
    "a list in Host": request(CLICK, f"{HOST}, {OTHER}"),
    "a user in Host": request(CLICK, f"x@{HOST}"),
    "a NUL in Host": request(CLICK, f"{HOST}\0"),
    "a path in Host": request(CLICK, f"{HOST}/x"),
    "a non-ASCII Host": request(CLICK, f"{HOST}\xff"),
    "a long Host": request(CLICK, "a." * 10_000 + HOST),
    "a space before the colon": raw(f"GET {CLICK} HTTP/1.1", f"Host: {OTHER}", f"Host : {HOST}", "Connection: close"),
    "forwarded hosts": request(CLICK, OTHER, f"X-Forwarded-Host: {HOST}", f"Forwarded: host={HOST}"),
    "X-Original-URL": request("/", HOST, f"X-Original-URL: {CLICK}", f"X-Rewrite-URL: {CLICK}"),
    "X-HTTP-Method-Override": request(FORGED, HOST, "X-HTTP-Method-Override: POST"),
    "HTTP/0.9": b"GET " + CLICK.encode() + b"\r\n\r\n",
    "HTTP/3.7": raw(f"GET {CLICK} HTTP/3.7", f"Host: {OTHER}"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "only line ends": b"\r\n" * 10_000,
    "NULs": bytes(70_000),
    "line feeds alone": f"GET {FORGED} HTTP/1.1\nHost: {HOST}\nConnection: close\n\n".encode(),
    **{
        f"{name} in the path": request(f"{CLICK[:20]}{text}{CLICK[20:]}")
        for name, text in {
            "a NUL": "\0",
            "a tab": "\t",
            "a space": " ",
            "a line end": "\r\n",
            "a carriage return": "\r",
            "an escape": "\x1b[31m",
            "a byte": "\xff",
            "UTF-8": "Ã©",
            "half an escape": "%",
            "a NUL, escaped": "%00",
            "a bad escape": "%zz",
            "a backslash": "\\",
        }.items()
    },
    "dots": request(f"/x/..{FORGED}"),
    "a path of 60 kB": request("/f/a/" + "a" * 60_000),
    "a path of 200 kB": request("/f/a/" + "a" * 200_000),
    "a query of 60 kB": request(FORGED + "?" + "a=%00&" * 10_000),
    "60 kB of headers": request(FORGED, HOST, "X: " + "a" * 60_000),
    "1 MB of headers": request(FORGED, HOST, "X: " + "a" * 1_000_000),
    "5,000 headers": request(FORGED, HOST, *[f"X-{number}: a" for number in range(5000)]),
    "odd bytes in headers": request(FORGED, HOST, "X: \x01\x02\x7f\xff", "User-Agent: \xff\xfe"),
    "a NUL in a header": request(FORGED, HOST, "X: a\0b"),
    "a name with a space": request(FORGED, HOST, "X Y: a"),
    "a folded header": request(CLICK, OTHER, f"X: a\r\n Host: {HOST}"),
    "an upgrade to h2c": request(FORGED, HOST, "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    "100-continue": request(FORGED, HOST, "Expect: 100-continue"),
    "a range": request(FORGED, HOST, "Range: bytes=0-0,-1"),
    "a GET with a link as its body": request(FORGED, HOST, "Content-Length: 300") + request(CLICK, OTHER).ljust(300),
    "a GET with both lengths": request(FORGED, HOST, "Content-Length: 5", "Transfer-Encoding: chunked")
    + chunks(b"x")
    + request(CLICK, OTHER),
    "chunks that are none": post("Transfer-Encoding: chunked", body=b"5\r\nList-\r\nzz\r\n"),
    "a huge chunk": post("Transfer-Encoding: chunked", body=b"ffffffffffffffff\r\nx"),
    "a chunk of a negative size": post("Transfer-Encoding: chunked", body=b"-1\r\nx\r\n0\r\n\r\n"),
    "an unknown coding": post("Transfer-Encoding: gzip", body=b"x"),
    "two codings": post("Transfer-Encoding: chunked, identity", body=chunks(b"x")),
    "two lengths": post("Content-Length: 5", "Content-Length: 26", body=ONE_CLICK),
    "a negative length": post("Content-Length: -1", body=b""),
    "a huge length": post("Content-Length: " + "9" * 30, body=b"x"),
    "a length that is none": post("Content-Length: 0x1a", body=ONE_CLICK),
    "a long body": post("Content-Length: 100000", body=b"a" * 100_000),
    "a long chunked body": post("Transfer-Encoding: chunked", body=chunks(*[b"a" * 1000] * 100)),
}
# Not to be answered while the body is not whole; a head that never ends neither.
ENDLESS: dict[str, bytes] = {
    "a head without end": raw(f"GET {CLICK} HTTP/1.1", f"Host: {HOST}")[:-2],
    "half a body": post("Content-Length: 26", body=ONE_CLICK[:10]),
    "half a chunk": post("Transfer-Encoding: chunked", body=b"1a\r\n" + ONE_CLICK[:10]),
    "nothing": b"",
}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of each kind, which trusts the proxy that the test is."""
    networks = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:aaaa::/48"]
    options = [text for network in networks for text in ("--trusted-proxy", network)]
    folder = tmp_path_factory.mktemp(request.param)
    with serving(folder, *options, "--ip", "full", kind=request.param, trusted_proxies=networks, ip="full") as opened:
        yield opened
    assert "Traceback" not in opened.log
    assert "shop.test" not in opened.log


def statuses(answer: bytes) -> list[int]:
    """The statuses of the answers on one connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answer)]


def memory(server: Server) -> int:
    """The largest number of bytes in memory of a process that answers."""
    sizes = []
    for process in server.workers() or [server.process.pid]:
        [kilobytes] = re.findall(r"VmRSS:\s+([0-9]+)", Path(f"/proc/{process}/status").read_text())
        sizes.append(int(kilobytes) * 1024)
    return max(sizes)


@pytest.mark.parametrize("name", NOT_SIGNED)
def test_requests(name: str, server: Server) -> None:
    """Nothing redirects that was not signed for the host, nothing is a fault of the server, and others go on."""
    answer = server.exchange(NOT_SIGNED[name], seconds=2)
    assert b"location:" not in answer.lower()
    assert not [status for status in statuses(answer) if status < 400 or status >= 500]
    assert server.get(CLICK) == 302


def test_an_absolute_target(server: Server) -> None:
    """Where there is no Host, its host may count, for which the link was signed; it is never a fault."""
    answer = server.exchange(raw(f"GET http://{HOST}{CLICK} HTTP/1.0"))
    assert statuses(answer) in ([302], [404], [400])


def test_memory(server: Server) -> None:
    """The same requests over and over leave no more memory than a few do."""
    big = [each for name, each in NOT_SIGNED.items() if "kB" in name or "MB" in name or "long" in name]
    for each in big:
        server.exchange(each, seconds=2)
    before = memory(server)
    for _ in range(count(3, ci=10, endurance=500)):
        for each in big:
            server.exchange(each, seconds=2)
    assert memory(server) - before < _GROWTH
    assert server.get(CLICK) == 302


def test_a_body_without_end(server: Server) -> None:
    """A chunked body that goes on and on takes no memory, and others are answered meanwhile."""
    before = memory(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection, contextlib.suppress(OSError):
        connection.sendall(post("Transfer-Encoding: chunked", body=b""))
        for _ in range(count(200, ci=1000, endurance=20_000)):
            connection.sendall(b"8000\r\n" + b"a" * 0x8000 + b"\r\n")
    assert server.get(CLICK) == 302
    assert memory(server) - before < _GROWTH


def test_more_connections_than_files(tmp_path: Path) -> None:
    """A worker holds more connections than the usual 1,024 open files, and answers beside idle ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4500:
        pytest.skip("this process may not open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    with contextlib.ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = opened.enter_context(serving(tmp_path))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4500) if hard > 0 else 4500, hard))
        before = memory(server)
        for _ in range(count(1300, ci=2000, endurance=4000)):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
        answer = server.exchange(request(CLICK), seconds=5)  # idle ones are closed after 10
        assert statuses(answer) == [302]
        assert memory(server) - before < _GROWTH


@pytest.mark.parametrize("name", ENDLESS)
def test_idle_connections(name: str, server: Server) -> None:
    """Many connections that send no more hold nobody up."""
    before = memory(server)
    with contextlib.ExitStack() as connections:
        for _ in range(count(100, ci=300, endurance=900)):
            opened = connections.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            opened.sendall(ENDLESS[name])
        assert [server.get(CLICK) for _ in range(10)] == [302] * 10
        assert memory(server) - before < _GROWTH


def test_pipelined_requests(server: Server) -> None:
    """Each is answered for its own host, in their order; a chunked wish between them counts."""
    wish = raw(f"POST {WISH} HTTP/1.1", f"Host: {HOST}", "Transfer-Encoding: chunked", body=chunks(b"", ONE_CLICK)[5:])
    pairs = [(CLICK, HOST), (CLICK, OTHER), (FORGED, HOST)]
    sent = b"".join(request(*pair, close=False) for pair in pairs) + wish + request(CLICK)
    answer = server.exchange(sent)
    assert statuses(answer) == [302, 404, 404, 200, 302]
    assert answer.count(SHOP.encode()) == 2


def test_addresses_behind_proxies(server: Server) -> None:
    """Both servers hand on the lines of X-Forwarded-For as they came."""
    cases = [case for case in TABLE if case.peer == "10.0.0.1" and case.trusted and b"".join(case.lines).isascii()]
    cases = [case for case in cases if len(b"".join(case.lines)) < 1000]
    assert len(cases) > 35
    for number, case in enumerate(cases):
        lines = [f"X-Forwarded-For: {line.decode()}" for line in case.lines]
        assert statuses(server.exchange(request(click_path(1000 + number), HOST, *lines))) == [302]
    wait(lambda: numbers(server.store)[1000 + len(cases) - 1] == 1, "the last event is missing")
    with Store(server.store) as store:
        found = {event.rcpt_meta["n"]: event.ip_address for event in (each.event for each in store.events())}
    for number, case in enumerate(cases):
        expected = "127.0.0.1" if case.client == "10.0.0.1" else case.client
        assert found[1000 + number] == expected, case


def test_the_limit(server: Server) -> None:
    """Forged links of a network are limited; its good links are not, nor is another network."""
    client, other = "X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.1"
    answers = [server.exchange(request(FORGED, HOST, client)) for _ in range(130)]
    assert {status for answer in answers for status in statuses(answer)} == {404, 429}
    assert b"retry-after: " in answers[-1].lower()
    assert statuses(server.exchange(request(CLICK, HOST, client))) == [302]
    assert statuses(server.exchange(request(FORGED, HOST, other))) == [404]


def test_a_block(server: Server) -> None:
    """It is in force within seconds, and so is its end."""
    block = make_block("host", "shop.test")
    for change, status in ((add_blocks, 410), (remove_blocks, 302)):
        change(f"{server.store}.blocks", [block])
        wait(lambda status=status: server.get(CLICK) == status, "the block list is not read")


def test_a_block_on_all_workers(tmp_path: Path) -> None:
    """All workers read it, and it stands after a restart without the store."""
    with serving(tmp_path, "--workers", "3") as server:
        assert server.get(CLICK) == 302
        add_blocks(f"{server.store}.blocks", [make_block("account", "acme")])
        time.sleep(2)
        assert {server.get(CLICK) for _ in range(40)} == {410}
        assert statuses(server.exchange(post(f"Content-Length: {len(ONE_CLICK)}", body=ONE_CLICK))) == [200]
        assert server.stop() == 0
    server.store.unlink()
    with serving(tmp_path) as server:
        assert server.get(CLICK) == 410

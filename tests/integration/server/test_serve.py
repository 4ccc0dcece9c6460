"""`linkwrap serve`, and uvicorn with the same application, on sockets: under load, killed, and with hostile clients."""

import contextlib
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from helpers.effort import COMPLETE, ENDURANCE
from helpers.events import an_event
from helpers.processes import free_port, wait
from helpers.redirects import HOST, KEY, ONE_CLICK, SHOP, click_path, import_fallback, numbers, unsubscribe_path
from helpers.serving import COMMAND, ENVIRONMENT, Load, Server, request, serving, under_load
from linkwrap import SigningKeys
from linkwrap.server.store import Store

if sys.platform != "linux":
    pytest.skip("processes are looked up in /proc", allow_module_level=True)
pytest.importorskip("granian")
pytest.importorskip("uvicorn")

KINDS = ["granian", "uvicorn"]


@pytest.mark.parametrize(("kind", "options"), [*((kind, ()) for kind in KINDS), ("granian", ("--workers", "2"))])
def test_clicks(kind: str, options: tuple[str, ...], tmp_path: Path) -> None:
    """Each redirect that a client reads is in the store once, and after a stop nothing else is there."""
    with serving(tmp_path, *options, kind=kind) as server:
        load = Load(server.port)
        under_load(load, before=500, between=0)
        assert load.other == []
        assert server.stop() in (0, -signal.SIGTERM)  # uvicorn ends itself by the signal
        server.assert_once(load.told)
        assert set(numbers(server.store)) == set(load.told)
        with Store(server.store) as store:
            assert {found.event.ip_address for found in store.events()} == {"127.0.0.0"}
        assert not [word for word in ("shop.test", "/f/", "203.0.113") if word in server.log]


def test_what_is_told_at_start(tmp_path: Path) -> None:
    """One line says where it listens, where events go, for how long they stay and what they outlive."""
    with serving(tmp_path, "--keep", "30d", "--durability", "power") as server:
        assert server.get(click_path(1)) == 302
        assert server.get(click_path(1) + "x") == 404
        assert server.stop() == 0
        [line] = server.lines
    told = (f"http://127.0.0.1:{server.port}", repr(str(server.store)), "30 days", "durability power")
    assert [part for part in told if part not in line] == []
    assert {path.stat().st_mode & 0o777 for path in (server.store, server.fallback)} == {0o600}


@pytest.mark.parametrize("workers", [1, 4])
def test_killed(workers: int, tmp_path: Path) -> None:
    """All processes are killed while clients are busy: each redirect that one has read is in the store, once."""
    wanted = 10 if ENDURANCE else 1
    seconds = 20.0 if ENDURANCE else 5.0 if COMPLETE else 1.0
    for attempt in range(wanted + 5):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with serving(folder, "--workers", str(workers)) as server:
            load = Load(server.port)
            under_load(load, lambda: time.sleep(seconds), server.kill, before=50, between=0)
        assert load.other == []
        assert len(load.told) > 50
        if server.was_late:  # the machine is busy: what is answered first and written then, a kill may lose
            continue
        server.assert_once(load.told)
        assert numbers(server.store).total() - len(load.told) <= 16  # what was on its way
        wanted -= 1
        if not wanted:
            return
    pytest.fail("storing took over 100 ms in each attempt")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_stopped(end: signal.Signals, tmp_path: Path) -> None:
    """A signal ends it with status 0, after it has answered what it has taken; Ctrl-C reaches all its processes."""
    with serving(tmp_path, "--workers", "2") as server:
        load = Load(server.port)
        under_load(load, lambda: os.killpg(server.process.pid, end), before=300, between=10**9)
        assert server.process.wait(60) == 0
        assert load.other == []
        server.assert_once(load.told)
        assert set(numbers(server.store)) == set(load.told)
        assert len(server.lines) == 1


def test_stopped_with_a_request_half_sent(tmp_path: Path) -> None:
    """What a client has begun to send is still answered, and an idle connection holds nothing up."""
    with serving(tmp_path) as server, contextlib.ExitStack() as connections:
        idle, slow = (
            connections.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20)) for _ in "12"
        )
        idle.sendall(request(click_path(1), close=False))
        assert idle.recv(10_000).startswith(b"HTTP/1.1 302 ")
        head = f"POST {unsubscribe_path(2)} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(ONE_CLICK)}\r\n\r\n"
        slow.sendall(head.encode() + ONE_CLICK[:5])
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        slow.sendall(ONE_CLICK[5:])
        assert slow.recv(10_000).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(60) == 0
        server.assert_once([1, 2])


def test_a_worker_that_dies(tmp_path: Path) -> None:
    """Another one takes its place, and no event that was answered is lost; without the parent, all workers end."""
    with serving(tmp_path) as server:
        [worker] = server.workers()
        load = Load(server.port)
        under_load(load, lambda: os.kill(worker, signal.SIGKILL), between=10**9)
        wait(lambda: server.workers() not in ([], [worker]), "no worker was started again")
        wait(lambda: answers(server), "the new worker does not answer")
        if not server.was_late:
            server.assert_once(load.told)
        [worker] = server.workers()
        server.process.kill()
        wait(lambda: not Path(f"/proc/{worker}/fd").exists() or is_zombie(worker), "the worker outlives its parent")


def answers(server: Server) -> bool:
    """Whether it answers."""
    try:
        return server.get("/healthz") == 200
    except (OSError, IndexError):
        return False


def is_zombie(process: int) -> bool:
    """Whether a process has ended, and nobody has asked for its status."""
    return "State:\tZ" in Path(f"/proc/{process}/status").read_text()


def test_a_store_that_is_locked_under_load(tmp_path: Path) -> None:
    """Nobody gets anything but the redirect; each event is in the store or the fallback, and after an import once."""
    with serving(tmp_path, "--workers", "2") as server:
        load = Load(server.port)
        with contextlib.closing(sqlite3.connect(server.store, isolation_level=None, check_same_thread=False)) as other:
            other.execute("PRAGMA busy_timeout = 30000")
            under_load(load, lambda: other.execute("BEGIN EXCLUSIVE"), lambda: other.execute("COMMIT"), between=400)
        assert load.other == []
        assert server.stop() == 0
        assert server.fallback.read_bytes().count(b"not-stored") > 0
        server.assert_once(load.told)
        assert set(numbers(server.store)) == set(load.told)
        assert "shop.test" not in server.log


def test_a_store_that_is_deleted_under_load(tmp_path: Path) -> None:
    """As above; what the deleted file held is in the new one."""
    with serving(tmp_path, "--workers", "2") as server:
        load = Load(server.port)
        under_load(load, server.store.unlink, lambda: time.sleep(2.5), between=400)
        assert load.other == []
        assert server.stop() == 0
        server.assert_once(load.told)
        assert set(numbers(server.store)) == set(load.told)


def statuses(answer: bytes) -> list[int]:
    """The statuses of the answers on one connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answer)]


def post(*lines: str, path: str = "", host: str = HOST) -> bytes:
    """The head of a POST, to the unsubscribe URL if there is no other path."""
    return "\r\n".join([f"POST {path or unsubscribe_path()} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


OTHER = "click.other.com"
FORGED = click_path()[:-1] + ("A" if click_path()[-1] != "A" else "Q")
HOSTILE: dict[str, tuple[bytes, ...]] = {
    "forged": (request(FORGED),),
    "another host": (request(click_path(), OTHER),),
    "two hosts": (request(click_path(), HOST, f"Host: {OTHER}"),),
    "two equal hosts": (request(click_path(), OTHER, f"Host: {OTHER}"),),
    "two hosts, the right one last": (request(click_path(), OTHER, f"host: {HOST}"),),
    "no host": (f"GET {click_path()} HTTP/1.1\r\nConnection: close\r\n\r\n".encode(),),
    "no host, HTTP/1.0": (f"GET {click_path()} HTTP/1.0\r\n\r\n".encode(),),
    "a forwarded host": (request(click_path(), OTHER, f"X-Forwarded-Host: {HOST}", f"Forwarded: host={HOST}"),),
    "an absolute target for another host": (request(f"http://{HOST}{click_path()}", OTHER),),
    "an absolute target with a user": (request(f"http://{HOST}@{OTHER}{click_path()}", OTHER),),
    "a folded host": (request(click_path(), f"{OTHER}\r\n {HOST}"),),
    "a host with a tab": (request(click_path(), f"{OTHER}\t{HOST}"),),
    "a second line in the path": (request(f"{FORGED} HTTP/1.1\nHost: {HOST}\n\nGET {FORGED}", OTHER),),
    "a NUL in the path": (request(f"{click_path()[:20]}\0{click_path()[20:]}"),),
    "no version": (f"GET {FORGED}\r\n\r\n".encode(),),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),),
    "60 kB of headers": (request(FORGED, HOST, "X: " + "a" * 60_000),),
    "2,000 headers": (request(FORGED, HOST, *["X: a"] * 2000),),
    "a path of 100 kB": (request("/f/a/" + "a" * 100_000),),
    "an upgrade": (request(FORGED, HOST, "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),),
    "chunks that are none": (post("Transfer-Encoding: chunked") + b"5\r\nList-\r\nzz\r\n",),
    "two lengths": (post("Content-Length: 5", "Content-Length: 26") + ONE_CLICK[:5],),
    "a body that is too long": (post("Connection: close", "Content-Length: 9000") + ONE_CLICK.ljust(9000, b"&"),),
    "a link as the body of another": (
        post("Connection: close", "Content-Length: 300", path=FORGED, host=OTHER)
        + request(click_path(), OTHER).ljust(300, b" "),
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    """A server of each kind."""
    with serving(tmp_path_factory.mktemp(request.param), kind=request.param) as opened:
        yield opened


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_clients(name: str, server: Server) -> None:
    """Nothing redirects that was not signed for the host, and nothing is a fault of the server."""
    answer = server.exchange(*HOSTILE[name], seconds=3)
    assert b"location:" not in answer.lower()
    assert not [status for status in statuses(answer) if status >= 500 or 300 <= status < 400]
    assert server.get(click_path(), HOST) == 302


def test_pipelined_requests(server: Server) -> None:
    """Each is answered for its own host, in their order."""
    pairs = [(click_path(), HOST), (click_path(), OTHER), (FORGED, HOST), (click_path(), HOST)]
    answer = server.exchange(b"".join(request(*pair, close=False) for pair in pairs) + request("/healthz"))
    assert statuses(answer) == [302, 404, 404, 302, 200]
    assert answer.count(SHOP.encode()) == 2


def test_an_absolute_target_of_its_own_host(server: Server) -> None:
    """It is the link or it is refused, never a fault."""
    answer = server.exchange(request(f"http://{HOST}{click_path()}"))
    assert statuses(answer) in ([302], [404], [400])


def test_a_client_that_sends_byte_by_byte(server: Server) -> None:
    """It is answered, and others meanwhile."""
    pieces = [bytes([byte]) for byte in request(click_path())]
    answer: list[bytes] = []
    slow = threading.Thread(target=lambda: answer.append(server.exchange(*pieces, pause=0.002)))
    slow.start()
    assert [server.get(click_path()) for _ in range(20)] == [302] * 20
    slow.join()
    assert statuses(answer[0]) == [302]


def test_a_client_that_reads_nothing(server: Server) -> None:
    """It gets no more than fits into its connection, and others are answered."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                connection.sendall(request(FORGED, close=False))
        assert server.get(click_path()) == 302


def failed_start(*options: str, **environment: str) -> tuple[int, str]:
    """The status of a start that ends at once, and what it says."""
    given = {name: text for name, text in (ENVIRONMENT | environment).items() if text}
    done = subprocess.run(
        [*COMMAND, "serve", *options], env=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_starts_that_fail(tmp_path: Path) -> None:
    """One sentence on standard error says why, without a traceback, a key, or a file that was made."""
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    keys.chmod(0o644)
    port = free_port("127.0.0.1")
    options = ("--listen", f"127.0.0.1:{port}", "--store", str(tmp_path / "events.db"))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        in_use = failed_start(*options)
    cases = {
        f"cannot listen on 127.0.0.1:{port}: address already in use": in_use,
        "no keys: set LINKWRAP_KEYS, or LINKWRAP_KEYS_FILE": failed_start(*options, LINKWRAP_KEYS=""),
        "shorter than 16 bytes": failed_start(*options, LINKWRAP_KEYS="short"),
        "everybody on this machine can read": failed_start(*options, LINKWRAP_KEYS="", LINKWRAP_KEYS_FILE=str(keys)),
        "are both set": failed_start(*options, LINKWRAP_KEYS_FILE=str(keys)),
        "cannot read the file that": failed_start(*options, LINKWRAP_KEYS="", LINKWRAP_KEYS_FILE=str(tmp_path / "x")),
        "its folder does not exist": failed_start(*options[:2], "--store", str(tmp_path / "nowhere" / "events.db")),
        "the fallback": failed_start(*options, "--fallback", str(tmp_path)),
    }
    for words, (status, told) in cases.items():
        assert (status, told.count("\n"), words in told, "Traceback" in told) == (1, 1, True, False), told
        assert KEY not in told
        assert told.startswith("Error: ")


def test_old_events_are_erased_at_start(tmp_path: Path) -> None:
    """What is older than --keep is gone soon after the start, the rest stays, and the log says how many they were."""
    with Store(tmp_path / "events.db", create=True) as store:
        store.add([an_event(1, timestamp=1), an_event(2, timestamp=int(time.time()) - 86_400)])
        with serving(tmp_path, "--keep", "30d") as server:
            wait(lambda: store.stats().events == 1, "nothing was erased")
            assert [found.event.rcpt_meta["rcpt"] for found in store.events()] == ["r-2"]
            assert server.stop() == 0
            assert server.log.count("old events erased: 1\n") == 1


def test_a_store_that_is_too_large(tmp_path: Path) -> None:
    """With --keep-bytes, an account that took more than its share loses its oldest events, and another none."""
    with Store(tmp_path / "events.db", create=True) as store:
        now = int(time.time())
        store.add(an_event(number, timestamp=now - 9000 + number, user_agent="A" * 400) for number in range(4000))
        store.add(an_event(5000 + number, timestamp=now - 9999, account_id="small") for number in range(50))
        with serving(tmp_path, "--keep-bytes", "2MB") as server:
            wait(lambda: "beyond their share erased: " in server.log, "nothing was erased")
            assert server.stop() == 0
        assert store.stats().bytes_used <= 2_000_000
        assert store.stats(account_id="small").events == 50
        assert 500 < store.stats(account_id="acme").events < 3000


def test_a_link_that_is_replayed(tmp_path: Path) -> None:
    """With --replay-limit, more requests than that for one link are counted in few events."""
    with serving(tmp_path, "--replay-limit", "5") as server:
        path = click_path(1)
        answer = server.exchange(b"".join(request(path, close=False) for _ in range(299)) + request(path), seconds=60)
        assert statuses(answer) == [302] * 300
        assert server.stop() == 0
    with Store(server.store) as store:
        import_fallback(server.store, server.fallback)  # of a busy machine, whose store was late
        assert store.stats().events == 300
        assert len(list(store.events())) < 60


def test_killed_while_a_link_is_replayed(tmp_path: Path) -> None:
    """Each redirect that a client has read is counted, though few events stand for all of them."""
    path = click_path(1)
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with serving(folder, "--workers", "2") as server:
            load = Load(server.port, path_of=lambda _: path)
            under_load(load, server.kill, before=1500, between=0)
        assert load.other == []
        if not server.was_late:
            break
    else:
        pytest.fail("storing took over 100 ms in each attempt")
    with Store(server.store) as store:
        assert len(load.told) <= store.stats().events <= len(load.told) + 16
        assert len(list(store.events())) < 200


@pytest.mark.parametrize("package", ["granian", "starlette"])
def test_without_the_extra(package: str) -> None:
    """One sentence says what to install; other commands do not need it."""
    code = f"import sys; sys.modules[{package!r}] = None; from linkwrap.cli import main; main()"
    for arguments, status, words in (["serve"], 2, f"{package} is not installed: linkwrap.server"), (["keygen"], 0, ""):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (status, True, False)


def test_keys_in_a_file(tmp_path: Path) -> None:
    """The workers read a file that only its owner can read, comments and all."""
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text(f"# of May\n{random.randbytes(20).hex()}\n{KEY}\n")  # noqa: S311
    given = {"LINKWRAP_KEYS_FILE": str(keys), "LINKWRAP_KEYS": ""}
    with pytest.MonkeyPatch.context() as patch:
        for name, text in given.items():
            patch.setitem(ENVIRONMENT, name, text)
        with serving(tmp_path) as server:
            assert server.get(click_path(3)) == 302
            assert server.stop() == 0
    server.assert_once([3])


def test_keys_that_cannot_be_used_are_not_reloaded(tmp_path: Path) -> None:
    """The workers go on as they are, and the log says why; once the file is right again, its new key is in force."""
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text(f"{KEY}\n")
    with serving(tmp_path, "--workers", "2", keys=keys) as server:
        keys.chmod(0o644)
        server.process.send_signal(signal.SIGHUP)
        wait(lambda: "error: not reloaded" in server.log, "the log does not say why", tmp_path / "log")
        assert server.get(click_path(1)) == 302
        keys.chmod(0o600)
        keys.write_text(f"{SigningKeys.generate()}\n")
        server.process.send_signal(signal.SIGHUP)
        wait(lambda: server.get(click_path(1)) == 404, "the keys are not read anew", tmp_path / "log")
        assert server.stop() == 0
    assert KEY not in server.log

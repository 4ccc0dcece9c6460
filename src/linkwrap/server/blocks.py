"""The block list: clicks that lead nowhere any more, by account, tracking host, destination host or URL.

It is a file of its own beside the store, so that it needs no event. `linkwrap block` replaces it; each worker looks at
it once a second. While it cannot be read, the last list that could be stands.
"""

import contextlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Final, Literal, get_args
from urllib.parse import unquote_to_bytes

import ada_url

from .._hosts import host_name
from ..errors import LinkWrapError, OptionError
from ._files import alone

BlockKind = Literal["account", "tracking-host", "host", "url"]
"""What a block is about."""
KINDS: Final[tuple[BlockKind, ...]] = get_args(BlockKind)
MAX_BLOCKS: Final = 10_000
MAX_NOTE: Final = 500

_MAX_BYTES: Final = 8 << 20
_MAX_VALUE: Final = 2000
_MAX_DEPTH: Final = 32
_CHECK_SECONDS: Final = 1.0
_log = logging.getLogger("linkwrap")


class BlockError(LinkWrapError):
    """The block list cannot be read or changed; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Block:
    """What is blocked, since when, and a note of the operator's."""

    kind: BlockKind
    value: str
    note: str = ""
    timestamp: int = 0
    """In Unix seconds."""


# The path's segments and the pieces of the query.
_Place = tuple[tuple[str, ...], frozenset[str]]


def default_path(store: str | os.PathLike[str]) -> Path:
    """Return the file of the block list beside a store."""
    return Path(f"{os.fspath(store)}.blocks")


def make_block(kind: BlockKind, value: str, note: str = "", timestamp: int | None = None) -> Block:
    """Return a block, its hosts in the canonical form.

    Args:
        kind: What it is about.
        value: The account id, the host, or the URL.
        note: A line for operators.
        timestamp: Since when, in Unix seconds; None is now.

    Raises:
        OptionError: The value is none of its kind, or too long.
    """
    if not (value and len(value) <= _MAX_VALUE and value.isprintable()):
        raise OptionError(f"what is blocked must be 1 to {_MAX_VALUE} printable characters")
    if len(note) > MAX_NOTE or not note.isprintable():
        raise OptionError(f"a note must be at most {MAX_NOTE} printable characters")
    if kind == "tracking-host":
        try:
            value = host_name(value)
        except ValueError as error:
            raise OptionError(str(error)) from None
    elif kind == "host":
        value = _host(value)
    elif kind == "url":
        found = _read(value)
        if found is None or not value.lower().lstrip().startswith(("http://", "https://")):
            raise OptionError("the URL must begin with http:// or https://, and have a host")
        if len(found[1][0]) > _MAX_DEPTH:
            raise OptionError(f"the URL's path must have at most {_MAX_DEPTH} segments")
        if found[1] == ((), frozenset()):
            raise OptionError("the URL has neither path nor query: block its host")
    return Block(kind, value, note, int(time.time()) if timestamp is None else timestamp)


def read_blocks(path: str | os.PathLike[str]) -> list[Block]:
    """Return the blocks of a file; none if there is no file.

    Raises:
        BlockError: It cannot be read.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BlockError(f"the block list {_shown(path)} cannot be read: {error.strerror}") from None
    try:
        entries: Any = json.loads(content)["blocks"] if len(content) <= _MAX_BYTES else None
        if not isinstance(entries, list) or len(entries) > MAX_BLOCKS:
            raise ValueError
        return [_block(**entry) for entry in entries]
    except (ValueError, TypeError, KeyError, RecursionError, OptionError):
        raise BlockError(f"the block list {_shown(path)} is damaged: restore it, or remove it and block anew") from None


def add_blocks(path: str | os.PathLike[str], blocks: Iterable[Block]) -> list[Block]:
    """Add blocks, and return those that were not in the list before.

    Raises:
        BlockError: The list cannot be read or written, or would be too long.
    """
    with _changing(path) as found:
        known = {_key(block): block for block in found}
        new = {key: block for block in blocks if (key := _key(block)) not in known}
        if len(known) + len(new) > MAX_BLOCKS:
            raise BlockError(f"a block list has at most {MAX_BLOCKS:,} entries")
        found += new.values()
    return list(new.values())


def remove_blocks(path: str | os.PathLike[str], blocks: Iterable[Block]) -> list[Block]:
    """Remove blocks, and return those that were in the list.

    Raises:
        BlockError: The list cannot be read or written.
    """
    keys = {_key(block) for block in blocks}
    with _changing(path) as found:
        gone = [block for block in found if _key(block) in keys]
        found[:] = [block for block in found if _key(block) not in keys]
    return gone


class BlockList:
    """The block list in a worker.

    Args:
        path: Its file; a file that is missing is an empty list, until there was one.
        clock: Seconds, for tests.

    Attributes:
        fault: Why the file cannot be read, in one sentence, or None: the last list stands meanwhile.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.fault: str | None = None
        self._path = Path(os.path.abspath(path))
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._next = 0.0
        self._names: dict[BlockKind, set[str]] = {}
        self._places: dict[tuple[str, tuple[str, ...]], list[frozenset[str]]] = {}
        self.refresh()

    def refuse(self, account_id: str, host: str, destination: str) -> bool:
        """Return whether a click is blocked, for `Resolver`."""
        if self._clock() >= self._next:
            self.refresh()
        if not self._names:
            return False
        if account_id in self._names["account"] or host in self._names["tracking-host"]:
            return True
        if not (self._names["host"] or self._places) or (found := _read(destination)) is None:
            return False
        name, (path, query) = found
        labels = name
        while labels:
            if labels in self._names["host"]:
                return True
            labels = labels.partition(".")[2]
        return any(
            wanted <= query
            for depth in range(min(len(path), _MAX_DEPTH) + 1)
            for wanted in self._places.get((name, path[:depth]), ())
        )

    def refresh(self) -> None:
        """Read the file if it has changed."""
        self._next = self._clock() + _CHECK_SECONDS
        try:
            found = os.stat(self._path)
        except OSError as error:
            if self._seen is not None or not isinstance(error, FileNotFoundError):
                self._tell(f"the block list {_shown(self._path)} cannot be read: {error.strerror}")
                self._seen = self._seen and ()
            return
        seen = (found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._take(read_blocks(self._path))
        except BlockError as error:
            self._tell(str(error))
            return
        if self.fault:
            _log.warning("the block list is read again")
        self.fault = None

    def _take(self, blocks: list[Block]) -> None:
        names: dict[BlockKind, set[str]] = {kind: set() for kind in KINDS}
        places: dict[tuple[str, tuple[str, ...]], list[frozenset[str]]] = {}
        for block in blocks:
            if block.kind == "url":
                found = _read(block.value)
                assert found is not None
                places.setdefault((found[0], found[1][0]), []).append(found[1][1])
            else:
                names[block.kind].add(block.value)
        self._places, self._names = places, names if blocks else {}

    def _tell(self, fault: str) -> None:
        if fault != self.fault:
            _log.error("%s: %s", fault, "the last list stands" if self._names else "nothing is blocked")
        self.fault = fault


def _block(kind: BlockKind, value: str, note: str, timestamp: int) -> Block:
    texts = isinstance(value, str) and isinstance(note, str) and isinstance(timestamp, int)
    if kind not in KINDS or not texts:
        raise ValueError
    return make_block(kind, value, note, timestamp)


def _key(block: Block) -> object:
    return block.kind, _read(block.value) if block.kind == "url" else block.value


def _shown(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))


@contextlib.contextmanager
def _changing(path: str | os.PathLike[str]) -> Iterator[list[Block]]:
    """Yield the blocks of a file to be changed, and replace the file with what they are then."""
    target = Path(os.path.realpath(path))
    try:
        with alone(target.parent):
            blocks = read_blocks(target)
            before = list(blocks)
            yield blocks
            if blocks != before:
                _replace(target, json.dumps({"blocks": [asdict(block) for block in blocks]}, indent=1).encode() + b"\n")
    except OSError as error:
        raise BlockError(f"the block list {_shown(path)} cannot be written: {error.strerror}") from None


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # of its owner alone
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                # The server, which is not root's, must be able to read it.
                owner = os.stat(target if target.exists() else target.parent)
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _host(text: str) -> str:
    """Return a destination host in the canonical form."""
    plain = text.strip()
    if "://" in plain or set(plain) & set("/\\?#@"):
        raise OptionError("it must be a host name, not a URL: block a URL with --url")
    if plain.count(":") > 1 and not plain.startswith("["):
        plain = f"[{plain}]"
    found = _read(f"http://{plain}/")
    if found is None or (":" in plain and not plain.startswith("[")):
        raise OptionError("it must be a host name or an IP address, without a port")
    if "." not in found[0] and ":" not in found[0]:
        raise OptionError("it must be a host name of two labels or more: one label would be a whole top-level domain")
    return found[0]


def _read(url: str) -> tuple[str, _Place] | None:
    """Return host, path and query of a URL as browsers and servers read them, or None if it is no URL with a host.

    Scheme, user, port and fragment are left out. In the path, percent-encodings are decoded once, and then empty
    segments and `.` and `..` are resolved again, since servers do that too.
    """
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        return None
    host = parsed.hostname
    if not host:
        return None
    if host.startswith("["):
        address = IPv6Address(host[1:-1])
        host = str(address.ipv4_mapped or address)
    segments: list[str] = []
    for segment in _decoded(parsed.pathname).replace("\\", "/").split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    query = parsed.search.removeprefix("?").replace("+", "%20").split("&")
    return host.rstrip("."), (tuple(segments), frozenset(_decoded(piece) for piece in query if piece))


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "backslashreplace")

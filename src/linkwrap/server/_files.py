"""Where the store's file is: on which file system, made for its owner alone, and still the file that was opened."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import LinkWrapError

if sys.platform != "win32":
    import fcntl


class StoreError(LinkWrapError):
    """The store of events cannot be used; the message is one sentence that says why."""


Identity = tuple[int, int]
"""The device and inode of a file."""

# On these, locks and shared memory do not work between machines, or not at all (SQLite, "Write-Ahead Logging", 1);
# among them what virtual machines use for folders of their host.
_NETWORK: Final = frozenset(
    """nfs nfs4 cifs smb2 smb3 smbfs ncpfs afs coda ceph ceph-fuse glusterfs lustre gfs gfs2 ocfs2 beegfs gpfs pvfs2
    orangefs sshfs davfs s3fs rclone gcsfuse smbnetfs curlftpfs blobfuse blobfuse2 juicefs seaweedfs
    9p virtiofs vboxsf vmhgfs vmhgfs-fuse prl_fs grpcfuse fakeowner""".split()
)
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def identity(path: str | Path) -> Identity | None:
    """Return the device and inode of a file, or None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def size(path: Path) -> int:
    """Return the bytes of a database and its write-ahead log."""
    found = 0
    for name in (path, f"{path}-wal"):
        with contextlib.suppress(OSError):
            found += os.stat(name).st_size
    return found


def refuse_network(path: Path, mounts: str = "/proc/self/mountinfo") -> None:
    """Raise an error if a path is on a network file system. Only Linux tells; elsewhere nothing is checked.

    Raises:
        StoreError: It is.
    """
    try:
        lines = Path(mounts).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    kind = _file_system(path.resolve(), lines)
    if kind is not None and kind.removeprefix("fuse.") in _NETWORK:
        raise StoreError(
            f"the store must be on a local disk, but {str(path)!r} is on a network file system ({kind}), where SQLite "
            "can lose data: name a file elsewhere, and have events forwarded"
        )


def _file_system(path: Path, lines: list[str]) -> str | None:
    """Return the type of the file system that a path is on: of the longest mount point above it, the last mounted."""
    best, kind = -1, None
    for line in lines:
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if not separator or len(fields) < 5 or not right:
            continue
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[4])
        if len(point) >= best and path.is_relative_to(point):
            best, kind = len(point), right.split(" ")[0]
    return kind


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, so that one process at a time makes a file in it."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make(path: Path, stale: dict[str, Identity] | None = None) -> None:
    """Make an empty file for its owner alone, unless there is one.

    A write-ahead log and shared memory that belong to another database would damage this one. If there is no file, no
    process has them open for it, so they are removed; beside a file, only those in `stale` are.

    Raises:
        OSError: The file cannot be made.
    """
    with alone(path.parent):
        missing = not path.exists()
        for suffix in ("-wal", "-shm"):
            beside = f"{path}{suffix}"
            found = identity(beside)
            if found is not None and (missing or found == (stale or {}).get(suffix)):
                os.unlink(beside)
        if missing:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def beside(path: Path) -> dict[str, Identity]:
    """Return what write-ahead log and shared memory a database has now."""
    found = {suffix: identity(f"{path}{suffix}") for suffix in ("-wal", "-shm")}
    return {suffix: key for suffix, key in found.items() if key is not None}

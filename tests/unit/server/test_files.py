"""Where a store may be: on a local disk, as the table of mounts says."""

from pathlib import Path

import pytest

from linkwrap.server._files import StoreError, make, refuse_network

MOUNTS = """\
26 1 254:0 / / rw,relatime - ext4 /dev/vda rw
27 26 0:22 / /srv/mail rw,relatime shared:1 - {kind} server:/export rw,vers=4.2
28 27 254:1 / /srv/mail/local rw,relatime - xfs /dev/vdb rw
29 26 254:2 / /srv/with\\040space rw,relatime master:2 - {kind} server:/export rw
not a line of this table
"""


@pytest.fixture
def mounts(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A table of mounts, in which two are of the file system that the test is about."""
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS.format(kind=getattr(request, "param", "nfs4")))
    return str(path)


NETWORK = "nfs nfs4 cifs smb3 9p virtiofs fuse.sshfs ceph fuse.glusterfs lustre afs fuse.rclone vboxsf".split()
LOCAL = "ext4 xfs btrfs tmpfs overlay zfs apfs fuse.ext4".split()


@pytest.mark.parametrize("mounts", NETWORK, indirect=True)
def test_network_file_systems_are_refused(mounts: str, request: pytest.FixtureRequest) -> None:
    """SQLite's locks do not hold there: the sentence names the file system and the way out."""
    kind = request.node.callspec.params["mounts"]
    for path in ("/srv/mail/events.db", "/srv/mail/deep/er/events.db", "/srv/with space/events.db"):
        with pytest.raises(StoreError, match=rf"on a network file system \({kind}\).*name a file elsewhere"):
            refuse_network(Path(path), mounts)


@pytest.mark.parametrize("mounts", LOCAL, indirect=True)
def test_local_file_systems_are_taken(mounts: str) -> None:
    """Any other is taken for a local one."""
    refuse_network(Path("/srv/mail/events.db"), mounts)


def test_the_nearest_mount_decides(mounts: str) -> None:
    """A local disk below a network file system is a local disk; a name that only begins alike is elsewhere."""
    refuse_network(Path("/srv/mail/local/events.db"), mounts)
    refuse_network(Path("/srv/mailing/events.db"), mounts)


def test_nothing_is_checked_without_a_table(tmp_path: Path) -> None:
    """Elsewhere than on Linux nothing tells."""
    refuse_network(tmp_path / "events.db", str(tmp_path / "missing"))


def test_rests_of_another_store_are_removed(tmp_path: Path) -> None:
    """A log whose file is gone would be taken for the new file's; one beside a file is left to SQLite."""
    path = tmp_path / "events.db"
    log = tmp_path / "events.db-wal"
    log.write_bytes(b"of a file that was deleted")
    make(path)
    assert (path.exists(), log.exists()) == (True, False)
    log.write_bytes(b"of this file")
    make(path)
    assert log.exists()

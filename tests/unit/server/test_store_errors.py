"""Files that are no store: each ends in one sentence that says why, and nothing is changed."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from helpers.events import an_event
from linkwrap.errors import LinkWrapError
from linkwrap.server.store import Store, StoreError


def damaged(path: Path) -> None:
    """A store with a page of zeros in the middle of its rows."""
    with Store(path, create=True) as store:
        store.add(an_event(number) for number in range(500))
    content = bytearray(path.read_bytes())
    content[2 * 4096 : 30 * 4096] = bytes(28 * 4096)
    path.write_bytes(content)


def foreign(path: Path) -> None:
    """Another program's database."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE events (id)")


def newer(path: Path) -> None:
    """A store of a later release."""
    Store(path, create=True).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 2")


CASES: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.mkdir(), "it is a folder; name a file in it"),
    (lambda path: path.parent.rmdir(), "its folder does not exist"),
    (lambda path: path.write_text("no database, but a text " * 100), "is no database of SQLite: name another file"),
    (lambda path: path.write_bytes(b"SQLite format 3\0" + os.urandom(5000)), "is no database of SQLite|is damaged"),
    (foreign, "is a database of another program: name another file"),
    (newer, "was made by a newer linkwrap: update linkwrap"),
]


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(("make", "message"), CASES)
def test_files_that_are_no_store(tmp_path: Path, make: Callable[[Path], object], message: str, create: bool) -> None:
    """The sentence names the file and what to do; a file stays as it was."""
    path = tmp_path / "folder" / "events.db"
    path.parent.mkdir()
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=message) as raised:
        Store(path, create=create)
    assert isinstance(raised.value, LinkWrapError)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_missing_file_is_made_only_if_asked_for(tmp_path: Path) -> None:
    """Whoever only reads does not make an empty store of a name with a mistake."""
    with pytest.raises(StoreError, match="there is no store"):
        Store(tmp_path / "events.db")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_becomes_a_store_only_if_asked_for(tmp_path: Path) -> None:
    """Whoever only reads changes no file that is empty, whatever it is."""
    path = tmp_path / "mail.eml"
    path.touch()
    with pytest.raises(StoreError, match="is empty: it is no store"):
        Store(path)
    assert [(file, file.stat().st_size) for file in tmp_path.iterdir()] == [(path, 0)]
    with Store(path, create=True) as store:
        assert store.add([an_event(1)]) == 1


def test_a_damaged_file(tmp_path: Path) -> None:
    """Reading and adding tell that it is damaged."""
    damaged(tmp_path / "events.db")
    with Store(tmp_path / "events.db") as store:
        with pytest.raises(StoreError, match="is damaged: restore a back-up"):
            list(store.events())
        with pytest.raises(StoreError, match="is damaged: restore a back-up"):
            store.add([an_event(1000)])


def test_a_row_that_is_no_event(tmp_path: Path) -> None:
    """The sentence says which row, and nothing that is in it."""
    with Store(tmp_path / "events.db", create=True) as store:
        store.add([an_event(1), an_event(2)])
        with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
            connection.execute("UPDATE events SET type = 'SECRET', rcpt_meta = '{}' WHERE seq = 2")
        with pytest.raises(StoreError, match=r"row 2 of the store .* is no event: type must be") as raised:
            list(store.events())
    assert "SECRET" not in str(raised.value)


def test_a_store_that_is_in_use(tmp_path: Path) -> None:
    """A lock that is not let go of ends in a sentence, after a time."""
    path = tmp_path / "events.db"
    with Store(path, create=True, wait_seconds=0.01) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="is in use by another program"):
                store.add([an_event(1)])
            other.execute("COMMIT")
        assert store.add([an_event(1)]) == 1


# Everything is imported before the rights are given up: the user may not read the folder of the tests.
READ_ONLY = """
import os, sys
from helpers.events import an_event
from linkwrap.server.store import Store, StoreError
with Store(sys.argv[1]) as store:
    store.stats()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    with Store(sys.argv[1]) as store:
        print(store.stats().events)
        store.add([an_event(5)])
except StoreError as error:
    print(error)
"""


def test_a_file_that_can_only_be_read() -> None:
    """Another user's store: the sentence says what to make writable."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can run a program as a user without rights to the file")
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        with Store(folder / "events.db", create=True) as store:
            store.add([an_event(1)])
            (folder / "events.db").chmod(0o644)
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
            command = [sys.executable, "-c", READ_ONLY, str(folder / "events.db")]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        last = (done.stdout or done.stderr).splitlines()[-1]
        assert (
            "can only be read: make the file and its folder writable" in last or "check the rights of the file" in last
        )
    finally:
        shutil.rmtree(folder)

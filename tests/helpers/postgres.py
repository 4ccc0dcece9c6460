"""A PostgreSQL server in a temporary folder.

with ExitStack() as cleanup:
    url = Postgres(cleanup).new_database()
"""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from helpers.processes import free_port, program, run_as, start, wait


class Postgres:
    """A PostgreSQL server that `cleanup` stops, or the one that `LINKWRAP_TEST_POSTGRES` names as SQLAlchemy URL."""

    def __init__(self, cleanup: ExitStack) -> None:
        given, self._names = os.environ.get("LINKWRAP_TEST_POSTGRES"), list[str]()
        self.url = make_url(given) if given else _cluster(cleanup)
        if given:
            cleanup.callback(self._drop_databases)

    def new_database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        self._names.append(f"linkwrap_{uuid.uuid4().hex}")
        _execute(self.url, f"CREATE DATABASE {self._names[-1]} TEMPLATE template0 ENCODING 'UTF8'")
        return self.url.set(database=self._names[-1]).render_as_string(hide_password=False)

    def _drop_databases(self) -> None:
        for name in self._names:
            _execute(self.url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


def _cluster(cleanup: ExitStack) -> URL:
    """Start a server of our own; as root, it runs as the user that Debian made for it."""
    initdb, postgres = program("initdb", "postgresql"), program("postgres", "postgresql")
    folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="linkwrap-postgres-")))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    data, log = folder / "data", folder / "log"
    made = subprocess.run(
        [*run_as(user), initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stdout}{made.stderr}")
    port = free_port("127.0.0.1")
    options = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200"]
    options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    # SIGQUIT: at once, whoever is connected.
    command = [postgres, "-D", data, *(part for option in options for part in ("-c", option))]
    process = start(cleanup, log, *command, end=signal.SIGQUIT, user=user)
    url = URL.create("postgresql+psycopg", username="postgres", host="127.0.0.1", port=port, database="postgres")

    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL stopped:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            _execute(url, "SELECT 1")
        except OperationalError:
            return False
        return True

    wait(ready, "PostgreSQL does not answer", log)
    return url

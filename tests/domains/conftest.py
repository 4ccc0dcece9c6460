"""The servers that the tests of tracking domains ask: a DNS, the redirect endpoint, and databases.

After each test they are as they were at first: what a test changed, no other test sees.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dnsworld import World
from postgres import Postgres
from redirector import Redirector


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Authoritative name servers, their parent, and two resolvers."""
    with World() as world:
        world.start()
        yield world


@pytest.fixture(scope="session")
def redirector() -> Iterator[Redirector]:
    """The redirect endpoint, over HTTP and HTTPS."""
    with ExitStack() as cleanup:
        yield Redirector(cleanup)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with ExitStack() as cleanup:
        yield Postgres(cleanup)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The SQLAlchemy URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'domains.db'}"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture(autouse=True)
def clean_slate(request: pytest.FixtureRequest) -> Iterator[None]:
    """Undo after each test what it changed in the servers that it asked for."""
    yield
    for name in {"world", "redirector"} & request.node.funcargs.keys():
        request.node.funcargs[name].reset()

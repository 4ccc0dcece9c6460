"""The servers that the tests of tracking domains ask: a DNS, the redirect endpoint, and databases.

After each test they are as they were at first: what a test changed, no other test sees.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from helpers.dnsworld import World
from helpers.postgres import Postgres
from helpers.redirector import Redirector
from helpers.registries import StubCheck, earlier, make_tables
from linkwrap.domains import Change, DomainRegistry, Network

TIMEOUT = 2.0
"""Seconds that checks wait for an answer: more than any server of the tests needs, on a busy machine too."""


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


@pytest.fixture
def network(world: World, redirector: Redirector) -> Network:
    """How checks reach the servers of the tests."""
    return Network(
        dns_resolvers=world.resolvers,
        deadline=60,
        timeout=TIMEOUT,
        dns_port=world.port,
        http_port=redirector.http_port,
        https_port=redirector.https_port,
        tls=redirector.tls,
        allow_loopback=True,
    )


@pytest.fixture
def told() -> list[Change]:
    """The changes that `registry` has told of."""
    return []


@pytest.fixture
def registry(tmp_path: Path, redirector: Redirector, network: Network, told: list[Change]) -> Iterator[DomainRegistry]:
    """A registry in SQLite that asks the servers of the tests."""
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    options = {"keys": redirector.keys, "network": network, "cname_target": "spgo.io"}
    with DomainRegistry(url, **options, on_change=told.append) as registry:
        make_tables(registry)
        yield registry


@pytest.fixture
def reopen(tmp_path: Path, redirector: Redirector, network: Network) -> Callable[..., DomainRegistry]:
    """Open the database of `registry` with other options."""
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    return lambda **options: DomainRegistry(
        url, **{"keys": redirector.keys, "network": network, "cname_target": "spgo.io"} | options
    )


@pytest.fixture
def stub() -> StubCheck:
    """The evidence that checks return."""
    return StubCheck()


@pytest.fixture
def age() -> Callable[[DomainRegistry, float], None]:
    """Let all that a registry holds be so many seconds older."""

    def shift(registry: DomainRegistry, seconds: float) -> None:
        with registry._database.write() as connection:
            connection.execute(earlier(seconds))

    return shift


@pytest.fixture(autouse=True)
def clean_slate(request: pytest.FixtureRequest) -> Iterator[None]:
    """Undo after each test what it changed in the servers that it asked for."""
    yield
    for name in {"world", "redirector"} & request.node.funcargs.keys():
        request.node.funcargs[name].reset()

"""Very many domains: an index decides which one is due, and which are in a state."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select, text

from helpers.effort import count
from helpers.registries import open_registry, sql
from linkwrap.domains import DomainRegistry
from linkwrap.domains.storage import leases, repository
from linkwrap.domains.storage.database import Database
from linkwrap.domains.storage.tables import ASSIGNMENTS, DOMAINS

COUNT = count(20_000, ci=100_000, endurance=100_000)
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})",
    "postgresql": "WITH numbers AS (SELECT generate_series(1, {count}) AS n)",
}


@pytest.fixture
def many(database_url: str) -> Iterator[DomainRegistry]:
    """A registry with very many domains of as many accounts, all due, two of them suspended."""
    with open_registry(database_url) as registry:
        registry.add("click0.acme.test", account="acme0")
        registry.assign("click0.acme.test", "acme.test")
        with sql(database_url) as connection:
            numbers = NUMBERS[connection.dialect.name].format(count=COUNT - 1)
            for table in (DOMAINS, ASSIGNMENTS):
                columns = [f'"{column.name}"' for column in table.columns]
                new = {'"host"': "'click' || n || '.acme.test'", '"account_id"': "'acme' || n"}
                values = ", ".join(new.get(column, column) for column in columns)
                insert = f"INSERT INTO {table.name} ({', '.join(columns)})"
                connection.execute(text(f"{insert} {numbers} SELECT {values} FROM {table.name}, numbers"))  # noqa: S608
            suspended = DOMAINS.c.host.in_(["click7.acme.test", "click7777.acme.test"])
            connection.execute(DOMAINS.update().where(suspended).values(state="suspended"))
        if "postgresql" in database_url:
            with sql(database_url) as connection:
                connection.execute(text("ANALYZE"))
        yield registry


def plan(url: str, query: Select[Any]) -> str:
    """How a database answers a query."""
    with sql(url) as connection:
        statement = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
        words = "EXPLAIN QUERY PLAN" if "sqlite" in url else "EXPLAIN"
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"{words} {statement}"))


def assert_decided_by(index: str, plan: str) -> None:
    """An index finds the rows, in their order."""
    assert index in plan, plan
    assert not any(word in plan for word in ("SCAN ", "TEMP B-TREE", "Seq Scan", "Sort")), plan


def test_an_index_decides(database_url: str, many: DomainRegistry) -> None:
    """No domain is looked at but those that are returned: in a claim, in `domains(state=)` and in `account()`."""
    for query in leases.due_queries(datetime.now(UTC)):
        assert_decided_by("linkwrap_domains_due", plan(database_url, query))
    in_state = repository.domains_query(DOMAINS.c.state == "suspended")
    assert_decided_by("linkwrap_domains_state", plan(database_url, in_state))
    of_account = repository.domains_query(DOMAINS.c.account_id == "acme7")
    assert_decided_by("linkwrap_domains_account", plan(database_url, of_account))
    for condition in (DOMAINS.c.state == "suspended", DOMAINS.c.account_id == "acme7"):
        found = plan(database_url, repository.assignments_query(condition))
        assert not any(word in found for word in ("SCAN ", "Seq Scan")), found


def test_many_domains(database_url: str, many: DomainRegistry) -> None:
    """A claim takes one, and the next claim another; a state's domains come with their sending domains."""
    database = Database(database_url, "spgo.io", create=False)
    due = leases.time_of(database)
    taken = [leases.lease_due(database, 60, due) for _ in range(3)]
    assert len({held.domain.host for held in taken if held}) == 3
    database.close()
    found = many.domains(state="suspended")
    assert [domain.host for domain in found] == ["click7.acme.test", "click7777.acme.test"]
    assert [domain.sending_domains for domain in found] == [("acme.test",), ("acme.test",)]
    assert [domain.host for domain in many.domains(account="acme7", state="suspended")] == ["click7.acme.test"]

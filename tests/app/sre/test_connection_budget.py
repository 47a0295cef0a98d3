import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.db import Database
from app.settings import Settings
from app.sre import connection_budget
from app.sre.connection_budget import BESIDE_THE_POOL, Limit, needed
from app.sre.health import Readiness
from tests.app.conftest import settings_for
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return settings_for(postgres_url, tmp_path)


@pytest.fixture
def allowed() -> Iterator[Callable[[str], Limit | None]]:
    """What a database allows us, by its URL."""
    opened: list[Database] = []

    def ask(url: str) -> Limit | None:
        database = Database(settings_for(url, Path("/nonexistent")))
        opened.append(database)
        with database.reading() as session:
            return connection_budget.allowed(session)

    yield ask
    for database in opened:
        database.dispose()


def test_everybody_who_connects_while_a_release_takes_over_is_counted(settings: Settings) -> None:
    many = replace(settings, workers=3, replicas=4, database_pool_size=10)
    assert needed(many) == 3 * (10 + BESIDE_THE_POOL) * 4 * 2


def test_the_server_allows_what_is_not_reserved(
    new_postgres_server: Callable[..., PostgresServer], allowed: Callable[[str], Limit | None]
) -> None:
    server = new_postgres_server(max_connections="40", superuser_reserved_connections="4")
    server.start()
    limit = allowed(server.url())
    assert limit is not None
    assert limit.connections == 36
    assert "max_connections" in limit.source


def test_a_limit_of_the_database_or_of_the_role_counts_where_it_is_less(
    postgres_server: PostgresServer, postgres_url: str, allowed: Callable[[str], Limit | None]
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 12")
    assert allowed(postgres_url) == (12, "CONNECTION LIMIT of the database")
    role = f"role_{name}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p' CONNECTION LIMIT 7")
    try:
        url = postgres_server.url(name, user=role, password="p")
        assert allowed(url) == (7, "CONNECTION LIMIT of our role")
    finally:
        postgres_server.execute(f"DROP ROLE {role}")


def test_a_pooler_is_not_judged_by_the_server_behind_it(
    postgres_server: PostgresServer, postgres_url: str, allowed: Callable[[str], Limit | None]
) -> None:
    with pgbouncer(postgres_server, "session") as pooler:
        url = pooler.url(postgres_url.rpartition("/")[2])
        assert allowed(f"{url}?options=") is None


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


def probe(settings: Settings) -> None:
    """Ask once whether we are ready, as the first probe of a worker does, and wait for its end."""
    readiness = Readiness(settings)
    readiness._current_probe().result(10)
    wait_until(lambda: readiness._budget_is_known, 10, "the look at the connections")
    readiness.close()


def test_too_many_are_told_once_in_a_container_with_what_to_set(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    many = replace(settings, workers=2, replicas=2, run_dir=tmp_path)
    for _ in range(3):
        probe(many)
    assert len(warnings(caplog)) == 1
    line = warnings(caplog)[0]
    assert "up to 104 connections" in line
    assert "PostgreSQL allows 57" in line
    assert "set EDGEPAAS_DB_POOL_SIZE=4 or less" in line


def test_where_even_one_each_is_too_many_other_variables_are_named(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    connection_budget.warn_above(Limit(50, "max_connections"), replace(settings, workers=16))
    assert "set WEB_CONCURRENCY lower" in warnings(caplog)[0]
    assert "EDGEPAAS_DB_POOL_SIZE=0" not in caplog.text


def test_what_fits_is_not_mentioned(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    probe(settings)
    assert warnings(caplog) == []


def test_a_directory_that_cannot_be_written_costs_a_second_warning_and_nothing_else(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    many = replace(settings, replicas=100, run_dir=Path("/nonexistent"))
    probe(many)
    probe(many)
    assert len(warnings(caplog)) == 2

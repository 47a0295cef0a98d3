"""A pooler that shares servers is told from one that does not, and from none: with real ones."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import psycopg2
import pytest

from boot.database import pooler
from boot.database.url import PostgresUrl, parse
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.postgres


@contextmanager
def connected(text: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    url = parse(text)
    assert isinstance(url, PostgresUrl)
    parameters: dict[str, Any] = dict(url.parameters)
    with closing(psycopg2.connect("", **parameters)) as connection:
        connection.autocommit = True
        yield connection, parameters


def test_postgresql_itself_is_no_pooler(postgres_url: str) -> None:
    with connected(postgres_url) as (connection, parameters):
        assert not pooler.shares_servers(connection, parameters)


@pytest.mark.parametrize("pool_size", [1, 2, 20])
@pytest.mark.parametrize(
    ("mode", "shares"), [("session", False), ("transaction", True), ("statement", True)]
)
def test_pgbouncer_is_known_by_what_it_does(
    postgres_server: PostgresServer, postgres_url: str, mode: str, pool_size: int, shares: bool
) -> None:
    database = postgres_url.rpartition("/")[2]
    with (
        pgbouncer(postgres_server, mode, pool_size) as proxy,
        connected(proxy.url(database)) as (connection, parameters),
    ):
        assert pooler.shares_servers(connection, parameters) is shares


def test_a_busy_pool_with_idle_servers_is_known_too(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Other clients have just left servers behind: the pool has more than ours to give."""
    database = postgres_url.rpartition("/")[2]
    with (
        pgbouncer(postgres_server, "transaction", 10) as proxy,
        connected(proxy.url(database)) as (connection, parameters),
        ExitStack() as stack,
    ):
        others = [
            stack.enter_context(closing(psycopg2.connect("", **parameters))) for _ in range(5)
        ]
        for each in others:
            each.cursor().execute("SELECT 1")
        for each in others:
            each.rollback()
        assert pooler.shares_servers(connection, parameters)

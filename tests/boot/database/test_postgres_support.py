"""The PostgreSQL server of the tests does what the other tests lean on."""

from collections.abc import Callable

import psycopg2
import pytest

from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.postgres


def test_each_test_gets_an_empty_database(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    name = postgres_url.rpartition("/")[2]
    assert postgres_server.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name
    ) == [(0,)]


def test_a_killed_server_refuses_and_comes_back(
    new_postgres_server: Callable[..., PostgresServer],
) -> None:
    server = new_postgres_server()
    server.start()
    server.kill()
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        server.connect()
    server.start()
    assert server.execute("SELECT 1") == [(1,)]


def test_a_paused_server_accepts_but_does_not_answer(
    new_postgres_server: Callable[..., PostgresServer],
) -> None:
    server = new_postgres_server()
    server.start()
    server.pause()
    try:
        with pytest.raises(psycopg2.OperationalError, match="timeout"):
            psycopg2.connect(server.url(scheme="postgresql"), connect_timeout=2)
    finally:
        server.resume()
    assert server.execute("SELECT 1") == [(1,)]

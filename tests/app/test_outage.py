"""A database that fails while the app serves: real clients, a real server, no restart."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg2
import pytest
from alembic import command

from app.settings import Settings
from app.sre.connection_budget import BESIDE_THE_POOL
from tests.app.conftest import Serve, alembic_config, components_of, settings_for
from tests.support.ledger import NODES, Ledger
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres

PLACES = 3
CLIENTS = 12
SOON = 30.0
HOUR = 3600.0
ROLE = "edge"

Outage = Callable[[PostgresServer], None]


class Refusal(NamedTuple):
    """How a server comes to refuse writes and to take them again, and what clients are told."""

    begin: Outage
    end: Outage
    told: str


@pytest.fixture
def server(new_postgres_server: Callable[..., PostgresServer]) -> PostgresServer:
    """A server of one's own, with a database that belongs to a role like an operator's."""
    server = new_postgres_server()
    server.start()
    server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'p'")
    server.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
    command.upgrade(alembic_config(server.url(ROLE, user=ROLE, password="p")), "head")
    return server


@pytest.fixture
def settings(server: PostgresServer, tmp_path: Path) -> Settings:
    """Settings of an app on that server."""
    url = server.url(ROLE, user=ROLE, password="p")
    return replace(settings_for(url, tmp_path), database_pool_size=PLACES)


@pytest.fixture
def client(settings: Settings, serve: Serve) -> httpx.Client:
    """A client of an app that loses its patience sooner than a real one."""
    impatient = replace(
        settings,
        database_wait=0.3,
        database_ping_deadline=0.5,
        database_connect_timeout=2,
        database_deadline=1.0,
        ready_deadline=0.5,
    )
    return serve(impatient)


@pytest.fixture
def ledger(client: httpx.Client) -> Iterator[Ledger]:
    """Clients at work: they have written and read already."""
    assert client.base_url.port is not None
    with Ledger(client.base_url.port, CLIENTS) as ledger:
        wait_for_more(ledger, "POST", 201)
        wait_for_more(ledger, "GET", 200)
        yield ledger


def wait_for_more(ledger: Ledger, method: str, status: int) -> None:
    """Wait for so many answers from now on that not all of them can have been under way."""
    enough = ledger.count(method, status) + CLIENTS + 1
    try:
        wait_until(lambda: ledger.count(method, status) >= enough, SOON, f"{method} {status}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {ledger.answers}, {ledger.wrong[:5]}") from None


def terminate_all(server: PostgresServer) -> None:
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", ROLE
    )


def refuse_connections(server: PostgresServer) -> None:
    server.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    terminate_all(server)


def allow_connections(server: PostgresServer) -> None:
    server.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")


def take_no_writes(server: PostgresServer) -> None:
    server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    server.execute("SELECT pg_reload_conf()")


def take_writes(server: PostgresServer) -> None:
    connection = server.connect()
    cursor = connection.cursor()
    for statement in (
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    ):
        cursor.execute(statement)
    connection.close()


def fill_disk(server: PostgresServer) -> None:
    server.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';"
        " END $$; CREATE TRIGGER refuse BEFORE INSERT ON nodes EXECUTE FUNCTION refuse()",
        database=ROLE,
    )


def empty_disk(server: PostgresServer) -> None:
    server.execute("DROP FUNCTION refuse CASCADE", database=ROLE)


def names_in(server: PostgresServer) -> set[str]:
    return {name for (name,) in server.execute("SELECT name FROM nodes", database=ROLE)}


def is_at_rest(client: httpx.Client) -> bool:
    """Tell whether nobody works with the database or waits for it, in any thread."""
    parts = components_of(client)
    pool = parts.database.engine.pool
    in_use = pool.checkedout()  # type: ignore[attr-defined]  # of a QueuePool
    return (in_use, parts.admission.taken, parts.admission.waiting) == (0, 0, 0)


def nothing_is_left(client: httpx.Client, server: PostgresServer) -> None:
    """Assert that the pool is as it was: no place, thread or connection is lost."""
    wait_until(lambda: is_at_rest(client), SOON, "rest")
    together = threading.Barrier(PLACES)

    def hold() -> None:
        with components_of(client).database.reading() as session:
            session.connection()
            together.wait(SOON)

    holders = [threading.Thread(target=hold) for _ in range(PLACES)]
    for thread in holders:
        thread.start()
    for thread in holders:
        thread.join()
    assert not together.broken
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
    wait_until(
        lambda: server.execute(count, ROLE)[0][0] <= PLACES + BESIDE_THE_POOL,
        SOON,
        "few connections",
    )


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        pytest.param(PostgresServer.stop, PostgresServer.start, id="stopped"),
        pytest.param(PostgresServer.kill, PostgresServer.start, id="killed"),
        pytest.param(PostgresServer.pause, PostgresServer.resume, id="frozen"),
        pytest.param(refuse_connections, allow_connections, id="full"),
    ],
)
def test_an_outage_is_a_503_to_all_and_over_when_it_is_over(
    client: httpx.Client, server: PostgresServer, ledger: Ledger, begin: Outage, end: Outage
) -> None:
    assert client.get("/health/ready").status_code == 200
    begin(server)
    wait_for_more(ledger, "POST", 503)
    wait_for_more(ledger, "GET", 503)
    wait_until(lambda: client.get("/health/ready").status_code == 503, SOON, "not ready")
    assert client.get("/health/live").status_code == 200
    assert client.get("/static/style.css").status_code == 200
    page = client.get("/")
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert "tries again by itself" in page.text
    assert components_of(client).admission.taken <= PLACES
    end(server)
    wait_for_more(ledger, "POST", 201)
    wait_for_more(ledger, "GET", 200)
    wait_until(lambda: client.get("/health/ready").status_code == 200, SOON, "ready")
    ledger.__exit__(None, None, None)
    assert ledger.wrong == []
    assert ledger.acknowledged <= names_in(server)
    nothing_is_left(client, server)


def test_a_frozen_database_does_not_stop_the_event_loop(
    settings: Settings, server: PostgresServer, serve: Serve
) -> None:
    """With deadlines of an hour whatever waited for the database on the loop would stop it."""
    client = serve(
        replace(settings, database_deadline=HOUR, database_ping_deadline=HOUR, database_wait=HOUR)
    )
    assert client.get(NODES).status_code == 200
    admission = components_of(client).admission
    answers: list[int] = []

    def ask() -> None:
        answers.append(httpx.get(f"{client.base_url}{NODES}", timeout=SOON).status_code)

    asking = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    server.pause()
    for thread in asking:
        thread.start()
    # The count of the fleet may be under way beside them.
    wait_until(lambda: admission.taken + admission.waiting >= CLIENTS, SOON, "all under way")
    assert admission.taken == PLACES
    for path in ("/health/live", "/version", "/static/style.css", "/health/system"):
        assert client.get(path).status_code == 200
    assert client.get("/health/ready").status_code == 503
    assert answers == []
    server.resume()
    for thread in asking:
        thread.join()
    assert answers == [200] * CLIENTS


def test_a_server_that_flaps_loses_no_acknowledged_write(
    client: httpx.Client, server: PostgresServer, ledger: Ledger
) -> None:
    for _ in range(3):
        server.kill()
        wait_for_more(ledger, "POST", 503)
        server.start()
        wait_for_more(ledger, "POST", 201)
    ledger.__exit__(None, None, None)
    assert ledger.wrong == []
    assert ledger.acknowledged <= names_in(server)
    nothing_is_left(client, server)


def test_connections_cut_by_the_server_are_made_anew(
    client: httpx.Client, server: PostgresServer, ledger: Ledger
) -> None:
    for _ in range(10):
        with suppress(psycopg2.Error):
            terminate_all(server)
        wait_for_more(ledger, "POST", 201)
    ledger.__exit__(None, None, None)
    assert ledger.wrong == []
    assert ledger.acknowledged <= names_in(server)
    nothing_is_left(client, server)


def test_idle_connections_cut_by_the_server_cost_nobody_an_error(
    client: httpx.Client, server: PostgresServer
) -> None:
    for _ in range(3):
        assert client.get(NODES).status_code == 200
        terminate_all(server)
    assert client.get(NODES).status_code == 200


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Refusal(take_no_writes, take_writes, "takes no writes"), id="read-only"),
        pytest.param(Refusal(fill_disk, empty_disk, "disk is full"), id="disk-full"),
    ],
)
def test_where_nothing_can_be_written_reading_goes_on(
    client: httpx.Client, server: PostgresServer, ledger: Ledger, refusal: Refusal
) -> None:
    refusal.begin(server)
    wait_for_more(ledger, "POST", 503)
    wait_for_more(ledger, "GET", 200)

    def refused() -> bool:
        answer = client.post(NODES, json={"name": "late", "region": "eu"})
        assert answer.status_code == 503
        return str(refusal.told) in answer.json()["detail"]  # or that all connections are in use

    wait_until(refused, 60, "the reason is told")
    # A probe that a busy machine leaves no time for says 503, but none says so for good.
    wait_until(lambda: client.get("/health/ready").status_code == 200, SOON, "it is ready")
    refusal.end(server)
    wait_for_more(ledger, "POST", 201)
    ledger.__exit__(None, None, None)
    assert ledger.wrong == []
    assert ledger.acknowledged <= names_in(server)
    nothing_is_left(client, server)


def test_readiness_tells_that_nothing_can_be_written(
    client: httpx.Client, server: PostgresServer
) -> None:
    def writable() -> object:  # not told where a slow machine leaves no time to look
        return client.get("/health/ready").json()["checks"]["database"].get("writable")

    wait_until(writable, SOON, "writable: true")
    take_no_writes(server)
    wait_until(lambda: writable() is False, SOON, "writable: false")
    take_writes(server)
    wait_until(writable, SOON, "writable: true")


def test_behind_a_locked_table_nobody_piles_up(
    client: httpx.Client, server: PostgresServer, ledger: Ledger
) -> None:
    """Each query waits for its lock until the server gives up; who has no place waits less."""
    locker = server.connect(ROLE)
    locker.cursor().execute("BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE")
    wait_for_more(ledger, "GET", 503)
    admission = components_of(client).admission
    assert admission.taken <= PLACES
    assert client.get("/health/live").status_code == 200
    assert client.get("/static/style.css").status_code == 200
    wait_until(lambda: client.get("/health/ready").status_code == 200, SOON, "ready all the same")
    locker.close()
    wait_for_more(ledger, "POST", 201)
    ledger.__exit__(None, None, None)
    assert ledger.wrong == []
    nothing_is_left(client, server)

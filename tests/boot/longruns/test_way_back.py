"""A container in a fallback goes back to PostgreSQL by itself: all units, app and PID 1 real."""

import re
import threading
from collections.abc import Callable
from itertools import groupby

import pytest

from tests.support.native_boot import NativeBoot
from tests.support.native_service import NativeService
from tests.support.operator import edgepaas
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres
PATIENCE = 200.0
NewService = Callable[..., NativeService]


@pytest.fixture
def server(new_postgres_server: Callable[..., PostgresServer]) -> PostgresServer:
    """A PostgreSQL that is down."""
    return new_postgres_server()


@pytest.fixture
def service(server: PostgresServer, new_boot: Callable[..., NativeBoot]) -> NewService:
    """A factory of containers that are ready, in a fallback for the server."""

    def new(**variables: str) -> NativeService:
        url = server.url(scheme="postgresql")
        started = NativeService(new_boot(), url, **variables)
        started.start()
        assert started.ready().body["database"]["fallback"]
        return started

    return new


def back(service: NativeService) -> None:
    """Wait until PostgreSQL serves."""

    def serves() -> bool:
        try:
            return not service.ready().body["database"]["fallback"]
        except OSError:
            return False  # nothing serves on the way

    service.boot.wait_for(serves, "PostgreSQL serves", PATIENCE)
    service.boot.wait("ready")


def node_names(server: PostgresServer) -> list[str]:
    return [name for (name,) in server.execute("SELECT name FROM nodes ORDER BY name")]


def test_it_returns_by_itself_and_every_row_is_there_once(
    service: NewService, server: PostgresServer
) -> None:
    container = service()
    pid = container.boot.process.pid
    names = [f"node-{number:03}" for number in range(30)]
    for name in names:
        container.add(name)
    server.start()
    back(container)
    assert container.boot.process.pid == pid
    assert node_names(server) == names
    assert sorted(container.names()) == names
    assert container.ready().body["database"]["backend"] == "postgres"
    assert "x-edgepaas-database" not in container.ask("/health/live").headers
    assert container.ask("/readyz", management=True).status == 200
    assert not (container.data / "fallback.db").exists()
    (kept,) = container.data.glob("fallback-*.db")
    assert kept.with_name(f"{kept.name}.sha256").exists()
    assert container.boot.entry("db-return")["state"] == "skipped"
    container.add("after")
    assert "after" in node_names(server)
    assert container.boot.stop() == 0


def test_it_is_unready_on_the_way_and_only_then(
    service: NewService, server: PostgresServer
) -> None:
    container = service()
    container.add("one")
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.append(container.ask("/readyz", management=True).status)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        wait_until(lambda: seen, PATIENCE, "a first look")
        server.start()
        back(container)
        wait_until(lambda: seen[-1] == 200, PATIENCE, "ready")
    finally:
        over.set()
        watcher.join()
    assert [status for status, _ in groupby(seen)] == [200, 503, 200]


def test_what_is_written_while_it_returns_is_not_lost(
    service: NewService, server: PostgresServer
) -> None:
    container = service()
    written: list[str] = []
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            name = f"n{number}"
            number += 1
            try:
                answer = container.ask("/api/v1/nodes", {"name": name, "region": "r"})
            except OSError:
                continue  # web is down for a moment, and says so
            if answer.status == 201:
                written.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(written) > 20, PATIENCE, "rows in the fallback")
        server.start()
        back(container)
        count = len(written)
        wait_until(lambda: len(written) > count + 20, PATIENCE, "rows in PostgreSQL")
    finally:
        over.set()
        writer.join()
    there = node_names(server)
    assert len(there) == len(set(there))
    assert set(written) <= set(there)


def status_text(container: NativeService) -> str:
    return str(container.boot.entry("db-return")["status_text"] or "")


def test_manual_waits_for_the_operator(service: NewService, server: PostgresServer) -> None:
    container = service(EDGEPAAS_DB_RETURN="manual")
    container.add("one")
    server.start()
    container.boot.wait_for(
        lambda: re.search(r"[1-9]\d* changes wait", status_text(container)) is not None,
        "the count",
        PATIENCE,
    )
    said = [m for m in container.boot.messages("db-return") if "edgepaas db back" in m]
    assert len(said) == 1
    assert server.execute("SELECT to_regclass('nodes')") == [(None,)]
    done = edgepaas(container.boot.environment, "db", "back")
    assert done.status == 0, done
    assert "PostgreSQL serves" in done.out
    assert "web is" in done.out
    assert node_names(server) == ["one"]
    again = edgepaas(container.boot.environment, "db", "back")
    assert (again.status, again.first) == (
        0,
        "nothing to go back from: this is no fallback (postgres serves)",
    )


def test_back_does_nothing_while_postgres_is_away(service: NewService) -> None:
    container = service(EDGEPAAS_DB_RETURN="manual")
    done = edgepaas(container.boot.environment, "db", "back")
    assert done.status == 69
    assert "refused" in done.err
    assert container.boot.phase() == "ready"
    assert container.ready().status == 200


def test_postgres_that_dies_right_at_the_return_costs_nothing(
    service: NewService, server: PostgresServer
) -> None:
    """It falls back again, writes on, and returns at last."""
    container = service(EDGEPAAS_DRAIN_DELAY="1")
    container.add("one")
    server.start()
    container.boot.wait("rerunning")
    server.stop()
    container.boot.wait("ready")
    assert container.ready().body["database"]["fallback"]
    assert container.names() == ["one"]
    container.add("two")
    server.start()
    back(container)
    assert node_names(server) == ["one", "two"]
    assert sorted(container.names()) == ["one", "two"]


def test_a_contested_row_is_set_aside_and_told(service: NewService, server: PostgresServer) -> None:
    """The same name was given on both sides: PostgreSQL's stays, ours waits for a decision."""
    container = service(EDGEPAAS_DB_RETURN="manual")
    container.add("twice")
    container.add("once")
    server.start()
    assert edgepaas(container.boot.environment, "migrate").status == 0
    server.execute(
        "INSERT INTO nodes (id, name, region, labels, created_at, updated_at) "
        "VALUES (gen_random_uuid(), 'twice', 'theirs', '{}', now(), now())"
    )
    assert edgepaas(container.boot.environment, "db", "back").status == 0
    assert node_names(server) == ["once", "twice"]
    assert server.execute("SELECT region FROM nodes WHERE name = 'twice'") == [("theirs",)]
    assert server.execute("SELECT count(*) FROM edgepaas_conflict") == [(1,)]
    assert "contested" in container.boot.log()

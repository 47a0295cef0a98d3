"""Red when the database is gone, green when it is back: the real app on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command

from app.sre import health
from boot.report import Phase, State
from sidecar import probe, readiness
from tests.app.conftest import alembic_config, serving, settings_for
from tests.support.postgres import PostgresServer
from tests.support.sidecar_unit import SidecarUnit
from tests.support.wait import wait_until

Start = Callable[..., SidecarUnit]
PATIENCE = 20.0

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(new_postgres_server: Callable[..., PostgresServer]) -> PostgresServer:
    """A PostgreSQL of our own, running, its schema at head."""
    server = new_postgres_server()
    server.start()
    command.upgrade(alembic_config(server.url()), "head")
    return server


@pytest.fixture
def container(
    server: PostgresServer, start_sidecar: Start, tmp_path: Path
) -> Iterator[SidecarUnit]:
    """The sidecar of a container whose app is served on that PostgreSQL."""
    with serving(settings_for(server.url(), tmp_path)) as client:
        unit = start_sidecar(PORT=str(client.base_url.port))
        unit.wait_ready()
        unit.boot(Phase.READY, web=State.READY)
        yield unit


def test_the_bounds_add_up_to_less_than_two_seconds(tmp_path: Path) -> None:
    """An outage begins right after the app's answer was cached, and right before the sidecar's."""
    answer = settings_for("sqlite://", tmp_path).ready_deadline
    assert health.CACHE_SECONDS + readiness.FRESH_SECONDS + answer < 2.0
    assert answer < readiness.PROBE_SECONDS
    assert readiness.FRESH_SECONDS + readiness.PROBE_SECONDS < 2.0
    assert probe.MOST_BYTES > 0


@pytest.mark.parametrize(
    ("leave", "come_back"),
    [
        (PostgresServer.kill, PostgresServer.start),
        (PostgresServer.pause, PostgresServer.resume),
    ],
    ids=["killed", "frozen"],
)
def test_an_outage_is_red_with_the_reason_and_its_end_is_green(
    container: SidecarUnit,
    server: PostgresServer,
    leave: Callable[[PostgresServer], None],
    come_back: Callable[[PostgresServer], None],
) -> None:
    wait_until(lambda: container.get("/readyz").status == 200, PATIENCE, "ready")
    leave(server)
    wait_until(lambda: container.get("/readyz").status == 503, PATIENCE, "red")
    answer = container.get("/readyz").json
    assert answer["reason"].startswith("the app answered 503: database: ")
    assert container.sample("edgepaas_ready") == 0
    assert container.get("/livez").status == 200
    come_back(server)
    wait_until(lambda: container.get("/readyz").status == 200, PATIENCE, "green")
    wait_until(lambda: container.sample("edgepaas_ready") == 1, PATIENCE, "green in the metrics")

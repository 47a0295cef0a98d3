"""The stop: quick when idle, patient with what is in flight, honest about what was cut."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support import nodes
from tests.support.container import ANYTHING, Container
from tests.support.image_fixtures import Run
from tests.support.service_files import unit
from tests.support.wait import wait_until

APPS = Path(__file__).resolve().parents[1] / "support/apps"
SLOW_APP = f"--volume={APPS / 'slow_app.py'}:/srv/slow_app.py:ro"

Slow = Callable[..., Container]


@pytest.fixture
def slow(run: Run, image: str) -> Slow:
    """A function that starts a ready container whose app has a slow path."""

    def start(
        expected: tuple[str, ...] = (), options: tuple[str, ...] = (), **env: str
    ) -> Container:
        given = {"EDGEPAAS_APP": "slow_app:app", "WEB_CONCURRENCY": "1", **env}
        return run(image, env=given, options=[SLOW_APP, *options], expected=expected).ready()

    return start


@contextmanager
def in_flight(container: Container, seconds: float) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to a request that has begun and takes `seconds`."""
    connection = http.client.HTTPConnection("127.0.0.1", container.port(), timeout=20)
    connection.request("GET", f"/slow?seconds={seconds}")
    answer = connection.getresponse()
    assert answer.read(6) == b"begun "
    yield answer
    connection.close()


def test_an_idle_container_stops_quickly_with_0_and_metrics_last(run: Run, image: str) -> None:
    container = run(image).ready()
    assert container.stop()[0] == 0
    last = container.last_record()
    assert last["level"] == "INFO"
    assert last["message"].startswith("exit status 0 (stopped as asked)")
    stopped = [
        record["message"].split()[0]
        for record in container.log_records()
        if " stopped: " in record["message"]
    ]
    assert stopped == ["web", "metrics"]


def test_a_request_in_flight_is_finished_and_the_management_port_answers_meanwhile(
    slow: Slow,
) -> None:
    container = slow(EDGEPAAS_STOP_TIMEOUT="60")
    with in_flight(container, 2.0) as answer:
        container.send("TERM")
        wait_until(lambda: container.management("/readyz").status == 503, 5, "not ready")
        assert container.management("/livez").json()["phase"] == "stopping"
        metrics = container.management("/metrics").text.splitlines()
        assert "edgepaas_draining 1.0" in metrics
        assert 'edgepaas_phase{phase="stopping"} 1.0' in metrics
        assert answer.read() == b"finished"
    assert container.wait_exit() == 0


def test_a_request_longer_than_the_budget_is_cut_and_told_by_80(slow: Slow) -> None:
    container = slow(expected=ANYTHING, EDGEPAAS_STOP_TIMEOUT="3")
    with in_flight(container, 60) as answer:
        container.send("TERM")
        with suppress(http.client.HTTPException, OSError):
            assert answer.read() == b""
        assert container.wait_exit() == 80
    assert "EDGEPAAS_STOP_TIMEOUT" in container.last_record()["message"]


def test_during_the_drain_delay_it_is_unready_and_serves_until_it_is_told_again(slow: Slow) -> None:
    container = slow(EDGEPAAS_DRAIN_DELAY="300", EDGEPAAS_STOP_TIMEOUT="600")
    container.send("TERM")
    wait_until(lambda: container.management("/readyz").status == 503, 30, "not ready")
    assert container.http("/health/ready").status == 503
    assert container.http("/").status == 200
    container.send("TERM")
    assert container.wait_exit() == 0


def test_a_websocket_is_told_to_come_back(run: Run, image: str) -> None:
    container = run(image).ready()
    url = container.url("/ws/events").replace("http", "ws", 1)
    with connect(url) as socket:
        assert '"hello"' in socket.recv(5)
        container.send("TERM")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert container.wait_exit() == 0


def test_a_service_that_ignores_term_does_not_hold_the_container(
    slow: Slow, tmp_path: Path
) -> None:
    stubborn = unit(
        tmp_path, "stubborn", "bash -c \"trap '' TERM; while :; do sleep 1; done\"", kind="longrun"
    )
    container = slow(expected=ANYTHING, options=(stubborn,), EDGEPAAS_STOP_TIMEOUT="3")
    assert container.stop()[0] in {0, 80}  # killed by the engine it would be 137


def test_restarted_it_boots_cleanly_over_what_the_last_boot_left(run: Run, image: str) -> None:
    # without tmpfs /run and /tmp outlive the stop, and are stale
    container = run(image, read_only=False).ready()
    first = container.boot()["boot_id"]
    container.check_output("touch", "/run/edgepaas/draining", "/run/edgepaas/metrics/counter_9.db")
    container.check_output("sh", "-c", "echo stale > /run/edgepaas/env/SOMETHING_STALE")
    container.restart()
    second = container.ready().boot()
    assert second["boot_id"] != first
    assert {unit["state"] for unit in second["units"]} == {"done", "ready", "skipped"}
    assert container.exec("test", "-e", "/run/edgepaas/env/SOMETHING_STALE").returncode == 1


def test_killed_and_started_again_it_boots_cleanly_with_its_data(run: Run, image: str) -> None:
    container = run(image, read_only=False).ready()
    nodes.add(container, "kept")
    container.send("KILL")
    assert container.wait_exit() == 137
    container.restart()
    container.ready()
    assert nodes.names(container) == ["kept"]
    assert container.stop()[0] == 0

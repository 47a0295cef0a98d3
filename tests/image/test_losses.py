"""What is lost when a container stops, or its web service starts anew, under load: nothing.

Leaner than `make bench`, which counts 20,000 requests; LOSSES_REQUESTS says how many here.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.bench.balancer import Server, balancing
from scripts.bench.traffic import Traffic
from scripts.checkout import ROOT
from tests.support.container import MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.inside import pid_of, workers
from tests.support.ports import free_port
from tests.support.wait import wait_until

REQUESTS = int(os.environ.get("LOSSES_REQUESTS", "600"))
PART = max(1, REQUESTS // 4)
APP = f"--volume={ROOT}/scripts/bench/mixed_app.py:/srv/mixed_app.py:ro"
PATIENCE = 300.0  # of a machine with other things to do
BUDGET = {"EDGEPAAS_STOP_TIMEOUT": "120"}

Serve = Callable[..., Container]


@pytest.fixture
def serve(run: Run, image: str) -> Serve:
    """A function that starts a ready container of the app with slow paths."""

    def start(expected: tuple[str, ...] = (), **env: str) -> Container:
        given = {"EDGEPAAS_APP": "mixed_app:app", **BUDGET, **env}
        container = run(image, env=given, options=[APP], network="host", expected=expected)
        return container.ready(PATIENCE)

    return start


def test_stopped_behind_a_proxy_that_heeds_readiness_nothing_fails(
    serve: Serve, tmp_path: Path
) -> None:
    pair = [serve(EDGEPAAS_DRAIN_DELAY="5") for _ in range(2)]
    servers = [Server(each.port(), each.port(MANAGEMENT_PORT)) for each in pair]
    port = free_port()
    with balancing(port, servers, tmp_path), Traffic(sys.executable, port, proxied=True) as load:
        for container in pair:
            load.more(PART)
            assert container.stop(130)[0] == 0
            load.more(PART)
            container.restart()
            container.ready(PATIENCE)
            load.more(PART)
    assert load.failures == {}
    assert load.answered >= REQUESTS


def test_stopped_without_a_proxy_whoever_was_connected_is_answered(serve: Serve) -> None:
    container = serve()
    with Traffic(sys.executable, container.port()) as load:
        load.more(PART)
        assert container.stop(130)[0] == 0
        load.wait(lambda: load.figures["turned_away"], "refusals")
    assert load.failures == {}


def test_supervisorctl_restart_web_loses_nothing_and_turns_nobody_away(serve: Serve) -> None:
    container = serve()
    with Traffic(sys.executable, container.port()) as load:
        for _ in range(2):
            before = pid_of(container, "web")
            load.more(PART)
            container.check_output("supervisorctl", "restart", "web")
            wait_until(
                lambda: container.answers("/readyz", MANAGEMENT_PORT), PATIENCE, "web is back"
            )
            assert pid_of(container, "web") != before
            load.more(PART)
    assert load.failures == {}
    assert load.figures["turned_away"] == 0


def test_a_reload_by_hup_loses_nothing(serve: Serve) -> None:
    container = serve()
    with Traffic(sys.executable, container.port()) as load:
        before = set(workers(container))
        load.more(PART)
        container.send("HUP")
        wait_until(lambda: not before & set(workers(container)), PATIENCE, "new workers")
        load.more(PART)
    assert load.failures == {}
    assert load.figures["turned_away"] == 0


def test_recycled_workers_lose_nothing(serve: Serve) -> None:
    container = serve(EDGEPAAS_WEB_MAX_REQUESTS="100")
    before = set(workers(container))
    with Traffic(sys.executable, container.port()) as load:
        load.more(REQUESTS)
        wait_until(lambda: not before & set(workers(container)), PATIENCE, "new workers")
    assert load.failures == {}
    assert load.figures["turned_away"] == 0


def test_a_killed_worker_takes_only_its_own_requests_with_it(serve: Serve) -> None:
    container = serve(expected=("was sent SIGKILL",))
    with Traffic(sys.executable, container.port()) as load:
        load.more(PART)
        container.check_output("bash", "-c", f"kill -KILL {workers(container)[0]}")
        load.more(PART)
    assert sum(load.failures.values()) <= load.figures["clients"]
    assert load.figures["turned_away"] == 0

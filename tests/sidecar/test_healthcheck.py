"""Docker's HEALTHCHECK, against a real sidecar."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boot.report import Phase, State
from tests.support.fake_app import FakeApp, fake_app
from tests.support.ports import free_port
from tests.support.sidecar_unit import ROOTFS, SidecarUnit

HEALTHCHECK = ROOTFS / "usr/local/bin/healthcheck"


@pytest.fixture
def app() -> Iterator[FakeApp]:
    """An app that answers 200."""
    with fake_app() as app:
        yield app


def check(run_dir: Path) -> tuple[int, str]:
    """Return status and output of the health check."""
    done = subprocess.run(
        [sys.executable, "-IS", str(HEALTHCHECK)],
        env={"EDGEPAAS_RUN_DIR": str(run_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_ready_container_is_healthy(sidecar: SidecarUnit, app: FakeApp) -> None:
    sidecar.decide("EDGEPAAS_METRICS_PORT", str(sidecar.port))
    sidecar.decide("PORT", str(app.server_port))
    sidecar.boot(Phase.READY, web=State.READY)
    assert check(sidecar.run_dir) == (0, "ready\n")


def test_an_unhealthy_container_says_why_in_one_line(sidecar: SidecarUnit) -> None:
    sidecar.decide("EDGEPAAS_METRICS_PORT", str(sidecar.port))
    sidecar.decide("EDGEPAAS_METRICS_BIND", "0.0.0.0")
    assert check(sidecar.run_dir) == (1, "unready: booting: about to start\n")
    sidecar.boot(Phase.READY, web=State.READY)
    reason = f"the app: nothing listens on 127.0.0.1:{sidecar.app_port}"
    assert check(sidecar.run_dir) == (1, f"unready: {reason}\n")


def test_before_env_check_it_is_starting(tmp_path: Path) -> None:
    assert check(tmp_path) == (1, "starting: env-check has not written the environment yet\n")


def test_a_sidecar_that_does_not_listen_is_unhealthy(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "env").mkdir()
    (tmp_path / "env/EDGEPAAS_METRICS_PORT").write_text(str(port))
    status, line = check(tmp_path)
    assert status == 1
    assert line.startswith(f"the sidecar does not answer on port {port}: ")


def test_it_costs_little_more_than_python_itself(tmp_path: Path) -> None:
    def seconds(*arguments: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-IS", *arguments], stdout=subprocess.DEVNULL, check=False)
        return time.perf_counter() - started

    bare = statistics.median(seconds("-c", "pass") for _ in range(7))
    whole = statistics.median(seconds(str(HEALTHCHECK)) for _ in range(7))
    assert whole - bare < 0.03


def test_it_is_executable() -> None:
    assert os.access(HEALTHCHECK, os.X_OK)

"""Docker's HEALTHCHECK, against a real sidecar."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boot.report import Phase, State
from tests.support.fake_app import FakeApp, fake_app
from tests.support.ports import free_port
from tests.support.sidecar_unit import ROOTFS, SidecarUnit

Start = Callable[..., SidecarUnit]
HEALTHCHECK = ROOTFS / "usr/local/bin/healthcheck"


@pytest.fixture
def app() -> Iterator[FakeApp]:
    """An app that answers 200."""
    with fake_app() as app:
        yield app


def check(run_dir: Path) -> tuple[int, str]:
    """Return status and output of the health check."""
    done = subprocess.run(
        [str(HEALTHCHECK)],
        env={"PATH": os.environ["PATH"], "EDGEPAAS_RUN_DIR": str(run_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_ready_container_is_healthy(sidecar: SidecarUnit, app: FakeApp) -> None:
    sidecar.decide("PORT", str(app.server_port))
    sidecar.boot(Phase.READY, web=State.READY)
    assert check(sidecar.run_dir) == (0, "ready\n")


def test_an_unhealthy_container_says_why_in_one_line(sidecar: SidecarUnit) -> None:
    assert check(sidecar.run_dir) == (1, "unready: booting: about to start\n")
    sidecar.boot(Phase.READY, web=State.READY)
    reason = f"the app: nothing listens on 127.0.0.1:{sidecar.app_port}"
    assert check(sidecar.run_dir) == (1, f"unready: {reason}\n")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "127.0.0.9"])
def test_it_finds_the_sidecar_wherever_that_is_bound(start_sidecar: Start, host: str) -> None:
    sidecar = start_sidecar(EDGEPAAS_METRICS_BIND=host)
    sidecar.wait_ready()
    assert check(sidecar.run_dir) == (1, "unready: booting: about to start\n")


def test_a_token_does_not_keep_it_out(start_sidecar: Start, app: FakeApp) -> None:
    sidecar = start_sidecar(EDGEPAAS_METRICS_TOKEN="a-long-token", PORT=str(app.server_port))
    sidecar.wait_ready()
    sidecar.boot(Phase.READY, web=State.READY)
    assert sidecar.get("/metrics").status == 401
    assert check(sidecar.run_dir) == (0, "ready\n")


def test_before_the_sidecar_listens_it_is_starting(tmp_path: Path) -> None:
    assert check(tmp_path) == (1, "starting: the sidecar does not listen yet\n")


def test_a_sidecar_that_does_not_listen_is_unhealthy(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "management").write_text(f"0.0.0.0 {port}\n")
    status, line = check(tmp_path)
    assert status == 1
    assert line.startswith(f"the sidecar does not answer on port {port}: ")


def test_a_sidecar_that_says_nothing_is_unhealthy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        (tmp_path / "management").write_text(f"127.0.0.1 {port}\n")
        line = f"the sidecar does not answer on port {port}: no word within 3 s\n"
        assert check(tmp_path) == (1, line)


def test_it_is_executable() -> None:
    assert os.access(HEALTHCHECK, os.X_OK)

"""The management port itself."""

import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from sidecar.settings import Settings
from tests.support.sidecar_unit import SidecarUnit
from tests.support.wait import wait_until

Start = Callable[..., SidecarUnit]


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/boot"])
def test_head_has_the_headers_of_get_and_no_body(sidecar: SidecarUnit, path: str) -> None:
    answer = sidecar.get(path, "HEAD")
    assert (answer.status, answer.text) == (200, "")
    assert int(answer.headers["Content-Length"]) > 0


def test_an_unknown_path_is_404_and_names_those_there_are(sidecar: SidecarUnit) -> None:
    answer = sidecar.get("/nothing")
    assert answer.status == 404
    assert "/metrics" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405(sidecar: SidecarUnit, method: str) -> None:
    answer = sidecar.get("/livez", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_taken_port_ends_it_with_78_and_one_line(start_sidecar: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sidecar = start_sidecar(EDGEPAAS_METRICS_PORT=str(port))
        assert sidecar.process.wait(20) == 78
    (line,) = sidecar.log.splitlines()
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in line
    assert "EDGEPAAS_METRICS_PORT" in line


def test_term_ends_it_at_once_with_0(sidecar: SidecarUnit) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port)):
        sidecar.process.send_signal(signal.SIGTERM)
        assert sidecar.process.wait(2) == 0
    assert "Traceback" not in sidecar.log


def test_slow_clients_are_turned_away_or_broken_off_and_do_not_block_others(
    sidecar: SidecarUnit,
) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", sidecar.port)))
            for _ in range(40)
        ]
        for each in slow:
            each.settimeout(15)
        wait_until(lambda: threads(sidecar) == 17, 5, "sixteen clients served, the rest not")
        wait_until(lambda: answers(sidecar), 12, "an answer to somebody else")
    assert threads(sidecar) <= 17


def test_a_broken_request_is_400_in_plain_text(sidecar: SidecarUnit) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 5) as client:
        client.sendall(b"\x16\x03\x01 not http at all\r\n\r\n")
        answer = client.makefile("rb").read()
    assert b"400 Bad request" in answer
    assert b"<html" not in answer.lower()
    assert sidecar.get("/livez").status == 200
    assert "Traceback" not in sidecar.log


def test_a_token_closes_metrics_and_boot_and_leaves_the_probes_open(start_sidecar: Start) -> None:
    sidecar = start_sidecar(EDGEPAAS_METRICS_TOKEN="correct horse")
    sidecar.wait_ready()
    for path in ("/metrics", "/boot"):
        answer = sidecar.get(path)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert sidecar.get(path, Authorization="Bearer wrong horse").status == 401
        assert sidecar.get(path, Authorization="Bearer correct horse").status == 200
    assert sidecar.get("/livez").status == 200


def test_a_token_file_that_cannot_be_read_lets_nobody_in(start_sidecar: Start) -> None:
    sidecar = start_sidecar(EDGEPAAS_METRICS_TOKEN_FILE="/nowhere/token")
    sidecar.wait_ready()
    for token in ("", "Bearer ", "Bearer None"):
        assert sidecar.get("/metrics", Authorization=token).status == 401


def test_a_wrong_port_counts_as_the_default(start_sidecar: Start) -> None:
    sidecar = start_sidecar()
    environ = {**sidecar.environment, "EDGEPAAS_METRICS_PORT": "ninety", "PORT": "-1"}
    settings = Settings(environ)
    variables = settings.contract.variables
    assert settings.listen_address()[1] == int(variables["EDGEPAAS_METRICS_PORT"].default())
    assert settings.app_address()[1] == int(variables["PORT"].default())


def test_it_starts_without_prometheus_client(sidecar: SidecarUnit) -> None:
    modules = subprocess.run(
        ["python", "-c", "import sys, sidecar.__main__; print('prometheus_client' in sys.modules)"],
        env=sidecar.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert modules.stdout == "False\n"


def threads(sidecar: SidecarUnit) -> int:
    """Return how many threads the sidecar has."""
    return len(list(Path(f"/proc/{sidecar.process.pid}/task").iterdir()))


def answers(sidecar: SidecarUnit) -> bool:
    """Tell whether a new client gets its answer."""
    try:
        return sidecar.get("/livez", timeout=2).status == 200
    except OSError:
        return False

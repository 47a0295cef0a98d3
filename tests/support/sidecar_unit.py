"""The metrics unit as PID 1 starts it: the real sidecar on a free port, with files PID 1 leaves."""

import http.client
import json
import os
import subprocess
import sys
from http.client import HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple

from boot.report import Phase, Report, State
from boot.units import Kind, Unit
from tests.support.notify_socket import NotifySocket
from tests.support.ports import free_port
from tests.support.wait import wait_until

ROOTFS = Path(__file__).parents[2] / "rootfs"
UNITS = [
    Unit("metrics", Kind.LONGRUN),
    Unit("env-check", Kind.ONESHOT, timeout=10),
    Unit("db-wait", Kind.ONESHOT, ("env-check",), timeout=120),
    Unit("web", Kind.LONGRUN, ("db-wait",)),
]


class Answer(NamedTuple):
    """An answer of the sidecar."""

    status: int
    headers: HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.text)


class SidecarUnit:
    """A sidecar, and the files it reads. `app_port` is where it believes the app to be."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.run_dir = directory / "run"
        (self.run_dir / "env").mkdir(parents=True)
        self.metrics = self.run_dir / "metrics"
        self.metrics.mkdir()
        self.report = Report(UNITS, {"boot_id": "0123456789ab", "version": "1.2.3"})
        self.notify = NotifySocket(directory / "notify.sock")
        self.port = int(environment.get("EDGEPAAS_METRICS_PORT") or free_port())
        self.app_port = int(environment.get("PORT") or free_port())
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOTFS}/opt/edgepaas",
            "PYTHONUNBUFFERED": "1",
            "NOTIFY_SOCKET": str(self.notify.path),
            "EDGEPAAS_ROOT": str(ROOTFS),
            "EDGEPAAS_RUN_DIR": str(self.run_dir),
            "EDGEPAAS_METRICS_BIND": "127.0.0.1",
            **environment,
            "EDGEPAAS_METRICS_PORT": str(self.port),
            "PORT": str(self.app_port),
        }
        self.log_path = directory / "metrics.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sidecar"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """Return what was logged so far."""
        return self.log_path.read_text()

    def wait_ready(self) -> None:
        """Wait until the unit said that it is ready."""
        wait_until(lambda: self.notify.heard("READY=1"), 20, "the sidecar is ready")

    def boot(self, phase: Phase = Phase.READY, **states: State) -> None:
        """Write boot.json: the phase, and the state of units by their name with underscores."""
        self.report.phase = phase
        for name, state in states.items():
            unit = name.replace("_", "-")
            self.report.begin(unit)
            if state in {State.RUNNING, State.STARTING}:
                self.report.entries[unit].state = state
            else:
                self.report.settle(unit, state)
        if phase is Phase.READY and self.report.ready_seconds is None:
            self.report.ready_seconds = self.report.elapsed()
        self.report.write(self.run_dir / "boot.json")

    def decide(self, name: str, value: str) -> None:
        """Write a variable of the container environment."""
        (self.run_dir / "env" / name).write_text(value)

    def get(self, path: str, method: str = "GET", timeout: float = 10.0, **headers: str) -> Answer:
        """Return the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def sample(self, line: str) -> float:
        """Return the value of the sample that starts with `line` in /metrics."""
        rows = [row.rpartition(" ") for row in self.get("/metrics").text.splitlines()]
        values = [value for name, _, value in rows if name == line]
        if not values:
            raise LookupError(line)
        return float(values[0])

    def close(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
        self.notify.__exit__(None, None, None)

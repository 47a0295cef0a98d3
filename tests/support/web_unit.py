"""The web unit as PID 1 starts it: real gunicorn, our configuration, on a free port."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from boot import gate
from tests.support import metric_files
from tests.support.notify_socket import NotifySocket
from tests.support.ports import free_port
from tests.support.wait import wait_until

CHECKOUT = Path(__file__).parents[2]
ROOTFS = CHECKOUT / "rootfs"


class WebUnit:
    """A gunicorn arbiter and its workers.

    With `ahead`, it waits at its gate, with nothing of its environment, until `let_go`.
    """

    def __init__(self, directory: Path, *, ahead: str = "", **environment: str) -> None:
        self.run_dir = directory / "run"
        self.metrics = self.run_dir / "metrics"
        self.metrics.mkdir(parents=True, exist_ok=True)
        self.notify = NotifySocket(directory / "notify.sock")
        self.port = int(environment.get("PORT") or free_port())
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOTFS}/opt/edgepaas:{CHECKOUT}:{environment.get('EXTRA_PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "NOTIFY_SOCKET": str(self.notify.path),
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),
            "EDGEPAAS_RUN_DIR": str(self.run_dir),
            "EDGEPAAS_APP": "tests.support.apps.tiny:app",
            "EDGEPAAS_BIND": "127.0.0.1",
            "EDGEPAAS_DRAIN_DELAY": "0",
            "EDGEPAAS_GRACEFUL_TIMEOUT": "7.6",
            "EDGEPAAS_WEB_TIMEOUT": "30",
            "EDGEPAAS_WEB_KEEPALIVE": "75",
            "EDGEPAAS_WEB_MAX_REQUESTS": "0",
            "EDGEPAAS_FORWARDED_ALLOW_IPS": "127.0.0.1,::1",
            "WEB_CONCURRENCY": "2",
            "LOG_LEVEL": "info",
            "LOG_FORMAT": "json",
            **environment,
            "PORT": str(self.port),
        }
        self.log_path = directory / "web.log"
        self.gate: gate.Gate | None = None
        number = -1
        if ahead:
            self.gate, number = gate.make()
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "web"),
                    *("--config", str(ROOTFS / "etc/edgepaas/gunicorn.conf.py")),
                ],
                cwd=CHECKOUT,
                env=self._at_the_gate(number) if ahead else self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(number,) if ahead else (),
            )
        if ahead:
            os.close(number)

    def _at_the_gate(self, number: int) -> dict[str, str]:
        python = {name: self.environment[name] for name in ("PATH", "PYTHONPATH")}
        return {**python, gate.VARIABLE: str(number)}

    def let_go(self, listener: int | None = None) -> None:
        """Open the gate."""
        assert self.gate is not None
        with self.gate:
            gate.open_for(self.gate, self.environment, listener)

    @property
    def log(self) -> str:
        """Return what was logged so far."""
        return self.log_path.read_text()

    @property
    def workers(self) -> int:
        """Return how many workers there should be."""
        return int(self.environment["WEB_CONCURRENCY"])

    def sample(self, name: str) -> float:
        """Return a metric of the app, added up over the workers; 0 while it has none."""
        return metric_files.sample(self.metrics, name) or 0.0

    def worker_pids(self) -> set[int]:
        """Return the pids of the arbiter's children."""
        pid = self.process.pid
        return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def ready(self) -> bool:
        """Tell whether the unit has said that it is ready."""
        return self.notify.heard("READY=1")

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Wait until the unit said that it is ready."""
        wait_until(lambda: self.ready() or self._ended(), timeout, f"ready\n{self.log}")

    def get(self, path: str, timeout: float = 10.0) -> tuple[int, str]:
        """Return status and body of a GET on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait(self, timeout: float) -> int:
        """Wait for the arbiter's end; return its status."""
        return self.process.wait(timeout)

    def settled(self, states: Callable[[], object], timeout: float, what: str) -> None:
        """Wait for something, showing the log where it does not come."""
        try:
            wait_until(states, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None

    def close(self) -> None:
        """Kill what is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.gate:
            self.gate.close()
        self.process.wait()
        self.notify.read()
        self.notify.__exit__(None, None, None)

    def _ended(self) -> bool:
        if self.process.poll() is None:
            return False
        raise AssertionError(f"web ended with {self.process.returncode}\n{self.log}")

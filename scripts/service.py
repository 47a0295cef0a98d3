"""The one service of this checkout, container or native: where it is reached, how it begins."""

from __future__ import annotations

import errno
import importlib.util
import os
import socket
import time
from dataclasses import dataclass
from typing import Protocol

from scripts import boot_report, env_file
from scripts.checkout import ENV_FILE, LAYER
from scripts.console import Failure, Progress, say

READY_SECONDS = 180
LAST_LINES = 20
POLL_SECONDS = 0.1
DEFAULT_STOP_SECONDS = 9
HIGHEST_PORT = 65535


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) <= HIGHEST_PORT:
        raise Failure(f"{name}={text!r} is no port; set a number from 1 to 65535, or leave it out")
    return int(text)


@dataclass(frozen=True)
class Ports:
    """The ports on 127.0.0.1 under which the service is reached."""

    app: int
    management: int

    @classmethod
    def chosen(cls) -> Ports:
        """Read PORT and METRICS_PORT of the caller; raises Failure."""
        ports = cls(_port("PORT", 8000), _port("METRICS_PORT", 9464))
        if ports.app == ports.management:
            raise Failure(f"PORT and METRICS_PORT are both {ports.app}; choose two")
        return ports

    @property
    def app_url(self) -> str:
        """Where the app answers."""
        return f"http://127.0.0.1:{self.app}"

    @property
    def management_url(self) -> str:
        """Where the sidecar answers."""
        return f"http://127.0.0.1:{self.management}"


def is_free(port: int) -> bool:
    """Tell whether 127.0.0.1:`port` can be bound; raises Failure when this user never may."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Failure(f"port {port} is for root; choose one above 1023") from None
            return False
    return True


def check_ports(ports: Ports, already_ours: frozenset[int] = frozenset()) -> None:
    """Raise Failure for a port that something else holds."""
    for port, variable in ((ports.app, "PORT"), (ports.management, "METRICS_PORT")):
        if port not in already_ours and not is_free(port):
            raise Failure(
                f"port {port} on 127.0.0.1 is taken by something else; choose another:"
                f" `{variable}={port + 1} make run`"
            )


def stop_seconds() -> int:
    """Return the service's own stop budget in seconds, from the .env file where that says so."""
    text = env_file.read(ENV_FILE).get("EDGEPAAS_STOP_TIMEOUT", "")
    return int(text) if text.isdigit() else DEFAULT_STOP_SECONDS


class Service(Protocol):
    """A running service: a container, or a process of this checkout."""

    def exit_status(self) -> int | None:
        """Return its exit status; None while it runs."""

    def last_lines(self, count: int) -> str:
        """Return the last lines of its log."""

    def hints(self) -> list[str]:
        """Return commands to look further, each with its purpose."""


def meaning(status: int) -> str:
    """Say what an exit status means, from the layer's own table."""
    spec = importlib.util.spec_from_file_location("exit_status", LAYER / "boot/exit_status.py")
    if spec is None or spec.loader is None:
        return "unknown"
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    explanation = table.explain(status)
    return f"{explanation.meaning}; {explanation.advice}"


def failure_of(service: Service, status: int) -> Failure:
    """Return the failure of a service that ended while it should have become ready."""
    return Failure(
        f"the service ended with status {status}: {meaning(status)}\n"
        f"its last lines:\n{service.last_lines(LAST_LINES)}"
    )


def wait_until_ready(service: Service, ports: Ports, timeout: float = READY_SECONDS) -> None:
    """Follow the boot until /startupz is green; raises Failure when it ends or takes too long."""
    progress = Progress()
    deadline = time.monotonic() + timeout
    report = None
    while time.monotonic() < deadline:
        report = boot_report.fetch(ports.management_url)
        if report is not None and boot_report.has_started(ports.management_url):
            progress.done()
            return
        status = service.exit_status()
        if status is not None:
            progress.done()
            raise failure_of(service, status)
        progress.show(boot_report.summary(report))
        time.sleep(POLL_SECONDS)
    progress.done()
    raise Failure(
        f"not ready after {timeout:g} s ({boot_report.summary(report)});"
        " it still runs: `make stop` ends it\n"
        f"its last lines:\n{service.last_lines(LAST_LINES)}"
    )


def tell(service: Service, ports: Ports) -> None:
    """Print address, boot timeline and where to look further."""
    report = boot_report.fetch(ports.management_url) or {}
    seconds = report.get("ready_seconds")
    say("ready" + (f", {seconds:.2f} s after PID 1 began" if seconds is not None else ""))
    print("\n".join(["", *boot_report.timeline(report), ""]))
    print(f"  app         {ports.app_url}/")
    print(f"  management  {ports.management_url}/boot  (also /metrics, /livez, /readyz)")
    print("\n".join(["", *(f"  {hint}" for hint in service.hints()), ""]), flush=True)

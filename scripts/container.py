"""The container of `make run`: replaced as a whole, its data in a named volume."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from scripts.checkout import CONTAINER, ENV_FILE, VOLUME
from scripts.console import Failure
from scripts.engine import Engine
from scripts.service import Ports, check_ports, stop_seconds

APP_PORT = 8000
MANAGEMENT_PORT = 9464
HARDENING = (
    "--read-only",
    "--tmpfs=/run",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


@dataclass(frozen=True)
class Container:
    """The container `edgepaas` on one engine."""

    engine: Engine
    name: str = CONTAINER
    volume: str = VOLUME

    def inspect(self) -> dict[str, Any] | None:
        """Return what the engine knows of it; None when it does not exist."""
        done = self.engine.run("container", "inspect", self.name)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def published_ports(self) -> frozenset[int]:
        """Return the host's ports it holds now."""
        state = self.inspect() or {"NetworkSettings": {"Ports": {}}}
        bindings = (state["NetworkSettings"]["Ports"] or {}).values()
        return frozenset(
            int(binding["HostPort"]) for listed in bindings for binding in listed or ()
        )

    def check(self, ports: Ports) -> None:
        """Raise Failure when something else holds one of `ports`."""
        check_ports(ports, self.published_ports())

    def replace(self, image: str, ports: Ports) -> None:
        """Start it from `image`, in place of one that is there; raises Failure."""
        self.check(ports)
        self.remove()
        command = ["run", "--detach", f"--name={self.name}", *HARDENING]
        command += [f"--stop-timeout={stop_seconds() + 1}", f"--volume={self.volume}:/data"]
        command += [f"--publish=127.0.0.1:{ports.app}:{APP_PORT}"]
        command += [f"--publish=127.0.0.1:{ports.management}:{MANAGEMENT_PORT}"]
        command += self.options()
        command += [f"--env=PORT={APP_PORT}", f"--env=EDGEPAAS_METRICS_PORT={MANAGEMENT_PORT}"]
        self.engine.output(*command, image)

    def options(self) -> list[str]:
        """Return what the person adds: the .env file, where there is one."""
        return [f"--env-file={ENV_FILE}"] if ENV_FILE.is_file() else []

    def remove(self) -> bool:
        """Stop and remove it, its volume stays; tell whether there was one."""
        if self.inspect() is None:
            return False
        self.engine.output("stop", self.name)
        self.engine.output("rm", "--force", self.name)
        return True

    def exit_status(self) -> int | None:
        """Return its exit status; None while it runs."""
        state = (self.inspect() or {}).get("State")
        if state is None:
            raise Failure(f"the container {self.name} is gone; somebody removed it")
        return None if state["Running"] else int(state["ExitCode"])

    def last_lines(self, count: int) -> str:
        """Return the last lines of its log."""
        done = self.engine.run("logs", f"--tail={count}", self.name)
        return done.stdout + done.stderr

    def follow(self) -> int:
        """Show its log as it grows."""
        return self._hand_over("logs", "--follow", "--tail=100", self.name)

    def shell(self) -> int:
        """Open a shell in it."""
        terminal = "--tty" if os.isatty(0) else "--interactive"
        return self._hand_over("exec", "--interactive", terminal, self.name, "bash")

    def edgepaas(self, *words: str) -> int:
        """Run the operator's command in it."""
        return self._hand_over("exec", self.name, "edgepaas", *words)

    def _hand_over(self, *arguments: str) -> int:
        return subprocess.run([self.engine.client, *arguments], check=False).returncode

    def hints(self) -> list[str]:
        """Return commands to look further, each with its purpose."""
        return [
            "make logs     what it writes, as it grows",
            "make demo     fill it with a small fleet to look at",
            "make shell    a shell in the container",
            "make stop     stop it; the data stays in the volume " + self.volume,
            f"docker exec {self.name} supervisorctl status",
        ]

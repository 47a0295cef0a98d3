"""The containers of the two slots.

NAME-blue and NAME-green; beside them, for as long as it is of use, NAME-SLOT-previous (what a
deploy under way put aside) and NAME-SLOT-failed (the last one that failed, stopped, to look at).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.bluegreen.config import Service
from scripts.bluegreen.docker import Docker
from scripts.bluegreen.outcome import Stopped
from scripts.bluegreen.slot import LOOPBACK, Slot
from scripts.bluegreen.state import Operation
from scripts.container import APP_PORT, HARDENING, MANAGEMENT_PORT
from scripts.service import DEFAULT_STOP_SECONDS

OPERATION = "edgepaas.operation"
HOST = "host"
CUT = 80


@dataclass(frozen=True)
class Containers:
    """What the engine is told about the slots of one service."""

    docker: Docker
    service: Service
    slots: Mapping[str, Slot]

    def name(self, slot: str, suffix: str = "") -> str:
        """Return the name of a slot's container."""
        return f"{self.service.name}-{slot}{suffix}"

    def inspect(self, slot: str, suffix: str = "") -> dict[str, Any] | None:
        """Return what the engine knows of it; None when it does not exist."""
        done = self.docker.run("container", "inspect", self.name(slot, suffix))
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def is_running(self, slot: str) -> bool:
        """Tell whether a slot's container runs."""
        return bool((self.inspect(slot) or {"State": {"Running": False}})["State"]["Running"])

    def exit_status(self, slot: str) -> int | None:
        """Return its exit status, -1 where it is gone; None while it runs."""
        found = self.inspect(slot)
        if found is None:
            return -1
        return None if found["State"]["Running"] else int(found["State"]["ExitCode"])

    def last_lines(self, slot: str, count: int) -> str:
        """Return the last lines of its log."""
        done = self.docker.run("logs", f"--tail={count}", self.name(slot))
        return (done.stdout + done.stderr).rstrip()

    def command(self, operation: Operation, env: Mapping[str, str]) -> list[str]:
        """Return the arguments that create the container of an operation's slot."""
        service, slot = self.service, self.slots[operation.slot]
        words = ["create", f"--name={self.name(slot.name)}", *HARDENING, "--restart=no"]
        words += [f"--label={OPERATION}={operation.id}"]
        words += [f"--stop-timeout={stop_seconds(env) + 1}", f"--network={service.network}"]
        words += [f"--volume={volume}" for volume in service.volumes]
        words += [f"--env-file={service.env_file}"] if service.env_file else []
        words += [*service.options, f"--env=SLOT={slot.name}", *self._ports(slot)]
        return [*words, operation.release.image_id]

    def _ports(self, slot: Slot) -> list[str]:
        if self.service.network == HOST:
            return [
                f"--env=PORT={slot.app_port}",
                f"--env=EDGEPAAS_BIND={LOOPBACK}",
                f"--env=EDGEPAAS_METRICS_PORT={slot.management_port}",
                f"--env=EDGEPAAS_METRICS_BIND={LOOPBACK}",
            ]
        return [
            f"--publish={slot.address}:{APP_PORT}",
            f"--publish={LOOPBACK}:{slot.management_port}:{MANAGEMENT_PORT}",
            f"--env=PORT={APP_PORT}",
            f"--env=EDGEPAAS_METRICS_PORT={MANAGEMENT_PORT}",
        ]

    def put_aside(self, slot: str) -> None:
        """Make room in a slot; what was there is kept until the deploy is done."""
        if self.inspect(slot) is None:
            return
        self.stop(slot)
        self._remove(slot, "-previous")
        self.docker.output("rename", self.name(slot), self.name(slot, "-previous"))

    def create(self, operation: Operation, env: Mapping[str, str]) -> None:
        """Create, not start, the container of an operation."""
        self.docker.output(*self.command(operation, env))

    def start(self, slot: str) -> None:
        """Start a container that was created or stopped."""
        self.docker.output("start", self.name(slot))

    def is_of(self, operation: Operation) -> bool:
        """Tell whether the slot's container was created by this operation."""
        found = self.inspect(operation.slot)
        return found is not None and found["Config"]["Labels"].get(OPERATION) == operation.id

    def take_back(self, operation: Operation) -> None:
        """Undo what an operation did to its slot. What failed is kept aside, stopped."""
        slot = operation.slot
        if self.is_of(operation):
            self.stop(slot)
            self._remove(slot, "-failed")
            self.docker.output("rename", self.name(slot), self.name(slot, "-failed"))
        elif self.inspect(slot) is not None:
            self.stop(slot)
        if self.inspect(slot) is None and self.inspect(slot, "-previous") is not None:
            self.docker.output("rename", self.name(slot, "-previous"), self.name(slot))

    def keep_running(self, slot: str) -> None:
        """From now on the engine starts it again when it dies or the host restarts."""
        self.docker.output("update", f"--restart={self.service.restart}", self.name(slot))

    def stop(self, slot: str) -> int:
        """Stop a slot's container for good; return its exit status, 0 where it is gone."""
        found = self.inspect(slot)
        if found is None:
            return 0
        self.docker.run("update", "--restart=no", self.name(slot))
        if found["State"]["Running"]:
            self.docker.output("stop", self.name(slot))
        status = self.exit_status(slot)
        if status is None:
            raise Stopped(f"{self.name(slot)} was stopped and runs again: who starts it?")
        return status

    def forget_previous(self, slot: str) -> None:
        """Remove what a deploy put aside: it is done."""
        self._remove(slot, "-previous")

    def _remove(self, slot: str, suffix: str) -> None:
        if self.inspect(slot, suffix) is not None:
            self.docker.output("rm", "--force", self.name(slot, suffix))


def stop_seconds(env: Mapping[str, str]) -> int:
    """Return the stop budget in whole seconds, rounded up."""
    try:
        return math.ceil(float(env.get("EDGEPAAS_STOP_TIMEOUT", "")))
    except ValueError:
        return DEFAULT_STOP_SECONDS

"""The programs that were started ahead of their units, each until it is let go or ends."""

import math
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from boot import gate
from boot.units import Unit


class Ahead:
    """Which programs wait at their gates. To the sequencer their units have not been started.

    supervisord calls such a program STARTING for as long. One that ends at its gate is forgotten:
    its unit is then started like any other.
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        self.names = tuple(unit.name for unit in units if unit.ahead)
        self._gates: dict[str, gate.Gate] = {}
        self._theirs = -1

    def begin(self, name: str, process: Any) -> None:
        """Start a program, which the daemon's `process` stands for, and let it wait."""
        process.config.startsecs = math.inf
        self._gates[name], self._theirs = gate.make()
        try:
            process.spawn()
        finally:
            os.close(self._theirs)

    def environment(self) -> dict[str, str]:
        """Return what the program that is being started is told."""
        return {gate.VARIABLE: str(self._theirs)}

    def waits(self, name: str) -> bool:
        """Tell whether a program waits at its gate."""
        return name in self._gates

    def forget(self, name: str, process: Any) -> bool:
        """Note that a program has ended; tell whether it waited until now."""
        process.config.startsecs = 0
        ours = self._gates.pop(name, None)
        if ours:
            ours.close()
        return ours is not None

    def let_go(
        self, name: str, process: Any, environment: Mapping[str, str], listener: int | None
    ) -> None:
        """Open a program's gate: it goes on with this environment and this listening socket."""
        process.config.startsecs = 0
        with self._gates.pop(name) as ours, suppress(OSError):  # an end comes as its unit's end
            gate.open_for(ours, {**environment, **(process.config.environment or {})}, listener)

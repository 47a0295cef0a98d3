"""What each unit inherits: the container's own environment, and what other units wrote since.

Children copy `os.environ` of PID 1 when they are spawned, so it is set right before each start.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from boot import environment

log = logging.getLogger(__name__)


class Exports:
    """The container environment as units are given it. `base` is what the container came with."""

    def __init__(self, base: Mapping[str, str], directory: Path) -> None:
        self.base = dict(base)
        self.directory = directory
        self._values: dict[str, str] = {}
        # By writer and name, the newest write last.
        self._written: dict[tuple[str, str], str] = {}

    def collect(self, unit: str) -> list[str]:
        """Return the names written since the last call, and note that `unit` wrote them.

        All is read each time (under a millisecond): a time stamp is too coarse to tell.
        """
        values = self._read()
        changed = sorted(name for name in values if self._values.get(name) != values[name])
        for key in [key for key in self._written if key[1] not in values]:
            del self._written[key]
        for name in changed:
            self._written.pop((unit, name), None)
            self._written[unit, name] = values[name]
        self._values = values
        return changed

    def _read(self) -> dict[str, str]:
        try:
            values = environment.read_all(self.directory)
        except OSError as error:
            log.error("the container environment cannot be read: %s", error)  # noqa: TRY400 - a unit's mistake, not ours
            return self._values
        for name in [name for name, value in values.items() if "\0" in value]:
            log.error("%s holds a NUL byte, which no environment can: left out", name)
            del values[name]
        return values

    def environment_of(self, unit: str) -> dict[str, str]:
        """Return what `unit` inherits.

        What that very unit wrote in an earlier run is left out: run again, it must see what it
        was given, by those before it too, and not what it decided.
        """
        others = {name: value for (writer, name), value in self._written.items() if writer != unit}
        return {**self.base, **others}

    def apply(self, unit: str, extra: Mapping[str, str]) -> None:
        """Set `os.environ` for a start of `unit`; `extra` comes last."""
        target = {**self.environment_of(unit), **extra}
        for name in os.environ.keys() - target.keys():
            del os.environ[name]
        for name, value in target.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

"""What each unit inherits: the container's own environment, and what other units wrote since.

Children copy `os.environ` of PID 1 when they are spawned, so it is set right before each start.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from boot import environment


class Exports:
    """The container environment as units are given it. `base` is what the container came with."""

    def __init__(self, base: Mapping[str, str], directory: Path) -> None:
        self.base = dict(base)
        self.directory = directory
        self._values: dict[str, str] = {}
        self._owner: dict[str, str] = {}
        self._seen_ns = 0

    def collect(self, unit: str) -> list[str]:
        """Return the names written since the last call, and note that `unit` wrote them."""
        try:
            seen_ns = self.directory.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if seen_ns == self._seen_ns:
            return []
        values = environment.read_all(self.directory)
        changed = sorted(name for name in values if self._values.get(name) != values[name])
        self._owner.update(dict.fromkeys(changed, unit))
        self._values, self._seen_ns = values, seen_ns
        return changed

    def apply(self, unit: str, extra: Mapping[str, str]) -> None:
        """Set `os.environ` for a start of `unit`.

        What that very unit wrote in an earlier run is left out: run again, it must see what it
        was given and not what it decided. `extra` comes last.
        """
        inherited = {
            name: value for name, value in self._values.items() if self._owner.get(name) != unit
        }
        target = {**self.base, **inherited, **extra}
        for name in os.environ.keys() - target.keys():
            del os.environ[name]
        for name, value in target.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

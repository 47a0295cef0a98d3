"""What was told and when, and what goes on still, in a file: a restart does not tell it anew.

A leaf: imports nothing of ours. Without a place to write it lasts as long as the process.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FILE = ".alerts.json"
MOST = 200


class Memory:
    """The keys told in the last `cooldown` seconds, and the things that began and have not ended.

    `clock` is seconds since the epoch: they must mean the same after a restart.
    """

    def __init__(self, path: Path, cooldown: float, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.cooldown = cooldown
        self.clock = clock
        self._told: dict[str, float] = {}
        self._open: dict[str, bool] = {}
        self._read()

    def may_tell(self, key: str) -> bool:
        """Tell whether a thing was not told lately, and note that it is told now."""
        now, last = self.clock(), self._told.get(key)
        if last is not None and 0 <= now - last < self.cooldown:
            return False
        self._told.pop(key, None)
        self._told[key] = now
        self._write()
        return True

    def forget(self, key: str) -> None:
        """Note that a thing was not told after all."""
        if self._told.pop(key, None) is not None:
            self._write()

    def is_open(self, key: str) -> bool:
        """Tell whether a thing goes on."""
        return key in self._open

    def was_told(self, key: str) -> bool:
        """Tell whether that it began was told."""
        return self._open.get(key, False)

    def begin(self, key: str, *, told: bool) -> None:
        """Note that a thing goes on, and whether that was told."""
        if self._open.get(key) is not told:
            self._open[key] = told
            self._write()

    def end(self, key: str) -> None:
        """Note that a thing is over."""
        if self._open.pop(key, None) is not None:
            self._write()

    def _read(self) -> None:
        with suppress(OSError, ValueError, AttributeError, TypeError):
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            self._told = {str(key): float(when) for key, when in kept["told"].items()}
            self._open = {str(key): bool(told) for key, told in kept["open"].items()}

    def _write(self) -> None:
        for key in list(self._told)[:-MOST]:
            del self._told[key]
        with suppress(OSError):
            new = self.path.with_name(f"{self.path.name}.new")
            new.write_text(json.dumps({"told": self._told, "open": self._open}), encoding="utf-8")
            new.chmod(0o600)
            new.replace(self.path)

"""How long the schema step waited for the lock and migrated: schema.json in the run directory.

Imports nothing of ours.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic as now
from typing import NamedTuple

NAME = "schema.json"


class Times(NamedTuple):
    """Seconds."""

    lock_wait_seconds: float
    migration_seconds: float


class Stopwatch:
    """Adds up what the one schema step of a process takes."""

    def __init__(self) -> None:
        self.waited = 0.0
        self.migrated = 0.0

    @contextmanager
    def migrating(self) -> Iterator[None]:
        """Measure a migration, whether it succeeds or not."""
        began = now()
        try:
            yield
        finally:
            self.migrated += now() - began

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Measure a wait for the lock, whether it succeeds or not."""
        began = now()
        try:
            yield
        finally:
            self.waited += now() - began

    def write(self, run_dir: Path) -> None:
        """Leave what was measured for the sidecar. Raises OSError."""
        times = Times(round(self.waited, 4), round(self.migrated, 4))
        beside = run_dir / f".{NAME}.new"
        beside.write_text(json.dumps(times._asdict()), encoding="utf-8")
        beside.replace(run_dir / NAME)


STOPWATCH = Stopwatch()


def read(run_dir: Path) -> Times | None:
    """Return what the schema step of this boot took; None before it has ended."""
    try:
        return Times(**json.loads((run_dir / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None

"""The files of fallbacks that are over: replayed, and kept under their epoch."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from boot.database.decision import FALLBACK_FILE
from boot.database.journal import Epoch, Journal, Progress
from boot.database.schema_error import SchemaError


class KeptFallback(NamedTuple):
    """One file; `epoch` is None where it is no fallback's or cannot be read. `size` is in bytes."""

    path: Path
    size: int
    epoch: Epoch | None
    progress: Progress


def of(data_dir: Path) -> list[KeptFallback]:
    """Return the kept files of a data directory, the oldest first."""
    return sorted(_found(data_dir), key=lambda each: each.epoch.began_at if each.epoch else "")


def _found(data_dir: Path) -> Iterator[KeptFallback]:
    name = Path(FALLBACK_FILE)
    for path in data_dir.glob(f"{name.stem}-*{name.suffix}"):
        journal = Journal(path)
        try:
            size = path.stat().st_size
            yield KeptFallback(path, size, journal.epoch(), journal.progress())
        except (SchemaError, OSError):
            yield KeptFallback(path, 0, None, Progress(0, 0, 0))

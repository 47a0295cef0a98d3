"""prometheus_client's multiprocess files: one set per worker slot, safe on a full tmpfs.

Keyed by pid, as the library does it, they would grow with every worker that ever lived.
"""

# mypy: disable-error-code="no-untyped-call,no-any-return"
# prometheus_client leaves this part of itself without types.

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
FIRST_BYTES = 1 << 16
ENTRY_BYTES = 32

log = logging.getLogger(__name__)


class ReservedFile(MmapedDict):
    """A metrics file whose blocks are reserved before they are mapped.

    Touching a mapped page that the file system has no room for is a SIGBUS. Series that find
    no room are kept in memory: the worker goes on, a scrape does not see them.
    """

    def __init__(self, filename: str) -> None:
        """Open or make the file. Raises OSError."""
        self._unseen: dict[str, tuple[float, float]] = {}
        reserve(filename)
        super().__init__(filename)

    def read_value(self, key: str) -> tuple[float, float]:
        """Return value and timestamp of a series, zeros if it is new."""
        if key not in self._unseen:
            try:
                self._make_room(key)
                return super().read_value(key)
            except OSError as error:
                report(error)
                self._unseen[key] = (0.0, 0.0)
        return self._unseen[key]

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Set value and timestamp of a series."""
        if key in self._unseen:
            self._unseen[key] = (value, timestamp)
        else:
            super().write_value(key, value, timestamp)

    def _make_room(self, key: str) -> None:
        if key in self._positions:
            return
        most, capacity = self._used + len(key.encode()) + ENTRY_BYTES, self._capacity
        while capacity < most:
            capacity *= 2
        if capacity > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, capacity)


class Memory:
    """Stands in for a file that cannot be had."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, float]] = {}

    def read_value(self, key: str) -> tuple[float, float]:
        """Return value and timestamp of a series, zeros if it is new."""
        return self._values.get(key, (0.0, 0.0))

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Set value and timestamp of a series."""
        self._values[key] = (value, timestamp)

    def close(self) -> None:
        """Do nothing."""


def reserve(filename: str) -> None:
    """Give the file its first blocks. Raises OSError, and leaves no empty file behind."""
    path = Path(filename)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.posix_fallocate(descriptor, 0, FIRST_BYTES)
    except OSError:
        if os.fstat(descriptor).st_size == 0:
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def open_file(filename: str) -> ReservedFile | Memory:
    """Return the metrics file, or one in memory where it cannot be had."""
    try:
        return ReservedFile(filename)
    except OSError as error:
        report(error)
        return Memory()


def once(function: Callable[[OSError], None]) -> Callable[[OSError], None]:
    """Return a function that runs only the first time."""
    pending = [function]

    def run(error: OSError) -> None:
        while pending:
            pending.pop()(error)

    return run


@once
def report(error: OSError) -> None:
    """Say that this worker's metrics are incomplete from now on."""
    log.warning("metrics are incomplete: no room in %s (%s)", os.environ[DIRECTORY], error.strerror)


def use_slot(slot: int) -> None:
    """Keep this process's metrics in the files of `slot`. Call it before any metric is made."""
    if os.environ.get(DIRECTORY):
        values.MmapedDict = open_file  # type: ignore[assignment,attr-defined]  # the seam we use
        values.ValueClass = values.MultiProcessValue(lambda: slot)


def forget(slot: int) -> None:
    """Remove what told the state of the dead worker in `slot`; what it counted stays."""
    directory = os.environ.get(DIRECTORY)
    if directory:
        for path in Path(directory).glob(f"gauge_live*_{slot}.db"):
            with suppress(OSError):
                path.unlink()

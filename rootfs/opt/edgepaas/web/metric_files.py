"""prometheus_client's multiprocess files: one set per worker slot, safe on a full tmpfs.

Keyed by pid, as the library does it, they would grow with every worker that ever lived.
"""

# mypy: disable-error-code="no-untyped-call,no-any-return"
# prometheus_client leaves this part of itself without types.

import logging
import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from boot import exemplar_file
from boot.exemplar_file import Exemplar

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
FIRST_BYTES = 1 << 16
HEADER_BYTES = 8
ENTRY_BYTES = 32
DOUBLE_BYTES = 8
GARBAGE = (struct.error, RuntimeError, ValueError, IndexError)

SLOT: list[int] = []  # this process's, once it has one
NONE = -1  # the slot of the arbiter, whose metrics are in memory until it forks
FIRST_VALUE: list[Any] = []  # that was made
WRITER: list[exemplar_file.Writer] = []

log = logging.getLogger(__name__)


class Pair:
    """Value and time of a series that is in no file."""

    def __init__(self) -> None:
        self.cells = [0.0, 0.0]


class Series(ABC):
    """What the library wants of a file, and a way past it: who knows a series' cells writes them.

    A cell is a double that is stored as one, so that a reader never sees half of it, or the zeros
    that struct.pack_into writes first.
    """

    cells: Any  # doubles by number

    @abstractmethod
    def place(self, key: str) -> tuple[Any, int]:
        """Return who has the cells of a series, and its value's number; the next is its time."""

    def read_value(self, key: str) -> tuple[float, float]:
        """Return value and timestamp of a series, zeros if it is new."""
        holder, value = self.place(key)
        return holder.cells[value], holder.cells[value + 1]

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Set value and timestamp of a series."""
        holder, number = self.place(key)
        holder.cells[number], holder.cells[number + 1] = value, timestamp


class ReservedFile(Series, MmapedDict):
    """A metrics file whose blocks are reserved before they are mapped.

    Touching a mapped page that the file system has no room for is a SIGBUS. Series that find
    no room are kept in memory: the worker goes on, a scrape does not see them.
    """

    def __init__(self, filename: str) -> None:
        """Open or make the file. Raises OSError, one of GARBAGE for one that is none of ours."""
        self._unseen: dict[str, Pair] = {}
        reserve(filename)
        MmapedDict.__init__(self, filename)
        if not HEADER_BYTES <= self._used <= self._capacity:
            raise ValueError("no file of metrics")
        self._map_cells()

    def place(self, key: str) -> tuple[Any, int]:
        """Return this file or a pair in memory; makes room for a series that is new."""
        if key not in self._positions and key not in self._unseen:
            try:
                self._make_room(key)
                self._init_value(key)
                self._map_cells()
            except OSError as error:
                report(error)
                self._unseen[key] = Pair()
        if key in self._unseen:
            return self._unseen[key], 0
        return self, self._positions[key] // DOUBLE_BYTES

    def close(self) -> None:
        """Give the file back."""
        self.cells.release()
        super().close()

    def _make_room(self, key: str) -> None:
        most, capacity = self._used + len(key.encode()) + ENTRY_BYTES, self._capacity
        while capacity < most:
            capacity *= 2
        if capacity > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, capacity)

    def _map_cells(self) -> None:
        """See the file as doubles; where it grew the library has mapped it anew."""
        whole = len(self._m) // DOUBLE_BYTES * DOUBLE_BYTES
        self.cells = memoryview(self._m)[:whole].cast("d")


class Memory(Series):
    """Stands in for a file: one that cannot be had, or that of a slot not given yet."""

    def __init__(self) -> None:
        self.pairs: dict[str, Pair] = {}

    def place(self, key: str) -> tuple[Any, int]:
        """Return the pair of a series."""
        return self.pairs.setdefault(key, Pair()), 0

    def close(self) -> None:
        """Do nothing."""


BEFORE_FORK: dict[str, Memory] = {}  # by kind, which is how the name of a file begins


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
    """Return the metrics file, or one in memory where it cannot be had or has no slot yet."""
    kind, _, slot = Path(filename).stem.rpartition("_")
    if slot == str(NONE):
        return BEFORE_FORK.setdefault(kind, Memory())
    try:
        try:
            file = ReservedFile(filename)
        except GARBAGE as error:
            log.warning("%s could not be read and is begun anew: %s", filename, error)
            Path(filename).unlink()
            file = ReservedFile(filename)
    except OSError as error:
        report(error)
        return Memory()
    if kind in BEFORE_FORK:
        take_over(kind, BEFORE_FORK[kind], file)
    return file


def take_over(kind: str, memory: Memory, file: ReservedFile) -> None:
    """Write down what the app counted and set while it was imported, as if it were now."""
    for key, pair in memory.pairs.items():
        value, timestamp = pair.cells
        counted = 0.0 if kind.startswith("gauge") else file.read_value(key)[0]
        file.write_value(key, counted + value, timestamp)


def once(function: Callable[[OSError], None]) -> Callable[[OSError], None]:
    """Return a function that runs only the first time."""
    pending = [function]

    def run(error: OSError) -> None:
        while pending:
            pending.pop()(error)

    return run


@once
def report(error: OSError) -> None:
    """Say that this worker's metrics are incomplete from now on, here and to the sidecar."""
    directory = os.environ[DIRECTORY]
    log.warning("metrics are incomplete: no room in %s (%s)", directory, error.strerror)
    with suppress(OSError):  # an empty file needs no room
        Path(directory, f"{SLOT[0]}.incomplete").touch()


def prepare() -> None:
    """Keep metrics in memory until `use_slot`. Call it before any metric is made."""
    if os.environ.get(DIRECTORY):
        values.MmapedDict = open_file  # type: ignore[assignment,attr-defined]  # the seam we use
        in_files = values.MultiProcessValue(lambda: SLOT[0] if SLOT else NONE)
        values.ValueClass = with_exemplars(in_files)


def use_slot(slot: int) -> None:
    """Keep this process's metrics in the files of `slot`, and what was counted before it had one.

    Call it before any metric is made, or in a process forked from one that called `prepare`.
    """
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return
    if values.MmapedDict is not open_file:  # type: ignore[attr-defined]
        prepare()
    SLOT[:] = [slot]
    try:
        WRITER[:] = [exemplar_file.Writer(Path(directory, f"exemplars_{slot}"))]
    except OSError as error:
        report(error)
    for value in FIRST_VALUE:
        value.get()  # the library then opens the files of this slot for all of them


def with_exemplars(in_files: Any) -> Any:
    """Return the class of values that keep exemplars too, which the library's own drops."""

    class Value(in_files):  # type: ignore[misc]  # made by the library when asked for
        # What it is lies in its cell alone. No lock: nothing is called between the reading of a
        # cell and its writing, so no other thread gets in between.
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            FIRST_VALUE[:] = FIRST_VALUE or [self]

        def inc(self, amount: float) -> None:
            # As the library does it, but for its look at the pid: `use_slot` has it look.
            holder, number = self.place()
            holder.cells[number] += amount

        def set(self, value: float, timestamp: float | None = None) -> None:
            self._file.write_value(self._key, value, timestamp or 0.0)

        def get(self) -> float:
            super().get()  # the look at the pid
            value, _ = self._file.read_value(self._key)
            return value

        def place(self) -> tuple[Any, int]:
            """Return who has the cells, and the value's number: for who counts often, in a process
            that has its slot.
            """
            found: tuple[Any, int] = self._file.place(self._key)
            return found

        def set_exemplar(self, exemplar: Any) -> None:
            _, _, name, labels, shown, *_ = self._params
            kept = Exemplar(
                name,
                dict(zip(labels, shown, strict=True)),
                exemplar.labels,
                exemplar.value,
                exemplar.timestamp,
            )
            for writer in WRITER:
                with suppress(OSError):
                    writer.put(self._key, kept)

    return Value


def forget(slot: int) -> None:
    """Remove what told the state of the dead worker in `slot`; what it counted stays."""
    directory = os.environ.get(DIRECTORY)
    if directory:
        live = Path(directory).glob(f"gauge_live*_{slot}.db")
        for path in (*live, Path(directory, f"{slot}.incomplete")):
            with suppress(OSError):
                path.unlink()

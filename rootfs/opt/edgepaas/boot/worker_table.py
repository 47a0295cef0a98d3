"""The table of web's workers: memory that web writes and the sidecar reads.

It is a file in the run directory, so that who has not forked from web can see it. A row is a
slot; its fields are written one by one, each in one go, so no lock is needed. Imports nothing
of ours.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = "workers"
ROWS = 1024
NUMBER = struct.Struct("<I")
STAGES, PIDS, STARTS = 0, ROWS, ROWS + ROWS * NUMBER.size
CONNECTIONS = STARTS + ROWS * NUMBER.size
ENDS = CONNECTIONS + ROWS * NUMBER.size
DRAINED, DIED = ENDS, ENDS + NUMBER.size
BYTES = -(-(DIED + NUMBER.size) // mmap.PAGESIZE) * mmap.PAGESIZE


class Row(NamedTuple):
    """A slot that had a worker: `stage` is web.slots.Stage, `starts` how many it had."""

    slot: int
    stage: int
    pid: int
    starts: int


class Ends(NamedTuple):
    """How many workers ended when they were done, and how many before."""

    drained: int
    died: int


def make(path: Path | None) -> mmap.mmap:
    """Return the table's memory, with no worker in it; what was counted before stays.

    Its blocks are reserved first: touching a page that a full tmpfs has no room for is a SIGBUS.
    Where there is no room, it is memory that the sidecar does not see.
    """
    try:
        memory = _mapped(path) if path else mmap.mmap(-1, BYTES)
    except OSError:
        memory = mmap.mmap(-1, BYTES)
    memory[STAGES:STARTS] = bytes(STARTS - STAGES)
    return memory


def _mapped(path: Path) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        os.posix_fallocate(descriptor, 0, BYTES)
        return mmap.mmap(descriptor, BYTES)
    finally:
        os.close(descriptor)


def put(memory: mmap.mmap, column: int, row: int, number: int) -> None:
    """Set a number of a row; `column` is PIDS, STARTS or CONNECTIONS, for ends DRAINED or DIED
    and row 0.
    """
    at = column + row * NUMBER.size
    memory[at : at + NUMBER.size] = NUMBER.pack(number & 0xFFFFFFFF)


def get(memory: mmap.mmap | bytes, column: int, row: int = 0) -> int:
    """Return a number of a row."""
    number: int = NUMBER.unpack_from(memory, column + row * NUMBER.size)[0]
    return number


def read(path: Path) -> tuple[list[Row], Ends] | None:
    """Return the slots that ever had a worker, and the ends; None where there is no table."""
    try:
        memory = path.read_bytes()
    except OSError:
        return None
    if len(memory) < BYTES:
        return None
    return list(_rows(memory)), Ends(get(memory, DRAINED), get(memory, DIED))


def _rows(memory: bytes) -> Iterator[Row]:
    for slot in range(ROWS):
        starts = get(memory, STARTS, slot)
        if starts:
            yield Row(slot, memory[slot], get(memory, PIDS, slot), starts)

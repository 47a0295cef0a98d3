"""What /proc tells about a tree of processes. Imports nothing of ours."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
KIB = 1024
OWN_TIMES, ALL_TIMES = slice(10, 12), slice(10, 14)  # in /proc/PID/stat, counted after the state
START_TIME = 18


class Usage(NamedTuple):
    """What a process or a tree of them uses; `started` is in seconds since the epoch.

    `cpu_seconds` includes children that have ended: a tree's never falls while the root lives.
    """

    processes: int
    cpu_seconds: float
    memory_bytes: int
    open_files: int
    started: float


def usage(root: int) -> dict[int, Usage]:
    """Return what each process of the tree under `root` uses, by pid; empty if it has ended."""
    found = {}
    for pid in tree(root):
        with suppress(OSError):
            found[pid] = usage_of(pid)
    return found


def usage_of(pid: int, *, with_children: bool = True) -> Usage:
    """Return what one process uses, CPU time of children that ended included. Raises OSError."""
    fields = stat(pid)
    return Usage(
        processes=1,
        cpu_seconds=sum(fields[ALL_TIMES if with_children else OWN_TIMES]) / TICKS_PER_SECOND,
        memory_bytes=proportional_memory(pid),
        open_files=len(os.listdir(PROC / str(pid) / "fd")),  # noqa: PTH208 (a scrape counts many)
        started=since_epoch(fields[START_TIME]),
    )


def total(found: Mapping[int, Usage]) -> Usage:
    """Return what all of a tree uses together, `started` when its root was."""
    each = list(found.values())
    return Usage(
        processes=len(each),
        cpu_seconds=sum(one.cpu_seconds for one in each),
        memory_bytes=sum(one.memory_bytes for one in each),
        open_files=sum(one.open_files for one in each),
        started=each[0].started,
    )


def tree(root: int) -> Iterator[int]:
    """Yield `root` and all its descendants."""
    yield root
    with suppress(OSError):
        for children in (PROC / str(root) / "task").glob("*/children"):
            for child in children.read_text().split():
                yield from tree(int(child))


def stat(pid: int) -> list[int]:
    """Return the numbers of /proc/PID/stat after the state. Raises OSError."""
    fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return [int(field) for field in fields[1:]]


def proportional_memory(pid: int) -> int:
    """Return the process's memory in bytes, shared pages divided among those who share them.

    Where the kernel does not tell (another user's process), it is the resident size.
    """
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * KIB
    except OSError:
        pass
    pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@lru_cache(maxsize=256)
def since_epoch(ticks: int) -> float:
    """Return a time in ticks since the kernel's start as seconds since the epoch.

    Worked out once for each, so that it stands still while the wall clock is being adjusted.
    """
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / TICKS_PER_SECOND
    return round(time.time() - age, 2)

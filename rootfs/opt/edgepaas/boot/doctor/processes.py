"""What /proc tells of the processes below one. Imports nothing of ours."""

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
STATES = {"R": "running", "S": "sleeping", "D": "waiting for a disk", "T": "stopped", "Z": "dead"}
UNKNOWN = "in another state"


class Process(NamedTuple):
    """One process: its number, its parent's, the letter of its state, its name."""

    pid: int
    parent: int
    state: str
    name: str


class Descriptors(NamedTuple):
    """How many file descriptors a process has open, of how many it may."""

    process: Process
    used: int
    limit: int


def everyone() -> list[Process]:
    """Return every process we can see, by number."""
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            found.append(_parse(path.read_text(errors="replace")))
    return sorted(found)


def tree(root: int) -> list[Process]:
    """Return `root` and all below it; [] where it has ended."""
    found, known = [], {root}
    for process in everyone():  # a child is nearly always younger than its parent
        if process.pid == root or process.parent in known:
            known.add(process.pid)
            found.append(process)
    return found


def states(root: int | None) -> str:
    """Return such as "2 processes sleeping, 1 stopped"; "" where there are none."""
    counted = Counter(STATES.get(each.state, UNKNOWN) for each in tree(root or 0))
    parts = [f"{number} {state}" for state, number in sorted(counted.items())]
    return f"processes of it: {', '.join(parts)}" if parts else ""


def fullest(root: int) -> Descriptors | None:
    """Return the process below `root` that is nearest to its limit of file descriptors."""
    return max(_descriptors(root), key=lambda each: each.used / each.limit, default=None)


def _descriptors(root: int) -> Iterator[Descriptors]:
    for process in tree(root):
        with suppress(OSError):
            limit, _ = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            used = sum(1 for _ in (PROC / str(process.pid) / "fd").iterdir())
            if limit > 0:
                yield Descriptors(process, used, limit)


def _parse(line: str) -> Process:
    head, _, tail = line.rpartition(")")
    pid, _, name = head.partition(" (")
    state, parent = tail.split()[:2]
    return Process(int(pid), int(parent), state, name)

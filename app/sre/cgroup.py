"""The control group this process lives in: memory and CPU, of version 1 or 2.

Imports nothing of ours.
"""

from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60  # version 1 writes 2**63, rounded down to a page
MICROSECONDS, NANOSECONDS = 1_000_000, 1_000_000_000


class Memory(NamedTuple):
    """Bytes in use, less what may be dropped, and how many there may be."""

    used: int
    limit: int


class Cpu(NamedTuple):
    """CPU seconds used so far, and how many CPUs may be used."""

    seconds: float
    limit: float


def memory(root: Path = ROOT) -> Memory | None:
    """Return the container's memory; None where it has no limit of its own."""
    names = ("memory.current", "memory.max", "memory.stat", "inactive_file")
    if not (root / "cgroup.controllers").exists():
        root /= "memory"
        names = (
            "memory.usage_in_bytes",
            "memory.limit_in_bytes",
            "memory.stat",
            "total_inactive_file",
        )
    used, limit, details, droppable = names
    try:
        most = _text(root / limit)
        if not most.isdecimal() or int(most) >= NO_LIMIT:
            return None
        dropped = _fields(root / details).get(droppable, 0)
        return Memory(max(0, int(_text(root / used)) - dropped), int(most))
    except (OSError, ValueError):
        return None


def cpu(root: Path = ROOT) -> Cpu | None:
    """Return the container's CPU time; None where it has no quota of its own."""
    try:
        if (root / "cgroup.controllers").exists():
            quota, _, period = _text(root / "cpu.max").partition(" ")
            seconds = _fields(root / "cpu.stat")["usage_usec"] / MICROSECONDS
        else:
            quota = _text(root / "cpu/cpu.cfs_quota_us")
            period = _text(root / "cpu/cpu.cfs_period_us")
            seconds = int(_text(root / "cpuacct/cpuacct.usage")) / NANOSECONDS
        if not quota.isdecimal():
            return None
        return Cpu(seconds, int(quota) / int(period))
    except (OSError, ValueError, LookupError, ZeroDivisionError):
        return None


def _text(path: Path) -> str:
    return path.read_text().strip()


def _fields(path: Path) -> dict[str, int]:
    pairs = (line.split(" ", 1) for line in _text(path).splitlines())
    return {name: int(number) for name, number in pairs}

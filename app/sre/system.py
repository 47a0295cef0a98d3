"""How the machine under the app is doing, from the standard library alone.

A report for people and alerts; readiness never depends on it.
"""

import os
import resource
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.sre import cgroup

SAMPLE_SECONDS = 0.1
OLDEST_SAMPLE_SECONDS = 60.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
IDLE = slice(3, 5)  # idle and iowait, in the first line of /proc/stat
BUSY_AND_IDLE = slice(0, 8)
STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Thresholds:
    """The shares above which a check is not ok."""

    cpu: float = 0.9
    memory: float = 0.9
    disk: float = 0.9
    descriptors: float = 0.8


class Used(NamedTuple):
    """CPU seconds used until `at` (monotonic seconds), and how many a second has."""

    at: float
    seconds: float
    cpus: float


class Machine:
    """Looks at the machine when asked; of the CPU it says how busy it was since it last looked."""

    def __init__(self, data_dir: Path, thresholds: Thresholds) -> None:
        self._data_dir = data_dir
        self._thresholds = thresholds
        self._lock = threading.Lock()
        self._last: Used | None = None

    def report(self) -> dict[str, Any]:
        """Return each check with value, threshold and verdict, and the worst verdict as status."""
        limits = self._thresholds
        checks = {
            "cpu": _check(self._cpu, limits.cpu),
            "memory": _check(_memory, limits.memory),
            "disk": _check(self._disk, limits.disk),
            "descriptors": _check(_descriptors, limits.descriptors),
        }
        ok = all(check["ok"] is not False for check in checks.values())
        return {"status": "ok" if ok else "degraded", "checks": checks}

    def _cpu(self) -> dict[str, Any]:
        """Return the share in use of the CPUs we may use, over at most the last minute."""
        with self._lock:
            now, before = cpu_used(), self._last
            if before is None or not SAMPLE_SECONDS <= now.at - before.at <= OLDEST_SAMPLE_SECONDS:
                before = now
                time.sleep(SAMPLE_SECONDS)
                now = cpu_used()
            self._last = now
        share = (now.seconds - before.seconds) / (now.at - before.at) / now.cpus
        return {
            "value": min(1.0, max(0.0, share)),
            "unit": "share",
            "cpus": now.cpus,
            "seconds": round(now.at - before.at, 1),
            "load": os.getloadavg()[0],
        }

    def _disk(self) -> dict[str, Any]:
        """Return the share in use of the disk that holds the data."""
        usage = shutil.disk_usage(self._data_dir)
        return {"value": usage.used / usage.total, "unit": "share", "free_bytes": usage.free}


def _check(measure: Callable[[], dict[str, Any]], threshold: float) -> dict[str, Any]:
    """Return what `measure` says beside its verdict; `ok` is null where it cannot be known."""
    try:
        measured = measure()
    except (OSError, ValueError, LookupError, ZeroDivisionError) as error:
        return {"ok": None, "threshold": threshold, "error": type(error).__name__}
    ok = measured["value"] <= threshold
    return {"ok": ok, "value": round(measured.pop("value"), 3), "threshold": threshold, **measured}


def cpu_used() -> Used:
    """Return the CPU time used: the container's if it has a quota, else the host's.

    Raises OSError, ValueError.
    """
    ours = cgroup.cpu()
    if ours is not None:
        return Used(time.monotonic(), ours.seconds, ours.limit)
    lines = STAT.read_text().splitlines()
    ticks = [int(number) for number in lines[0].split()[1:]]
    busy = sum(ticks[BUSY_AND_IDLE]) - sum(ticks[IDLE])
    cpus = sum(line.startswith("cpu") for line in lines) - 1
    return Used(time.monotonic(), busy / TICKS_A_SECOND, float(cpus))


def _memory() -> dict[str, Any]:
    """Return the share of memory in use: the container's if it has a limit, else the host's."""
    used, total = cgroup.memory() or _host_memory()
    return {"value": used / total, "unit": "share", "used_bytes": used, "total_bytes": total}


def _host_memory() -> tuple[int, int]:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    return total - free, total


def _descriptors() -> dict[str, Any]:
    """Return the share in use of the file descriptors this process may open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    share = 0.0 if limit == resource.RLIM_INFINITY else used / limit
    return {"value": share, "unit": "share", "open": used, "limit": limit}

"""How the machine under the app is doing, from the standard library alone.

A report for people and alerts; readiness never depends on it.
"""

import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOAD_PER_CPU = 2.0
MEMORY_SHARE = 0.9
DISK_SHARE = 0.9
DESCRIPTOR_SHARE = 0.8
CGROUP = Path("/sys/fs/cgroup")


def report(data_dir: Path) -> dict[str, Any]:
    """Return each check with its value, threshold and verdict, and the worst verdict as status."""
    checks = {
        "load": _check(_load, LOAD_PER_CPU),
        "memory": _check(_memory, MEMORY_SHARE),
        "disk": _check(lambda: _disk(data_dir), DISK_SHARE),
        "descriptors": _check(_descriptors, DESCRIPTOR_SHARE),
    }
    ok = all(check["ok"] is not False for check in checks.values())
    return {"status": "ok" if ok else "degraded", "checks": checks}


def _check(measure: Callable[[], dict[str, Any]], threshold: float) -> dict[str, Any]:
    """Return what `measure` says beside its verdict; `ok` is null where it cannot be known."""
    try:
        measured = measure()
    except (OSError, ValueError, ZeroDivisionError) as error:
        return {"ok": None, "threshold": threshold, "error": type(error).__name__}
    ok = measured["value"] <= threshold
    return {"ok": ok, "value": round(measured.pop("value"), 3), "threshold": threshold, **measured}


def _load() -> dict[str, Any]:
    """Return the load of the last minute per CPU we may use."""
    cpus = len(os.sched_getaffinity(0))
    return {"value": os.getloadavg()[0] / cpus, "unit": "load per cpu", "cpus": cpus}


def _memory() -> dict[str, Any]:
    """Return the share of memory in use: the container's if it has a limit, else the host's."""
    used, total = _cgroup_memory() or _host_memory()
    return {"value": used / total, "unit": "share", "used_bytes": used, "total_bytes": total}


def _cgroup_memory() -> tuple[int, int] | None:
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except OSError:
        return None
    return None if limit == "max" else (used, int(limit))


def _host_memory() -> tuple[int, int]:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    return total - free, total


def _disk(data_dir: Path) -> dict[str, Any]:
    """Return the share in use of the disk that holds the data."""
    usage = shutil.disk_usage(data_dir)
    return {"value": usage.used / usage.total, "unit": "share", "free_bytes": usage.free}


def _descriptors() -> dict[str, Any]:
    """Return the share in use of the file descriptors this process may open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    share = 0.0 if limit == resource.RLIM_INFINITY else used / limit
    return {"value": share, "unit": "share", "open": used, "limit": limit}

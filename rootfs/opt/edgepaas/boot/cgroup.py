"""This container's limits and their use, from cgroup v2 or v1. Imports nothing of ours."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MOUNT = Path("/sys/fs/cgroup")
SELF = Path("/proc/self/cgroup")
# What version 1 writes for "no limit": 2**63, rounded down to a page.
NO_LIMIT = 1 << 60
V1_MEMORY = ("memory.usage_in_bytes", "memory.limit_in_bytes")
MICROSECONDS, NANOSECONDS = 1_000_000, 1_000_000_000
FILES_V2 = ("memory.*", "pids.*", "cpu.max", "cpu.stat", "cpu.pressure", "io.pressure")
FILES_V1 = {
    "memory": (*V1_MEMORY, "memory.oom_control", "memory.failcnt", "memory.stat"),
    "pids": ("pids.max", "pids.current", "pids.events"),
    "cpu": ("cpu.stat", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
}


class Use(NamedTuple):
    """How much of something is used; a `limit` of None is none."""

    used: int
    limit: int | None

    @property
    def share(self) -> float:
        """Return the share in use, 0 without a limit."""
        return self.used / self.limit if self.limit else 0.0


class Throttling(NamedTuple):
    """Of how many periods with a CPU quota it ran out in how many, and for how many seconds."""

    periods: int
    throttled: int
    seconds: float


class Cgroup:
    """The control group of this process; what cannot be read is None, 0 or empty."""

    def __init__(self, mount: Path = MOUNT, membership: Path = SELF) -> None:
        self.mount = mount
        self._paths = dict(_membership(membership))
        self.unified = (mount / "cgroup.controllers").exists()

    def memory(self) -> Use | None:
        """Return the bytes in use; files that the kernel may drop do not count."""
        names = ("memory.current", "memory.max") if self.unified else V1_MEMORY
        use = self._use("memory", *names)
        inactive = "inactive_file" if self.unified else "total_inactive_file"
        cache = self._field("memory", "memory.stat", inactive)
        return use and use._replace(used=max(0, use.used - cache))

    def memory_peak(self) -> int | None:
        """Return the most bytes that were ever in use, files in memory among them."""
        name = "memory.peak" if self.unified else "memory.max_usage_in_bytes"
        text = self._read("memory", name).strip()
        return int(text) if text.isdecimal() else None

    def memory_limit_hits(self) -> int:
        """Return how often memory had to be freed, or was refused, because of the limit."""
        if self.unified:
            return self._field("memory", "memory.events", "max")
        text = self._read("memory", "memory.failcnt").strip()
        return int(text) if text.isdecimal() else 0

    def pids(self) -> Use | None:
        """Return the number of processes and threads."""
        return self._use("pids", "pids.current", "pids.max")

    def kills(self) -> int:
        """Return how many processes were killed for lack of memory."""
        name = "memory.events" if self.unified else "memory.oom_control"
        return self._field("memory", name, "oom_kill")

    def forks_refused(self) -> int:
        """Return how often the limit of processes refused one."""
        return self._field("pids", "pids.events", "max")

    def cpu_limit(self) -> float | None:
        """Return how many CPUs may be used; None where there is no quota."""
        if self.unified:
            quota, _, period = self._read("cpu", "cpu.max").strip().partition(" ")
        else:
            quota = self._read("cpu", "cpu.cfs_quota_us").strip()
            period = self._read("cpu", "cpu.cfs_period_us").strip()
        limited = quota.isdecimal() and period.isdecimal() and int(period)
        return int(quota) / int(period) if limited else None

    def cpu_seconds(self) -> float | None:
        """Return the CPU time used so far."""
        if self.unified:
            used = self._field("cpu", "cpu.stat", "usage_usec") / MICROSECONDS
            return used or None
        text = self._read("cpuacct", "cpuacct.usage").strip()
        return int(text) / NANOSECONDS if text.isdecimal() else None

    def throttling(self) -> Throttling:
        """Return how often and how long the CPU quota held us up."""
        unit, name = (
            (MICROSECONDS, "throttled_usec") if self.unified else (NANOSECONDS, "throttled_time")
        )
        periods, throttled, time = (
            self._field("cpu", "cpu.stat", key) for key in ("nr_periods", "nr_throttled", name)
        )
        return Throttling(periods, throttled, time / unit)

    def throttled_share(self) -> float:
        """Return the share of periods in which the CPU quota ran out."""
        found = self.throttling()
        return found.throttled / found.periods if found.periods else 0.0

    def pressure(self, resource: str) -> float:
        """Return the per cent of the last minute in which somebody waited for a resource."""
        text = self._read(resource, f"{resource}.pressure")
        match = re.search(r"^some .*\bavg60=([\d.]+)", text, re.MULTILINE)
        return float(match[1]) if match else 0.0

    def pressure_seconds(self, resource: str) -> dict[str, float]:
        """Return for how long "some" and "full" (all) waited for a resource; version 2 only."""
        text = self._read(resource, f"{resource}.pressure")
        totals = re.finditer(r"^(some|full) .*\btotal=(\d+)", text, re.MULTILINE)
        return {match[1]: int(match[2]) / MICROSECONDS for match in totals}

    def files(self) -> Iterator[Path]:
        """Yield the files a person would look at."""
        if self.unified:
            directory = self._directory("")
            for pattern in FILES_V2:
                yield from sorted(path for path in directory.glob(pattern) if path.is_file())
            return
        for controller, names in FILES_V1.items():
            for name in names:
                path = self._directory(controller) / name
                if path.exists():
                    yield path

    def _use(self, controller: str, used: str, limit: str) -> Use | None:
        now, most = self._read(controller, used).strip(), self._read(controller, limit).strip()
        if not now.isdecimal():
            return None
        bounded = most.isdecimal() and int(most) < NO_LIMIT
        return Use(int(now), int(most) if bounded else None)

    def _field(self, controller: str, name: str, key: str) -> int:
        match = re.search(rf"^{key} (\d+)$", self._read(controller, name), re.MULTILINE)
        return int(match[1]) if match else 0

    def _read(self, controller: str, name: str) -> str:
        try:
            return (self._directory(controller) / name).read_text()
        except OSError:
            return ""

    def _directory(self, controller: str) -> Path:
        """Return where the controller's files are: a container sees its own group as the root."""
        base = self.mount if self.unified else self.mount / controller
        own = base / self._paths.get("" if self.unified else controller, "").lstrip("/")
        return own if own.is_dir() else base


def _membership(path: Path) -> Iterator[tuple[str, str]]:
    """Yield controller and path of each group we are in (cgroups(7), /proc/pid/cgroup)."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, place = rest.partition(":")
        for controller in controllers.split(","):
            yield controller, place

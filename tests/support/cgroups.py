"""Trees like those below /sys/fs/cgroup, of both versions. Imports nothing of ours."""

from collections.abc import Callable
from pathlib import Path

Make = Callable[..., Path]

V2 = {
    "cgroup.controllers": "cpu io memory pids\n",
    "memory.current": "1000\n",
    "memory.max": "2000\n",
    "memory.peak": "1500\n",
    "memory.stat": "anon 1\ninactive_file 400\n",
    "memory.events": "low 0\nhigh 0\nmax 5\noom 3\noom_kill 2\n",
    "memory.pressure": "some avg10=1.00 avg60=31.50 avg300=0.00 total=9000000\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=4000000\n",
    "cpu.max": "150000 100000\n",
    "cpu.stat": "usage_usec 7500000\nnr_periods 100\nnr_throttled 40\nthrottled_usec 2500000\n",
    "cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n",
    "io.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n",
    "pids.current": "7\n",
    "pids.max": "50\n",
    "pids.events": "max 1\n",
}
V1 = {
    "memory/memory.usage_in_bytes": "1000\n",
    "memory/memory.limit_in_bytes": "2000\n",
    "memory/memory.max_usage_in_bytes": "1500\n",
    "memory/memory.failcnt": "5\n",
    "memory/memory.stat": "total_rss 1\ntotal_inactive_file 400\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "cpu/cpu.cfs_quota_us": "150000\n",
    "cpu/cpu.cfs_period_us": "100000\n",
    "cpu/cpu.stat": "nr_periods 100\nnr_throttled 40\nthrottled_time 2500000000\n",
    "cpuacct/cpuacct.usage": "7500000000\n",
    "pids/pids.current": "7\n",
    "pids/pids.max": "50\n",
    "pids/pids.events": "max 1\n",
}
V2_UNLIMITED = {"memory.max": "max\n", "cpu.max": "max 100000\n", "pids.max": "max\n"}
V1_UNLIMITED = {
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "cpu/cpu.cfs_quota_us": "-1\n",
    "pids/pids.max": "max\n",
}


def version_2(directory: Path, **changed: str) -> Path:
    """Make a tree of version 2 and return its mount point; `changed` are contents by file."""
    return _make(directory, {**V2, **changed})


def version_1(directory: Path, **changed: str) -> Path:
    """Make a tree of version 1 and return its mount point."""
    return _make(directory, {**V1, **changed})


def _make(directory: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return directory

"""What PID 1 costs while nothing happens: processor time and memory."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from scripts.bench import handover
from scripts.bench.contestants import OURS, STEPS, Chain
from scripts.bench.measure import Sample
from scripts.checkout import build_directory

SECONDS = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


def measure(seconds: float = SECONDS) -> dict[str, Sample]:
    """Return PID 1's share of one processor in percent, and its memory in MiB."""
    folder = build_directory("bench", "idle")
    with Chain(OURS, folder) as process:
        handover.wait_for(folder / f"{STEPS[-1]}.end", OURS.name, folder)
        before = cpu_seconds(process.pid)
        time.sleep(seconds)
        used = cpu_seconds(process.pid) - before
        memory = memory_mib(process.pid)
    return {
        "idle processor": Sample("%", [100 * used / seconds]),
        "resident memory": Sample("MiB", [memory["Rss"]]),
        "proportional memory": Sample("MiB", [memory["Pss"]]),
    }


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid: int) -> dict[str, float]:
    """Return what smaps_rollup says, in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return {name: int(kib) / 1024 for name, kib in re.findall(r"(\w+):\s+(\d+) kB", text)}

"""What every supervised unit uses, as metrics."""

import os
from collections.abc import Iterator
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from sidecar import processes
from sidecar.processes import Usage

INIT = "init"


def collect(report: dict[str, Any]) -> Iterator[Metric]:
    """Yield CPU, memory, open files, processes and start time of each unit and of PID 1."""
    cpu = CounterMetricFamily(
        "edgepaas_unit_cpu_seconds", "CPU time of the unit's processes.", labels=["unit"]
    )
    gauges = {
        "processes": gauge("processes", "Processes of the unit."),
        "memory_bytes": gauge("memory_bytes", "Proportional memory (PSS) of the unit."),
        "open_files": gauge("open_fds", "Open file descriptors of the unit."),
        "started": gauge("start_time_seconds", "When the unit was started, since the epoch."),
    }
    for name, usage in usages(report):
        cpu.add_metric([name], usage.cpu_seconds)
        for field, family in gauges.items():
            family.add_metric([name], getattr(usage, field))
    yield cpu
    yield from gauges.values()


def gauge(name: str, meaning: str) -> GaugeMetricFamily:
    """Return an empty family by unit."""
    return GaugeMetricFamily(f"edgepaas_unit_{name}", meaning, labels=["unit"])


def usages(report: dict[str, Any]) -> Iterator[tuple[str, Usage]]:
    """Yield name and usage of PID 1, without its children, and of every unit that runs."""
    roots = {unit["name"]: unit["pid"] for unit in report["units"] if unit["pid"]}
    init = processes.usage(os.getppid(), with_children=False)
    if init:
        yield INIT, init
    for name, pid in roots.items():
        usage = processes.usage(pid)
        if usage:
            yield name, usage

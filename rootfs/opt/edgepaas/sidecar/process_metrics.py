"""What every supervised unit and every worker of web uses, as metrics."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from boot import worker_table
from boot.worker_table import Ends, Row
from sidecar import processes
from sidecar.processes import Usage

INIT = "init"
STAGES = {1: "starting", 2: "serving", 3: "draining"}  # web.slots.Stage


def collect(report: dict[str, Any], run_dir: Path) -> Iterator[Metric]:
    """Yield what PID 1, every unit and every worker uses, and how the workers fare."""
    trees = {unit["name"]: processes.usage(unit["pid"]) for unit in report["units"] if unit["pid"]}
    yield from use("unit", {**init(), **totals(trees)})
    table = worker_table.read(run_dir / worker_table.NAME)
    if table:
        rows, ends = table
        everybody = {pid: usage for tree in trees.values() for pid, usage in tree.items()}
        alive = {str(row.slot): everybody[row.pid] for row in rows if row.pid in everybody}
        yield from use("worker", alive)
        yield from workers(rows, ends)


def init() -> dict[str, Usage]:
    """Return what PID 1 uses, without its children."""
    with suppress(OSError):
        return {INIT: processes.usage_of(os.getppid(), with_children=False)}
    return {}


def totals(trees: dict[str, dict[int, Usage]]) -> dict[str, Usage]:
    """Return what each tree that still runs uses together."""
    return {name: processes.total(found) for name, found in trees.items() if found}


def use(kind: str, usages: dict[str, Usage]) -> Iterator[Metric]:
    """Yield CPU, memory, open files and start time by unit or worker."""
    of = "of the unit's processes" if kind == "unit" else "of the worker in this slot"
    cpu = CounterMetricFamily(f"edgepaas_{kind}_cpu_seconds", f"CPU time {of}.", labels=[kind])
    gauges = {
        "memory_bytes": gauge(kind, "memory_bytes", f"Proportional memory (PSS) {of}."),
        "open_files": gauge(kind, "open_fds", f"Open file descriptors {of}."),
        "started": gauge(kind, "start_time_seconds", f"When the {kind} began, since the epoch."),
    }
    if kind == "unit":
        gauges["processes"] = gauge(kind, "processes", "Processes of the unit.")
    for name, usage in usages.items():
        cpu.add_metric([name], usage.cpu_seconds)
        for field, family in gauges.items():
            family.add_metric([name], getattr(usage, field))
    yield cpu
    yield from gauges.values()


def gauge(kind: str, name: str, meaning: str) -> GaugeMetricFamily:
    """Return an empty family by unit or by worker."""
    return GaugeMetricFamily(f"edgepaas_{kind}_{name}", meaning, labels=[kind])


def workers(rows: list[Row], ends: Ends) -> Iterator[Metric]:
    """Yield how many workers are in each stage, how often one was replaced, how they ended."""
    stages = GaugeMetricFamily(
        "edgepaas_workers", "Workers of web in each stage.", labels=["stage"]
    )
    for number, stage in STAGES.items():
        stages.add_metric([stage], sum(row.stage == number for row in rows))
    restarts = CounterMetricFamily(
        "edgepaas_worker_restarts", "Workers that took the place of one before.", labels=["worker"]
    )
    for row in rows:
        restarts.add_metric([str(row.slot)], row.starts - 1)
    ended = CounterMetricFamily(
        "edgepaas_worker_ends",
        "Workers that ended: drained (told to, or recycled) or died (killed, crashed, hung).",
        labels=["how"],
    )
    for how, number in ends._asdict().items():
        ended.add_metric([how], number)
    yield from (stages, restarts, ended)

"""The container's limits, what it uses of them and how it suffers from them, as metrics.

What has no limit has no series of its limit; pressure is told by cgroup version 2 only.
"""

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from boot.cgroup import Cgroup

PREFIX = "edgepaas_container"
RESOURCES = ("cpu", "io", "memory")


def collect(group: Cgroup) -> Iterator[Metric]:
    """Yield memory, CPU, processes and pressure."""
    yield from memory(group)
    yield from cpu(group)
    yield from processes(group)
    yield from pressure(group)


def memory(group: Cgroup) -> Iterator[Metric]:
    """Yield memory in use, its limit and what the limit did."""
    use = group.memory()
    if use is None:
        return
    yield from gauge("memory_bytes", "Memory in use, less files that may be dropped.", use.used)
    yield from gauge("memory_limit_bytes", "Limit of the container's memory.", use.limit)
    peak = group.memory_peak()
    yield from gauge("memory_peak_bytes", "The most memory in use so far, files included.", peak)
    yield counter("oom_kills", "Processes killed for lack of memory.", group.kills())
    hits = group.memory_limit_hits()
    yield counter("memory_limit_hits", "Times memory had to be freed for the limit.", hits)


def cpu(group: Cgroup) -> Iterator[Metric]:
    """Yield CPU time, the quota and what it held up."""
    used = group.cpu_seconds()
    if used is None:
        return
    yield counter("cpu_seconds", "CPU time of the container.", used)
    yield from gauge("cpu_limit_cores", "How many CPUs may be used.", group.cpu_limit())
    periods, throttled, seconds = group.throttling()
    yield counter("cpu_periods", "Periods that had a CPU quota.", periods)
    yield counter("cpu_throttled_periods", "Periods in which the quota ran out.", throttled)
    yield counter("cpu_throttled_seconds", "Time in which the quota held us up.", seconds)


def processes(group: Cgroup) -> Iterator[Metric]:
    """Yield the number of processes and threads, its limit and what the limit refused."""
    use = group.pids()
    if use is None:
        return
    yield from gauge("processes", "Processes and threads in the container.", use.used)
    yield from gauge("processes_limit", "Limit of processes and threads.", use.limit)
    refused = group.forks_refused()
    yield counter("forks_refused", "Processes and threads refused by the limit.", refused)


def pressure(group: Cgroup) -> Iterator[Metric]:
    """Yield how long there was waiting for something."""
    family = CounterMetricFamily(
        f"{PREFIX}_pressure_seconds",
        "Time in which some or all (full) of the container waited for a resource.",
        labels=["resource", "share"],
    )
    for resource in RESOURCES:
        for share, seconds in group.pressure_seconds(resource).items():
            family.add_metric([resource, share], seconds)
    yield family


def gauge(name: str, meaning: str, value: float | None) -> Iterator[Metric]:
    """Yield a gauge, unless its value is not known."""
    if value is not None:
        yield GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value)


def counter(name: str, meaning: str, value: float) -> Metric:
    """Return a counter."""
    return CounterMetricFamily(f"{PREFIX}_{name}", meaning, value)

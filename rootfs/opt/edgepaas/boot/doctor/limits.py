"""Does it run into a limit: memory, processes, CPU, file descriptors?"""

from collections.abc import Iterator

from boot.cgroup import Cgroup, Use
from boot.doctor import processes
from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, Grade, bad, ok, warn
from boot.doctor.words import amount, count

FULL, SCARCE = 0.98, 0.9
THROTTLED_MOST = 0.25
PRESSURE_MOST = 25.0
DESCRIPTORS_LEAST = 1024
MORE_MEMORY = "raise the limit (`docker run --memory`), or lower WEB_CONCURRENCY"
MORE_PROCESSES = "raise `docker run --pids-limit`, or lower WEB_CONCURRENCY"
MORE_CPU = "raise `docker run --cpus`, or lower the load"
MORE_DESCRIPTORS = "raise `docker run --ulimit nofile=65536`"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield each limit that is reached or near, then one line for all that are far."""
    group = Cgroup()
    found = [
        *_memory(group),
        *_processes(group),
        *_cpu(group),
        *_pressure(group),
        *_descriptors(evidence),
    ]
    yield from (each for each in found if each.grade is not Grade.OK)
    fine = "; ".join(each.line for each in found if each.grade is Grade.OK)
    if fine:
        yield ok("limits", fine)


def _memory(group: Cgroup) -> Iterator[Finding]:
    if use := group.memory():
        limit = amount(use.limit) if use.limit else "no limit"
        yield _graded(use, f"memory {amount(use.used)} of {limit}", MORE_MEMORY)
    if kills := group.kills():
        line = f"the kernel killed a process for lack of memory {count(kills, 'time')}"
        yield warn("limits", line, MORE_MEMORY)


def _processes(group: Cgroup) -> Iterator[Finding]:
    if use := group.pids():
        yield _graded(use, f"processes {use.used} of {use.limit or 'no limit'}", MORE_PROCESSES)
    if refused := group.forks_refused():
        line = f"the limit of processes refused a new one {count(refused, 'time')}"
        yield warn("limits", line, MORE_PROCESSES)


def _graded(use: Use, line: str, advice: str) -> Finding:
    if use.share >= FULL:
        return bad("limits", line, advice)
    return warn("limits", line, advice) if use.share >= SCARCE else ok("limits", line)


def _cpu(group: Cgroup) -> Iterator[Finding]:
    share = group.throttled_share()
    if share > THROTTLED_MOST:
        line = f"the CPU quota ran out in {share:.0%} of all periods"
        yield warn("limits", line, MORE_CPU)


def _pressure(group: Cgroup) -> Iterator[Finding]:
    for resource, advice in (("memory", MORE_MEMORY), ("cpu", MORE_CPU), ("io", "find who writes")):
        waited = group.pressure(resource)
        if waited > PRESSURE_MOST:
            line = f"somebody waited for {resource} in {waited:.0f} % of the last minute"
            yield warn("limits", line, advice)


def _descriptors(evidence: Evidence) -> Iterator[Finding]:
    fullest = processes.fullest(evidence.pid) if evidence.pid else None
    if fullest is None:
        return
    who = f"{fullest.process.name} (pid {fullest.process.pid})"
    line = f"descriptors {fullest.used} of {fullest.limit} in {who}"
    finding = _graded(Use(fullest.used, fullest.limit), line, MORE_DESCRIPTORS)
    if finding.grade is Grade.OK and fullest.limit < DESCRIPTORS_LEAST:
        finding = warn("limits", f"a process may open {fullest.limit} files", MORE_DESCRIPTORS)
    yield finding

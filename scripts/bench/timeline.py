"""What each step of our boot costs, from `docker run` to the first 200."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from scripts.bench import postgres, start
from scripts.bench.measure import Sample
from scripts.bench.rivals import OURS, Contestant, running
from scripts.checkout import ROOT, build_directory
from scripts.console import Failure
from scripts.engine import Engine

BEGAN = "/tmp/began"  # noqa: S108 - in the container, where nobody else is
CLOCK = f'import time\n\nopen("{BEGAN}", "w").write(str(time.monotonic()))\n'
COMPLETE_SECONDS = 60.0
Timeline = dict[str, Sample]


def measure(docker: Engine, rounds: int) -> dict[str, Timeline]:
    """Return the milliseconds of each step, by database; both are at head."""
    init = timed_init()
    timelines: dict[str, Timeline] = {"SQLite": {}, "PostgreSQL": {}}
    with postgres.serving(docker) as server:
        url = server.new_database("timeline")
        contestants = {"SQLite": OURS, "PostgreSQL": start.at_database(OURS, url)}
        for number in range(rounds + 1):
            for name, contestant in contestants.items():
                steps = boot(docker, contestant, init)
                if number:
                    for step, milliseconds in steps.items():
                        sample = timelines[name].setdefault(step, Sample("ms"))
                        sample.values.append(milliseconds)
    return timelines


def timed_init() -> Path:
    """Make a copy of /init that first notes the time; return where it is."""
    init = build_directory("bench") / "init"
    head, _, rest = (ROOT / "rootfs/init").read_text(encoding="utf-8").partition("\n")
    init.write_text(f"{head}\n{CLOCK}{rest}", encoding="utf-8")
    init.chmod(0o755)
    return init


def boot(docker: Engine, contestant: Contestant, init: Path) -> dict[str, float]:
    """Boot once; return the milliseconds of each step, in order."""
    before = time.monotonic()
    with running(docker, contestant, "--volume", f"{init}:/init:ro") as (container, seconds):
        report = complete(docker, container.name)
        first_line = float(docker.output("exec", container.name, "cat", BEGAN))
    return steps(report, first_line - before, report["started_monotonic"] - before, seconds)


def complete(docker: Engine, name: str) -> dict[str, Any]:
    """Return the report once the boot is complete, which may be after the first 200."""
    deadline = time.monotonic() + COMPLETE_SECONDS
    while time.monotonic() < deadline:
        report: dict[str, Any] = json.loads(
            docker.output("exec", name, "edgepaas", "boot", "--json")
        )
        if report["ready_seconds"] is not None:
            return report
    raise Failure(f"the boot was not complete {COMPLETE_SECONDS:g} s after the first 200")


def steps(
    report: dict[str, Any], first_line: float, began: float, answered: float
) -> dict[str, float]:
    """Return the milliseconds of each step of a report.

    `first_line`, `began` (the report's own beginning) and `answered` are seconds since `docker
    run`. A unit waits from the end of what it requires to its start.
    """
    found = {"docker run to PID 1's first line": first_line, "PID 1's imports": began - first_line}
    ends = {unit["name"]: unit["end"] for unit in report["units"]}
    for unit in sorted(report["units"], key=lambda unit: unit["start"] or 0.0):
        if unit["start"] is None or unit["end"] is None:
            continue
        waited = [ends[name] or 0.0 for name in unit["requires"]]
        found[f"{unit['name']} begins at"] = began + unit["start"]
        found[f"{unit['name']} waits for its turn"] = unit["start"] - max(waited, default=0.0)
        found[f"{unit['name']} takes"] = unit["duration"]
    found["ready to first 200"] = answered - began - report["ready_seconds"]
    found["docker run to first 200"] = answered
    return {name: 1000 * seconds for name, seconds in found.items()}


def table(timelines: dict[str, Timeline]) -> str:
    """Return the timelines for people, beside each other."""
    names = dict.fromkeys(step for timeline in timelines.values() for step in timeline)
    lines = ["", f"{'':40}" + "".join(f"{database:>28}" for database in timelines)]
    for step in names:
        cells = [line[step].told() if step in line else "" for line in timelines.values()]
        lines.append(f"{step:40}" + "".join(f"{cell:>28}" for cell in cells))
    return "\n".join([*lines, ""])

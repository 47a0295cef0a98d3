"""The boot report: what each unit did and when, kept as `boot.json` for whoever asks."""

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from boot.logline import timestamp
from boot.units import Unit

EVENTS_KEPT = 500
BAR_WIDTH = 32


class Phase(StrEnum):
    """Where the container is in its life."""

    BOOTING = "booting"
    READY = "ready"
    HELD = "held"
    RERUNNING = "rerunning"
    STOPPING = "stopping"


class State(StrEnum):
    """Where a unit is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    SKIPPED = "skipped"


@dataclass
class Entry:
    """One unit's line. `start`, `end` and `duration` are seconds since the boot began."""

    name: str
    type: str
    requires: tuple[str, ...]
    timeout: float
    state: State = State.WAITING
    start: float | None = None
    end: float | None = None
    duration: float | None = None
    attempts: int = 0
    restarts: int = 0
    result: str | None = None
    status: int | None = None
    exported: list[str] = field(default_factory=list)
    pid: int | None = None
    status_text: str | None = None


class Report:
    """The report of this boot; `clock` is monotonic seconds, `identity` names the container."""

    def __init__(
        self,
        units: Sequence[Unit],
        identity: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.identity = dict(identity)
        self.phase = Phase.BOOTING
        self.started = time.time()
        self.started_monotonic = clock()
        self.ready_seconds: float | None = None
        self.entries = {
            unit.name: Entry(unit.name, unit.kind.value, unit.requires, unit.timeout)
            for unit in units
        }
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.changed = True
        self.unwritable = False

    def elapsed(self) -> float:
        """Return the seconds since the boot began."""
        return round(self.clock() - self.started_monotonic, 4)

    def begin(self, name: str) -> None:
        """Note that an attempt of a unit begins."""
        entry = self.entries[name]
        entry.attempts += 1
        entry.start = self.elapsed()
        entry.end = entry.duration = entry.result = entry.status = entry.status_text = None
        entry.state = State.RUNNING if entry.type == "oneshot" else State.STARTING
        self.changed = True

    def settle(self, name: str, state: State, result: str | None = None) -> None:
        """Note that a unit became ready or came to its end."""
        entry = self.entries[name]
        entry.state = state
        entry.end = self.elapsed()
        if entry.start is not None:
            entry.duration = round(entry.end - entry.start, 4)
        entry.result = result or state.value
        self.changed = True

    def event(self, unit: str | None, event: str, detail: str = "") -> None:
        """Append what happened; the oldest are forgotten after the last 500."""
        when = timestamp(time.time())
        self.events.append({"time": when, "unit": unit, "event": event, "detail": detail})
        self.changed = True

    def as_dict(self) -> dict[str, Any]:
        """Return the report as it stands in boot.json."""
        return {
            **self.identity,
            "phase": self.phase,
            "started": timestamp(self.started),
            "started_monotonic": self.started_monotonic,
            "ready_seconds": self.ready_seconds,
            "units": [dict(vars(entry)) for entry in self.entries.values()],
            "events": list(self.events),
        }

    def write(self, path: Path) -> None:
        """Replace the file at `path` by the report, atomically. Raises OSError."""
        replace_json(path, self.as_dict())
        self.changed = False


def replace_json(path: Path, value: object) -> None:
    """Replace the file at `path` by `value` in JSON, readable by group, atomically."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(value) + "\n", encoding="utf-8")
    beside.chmod(0o640)
    beside.replace(path)


def render_table(report: Mapping[str, Any]) -> str:
    """Return boot.json as a table for people: a line and a bar per unit, in order of start."""
    units = sorted(report["units"], key=lambda unit: (unit["start"] is None, unit["start"] or 0))
    total = max((unit["end"] or unit["start"] or 0 for unit in units), default=0) or 1
    width = max((len(unit["name"]) for unit in units), default=4)
    lines = [f"{'unit':<{width}}  {'state':<10} {'start':>8} {'seconds':>8}  {'tries':>5}  result"]
    lines.extend(_row(unit, width, total) for unit in units)
    return "\n".join([*lines, "", _summary(report)]) + "\n"


def _row(unit: Mapping[str, Any], width: int, total: float) -> str:
    start, duration = unit["start"], unit["duration"]
    cells = [
        f"{unit['name']:<{width}} ",
        f"{unit['state']:<10}",
        f"{start:>8.3f}" if start is not None else f"{'-':>8}",
        f"{duration:>8.3f}" if duration is not None else f"{'-':>8}",
        f" {unit['attempts']:>5} ",
        f"|{_bar(start, unit['end'], total)}|",
        unit["result"] or "",
    ]
    return " ".join(cells).rstrip()


def _bar(start: float | None, end: float | None, total: float) -> str:
    if start is None:
        return " " * BAR_WIDTH
    first = min(BAR_WIDTH - 1, int(start / total * BAR_WIDTH))
    last = BAR_WIDTH if end is None else max(first + 1, round(end / total * BAR_WIDTH))
    return " " * first + "█" * (last - first) + " " * (BAR_WIDTH - last)


def _summary(report: Mapping[str, Any]) -> str:
    ready = report["ready_seconds"]
    when = f"ready after {ready:.3f} s" if ready is not None else "not ready yet"
    return f"{report['phase']}, {when}; boot {report['boot_id']}, started {report['started']}"

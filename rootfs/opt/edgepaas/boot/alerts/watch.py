"""What is worth an alert while the container lives: conditions that begin, go on and end.

Pure but for the memory: everything it looks at is an argument.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from boot.alerts.alert import Alert, Kind
from boot.alerts.memory import Memory
from boot.report import Phase

FALLBACK = "fallback"
UNREADY = "unready"
DISK = "disk"
HYSTERESIS = 5.0
SERVING = frozenset({Phase.READY, Phase.RERUNNING})


class Seen(NamedTuple):
    """The container as it is now. `disks` are directories and how full they are in percent."""

    phase: str
    fallback: bool
    reason: str
    ready: bool
    why: str
    draining: bool
    disks: Mapping[str, float]
    failed: Mapping[str, str]


class Limits(NamedTuple):
    """From when on it is worth an alert: seconds without readiness, percent of a disk."""

    unready: float
    disk: float


class Watch:
    """Compares what is seen with what was seen before. `now` is monotonic seconds."""

    def __init__(self, limits: Limits, memory: Memory) -> None:
        self.limits = limits
        self.memory = memory
        self._unready_since: float | None = None
        self._failed: set[str] = set()

    def look(self, seen: Seen, now: float) -> Iterator[Alert]:
        """Yield what is to be told. A container that stops is not looked at any more."""
        if seen.phase == Phase.STOPPING:
            return
        if seen.phase in SERVING:
            yield from self._fallback(seen)
            yield from self._readiness(seen, now)
        yield from self._disks(seen)
        yield from self._failures(seen)

    def _fallback(self, seen: Seen) -> Iterator[Alert]:
        begun = Alert(
            FALLBACK,
            Kind.FAILURE,
            "fallback entered: SQLite serves instead of PostgreSQL",
            f"{seen.reason or 'PostgreSQL could not be reached'}. Rows are kept in a journal and "
            "replayed when PostgreSQL is back: edgepaas db status.",
        )
        over = Alert(
            FALLBACK,
            Kind.SUCCESS,
            "fallback left: PostgreSQL serves again",
            "What the fallback took was replayed; contested rows, if any: edgepaas db resolve.",
        )
        yield from self._thing(FALLBACK, begun, over, goes_on=seen.fallback)

    def _readiness(self, seen: Seen, now: float) -> Iterator[Alert]:
        """A drain is no loss: somebody asked for it."""
        if seen.ready or seen.draining:
            self._unready_since = None
        elif self._unready_since is None:
            self._unready_since = now
        lost = self._unready_since is not None and now - self._unready_since >= self.limits.unready
        begun = Alert(
            UNREADY,
            Kind.FAILURE,
            f"not ready for {self.limits.unready:g} s",
            f"{seen.why or 'no reason given'}. Look with: edgepaas doctor.",
        )
        over = Alert(UNREADY, Kind.SUCCESS, "ready again", "Requests may come here again.")
        if lost or seen.ready:
            yield from self._thing(UNREADY, begun, over, goes_on=lost)

    def _disks(self, seen: Seen) -> Iterator[Alert]:
        for path, percent in seen.disks.items():
            key = f"{DISK}-{path}"
            limit = self.limits.disk - (HYSTERESIS if self.memory.is_open(key) else 0)
            full = f"{path} is {percent:.0f} % full"
            more = f"The limit is {self.limits.disk:g} % (EDGEPAAS_ALERT_DISK_PERCENT)."
            begun = Alert(key, Kind.WARNING, full, more)
            over = Alert(key, Kind.SUCCESS, f"{path} has room again", f"{full}.")
            yield from self._thing(key, begun, over, goes_on=percent >= limit)

    def _failures(self, seen: Seen) -> Iterator[Alert]:
        """Units that failed while the container lives on; PID 1 tells of those that end it."""
        for unit, cause in seen.failed.items():
            if unit not in self._failed and self.memory.may_tell(failure_key(unit)):
                yield Alert(failure_key(unit), Kind.FAILURE, f"{unit} failed", f"{cause}.")
        self._failed = set(seen.failed)

    def _thing(self, key: str, begun: Alert, over: Alert, *, goes_on: bool) -> Iterator[Alert]:
        if goes_on and not self.memory.was_told(key):
            told = self.memory.may_tell(key)
            self.memory.begin(key, told=told)
            if told:
                yield begun
        elif not goes_on and self.memory.is_open(key):
            told = self.memory.was_told(key)
            self.memory.end(key)
            if told:
                yield over


def failure_key(unit: str) -> str:
    """Return the key of a unit's failure, whoever tells of it."""
    return f"failed-{unit}"

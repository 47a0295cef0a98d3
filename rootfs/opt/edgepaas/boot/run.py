"""A unit in this boot: where it stands, and what is to happen to it later."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from boot.report import Entry, State
from boot.timers import Timer
from boot.units import Unit

RESTART_DELAY_FIRST = 0.1
RESTART_DELAY_MOST = 10.0
RETRY_DELAY_MOST = 300.0
DOUBLINGS_MOST = 32


@dataclass
class Run:
    """A unit and where it stands; `missing` is how many of its requirements are not met."""

    unit: Unit
    entry: Entry
    missing: int
    attempts_left: int
    was_ready: bool = False
    ending: str = ""
    deadline: Timer | None = None
    watchdog: Timer | None = None
    restarts: deque[float] = field(default_factory=deque)

    @classmethod
    def of(cls, unit: Unit, entry: Entry) -> "Run":
        """Return the run of a unit that has not been started."""
        return cls(unit, entry, len(unit.requires), unit.retries)

    def disarm(self) -> None:
        """Forget what was to happen to this run later."""
        for timer in (self.deadline, self.watchdog):
            if timer:
                timer.cancel()
        self.deadline = self.watchdog = None

    def wait_again(self, missing: int) -> None:
        """Stand again where it stood before its first start."""
        self.disarm()
        self.missing = missing
        self.attempts_left = self.unit.retries
        self.was_ready = False
        self.entry.state = State.WAITING
        self.entry.start = self.entry.end = self.entry.duration = None
        self.entry.result = self.entry.status = self.entry.status_text = None

    def may_restart(self, now: float) -> bool:
        """Tell whether the budget of restarts allows one more at `now`."""
        allowed, seconds = self.unit.restarts
        while self.restarts and now - self.restarts[0] > seconds:
            self.restarts.popleft()
        return len(self.restarts) < allowed

    def restart_delay(self, now: float) -> float:
        """Take a restart from the budget; return the seconds to wait before it."""
        delay = doubled(RESTART_DELAY_FIRST, len(self.restarts), RESTART_DELAY_MOST)
        self.restarts.append(now)
        self.entry.restarts += 1
        return delay

    def retry_delay(self) -> float:
        """Take an attempt from those that are left; return the seconds to wait before it."""
        tried = self.unit.retries - self.attempts_left
        self.attempts_left -= 1
        return doubled(self.unit.backoff, tried, RETRY_DELAY_MOST)


def doubled(first: float, times: int, most: float) -> float:
    """Return `first` doubled so many times, at most `most`."""
    return min(first * 2.0 ** min(times, DOUBLINGS_MOST), most)


def any_in(runs: Iterable[Run], *states: State) -> bool:
    """Tell whether any of the runs is in one of the states."""
    return any(run.entry.state in states for run in runs)

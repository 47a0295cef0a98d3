"""What is to be done later, on a monotonic clock. Imports nothing of ours."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

TIDY_LEAST = 64
STOOD_STILL_SECONDS = 1.0


class Timer:
    """One thing to do at a time; `cancel` makes it do nothing."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forget the action."""
        self.action = None


class Timers:
    """Timers by time. `clock` returns seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._ties = count()
        self._tidy_at = TIDY_LEAST

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do `action` once, `seconds` from now."""
        timer = Timer(action)
        if len(self._heap) >= self._tidy_at:
            self._tidy()
        heappush(self._heap, (self.clock() + seconds, next(self._ties), timer))
        return timer

    def wait(self) -> float | None:
        """Return the seconds until the next action, 0 if one is due, None if there is none."""
        while self._heap and self._heap[0][2].action is None:
            heappop(self._heap)
        return max(0.0, self._heap[0][0] - self.clock()) if self._heap else None

    def run(self) -> None:
        """Do what is due."""
        self._forgive_standstill()
        while self.wait() == 0:
            _, _, timer = heappop(self._heap)
            action, timer.action = timer.action, None
            if action:
                action()

    def _forgive_standstill(self) -> None:
        """Put all off by the time this process stood still (`docker pause`, a laptop asleep).

        What the timers watch over stood still too, and has done nothing wrong.
        """
        late = self.clock() - self._heap[0][0] if self._heap else 0.0
        if late > STOOD_STILL_SECONDS:
            later = late + STOOD_STILL_SECONDS
            self._heap = [(when + later, tie, timer) for when, tie, timer in self._heap]

    def _tidy(self) -> None:
        """Throw the cancelled ones out: a fed watchdog leaves one behind with each feeding."""
        self._heap = [entry for entry in self._heap if entry[2].action]
        heapify(self._heap)
        self._tidy_at = max(TIDY_LEAST, 2 * len(self._heap))

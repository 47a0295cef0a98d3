"""What is to be done later, on a monotonic clock. Imports nothing of ours."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


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

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do `action` once, `seconds` from now."""
        timer = Timer(action)
        heappush(self._heap, (self.clock() + seconds, next(self._ties), timer))
        return timer

    def wait(self) -> float | None:
        """Return the seconds until the next action, 0 if one is due, None if there is none."""
        while self._heap and self._heap[0][2].action is None:
            heappop(self._heap)
        return max(0.0, self._heap[0][0] - self.clock()) if self._heap else None

    def run(self) -> None:
        """Do what is due."""
        while self.wait() == 0:
            _, _, timer = heappop(self._heap)
            action, timer.action = timer.action, None
            if action:
                action()

"""A moment after which nobody waits any more. Imports nothing of ours."""

import time
from collections.abc import Callable


class Deadline:
    """A point on a monotonic clock, `seconds` from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.at = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at - self.clock())

    def within(self, seconds: float) -> "Deadline":
        """Return a deadline at most `seconds` away that never passes this one."""
        return Deadline(min(seconds, self.remaining()), self.clock)

    def nap(self, shortest: float, longest: float) -> None:
        """Sleep for a random time between the two, in seconds, but not past the deadline."""
        from random import uniform  # noqa: PLC0415  # 5 ms that who need not wait need not pay

        time.sleep(min(uniform(shortest, longest), self.remaining()))  # noqa: S311  # jitter

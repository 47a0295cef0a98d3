"""Who may start next. Imports nothing of ours but what a run is."""

from collections import deque
from collections.abc import Callable, Iterable

from boot.run import Run
from boot.units import Kind

ONESHOTS_AT_ONCE = 64


class StartQueue:
    """Starts runs in order, without recursion however long a chain is.

    Only so many oneshots at once: each takes three descriptors, a process and its memory.
    """

    def __init__(self, start: Callable[[Run], None]) -> None:
        self._start = start
        self._queue: deque[Run] = deque()
        self._pumping = False
        self._under_way: set[str] = set()

    def add(self, runs: Iterable[Run]) -> None:
        """Queue runs, and start what may."""
        self._queue.extend(runs)
        self.pump()

    def began(self, run: Run) -> None:
        """Note that a program is being started, by us or by an operator."""
        if run.unit.kind is Kind.ONESHOT:
            self._under_way.add(run.unit.name)

    def ended(self, run: Run) -> None:
        """Note that a program is no more; who waits is started by the next `pump`."""
        self._under_way.discard(run.unit.name)

    def pump(self) -> None:
        """Start what is queued and may."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._queue and len(self._under_way) < ONESHOTS_AT_ONCE:
                self._start(self._queue.popleft())
        finally:
            self._pumping = False

"""The orderly stop: drain, hooks, then everything in reverse order, within one budget."""

import logging
from collections.abc import Callable, Iterable, Sequence

from boot.budget import StopBudget
from boot.daemon import Daemon
from boot.report import State
from boot.run import Run, any_in
from boot.timers import Timers

HARD_STOP_MARGIN = 0.3

log = logging.getLogger(__name__)


class Stop:
    """What happens between the first signal and the end. `enqueue` starts hooks."""

    def __init__(
        self,
        daemon: Daemon,
        timers: Timers,
        budget: StopBudget,
        hooks: Sequence[Run],
        enqueue: Callable[[Iterable[Run]], None],
    ) -> None:
        self.daemon = daemon
        self.timers = timers
        self.budget = budget
        self.hooks = hooks
        self.enqueue = enqueue
        self._drained = False
        self._released = False
        self._began: float | None = None

    def left(self) -> float | None:
        """Return how many seconds of the budget are left; None before the stop."""
        if self._began is None:
            return None
        return self.budget.total - HARD_STOP_MARGIN - (self.timers.clock() - self._began)

    def begin(self, *, serving: bool) -> None:
        """Turn ready to 503 and start the clock; one that never served is neither drained nor
        are its hooks run.
        """
        self._began = self.timers.clock()
        self.daemon.draining(on=True)
        self.timers.after(max(0.0, self.budget.total - HARD_STOP_MARGIN), self._out_of_time)
        self.timers.after(self.budget.drain if serving else 0.0, self._drain_over)
        if serving:
            self.enqueue(hook for hook in self.hooks if not hook.missing)

    def hurry(self) -> None:
        """Skip what is left of the drain delay and of the hooks."""
        self._drained = True
        self._release()

    def hook_settled(self) -> None:
        """Note that a hook ended."""
        if self._drained and not any_in(self.hooks, State.RUNNING, State.RESTARTING):
            self._release()

    def _drain_over(self) -> None:
        self._drained = True
        self.hook_settled()

    def _release(self) -> None:
        if not self._released:
            self._released = True
            self.daemon.stop_all()

    def _out_of_time(self) -> None:
        log.error("the stop budget of %g s is used up: killing", self.budget.total)
        self._released = True
        self.daemon.kill_all()
        self.daemon.stop_all()

"""A oneshot run again, with all that stands on it: how a running container comes to decide anew."""

from collections.abc import Callable, Mapping

from boot.daemon import Daemon
from boot.report import State
from boot.run import Run
from boot.timers import Timers

AGAIN_SECONDS = 1.0
AGAIN_TIMES = 3
AT_REST = frozenset({State.DONE, State.READY, State.FAILED, State.SKIPPED, State.STOPPED})


class Rerun:
    """One rerun, from the drain to the moment when its first unit may start again.

    `runs` are that unit and all that depend on it, in the order they start; `go` starts it. What
    serves is drained for `delay` seconds and stopped in reverse order before that.
    """

    def __init__(
        self,
        runs: Mapping[str, Run],
        daemon: Daemon,
        timers: Timers,
        go: Callable[[], None],
    ) -> None:
        self.runs = runs
        self.daemon = daemon
        self.timers = timers
        self.go = go
        self._was_draining = daemon.is_draining()
        self._to_stop: list[str] = []
        self._gone = False
        self._again_left = AGAIN_TIMES

    def busy(self) -> str:
        """Return the name of a unit that is under way, "" where all are at rest."""
        return next((n for n, run in self.runs.items() if run.entry.state not in AT_REST), "")

    def begin(self, delay: float) -> None:
        """Turn ready to 503, and after the delay stop what serves."""
        self.daemon.draining(on=True)
        self.timers.after(delay, self._stop)

    def stopped(self, name: str) -> None:
        """Note that a program ended."""
        if name in self._to_stop:
            self._to_stop.remove(name)
            self._go_on()

    def again(self) -> bool:
        """Begin once more from the first unit; False where that was tried AGAIN_TIMES already."""
        if not self._again_left:
            return False
        self._again_left -= 1
        self._gone = False
        self.timers.after(AGAIN_SECONDS, self._stop)
        return True

    def abandon(self) -> None:
        """Do nothing more: the container stops."""
        self._to_stop, self._gone = [], True

    def over(self) -> None:
        """Take the drain back, unless somebody else had asked for one before."""
        if not self._was_draining:
            self.daemon.draining(on=False)

    def _stop(self) -> None:
        if self._gone:
            return
        for run in self.runs.values():
            run.disarm()
        self._to_stop = [name for name, run in self.runs.items() if run.entry.pid]
        self._go_on()

    def _go_on(self) -> None:
        """Stop the last that still runs; when none does, let them all start again."""
        if self._to_stop:
            self.daemon.stop(self._to_stop[-1])
        elif not self._gone:
            self._gone = True
            for run in self.runs.values():
                run.wait_again(sum(name in self.runs for name in run.unit.requires))
            self.go()

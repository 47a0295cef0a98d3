"""The watchdog of a unit that must give a sign of life."""

import logging
import signal

from boot.daemon import Daemon
from boot.report import Report
from boot.run import Run
from boot.timers import Timers

GRACE = 2.0

log = logging.getLogger(__name__)


class Watchdog:
    """Aborts units that were silent for too long, and kills those that outlive it by GRACE s."""

    def __init__(self, daemon: Daemon, report: Report, timers: Timers) -> None:
        self.daemon = daemon
        self.report = report
        self.timers = timers

    def feed(self, run: Run) -> None:
        """Give a ready unit that has a watchdog another period."""
        if run.watchdog:
            run.watchdog.cancel()
        if run.unit.watchdog and run.was_ready:
            run.watchdog = self.timers.after(run.unit.watchdog, lambda: self._hung(run))

    def _hung(self, run: Run) -> None:
        name = run.unit.name
        what = f"sent no watchdog message for {run.unit.watchdog:g} s"
        log.error("%s %s: aborting it", name, what)
        self.report.event(name, "hung", what)
        self.daemon.signal(name, signal.SIGABRT)
        run.watchdog = self.timers.after(GRACE, lambda: self.daemon.signal(name, signal.SIGKILL))

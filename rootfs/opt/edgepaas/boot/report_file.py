"""boot.json: the boot report on disk, kept up without keeping PID 1 busy."""

import logging
import time
from pathlib import Path

from boot.report import Report
from boot.timers import Timers

EVERY_SECONDS = 0.02
SHARE = 0.05

log = logging.getLogger(__name__)


class ReportFile:
    """Writes a report at most 50 times a second, and for at most a part of the time."""

    def __init__(self, report: Report, run_dir: Path, timers: Timers) -> None:
        self.report = report
        self.run_dir = run_dir
        self.timers = timers
        self._resting = False

    def keep_up(self) -> None:
        """Write the report if it changed and is not to wait."""
        if not self.report.changed or self._resting:
            return
        began = time.monotonic()
        write(self.report, self.run_dir)
        pause = max(EVERY_SECONDS, (time.monotonic() - began) / SHARE)
        self._resting = True
        self.timers.after(pause, self._rested)

    def _rested(self) -> None:
        self._resting = False


def write(report: Report, run_dir: Path) -> None:
    """Write boot.json; where that fails the container goes on, and says so once."""
    try:
        report.write(run_dir / "boot.json")
    except OSError as error:
        report.changed = False
        if not report.unwritable:
            report.unwritable = True
            log.error("boot.json cannot be written: %s", error.strerror)  # noqa: TRY400

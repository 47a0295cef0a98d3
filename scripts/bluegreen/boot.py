"""A slot's boot followed live, until it is ready or has failed."""

from __future__ import annotations

import json
import time
from typing import Any

from scripts import boot_report
from scripts.bluegreen.containers import Containers
from scripts.bluegreen.outcome import Stopped, of_container
from scripts.bluegreen.question import Asker
from scripts.console import Progress
from scripts.service import LAST_LINES, meaning

POLL_SECONDS = 0.2
LOOK_POLLS = 3


class Boot:
    """Waits for slots. The last report of each is kept: a dead container tells none."""

    def __init__(self, containers: Containers, asker: Asker) -> None:
        self.containers = containers
        self.asker = asker
        self.report: dict[str, Any] | None = None

    def wait(self, slot: str, timeout: float) -> None:
        """Return once /startupz and /readyz are green; raises Stopped with the report."""
        url = self.containers.slots[slot].management_url
        deadline = time.monotonic() + timeout
        progress = Progress()
        polls = 0
        self.report = None
        try:
            while not self._is_ready(url):
                progress.show(f"{slot}: {boot_report.summary(self._fetch(url))}")
                polls += 1
                if polls % LOOK_POLLS == 0:
                    self._check_running(slot)
                if time.monotonic() > deadline:
                    raise Stopped(f"{slot} is not ready after {timeout:g} s{self.told(slot)}")
                time.sleep(POLL_SECONDS)
        finally:
            progress.done()
        self._fetch(url)

    def _is_ready(self, url: str) -> bool:
        return self.asker.ask(f"{url}/startupz").ok and self.asker.ask(f"{url}/readyz").ok

    def _fetch(self, url: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self.asker.ask(f"{url}/boot").body)
        except ValueError:
            return self.report
        if isinstance(found, dict) and "units" in found:
            self.report = found
        return self.report

    def _check_running(self, slot: str) -> None:
        status = self.containers.exit_status(slot)
        if status is not None:
            raise Stopped(
                f"{slot} ended with status {status}: {meaning(status)}{self.told(slot)}",
                of_container(status),
            )

    def timeline(self) -> str:
        """Return the boot as a table."""
        return "\n".join(boot_report.timeline(self.report or {}))

    def told(self, slot: str) -> str:
        """Return a slot's report and its last lines, to go below what went wrong."""
        report = f"\nits boot report:\n{self.timeline()}" if self.report else ""
        return f"{report}\nits last lines:\n{self.containers.last_lines(slot, LAST_LINES)}"

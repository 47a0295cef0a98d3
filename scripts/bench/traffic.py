"""Mixed load on a service, in a process of its own, and what became of every request."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scripts.checkout import ROOT
from scripts.console import Failure

if TYPE_CHECKING:
    from typing import Self

WAIT_SECONDS = 600.0
POLL_SECONDS = 0.05


class Traffic:
    """Clients of 127.0.0.1:`port` while the block lasts; figures as traffic_load.py tells them.

    `python` must have websockets. Without a proxy, who finds nobody listening is turned away, and
    not a failure. Raises Failure where what is waited for does not come.
    """

    def __init__(self, python: str | Path, port: int, *, proxied: bool = False) -> None:
        command = [str(python), "-m", "scripts.bench.traffic_load", "127.0.0.1", str(port)]
        self.command = [*command, *(["proxy"] if proxied else [])]
        self.figures: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self.command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._reader.join()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def answered(self) -> int:
        """Return how many requests were answered with success so far."""
        return int(self.figures.get("answered", 0))

    @property
    def failures(self) -> dict[str, int]:
        """Return what failed, and how often."""
        return dict(self.figures.get("failures", {}))

    def more(self, requests: int) -> None:
        """Wait for so many more answers."""
        goal = self.answered + requests
        self.wait(lambda: self.answered >= goal, f"{requests} more answers")

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something while the load goes on."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise Failure(f"{what}: did not come; {json.dumps(self.figures)}")
            time.sleep(POLL_SECONDS)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.figures = json.loads(line)

"""One attempt to deliver an alert: a process of its own, which nobody has to wait for."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from boot.alerts import alert
from boot.alerts.alert import Alert

SECONDS_MOST = 120.0  # a net: the library itself gives a service 4 s to take, 4 to answer
SENDER = "boot.alerts.sender"
TOO_SLOW = "no answer within {:g} s"


class Result(NamedTuple):
    """What became of one URL: whom it leads to, without secrets, and why it was not sent."""

    to: str
    sent: bool
    why: str


class Delivery:
    """An attempt under way. `seconds` is how long it may take in all."""

    def __init__(
        self,
        what: Alert,
        urls: Sequence[str],
        seconds: float = SECONDS_MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alert = what
        self.urls = tuple(urls)
        self.seconds = seconds
        self.clock = clock
        self.began = clock()
        # Orders are short: they fit into a pipe, so that nothing here waits for the other side.
        self._process = subprocess.Popen(
            [sys.executable, "-m", SENDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        order = {
            "urls": self.urls,
            "title": alert.title(what),
            "body": alert.body(what),
            "kind": what.kind,
        }
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(order).encode())
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def poll(self) -> list[Result] | None:
        """Return what became of each URL; None while that is open. Never waits."""
        if self._process.poll() is None:
            if self.clock() - self.began < self.seconds:
                return None
            self.stop()
            return self._all_failed(TOO_SLOW.format(self.seconds))
        return self._results()

    def wait(self) -> list[Result]:
        """Return what became of each URL, at the latest when the time is over."""
        left = max(0.0, self.began + self.seconds - self.clock())
        try:
            self._process.wait(left)
        except subprocess.TimeoutExpired:
            self.stop()
            return self._all_failed(TOO_SLOW.format(round(self.seconds, 1)))
        return self._results()

    def stop(self) -> None:
        """Give it up."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _results(self) -> list[Result]:
        try:
            printed = self._process.stdout.read() if self._process.stdout else b""
            found = [Result(**each) for each in json.loads(printed)]
        except (ValueError, TypeError):
            return self._all_failed(f"the sender ended with {self._process.returncode}")
        finally:
            self._close()
        return found

    def _close(self) -> None:
        if self._process.stdout:
            self._process.stdout.close()

    def _all_failed(self, why: str) -> list[Result]:
        return [Result(url.partition("://")[0], sent=False, why=why) for url in self.urls]

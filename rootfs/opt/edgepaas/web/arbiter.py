"""gunicorn's arbiter without its naps: it starts all workers at once, ends with the last."""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import gunicorn.arbiter

from boot import quick_exit


class Arbiter(gunicorn.arbiter.Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Starts, watches and stops the workers."""

    def spawn_workers(self) -> None:
        """Start as many workers as are missing; gunicorn pauses between them."""
        for _ in range(self.num_workers - len(self.WORKERS)):
            self.spawn_worker()

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers; gunicorn looks for their ends each tenth of a second."""
        with _naps_end_with_signals():
            super().stop(graceful)

    def halt(self, *args: Any, **kwargs: Any) -> None:
        """Stop the workers and end."""
        try:
            super().halt(*args, **kwargs)
        except SystemExit as end:
            quick_exit.expect(int(end.code or 0))
            raise


@contextmanager
def _naps_end_with_signals() -> Iterator[None]:
    """Let gunicorn's `time.sleep` return when a signal comes, a child's end among them."""
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def nap(seconds: float) -> None:
        if select.select([woken], [], [], seconds)[0]:
            os.read(woken, select.PIPE_BUF)

    steady = gunicorn.arbiter.time
    gunicorn.arbiter.time = SimpleNamespace(
        time=time.monotonic, monotonic=time.monotonic, sleep=nap
    )
    try:
        yield
    finally:
        gunicorn.arbiter.time = steady
        signal.set_wakeup_fd(before)
        os.close(woken)
        os.close(wake)

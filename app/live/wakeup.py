"""Wakes the one thread that follows the events. Imports nothing of ours."""

import threading


class Wakeup:
    """Calls from any thread, by name; what was called since the last wait is never lost."""

    def __init__(self) -> None:
        self._called: set[str] = set()
        self._changed = threading.Condition()

    def call(self, source: str) -> None:
        """Wake who waits, now or the next time."""
        with self._changed:
            self._called.add(source)
            self._changed.notify()

    def wait(self, seconds: float) -> set[str]:
        """Wait for calls and return who made them; nobody when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._called, seconds)
            called, self._called = self._called, set()
            return called

"""Ends what has been idle for some seconds. Imports nothing of ours.

uvicorn makes a timer after each answer and cancels it at the next request; this one is made once
and looks, when it goes off, whether anything came since.
"""

from collections.abc import Callable
from typing import Any


class IdleTimer:
    """Calls `over` once it has been idle for as long as `begin` was told, unless `stop` was called.

    To begin and stop costs no timer, unless the new end is before the one it has.
    """

    def __init__(self, loop: Any, over: Callable[[], None]) -> None:
        self._loop = loop
        self._over = over
        self._end: float | None = None
        self._handle: Any = None
        self._goes_off = 0.0

    def begin(self, seconds: float) -> None:
        """Be idle from now on."""
        self._end = self._loop.time() + seconds
        if self._handle is None or self._end < self._goes_off:
            self._set(seconds)

    def stop(self) -> None:
        """Be busy."""
        self._end = None

    def close(self) -> None:
        """Never call anything again."""
        self.stop()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _set(self, seconds: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._goes_off = self._loop.time() + seconds
        self._handle = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._handle = None
        if self._end is None:
            return
        left = self._end - self._loop.time()
        if left > 0:
            self._set(left)
        else:
            self._end = None
            self._over()

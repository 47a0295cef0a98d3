"""Ends waits for a server that froze. Imports nothing of ours.

No setting of libpq covers a frozen server: its kernel goes on acknowledging. Shutting the
socket down makes the blocked call return with an error, in the thread that made it.
"""

import contextlib
import itertools
import math
import socket
import threading
import time
from typing import NamedTuple


class Watch(NamedTuple):
    """A socket, and when its time is over by the monotonic clock."""

    due: float
    connection: socket.socket


class Watchdog:
    """Shuts down each watched socket that is still watched when its time is over.

    The thread starts with the first watch, never before a fork. It looks when the first watch
    known to it is due, so that a watch called off in time costs no switch of threads.
    """

    def __init__(self) -> None:
        self._watched: dict[int, Watch] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._looks_at = math.inf
        self._closed = False

    def watch(self, connection: socket.socket, seconds: float) -> int:
        """Watch a socket for so long from now on; return the number to call it off with."""
        with self._changed:
            number = next(self._numbers)
            due = time.monotonic() + seconds
            self._watched[number] = Watch(due, connection)
            if self._thread is None:
                self._start()
            elif due < self._looks_at:
                self._changed.notify()
            return number

    def call_off(self, number: int | None) -> None:
        """Stop watching; unknown numbers are fine. The socket may be closed after this."""
        if number is not None:
            with self._changed:
                self._watched.pop(number, None)

    def close(self) -> None:
        """End the thread. Watches begun later start a new one."""
        with self._changed:
            thread, self._thread, self._closed = self._thread, None, True
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="db-watchdog", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                self._shut_overdue()
                self._looks_at = min(
                    (watch.due for watch in self._watched.values()), default=math.inf
                )
                self._changed.wait(self._seconds_left())

    def _seconds_left(self) -> float | None:
        if self._looks_at == math.inf:
            return None
        return max(0.0, self._looks_at - time.monotonic())

    def _shut_overdue(self) -> None:
        moment = time.monotonic()
        for number, watch in list(self._watched.items()):
            if watch.due <= moment:
                del self._watched[number]
                with contextlib.suppress(OSError):
                    watch.connection.shutdown(socket.SHUT_RDWR)

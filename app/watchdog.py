"""Ends waits for a server that froze. Imports nothing of ours.

No setting of libpq covers a frozen server: its kernel goes on acknowledging. Shutting the
socket down makes the blocked call return with an error, in the thread that made it.
"""

import contextlib
import itertools
import socket
import threading
import time


class Watchdog:
    """Shuts down each watched socket that is still watched `seconds` after it was handed over.

    All watches last equally long, so they end in the order they began. The thread starts with
    the first watch, never before a fork.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._watched: dict[int, tuple[float, socket.socket]] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self, connection: socket.socket) -> int:
        """Watch a socket from now on; return the number to call it off with."""
        with self._changed:
            number = next(self._numbers)
            self._watched[number] = (time.monotonic() + self.seconds, connection)
            if self._thread is None:
                self._start()
            if len(self._watched) == 1:
                self._changed.notify()
            return number

    def call_off(self, number: int | None) -> None:
        """Stop watching; unknown numbers are fine. The socket may be closed after this."""
        with self._changed:
            self._watched.pop(number, None) if number is not None else None

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
                self._changed.wait(self._until_next())
                self._shut_overdue()

    def _until_next(self) -> float | None:
        for due, _ in self._watched.values():
            return max(0.0, due - time.monotonic())
        return None

    def _shut_overdue(self) -> None:
        moment = time.monotonic()
        for number, (due, connection) in list(self._watched.items()):
            if due > moment:
                return
            del self._watched[number]
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

"""The container's stdout: written without ever blocking. Imports nothing of ours.

PID 1 has one loop; a reader that stops reading would freeze it, signals and all (facts: "a stuck
stdout reader freezes PID 1"). So what cannot be written waits in a bounded buffer, and beyond
that is dropped and counted.
"""

import fcntl
import os
import select
from collections import deque

BUFFER_BYTES = 4 * 1024 * 1024


class Sink:
    """Lines to a file descriptor. `dropped` counts those that found no room."""

    def __init__(self, fd: int, room: int = BUFFER_BYTES) -> None:
        self.fd = fd
        self.room = room
        self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0

    @property
    def pending(self) -> bool:
        """Tell whether lines wait for the reader."""
        return bool(self._waiting)

    def write(self, line: str) -> None:
        """Write a line, or keep it for later, or drop and count it."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        if self._waiting_bytes + len(data) > self.room:
            self.dropped += 1
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.flush()

    def flush(self) -> None:
        """Write what the reader takes now."""
        while self._waiting:
            data = self._waiting[0]
            try:
                written = os.write(self.fd, data)
            except BlockingIOError:
                return
            except OSError:  # the reader is gone: nobody will ever read this
                self.dropped += len(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                return
            self._waiting_bytes -= written
            if written == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[written:]

    def drain(self, seconds: float) -> None:
        """Give the reader at most `seconds`, as often as it takes something, to take the rest."""
        writable = select.poll()
        writable.register(self.fd, select.POLLOUT)
        while self._waiting and writable.poll(seconds * 1000):
            before = self._waiting_bytes
            self.flush()
            if self._waiting_bytes == before:
                return


def open_stdout() -> Sink:
    """Return a sink on this process's stdout.

    The pipe is opened anew, so that O_NONBLOCK does not leak to others who share it; what cannot
    be opened anew (a socket, a terminal of another user) is set non-blocking as it is.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return Sink(os.open("/proc/self/fd/1", flags))
    except OSError:
        fd = os.dup(1)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
        return Sink(fd)

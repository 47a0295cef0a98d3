"""The container's stdout: written without ever blocking. Imports nothing of ours.

PID 1 has one loop; a reader that stops reading would freeze it, signals and all (facts: "a stuck
stdout reader freezes PID 1"). So what cannot be written waits in a bounded buffer, and beyond
that is dropped and counted.
"""

import fcntl
import os
import select
import time
from collections import deque

BUFFER_BYTES = 4 * 1024 * 1024
MOMENT_SECONDS = 0.05


class Sink:
    """Lines to a file descriptor. `dropped` counts those that found no room."""

    def __init__(self, fd: int, room: int = BUFFER_BYTES) -> None:
        self.fd = fd
        self.room = room
        self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._reads = True

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
            self._reads = True
            if written == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[written:]

    def make_room(self) -> None:
        """Wait a moment for a reader that is only slow; one that took nothing is not waited for."""
        if self._reads and self._waiting_bytes > self.room // 2:
            self._reads = False
            self.drain(MOMENT_SECONDS)

    def drain(self, seconds: float) -> None:
        """Give the reader at most `seconds` to take what waits."""
        writable = select.poll()
        writable.register(self.fd, select.POLLOUT)
        deadline = time.monotonic() + seconds
        while self._waiting and writable.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self.flush()
            if time.monotonic() >= deadline:
                return


def open_stdout() -> Sink:
    """Return a sink on this process's stdout.

    The pipe is opened anew, so that O_NONBLOCK does not leak to others who share it; what cannot
    be opened anew (a socket, a terminal of another user) is set non-blocking as it is. Where
    stdout is closed nobody reads.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return Sink(os.open("/proc/self/fd/1", flags))
    except OSError:
        return Sink(_shared_stdout())


def _shared_stdout() -> int:
    try:
        fd = os.dup(1)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
    return fd

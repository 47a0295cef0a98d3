"""The notify socket: sd_notify datagrams, taken only from a unit's own processes.

Protocol: https://man7.org/linux/man-pages/man3/sd_notify.3.html. Imports nothing of ours.
"""

import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

DATAGRAM_BYTES = 8192
CREDENTIALS = struct.Struct("3i")


class Message(NamedTuple):
    """One datagram: who sent it, and its NAME=value lines."""

    pid: int
    fields: dict[str, str]


class NotifySocket:
    """A bound datagram socket that learns each sender's pid from the kernel."""

    def __init__(self, path: Path) -> None:
        """Bind `path`, replacing a stale socket. Raises OSError."""
        path.unlink(missing_ok=True)
        self.path = path
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(os.fspath(path))
        path.chmod(0o700)

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._socket.fileno()

    def receive(self) -> Message | None:
        """Return the next message, or None if there is none now."""
        space = socket.CMSG_SPACE(CREDENTIALS.size)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(DATAGRAM_BYTES, space)
        except (BlockingIOError, InterruptedError):
            return None
        pid = 0
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                pid = CREDENTIALS.unpack(payload[: CREDENTIALS.size])[0]
        return Message(pid, parse(data))

    def close(self) -> None:
        """Close and remove the socket."""
        self._socket.close()
        self.path.unlink(missing_ok=True)


def parse(data: bytes) -> dict[str, str]:
    """Return the NAME=value lines of a datagram; what is not of that form is left out."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def unit_of(pid: int, pids: Mapping[int, str]) -> str | None:
    """Return the unit whose process group `pid` is in; None for a stranger or one already gone.

    `pids` maps the pid of each unit's first process, which leads its group, to the unit.
    """
    if pid in pids:
        return pids[pid]
    try:
        return pids.get(os.getpgid(pid))
    except OSError:
        return None

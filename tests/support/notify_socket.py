"""A stand-in for PID 1's end of sd_notify, for tests of units."""

import os
import select
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

CREDENTIALS = struct.Struct("3i")


class NotifySocket:
    """Keeps every message that was sent to it, with the sender's process group."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []
        self.groups: set[int] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(path))

    def read(self, wait: float = 0.0) -> list[str]:
        """Return all lines so far, after waiting at most `wait` seconds for another."""
        select.select([self._socket], [], [], wait)
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(8192, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return self.lines
            self.lines += data.decode().splitlines()
            for _, _, payload in ancillary:
                pid = CREDENTIALS.unpack(payload)[0]
                if Path(f"/proc/{pid}").exists():
                    self.groups.add(os.getpgid(pid))

    def heard(self, line: str) -> bool:
        """Tell whether `line` was ever sent."""
        return line in self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

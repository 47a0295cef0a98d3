"""Who waits at a listening socket: connected but not accepted, or about to be. Linux only.

Imports nothing of ours.
"""

import socket
import struct
from contextlib import suppress
from pathlib import Path

TCP_INFO_HEAD = struct.Struct("8B5I")  # as far as tcpi_unacked: for a listener, its accept queue
HANDSHAKE = "03"  # SYN_RECV in /proc/net/tcp
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def is_empty(listener: socket.socket) -> bool:
    """Tell whether nobody waits; True as well where that cannot be told."""
    try:
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_HEAD.size)
        port = listener.getsockname()[1]
    except OSError:
        return True
    return not TCP_INFO_HEAD.unpack(info)[-1] and not handshakes(port)


def handshakes(port: int) -> int:
    """Return how many connections to a local port are half made."""
    end = f":{port:04X}"
    found = 0
    for table in TABLES:
        with suppress(OSError), table.open(encoding="ascii") as rows:
            found += sum(is_handshake(row, end) for row in rows)
    return found


def is_handshake(row: str, end: str) -> bool:
    """Tell whether a row is a half made connection whose local address has that `end`."""
    fields = row.split(None, 4)
    return fields[3] == HANDSHAKE and fields[1].endswith(end)

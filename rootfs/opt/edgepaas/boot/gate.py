"""The gate of a unit that starts ahead: there it waits for the environment it is to have.

Both sides: PID 1 makes and opens it, the unit waits. It is a socket. The environment comes through
it as a file in memory, since PID 1 may not wait for a reader, and the unit's listening socket too.
Imports nothing of ours.
"""

import fcntl
import os
import socket
import time
from collections.abc import Mapping

Gate = socket.socket
VARIABLE = "EDGEPAAS_GATE"
LISTENER = "EDGEPAAS_LISTEN_FD"
# supervisord closes what is below in a child (boot.daemon_config.HIGHEST_FD).
LOWEST_FD = 256
GO = b"\0"
SUPERVISOR = "SUPERVISOR_"  # it tells each child its name and where to reach it


def make() -> tuple[Gate, int]:
    """Return PID 1's end, and the number of the other, which every child inherits."""
    ours, theirs = socket.socketpair()
    with theirs:
        return ours, fcntl.fcntl(theirs, fcntl.F_DUPFD, LOWEST_FD)


def open_for(ours: Gate, environment: Mapping[str, str], listener: int | None) -> None:
    """Let the one at the other end go on; raises OSError where it is no more."""
    entries = (os.fsencode(f"{name}={value}") for name, value in environment.items())
    memory = os.memfd_create("environment")
    try:
        with os.fdopen(memory, "wb", closefd=False) as file:
            file.write(b"\0".join(entries))
        socket.send_fds(ours, [GO], [memory] if listener is None else [memory, listener])
    finally:
        os.close(memory)


def wait() -> None:
    """Wait until PID 1 lets this process go, and take over the environment it gives.

    Returns at once in a process that was not started ahead; ends it where PID 1 is no more.
    """
    number = os.environ.get(VARIABLE)
    if number is None:
        return
    with socket.socket(fileno=int(number)) as theirs:
        go, numbers, _, _ = socket.recv_fds(theirs, len(GO), 2, socket.MSG_CMSG_CLOEXEC)
    if not go:
        os._exit(0)
    memory, *listeners = numbers
    os.lseek(memory, 0, os.SEEK_SET)
    with os.fdopen(memory, "rb") as file:
        entries = [os.fsdecode(entry).partition("=") for entry in file.read().split(b"\0")]
    by_supervisord = {name: os.environ[name] for name in os.environ if name.startswith(SUPERVISOR)}
    os.environ.clear()
    os.environ.update({name: value for name, _, value in entries} | by_supervisord)
    for listener in listeners:
        os.environ[LISTENER] = str(listener)
    time.tzset()

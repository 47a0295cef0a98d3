"""Sockets that PID 1 holds for units, so that clients wait while a unit is started anew."""

import fcntl
import logging
import os
import socket
from collections.abc import Mapping

from boot.daemon_config import HIGHEST_FD
from boot.timers import Timer, Timers
from boot.units import Unit

BACKLOG = 2048
SO_BINDTOIFINDEX = 62
NO_INTERFACE = 0x7FFFFFFF

log = logging.getLogger(__name__)


class Listeners:
    """The sockets of units with `listen`: opened at a unit's first start, closed for the stop."""

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self._held: dict[str, socket.socket] = {}
        self._release: dict[str, Timer] = {}
        self._refusing = False

    def offer(self, unit: Unit, environ: Mapping[str, str]) -> int | None:
        """Return the descriptor of a unit's socket, which the next child alone inherits.

        None where the unit wants none, or where it cannot be had: the unit then tries by itself,
        and says why that fails.
        """
        for held in self._held.values():
            held.set_inheritable(False)
        if not unit.listen or self._refusing:
            return None
        if timer := self._release.pop(unit.name, None):
            timer.cancel()
        if unit.name not in self._held:
            address, port = (environ.get(name, "") for name in unit.listen)
            try:
                self._held[unit.name] = listen(address, int(port))
            except (OSError, OverflowError, ValueError) as error:
                log.debug("no socket held for %s: %s", unit.name, error)
                return None
        self._held[unit.name].set_inheritable(True)
        return self._held[unit.name].fileno()

    def ended(self, unit: Unit, *, comes_back: bool) -> None:
        """Note that a unit ended: its clients wait if it comes back, at most its timeout."""
        if unit.name in self._held:
            seconds = unit.timeout if comes_back else 0.0
            self._release[unit.name] = self.timers.after(seconds, lambda: self._close(unit.name))

    def refuse(self) -> None:
        """Let nobody in any more. Who is connected already is left to the unit, which alone
        has the socket now: with its last copy the socket ends, and clients are refused.
        """
        self._refusing = True
        for name, held in list(self._held.items()):
            refuse_newcomers(held)
            self._close(name)

    def _close(self, name: str) -> None:
        if held := self._held.pop(name, None):
            held.close()


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens, under a number that supervisord leaves open in a child.

    Raises OSError, OverflowError.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as low:
        low.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        low.bind((address, port))
        high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGHEST_FD)
    try:
        held = socket.socket(fileno=high)
        held.listen(BACKLOG)
    except OSError:
        os.close(high)
        raise
    return held


def refuse_newcomers(listener: socket.socket) -> None:
    """Bind a listening socket to an interface that does not exist, where we may (Linux 5.7).

    The kernel refuses every connection then, but for those that are made or half made: they can
    still be accepted. By a close alone whoever waits to be accepted is reset.
    """
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE)
    except OSError as error:
        log.debug("newcomers cannot be refused before the socket is closed: %s", error)

"""The sending half of sd_notify, for units that are programs of ours. Imports nothing of ours.

Protocol: https://man7.org/linux/man-pages/man3/sd_notify.3.html
"""

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

SEND_SECONDS = 1.0
MICROSECONDS = 1_000_000
ADDRESS = "NOTIFY_SOCKET"
PERIOD = "WATCHDOG_USEC"


class Notifier:
    """Tells PID 1 how a unit fares. `watchdog` is the period to feed it in, seconds; 0: never."""

    def __init__(self, address: str, watchdog: float = 0.0) -> None:
        self.address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = watchdog

    def send(self, *lines: str) -> None:
        """Send `NAME=value` lines as one message; one that cannot be delivered is dropped."""
        message = "\n".join(lines).encode()
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.settimeout(SEND_SECONDS)
            channel.connect(self.address)
            channel.send(message)

    def give_back(self, environ: MutableMapping[str, str]) -> None:
        """Put what `take` took out back, for a program that takes this one's place."""
        environ[ADDRESS] = self.address.replace("\0", "@", 1)
        environ[PERIOD] = str(int(self.watchdog * MICROSECONDS))


class NobodyListens(Notifier):
    """Stands in where no one asked to be told."""

    def __init__(self) -> None:
        super().__init__("")

    def send(self, *lines: str) -> None:
        """Send nothing."""

    def give_back(self, environ: MutableMapping[str, str]) -> None:
        """Put nothing back."""


def take(environ: MutableMapping[str, str] = os.environ) -> Notifier:
    """Return the notifier that the environment names, and take it out of there for the children."""
    address = environ.pop(ADDRESS, "")
    period = environ.pop(PERIOD, "")
    if not address:
        return NobodyListens()
    return Notifier(address, int(period) / MICROSECONDS if period.isdecimal() else 0.0)

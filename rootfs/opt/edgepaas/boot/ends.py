"""How a process ended, and how the container does. A leaf: imports nothing of ours."""

import signal
from typing import NamedTuple


class End(NamedTuple):
    """How a process ended: its exit status, or the number of the signal it died by."""

    status: int
    by_signal: int = 0

    def __str__(self) -> str:
        if self.by_signal:
            return f"died by {signal_name(self.by_signal)}"
        return f"exited with {self.status}"


class Outcome(NamedTuple):
    """Why the container ends. `unit` is None where nobody is to blame.

    `left` is how many seconds of the stop budget are left; None where no stop has begun.
    """

    status: int
    cause: str
    unit: str | None = None
    left: float | None = None


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGTERM."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

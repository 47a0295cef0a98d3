"""How the graceful timeout of a worker is shared out. Imports nothing of ours."""

from typing import NamedTuple

LINGER_MOST = 1.0
MARGIN_MOST = 1.0
SHARE = 0.25


class Grace(NamedTuple):
    """The parts of the graceful timeout, in seconds.

    `linger` is for who is connected but idle, `finish` after it for requests in flight; the rest
    is for the lifespan's shutdown.
    """

    linger: float
    finish: float

    @property
    def spread(self) -> float:
        """Return the seconds over which many WebSockets are told to come back elsewhere."""
        return self.linger + self.finish / 2


def share(graceful: float) -> Grace:
    """Return the parts of a graceful timeout of so many seconds."""
    linger = min(LINGER_MOST, graceful * SHARE)
    return Grace(linger, graceful - linger - min(MARGIN_MOST, graceful * SHARE))

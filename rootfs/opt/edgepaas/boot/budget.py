"""The stop budget: one number from which every wait of the stop follows.

Imports nothing of ours.
"""

from typing import NamedTuple

LAST_SHARE = 0.1
LAST_MOST = 1.0
ARBITER_MARGIN = 0.5
GRACEFUL_LEAST = 1.0


class StopBudget(NamedTuple):
    """The parts of EDGEPAAS_STOP_TIMEOUT, in seconds.

    `drain` is served with ready at 503, `graceful` is what gunicorn gives its workers,
    `web` what supervisord gives gunicorn, `last` what is left for the other units.
    """

    total: float
    drain: float
    graceful: float
    web: float
    last: float


def derive(total: float, drain: float) -> StopBudget:
    """Return the parts of the budget.

    Raises ValueError, with the numbers that would fit, where requests in flight would be
    left less than a second.
    """
    last = min(LAST_MOST, total * LAST_SHARE)
    web = total - drain - last
    graceful = web - ARBITER_MARGIN
    if graceful < GRACEFUL_LEAST:
        least = drain + GRACEFUL_LEAST + ARBITER_MARGIN + LAST_MOST
        raise ValueError(
            f"EDGEPAAS_DRAIN_DELAY={drain:g} leaves {max(graceful, 0):g} s of "
            f"EDGEPAAS_STOP_TIMEOUT={total:g} for requests in flight; "
            f"set EDGEPAAS_STOP_TIMEOUT={least:g} or more, and `docker stop --time` above it"
        )
    return StopBudget(total, drain, graceful, web, last)

"""Ends a process whose migration takes too long, whatever it does: a loop has no other end.

PostgreSQL ends a long statement (statement_timeout). It knows nothing of the migration's own code,
and SQLite has no such limit. What the process had begun is taken back, as when it is killed.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from boot.exit_status import ExitStatus

log = logging.getLogger(__name__)


@contextmanager
def limited(seconds: float, under_way: Callable[[], str]) -> Iterator[None]:
    """Give the block so many seconds; after them end the process with 76 and name the step."""
    timer = threading.Timer(seconds, _end, [seconds, under_way])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(seconds: float, under_way: Callable[[], str]) -> None:
    """Run in a thread: the main one may be in C, where no signal's handler is run."""
    log.error(
        "migration %s was not done when the %g s for all of them were over; correct it, or raise "
        "EDGEPAAS_MIGRATION_TIMEOUT; the database is as it was before it",
        under_way(),
        seconds,
        extra={"fields": {"status": int(ExitStatus.SCHEMA)}},
    )
    os._exit(ExitStatus.SCHEMA)

"""What we hook into gunicorn's arbiter (https://docs.gunicorn.org/en/stable/settings.html#server-hooks).

There is no worker_exit here: cleaning up after a worker is the arbiter's, in child_exit, for a
worker that was killed cleans up nothing.
"""

import logging
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from boot import notifier, worker_table
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus
from web import claimed_file, listening, metric_files
from web.first_failure import FirstFailure
from web.preload import preload
from web.readiness import Readiness
from web.slots import Slots, Stage, lowest_free
from web.start_budget import StartBudget

log = logging.getLogger(__name__)

# One of each per arbiter: SIGHUP reads gunicorn.conf.py again, but these stay.
NOTIFIER = notifier.take()
RUN_DIR = os.environ.get("EDGEPAAS_RUN_DIR")
SLOTS = Slots(Path(RUN_DIR, worker_table.NAME) if RUN_DIR else None)
FIRST_FAILURE = FirstFailure()
START_BUDGET = StartBudget()
CUT: list[int] = []  # pids of workers that ended with requests in flight

ABOUT_REQUESTS = {Stage.SERVING, Stage.DRAINING}


def on_starting(server: Any) -> None:
    """Refuse to start where the port or the database's file cannot be had; say so in one line."""
    try:
        listening.check(each for each in server.cfg.address if isinstance(each, tuple))
    except listening.CannotListen as problem:
        log.error("%s", problem)  # noqa: TRY400 (a user's mistake needs no traceback)
        raise SystemExit(ExitStatus.CONFIG) from None
    try:
        claimed_file.hold(os.environ)
    except SchemaError as problem:
        log.error("%s; %s", problem, problem.advice)  # noqa: TRY400 (as above)
        raise SystemExit(problem.status) from None
    preload(os.environ, NOTIFIER)


def when_ready(server: Any) -> None:
    """Say STOPPING=1 when the arbiter is told to stop; refuse USR2.

    A second arbiter beside this one could not be supervised.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != server.pid:
            os._exit(ExitStatus.OK)  # a worker just forked: gunicorn would lose the signal
        readiness(server).stopping()
        server.signal(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker to be forked the lowest free slot."""
    worker.slot = lowest_free({each.slot for each in server.WORKERS.values()})
    worker.readiness = readiness(server)
    worker.first_failure = FIRST_FAILURE
    SLOTS.put(worker.slot, Stage.STARTING)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 (gunicorn's)
    """Note who is in the slot."""
    SLOTS.born(worker.slot, worker.pid)


def child_exit(server: Any, worker: Any) -> None:
    """Clean up after a worker; end when workers keep ending before they serve."""
    stage = worker.readiness.ended(worker.slot)
    SLOTS.ended(worker.slot, stage)
    metric_files.forget(worker.slot)
    stopping = not server.LISTENERS
    if stopping and stage in ABOUT_REQUESTS:
        CUT.append(worker.pid)
    if START_BUDGET.ended(stage, server.cfg.workers) and not stopping:
        reason = f"{START_BUDGET.failed} workers in a row ended before they served"
        raise HaltServer(reason, Arbiter.WORKER_BOOT_ERROR)


def on_exit(server: Any) -> None:
    """End with 80 where the stop cut requests: a worker was killed, or cancelled some."""
    for pid, worker in server.WORKERS.items():
        # Killed a moment ago, and not reaped: one that had drained was only slow to exit.
        if worker.readiness.ended(worker.slot) in ABOUT_REQUESTS:
            CUT.append(pid)
    if CUT:
        pids = ", ".join(map(str, CUT))
        log.error("requests were cut: they took longer than the stop may (workers %s)", pids)
        raise SystemExit(ExitStatus.CUT)


def readiness(server: Any) -> Readiness:
    """Return who tells PID 1 how many of the arbiter's workers serve."""
    return Readiness(SLOTS, NOTIFIER, server.cfg.workers)

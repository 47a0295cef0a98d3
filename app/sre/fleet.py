"""How many nodes and deployments there are, counted for the metrics now and then."""

import asyncio
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from sqlalchemy import func, select

from app import overview
from app.admission import Admission
from app.db import Database, UnavailableError
from app.models import Deployment, State
from app.settings import Settings
from app.sre.metrics import DEPLOYMENTS, FLEET_COUNTED, NODES

FIRST_SECONDS = 2.0  # a start has more urgent things to do
EVERY_SECONDS = 15.0
CLAIM = "fleet-count"

log = logging.getLogger(__name__)


class FleetCount:
    """Counts every 15 s in one process of a container, whichever has the claim.

    What it finds is the same from all; while the database does not answer, the last count
    stands and its time tells how old it is.
    """

    def __init__(self, settings: Settings, database: Database, admission: Admission) -> None:
        self._settings = settings
        self._database = database
        self._admission = admission
        self._claim = Claim(settings.run_dir)

    async def run(self) -> None:
        """Count until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        try:
            while True:
                if self._claim.is_ours():
                    await self._try()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            self._claim.release()

    async def _try(self) -> None:
        try:
            async with self._admission.place():
                await in_a_thread(self.count)
        except UnavailableError as error:
            log.debug("the fleet could not be counted: %s", error)
        except Exception:
            log.exception("the fleet could not be counted")

    def count(self) -> None:
        """Count once. Raises UnavailableError."""
        query = select(Deployment.state, func.count()).group_by(Deployment.state)
        with self._database.reading() as session:
            nodes = overview.nodes_by_status(session, self._settings)
            deployments: dict[str, int] = dict(session.execute(query).all())
        for status, number in nodes.items():
            NODES.labels(status).set(number)
        for state in State:
            DEPLOYMENTS.labels(state).set(deployments.get(state, 0))
        FLEET_COUNTED.set(time.time())


async def in_a_thread(action: Callable[[], None]) -> None:
    """Run it in a thread that the end of the process does not wait for."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (whoever waits gets it)
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    await asyncio.wrap_future(done)


class Claim:
    """Held by one process of a container until it ends; by every process where we run alone."""

    def __init__(self, run_dir: Path | None) -> None:
        self._path = run_dir / CLAIM if run_dir else None
        self._file: int | None = None

    def is_ours(self) -> bool:
        """Tell whether this process has the claim, taking it where nobody does."""
        if self._path is None or self._file is not None:
            return True
        with suppress(OSError):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
            else:
                self._file = file
        return self._file is not None

    def release(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

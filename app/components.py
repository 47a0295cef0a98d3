"""The parts of a running app that its routes share."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from app.access.gate import Gate
from app.access.rules import SAFE_METHODS
from app.admission import Admission
from app.db import Database
from app.live.event_history import History
from app.live.event_tail import Tail
from app.settings import Settings
from app.sre.health import Readiness
from app.sre.system import Machine
from app.websock import Hub


@dataclass(frozen=True)
class Components:
    """One of each, made by app.main."""

    settings: Settings
    database: Database
    admission: Admission
    readiness: Readiness
    hub: Hub
    gate: Gate
    machine: Machine

    @classmethod
    def of(cls, settings: Settings) -> "Components":
        """Return the parts for `settings`. Nothing connects or starts yet."""
        database = Database(settings)
        # SQLite has one writer at a time, and who waits for that in SQLite naps for up to a tenth
        # of a second, is overtaken meanwhile, and keeps a thread.
        writers = 1 if settings.database_backend == "sqlite" else None
        admission = Admission(settings.database_pool_size, settings.database_wait, writers=writers)
        tail = Tail(settings)
        database.after_commit = tail.committed
        return cls(
            settings,
            database,
            admission,
            Readiness(settings),
            Hub(settings, History(database, admission), tail),
            Gate(settings.tokens),
            Machine(settings.data_dir, settings.thresholds),
        )


async def components(connection: HTTPConnection) -> Components:
    """Return the parts of the app that serves `connection`."""
    found: Components = connection.app.state.components
    return found


Parts = Annotated[Components, Depends(components)]


async def _place(parts: Parts, request: Request) -> AsyncIterator[None]:
    reads = request.method in SAFE_METHODS
    async with parts.admission.place() if reads else parts.admission.turn():
        yield


# For routes that use the database: from their body's end until they have returned, not while a
# slow client sends or receives.
USES_DATABASE = Depends(_place, scope="function")

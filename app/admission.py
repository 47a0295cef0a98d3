"""How many requests work with the database at once, and how long the others wait for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db import UnavailableError
from app.sre import database_metrics
from app.sre.metrics import POOL_IN_USE, POOL_WAITING


class Admission:
    """As many places as there are connections, so that no thread waits for one.

    Who finds none free waits in the event loop, where waiting costs nothing, and is refused
    after `seconds`: a database that froze has nobody pile up behind it.
    """

    def __init__(self, places: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._seconds = seconds
        self.taken = 0
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place; raise UnavailableError where none was free in time."""
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        self.taken += 1
        POOL_IN_USE.inc()
        try:
            yield
        finally:
            self.taken -= 1
            POOL_IN_USE.dec()
            self._free.release()

    async def _wait(self) -> None:
        self.waiting += 1
        POOL_WAITING.inc()
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError as error:
            database_metrics.failed("pool")
            raise UnavailableError("every database connection is in use") from error
        finally:
            self.waiting -= 1
            POOL_WAITING.dec()

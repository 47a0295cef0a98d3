"""How many requests work with the database at once, and how long the others wait for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db import UnavailableError
from app.sre import database_metrics
from app.sre.metrics import POOL_IN_USE, POOL_WAITING


class Admission:
    """As many places as there are connections, so that no thread waits for one; of those that
    write at most `writers`, all if not told.

    Who finds none free waits in the event loop, where waiting costs nothing, and is refused
    after `seconds`: a database that froze has nobody pile up behind it.
    """

    def __init__(self, places: int, seconds: float, *, writers: int | None = None) -> None:
        self._free = asyncio.Semaphore(places)
        self._turns = asyncio.Semaphore(writers or places)
        self._seconds = seconds
        self.taken = 0
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place; raise UnavailableError where none was free in time."""
        async with self._place(self._deadline()):
            yield

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a place to write in; raise UnavailableError where it was not free in time."""
        until = self._deadline()  # one for both waits
        await self._take(self._turns, until, "the changes before this one took too long")
        try:
            async with self._place(until):
                yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _place(self, until: float) -> AsyncIterator[None]:
        await self._take(self._free, until, "every database connection is in use")
        self.taken += 1
        POOL_IN_USE.inc()
        try:
            yield
        finally:
            self.taken -= 1
            POOL_IN_USE.dec()
            self._free.release()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._seconds

    async def _take(self, free: asyncio.Semaphore, until: float, refusal: str) -> None:
        if not free.locked():
            await free.acquire()
            return
        self.waiting += 1
        POOL_WAITING.inc()
        try:
            async with asyncio.timeout_at(until):
                await free.acquire()
        except TimeoutError as error:
            database_metrics.failed("pool")
            raise UnavailableError(refusal) from error
        finally:
            self.waiting -= 1
            POOL_WAITING.dec()

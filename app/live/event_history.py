"""Events of earlier, read from the table for clients that come back."""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from app.admission import Admission
from app.db import Database
from app.live import event_log
from app.live.event_log import Entry, Place
from app.live.event_window import FRAME_EVENTS

Answer = TypeVar("Answer")

READERS = 2
PAGE_EVENTS = FRAME_EVENTS  # what a message does not take would be read again for the next


class History:
    """Reads in threads, for few clients at a time: a thousand may come back at once."""

    def __init__(self, database: Database, admission: Admission) -> None:
        self._database = database
        self._admission = admission
        self._turns = asyncio.Semaphore(READERS)

    async def place_of(self, event_id: UUID) -> Place | None:
        """Return where an event stands, None where it is not known; raise UnavailableError."""
        return await self._read(lambda session: event_log.place_of(session, event_id))

    async def page(self, after: Place) -> list[Entry]:
        """Return the events that come next after a place; raise UnavailableError."""
        return await self._read(lambda session: event_log.page(session, after, PAGE_EVENTS))

    async def _read(self, question: Callable[[Session], Answer]) -> Answer:
        def ask() -> Answer:
            with self._database.reading() as session:
                return question(session)

        async with self._turns, self._admission.place():
            return await asyncio.to_thread(ask)

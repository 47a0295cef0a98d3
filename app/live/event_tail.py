"""Follows the table of events: one thread and one connection per process.

The thread begins with the first client or the first commit that has an event, so never before a
fork. It outlives every outage of the database.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import event
from sqlalchemy.orm import Session, object_session

from app.db import Database, UnavailableError
from app.live import event_log
from app.live.event_log import ORIGIN, ORIGIN_ID, Delay, Entry, Place
from app.live.event_window import Window
from app.live.wakeup import Wakeup
from app.live.wakeup_postgres import PostgresWakeup
from app.live.wakeup_sqlite import SqliteWakeup
from app.models import Event
from app.settings import Settings
from app.sre.metrics import EVENT_LAG, EVENT_LAG_SECONDS, EVENT_WAKEUPS, EVENTS_FOLLOWED

RECORDED = "edgepaas_recorded_events"
PAGE_EVENTS = 128
FIRST_EVENTS = 256
LAG_EVENTS = 1000
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 3.0
TAKE_SECONDS = 60.0
FOREIGN_ORDER = (
    "the order of events was restored from another PostgreSQL cluster: new events are not seen "
    "until this is run: UPDATE edgepaas_event_order SET xid = 0"
)

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where the tail brings what it reads; each is awaited in the event loop."""

    async def begin(self, window: Window) -> None:
        """Take a window that ends now, in place of an earlier one that means nothing any more."""

    async def take(self, entries: list[Entry]) -> None:
        """Take the events that come next; return when there is room for more."""

    async def tell_outage(self, trouble: str) -> None:
        """Take note that the database does not answer, or ("") does again."""


@event.listens_for(Event, "after_insert")
def _note(mapper: object, connection: object, recorded: Event) -> None:
    del mapper, connection
    session = object_session(recorded)
    if session is not None:
        session.info[RECORDED] = True


class Tail:
    """Reads every event once, in order, from the moment somebody wants to follow."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(replace(settings, database_pool_size=1))
        self._wakeup = Wakeup()
        others = SqliteWakeup if settings.database_backend == "sqlite" else PostgresWakeup
        self._others: SqliteWakeup | PostgresWakeup = others(settings, self._wakeup)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sink: Sink | None = None
        self._last: Entry | None = None
        self._place: Place | None = None
        self._failures = 0
        self._failing_since = datetime.now(UTC)

    def committed(self, session: Session) -> None:
        """Tell everybody of the events that `session` has committed, if any."""
        if session.info.pop(RECORDED, False):
            self._wakeup.call("commit")
            self._ensure_thread()

    def follow(self, sink: Sink) -> None:
        """Bring what happens from now on to `sink`, in the running event loop."""
        self._loop, self._sink = asyncio.get_running_loop(), sink
        self._wakeup.call("client")
        self._ensure_thread()

    def close(self) -> None:
        """End the thread and close the connections; not to be called in the event loop."""
        with self._lock:
            self._closing.set()
        self._wakeup.call("close")
        if self._thread is not None:
            self._thread.join()
        self._others.close()
        self._database.dispose()

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="event-tail", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            called = self._wakeup.wait(self._others.patience())
            if self._closing.is_set():
                return
            try:
                self._look(called)
            except UnavailableError as error:
                self._wait_out(str(error))
            except Exception as error:
                log.exception("following the events failed")
                self._wait_out(f"{type(error).__name__} while following the events")

    def _look(self, called: set[str]) -> None:
        self._others.announce(self._database, committed="commit" in called)
        if self._sink is None:
            return
        for source in called or {"poll"}:
            EVENT_WAKEUPS.labels(source).inc()
        self._others.start()
        if self._failures or self._place is None:
            self._find_place()
        while self._read_page(measure=not called) == PAGE_EVENTS:
            pass

    def _find_place(self) -> None:
        """Begin at the newest event, or see that the last one read is still where it was."""
        with self._database.reading() as session:
            known = self._last and event_log.place_of(session, self._last.id)
            begins = self._place is None or known != (self._last and self._last.place)
            newest = event_log.latest(session, FIRST_EVENTS + 1) if begins else []
            if event_log.is_foreign(session):
                log.error(FOREIGN_ORDER)
        if begins:
            window = window_of(newest)
            self._last, self._place = (newest[-1] if newest else None), window.last
            self._call(self._sink.begin(window) if self._sink else None)
        if self._failures:
            log.info("the events are followed again")
            self._failures = 0
            self._call(self._sink.tell_outage("") if self._sink else None)

    def _read_page(self, *, measure: bool) -> int:
        """Bring the next events to the sink; return their number."""
        place = self._place or ORIGIN
        with self._database.reading() as session:
            entries = event_log.page(session, place, PAGE_EVENTS)
            if measure and not entries:
                _show_delay(event_log.delay(session, place, LAG_EVENTS))
        if entries:
            self._last, self._place = entries[-1], entries[-1].place
            EVENTS_FOLLOWED.inc(len(entries))
            self._call(self._sink.take(entries) if self._sink else None)
        return len(entries)

    def _wait_out(self, trouble: str) -> None:
        if not self._failures:
            self._failing_since = datetime.now(UTC)
            log.warning("the events cannot be followed: %s", trouble)
            self._call(self._sink.tell_outage(trouble) if self._sink else None)
        EVENT_LAG_SECONDS.set((datetime.now(UTC) - self._failing_since).total_seconds())
        seconds = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**self._failures)
        self._failures += 1
        self._closing.wait(seconds * random.uniform(0.5, 1))  # noqa: S311 - spreads, hides nothing

    def _call(self, action: Coroutine[Any, Any, None] | None) -> None:
        """Have the event loop do it, and wait: the tail is never ahead of the clients."""
        if action is None or self._loop is None:
            return
        try:
            done = asyncio.run_coroutine_threadsafe(action, self._loop)
        except RuntimeError:  # the loop is closed, and so will be the tail
            action.close()
            return
        done.result(TAKE_SECONDS)


def window_of(newest: list[Entry]) -> Window:
    """Return a window of the newest events; what is before the first of more is not known."""
    if len(newest) <= FIRST_EVENTS:
        window = Window(ORIGIN, ORIGIN_ID)
        window.append(newest)
        return window
    window = Window(newest[0].place, newest[0].id)
    window.append(newest[1:])
    return window


def _show_delay(delay: Delay) -> None:
    EVENT_LAG.set(delay.events)
    since = delay.since
    EVENT_LAG_SECONDS.set((datetime.now(UTC) - since).total_seconds() if since else 0.0)

"""How one process notices what another commits to the same PostgreSQL: LISTEN and NOTIFY.

The messages carry who sends them and nothing of an event. They are sent after the commit, in a
transaction of their own and a few a second at most: PostgreSQL takes a lock for the whole
cluster when a transaction that notifies commits. A message may be lost: all it saves is time.
"""

import logging
import secrets
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from app.db import Database, UnavailableError
from app.live.wakeup import Wakeup
from app.settings import Settings

CHANNEL = "edgepaas_events"
SOURCE = "notify"
NOTIFY = text("SELECT pg_notify(:channel, :message)")
BETWEEN_SECONDS = 0.05
PING_SECONDS = 10.0
ANSWER_SECONDS = 2.0
NET_SECONDS = 1.0
DEAF_SECONDS = 0.25
IDLE_SECONDS = 3600.0
RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = {"unreachable": 5.0, "deaf": 60.0}

log = logging.getLogger(__name__)


class Listener:
    """A thread with a connection that LISTENs; it takes up a new one when told to, or by itself."""

    def __init__(self, settings: Settings, name: str, wakeup: Wakeup) -> None:
        self._database = Database(
            replace(
                settings,
                database_url=settings.listen_url,
                database_pool_size=1,
            )
        )
        self._name = name
        self._wakeup = wakeup
        self._pokes: tuple[socket.socket, socket.socket] | None = None  # made after any fork
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.listening = False
        self.heard_at = float("-inf")

    def start(self) -> None:
        """Begin to listen."""
        if self._thread is None:
            self._pokes = poked, _ = socket.socketpair()
            self._thread = threading.Thread(
                target=self._run, args=(poked,), name="event-listener", daemon=True
            )
            self._thread.start()

    def renew(self) -> None:
        """Take up a new connection."""
        self.listening = False
        if self._pokes is not None:
            with suppress(OSError):
                self._pokes[1].send(b"x")

    def close(self) -> None:
        """End the thread and its connection."""
        self._closing.set()
        self.renew()
        if self._thread is not None:
            self._thread.join()
        for end in self._pokes or ():
            end.close()
        self._database.dispose()

    def _run(self, poked: socket.socket) -> None:
        retry = RETRY_SECONDS
        while not self._closing.is_set():
            began, why = time.monotonic(), "deaf"
            try:
                with self._database.kept(f"LISTEN {CHANNEL}") as connection:
                    self._hear(connection, poked)
            except UnavailableError as error:
                why = "unreachable"
                log.debug("cannot listen: %s", error)
            self.listening = False
            heard = self.heard_at > began
            retry = RETRY_SECONDS if heard else min(retry * 2, LAST_RETRY_SECONDS[why])
            self._closing.wait(retry)

    def _hear(self, connection: Any, poked: socket.socket) -> None:
        """Wake for each message until poked; raise the driver's error when the server is gone."""
        waiting = select.poll()
        for one in (connection, poked):
            waiting.register(one, select.POLLIN)
        self.listening = True
        self._wakeup.call("listening")
        while poked.fileno() not in [number for number, _ in waiting.poll()]:
            connection.poll()
            for message in connection.notifies:
                self._take(message.payload)
            connection.notifies.clear()
        poked.recv(64)

    def _take(self, message: str) -> None:
        name, _, kind = message.partition(" ")
        if name == self._name:
            self.heard_at = time.monotonic()
        elif not kind:
            self._wakeup.call(SOURCE)


class PostgresWakeup:
    """Tells the others of commits, and hears of theirs.

    A message to oneself is the test that one hears at all: behind a pooler that lends
    connections by transaction LISTEN succeeds and hears nothing.
    """

    def __init__(self, settings: Settings, wakeup: Wakeup) -> None:
        self._name = secrets.token_hex(6)
        self._listener = Listener(settings, self._name, wakeup)
        self._due = False
        self._sent_at = float("-inf")
        self._pinged_at: float | None = None
        self._started = False
        self._told = False

    def start(self) -> None:
        """Begin to listen."""
        self._started = True
        self._listener.start()

    def close(self) -> None:
        """End the listener and close its connection."""
        self._listener.close()

    def patience(self) -> float:
        """Return after how many seconds to look even if nothing was heard."""
        seconds = NET_SECONDS if self._hears() else DEAF_SECONDS
        if not self._started:
            seconds = IDLE_SECONDS
        if self._due:
            seconds = min(seconds, self._sent_at + BETWEEN_SECONDS - time.monotonic())
        return max(0.0, seconds)

    def announce(self, database: Database, *, committed: bool) -> None:
        """Tell the others of commits, now or as soon as one may; see whether we hear."""
        self._due = self._due or committed
        moment = time.monotonic()
        if self._due and moment >= self._sent_at + BETWEEN_SECONDS:
            self._due = False
            self._send(database, self._name)
        self._check(database, moment)

    def _check(self, database: Database, moment: float) -> None:
        listener = self._listener
        if not listener.listening:
            self._pinged_at = None
        elif self._pinged_at is None or (self._hears() and moment > self._pinged_at + PING_SECONDS):
            self._pinged_at = moment
            self._send(database, f"{self._name} ping")
        elif not self._hears() and moment > self._pinged_at + ANSWER_SECONDS:
            self._say_once()
            listener.renew()

    def _hears(self) -> bool:
        """Tell whether the last ping came back, or may still."""
        if not self._listener.listening or self._pinged_at is None:
            return False
        return self._listener.heard_at >= self._pinged_at

    def _say_once(self) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "LISTEN hears nothing, as behind a transaction pooler: events of other processes "
                "are looked for each %g s; EDGEPAAS_MIGRATION_DATABASE_URL may lead past it",
                DEAF_SECONDS,
            )

    def _send(self, database: Database, message: str) -> None:
        self._sent_at = time.monotonic()
        try:
            with database.writing() as session:
                session.execute(NOTIFY, {"channel": CHANNEL, "message": message})
        except UnavailableError as error:
            log.debug("cannot notify: %s", error)

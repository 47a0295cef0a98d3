"""How one process notices what another commits to the same SQLite file."""

import logging
import threading
from dataclasses import replace

from app.db import Database, UnavailableError
from app.live.wakeup import Wakeup
from app.settings import Settings

SOURCE = "data_version"
POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0
NET_SECONDS = 1.0

log = logging.getLogger(__name__)


class SqliteWakeup:
    """Asks a kept connection for `PRAGMA data_version`: a look at the file's shared memory."""

    def __init__(self, settings: Settings, wakeup: Wakeup) -> None:
        self._database = Database(replace(settings, database_pool_size=1))
        self._wakeup = wakeup
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="event-watch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread and its connection."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._database.dispose()

    def patience(self) -> float:
        """Return after how many seconds to look even if nothing was noticed."""
        return NET_SECONDS

    def announce(self, database: Database, *, committed: bool) -> None:
        """Do nothing: the file tells the others."""

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._watch()
            except UnavailableError as error:
                log.debug("cannot watch the file: %s", error)
            self._closing.wait(RETRY_SECONDS)

    def _watch(self) -> None:
        with self._database.kept() as connection:
            known = None
            while not self._closing.wait(POLL_SECONDS):
                found = connection.execute("PRAGMA data_version").fetchone()[0]
                if known is not None and found != known:
                    self._wakeup.call(SOURCE)
                known = found

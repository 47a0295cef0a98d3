"""Takes connections from a socket that all workers listen on. Imports nothing of ours.

The kernel wakes every worker and whoever comes first takes what is there: 32 clients that keep
their connections may all be at one of two workers. This takes one connection for each turn of
the event loop, and leaves it to the others for a moment while they have fewer.
"""

import asyncio
import errno
import logging
import select
import socket
from collections.abc import Callable
from typing import Any

LOOK_AGAIN_SECONDS = 0.001
PATIENCE_SECONDS = 0.02  # how long others are waited for, each time in vain half as long:
REGAIN_SECONDS = 1.0  # they may hang. So long after the last time it is whole again
EXHAUSTED_SECONDS = 1.0
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = logging.getLogger(__name__)


class Acceptor:
    """Accepts until it is closed; `has_its_share` tells whether others have fewer connections."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        has_its_share: Callable[[], bool],
    ) -> None:
        self.arriving: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._has_its_share = has_its_share
        self._patience = PATIENCE_SECONDS
        self._waits_since: float | None = None
        self._regains_at = 0.0
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Stop accepting, and close the socket."""
        if self._pause:
            self._pause.cancel()
        elif self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
        self._listener.close()

    async def wait_closed(self) -> None:
        """Return: `close` has done it all."""

    def _listen(self) -> None:
        self._pause = None
        if not somebody_waits(self._listener):
            self._waits_since = None  # another took it
        self._loop.add_reader(self._listener, self._somebody_waits)

    def _somebody_waits(self) -> None:
        if self._leaves_it_to_others():
            self._stop_for(LOOK_AGAIN_SECONDS)
        else:
            self._waits_since = None
            self._accept()

    def _leaves_it_to_others(self) -> bool:
        if not self._has_its_share():
            self._patience = PATIENCE_SECONDS
            return False
        now = self._loop.time()
        if now >= self._regains_at:
            self._patience = PATIENCE_SECONDS
        if self._waits_since is None:
            self._waits_since = now
        waited = now - self._waits_since
        if waited < self._patience and self._patience > LOOK_AGAIN_SECONDS:
            return True
        self._patience /= 2
        self._regains_at = now + REGAIN_SECONDS
        return False

    def _stop_for(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, self._listen)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            log.error("no connection can be accepted: %s", error.strerror)  # noqa: TRY400
            self._stop_for(EXHAUSTED_SECONDS)
            return
        connection.setblocking(False)
        arrival = self._loop.create_task(self._take(connection))
        self.arriving.add(arrival)
        arrival.add_done_callback(self.arriving.discard)

    async def _take(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:
            log.debug("a client left before it was served: %s", error)
            connection.close()


def somebody_waits(listener: socket.socket) -> bool:
    """Tell whether a connection can be accepted now."""
    looking = select.poll()  # not select.select, which takes no descriptor above 1,023
    looking.register(listener, select.POLLIN)
    return bool(looking.poll(0))

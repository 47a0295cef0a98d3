"""The uvicorn server of a worker: it drains before it shuts down."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NamedTuple, TypeVar

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server

from web.protocol import DrainProtocol, DrainState

Kind = TypeVar("Kind")

LINGER_MOST = 1.0
MARGIN_MOST = 1.0
SHARE = 0.25
ACCEPT_SECONDS = 0.05
POLL_SECONDS = 0.05
TICKS_A_SECOND = 10


class Grace(NamedTuple):
    """The parts of the graceful timeout, in seconds: `linger` for who is connected but idle,
    `finish` for requests in flight; the rest is for the lifespan's shutdown.
    """

    linger: float
    finish: float


def share(graceful: float) -> Grace:
    """Return the parts of a graceful timeout of so many seconds."""
    linger = min(LINGER_MOST, graceful * SHARE)
    return Grace(linger, graceful - linger - min(MARGIN_MOST, graceful * SHARE))


class Watcher(NamedTuple):
    """Whom a server tells what happens: each is called without arguments.

    `drained` is not called where requests had to be cut; `leave` is called, from a signal
    handler, when it is told to stop before it serves; `draining` answers whether the container
    drains.
    """

    serves: Callable[[], None]
    drains: Callable[[], None]
    drained: Callable[[], None]
    leave: Callable[[], None]
    draining: Callable[[], bool]


class DrainServer(Server):
    """Told to stop, it closes its listeners, answers for a moment with `Connection: close`,
    closes WebSockets with 1012 one after the other, and only then shuts down as uvicorn does.
    """

    server_state: DrainState

    def __init__(self, config: Config, grace: Grace, watcher: Watcher) -> None:
        super().__init__(config)
        self.server_state = DrainState()
        self.grace = grace
        self.watcher = watcher

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the lifespan's startup, listen, and say so."""
        await super().startup(sockets)
        self.watcher.serves()

    async def on_tick(self, counter: int) -> bool:
        """Look once a second whether the container drains; tell whether to exit."""
        if counter % TICKS_A_SECOND == 0:
            self.server_state.draining = self.watcher.draining()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 (the event loop closes them with its servers)
        """Drain, then shut down."""
        self.watcher.drains()
        self._stop_listening()
        if not self.force_exit:
            await self._linger()
        under_way = set(self.server_state.tasks)
        if not under_way:
            self.watcher.drained()
        await super().shutdown()
        if under_way and all(task.done() and not task.cancelling() for task in under_way):
            self.watcher.drained()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (a signal handler)
        """Drain on SIGTERM. Unlike uvicorn's, the signal is not raised again at the end:
        a worker that drained exits 0.
        """
        if not self.started:
            self.watcher.leave()
        self.should_exit = True
        self.force_exit = self.force_exit or sig == signal.SIGQUIT

    def _stop_listening(self) -> None:
        self.server_state.draining = True
        for server in self.servers:
            server.close()

    async def _linger(self) -> None:
        """Serve those who are connected already, until they left or the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.grace.linger
        await asyncio.sleep(min(ACCEPT_SECONDS, self.grace.linger))
        for connection in self._connections(DrainProtocol):
            connection.close_after_response()
        websockets = list(self._connections(WebSocketsSansIOProtocol))
        for remaining, websocket in zip(range(len(websockets), 0, -1), websockets, strict=True):
            websocket.shutdown()
            await asyncio.sleep((deadline - loop.time()) / remaining)
        while self.server_state.connections and not self.force_exit and loop.time() < deadline:  # noqa: ASYNC110 (uvicorn tells of no change)
            await asyncio.sleep(POLL_SECONDS)

    def _connections(self, kind: type[Kind]) -> Iterator[Kind]:
        return (each for each in list(self.server_state.connections) if isinstance(each, kind))

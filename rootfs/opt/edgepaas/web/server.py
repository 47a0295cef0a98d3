"""The uvicorn server of a worker: it drains before it shuts down."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NamedTuple, TypeVar

from uvicorn.config import Config
from uvicorn.server import Server

from web import accept_queue, goodbye
from web.acceptor import Acceptor
from web.grace import Grace
from web.protocol import DrainProtocol, DrainState, DrainWebSocket

Kind = TypeVar("Kind")

ACCEPT_SECONDS = 0.05
POLL_SECONDS = 0.01
TICKS_A_SECOND = 10
NAMED_MOST = 10

log = logging.getLogger(__name__)


class Watcher(NamedTuple):
    """Whom a server tells what happens: each is called without arguments.

    `drained` is not called where requests had to be cut; `leave` is called, from a signal
    handler, when it is told to stop before it serves; `draining` answers whether the container
    drains. `connected` is called with the number of open connections when it changes, and
    `has_its_share` answers whether other workers have fewer.
    """

    serves: Callable[[], None]
    drains: Callable[[], None]
    drained: Callable[[], None]
    leave: Callable[[], None]
    draining: Callable[[], bool]
    connected: Callable[[int], None]
    has_its_share: Callable[[], bool]


class DrainServer(Server):
    """Told to stop, it takes who has connected already, closes its listeners, answers with
    `Connection: close`, closes WebSockets with 1012, and shuts down as uvicorn does once nothing
    is left or the time is over. `delay` is how long the container drains before it stops.
    """

    server_state: DrainState

    def __init__(self, config: Config, grace: Grace, delay: float, watcher: Watcher) -> None:
        super().__init__(config)
        self.server_state = DrainState(watcher.connected)
        self.acceptors: list[Acceptor] = []
        self.grace = grace
        self.delay = delay
        self.watcher = watcher
        self._goodbye: asyncio.Task[None] | None = None
        self._told = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the lifespan's startup, listen, and say so."""
        self.sockets = sockets or []
        self._loop = asyncio.get_running_loop()
        await super().startup([])
        self.acceptors = [
            Acceptor(each, self._protocol, self.watcher.has_its_share) for each in self.sockets
        ]
        self.watcher.serves()

    async def main_loop(self) -> None:
        """Tick until it is to exit, which is noticed at once when it was told to.

        uvicorn ticks ten times a second; only a limit of requests needs to be looked at so often.
        """
        limited = (self.limit_max_requests or sys.maxsize) < sys.maxsize  # gunicorn's word for none
        ticks = 1 if limited else TICKS_A_SECOND
        counter = 0
        while not await self.on_tick(counter):
            counter += ticks
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), ticks / TICKS_A_SECOND)

    async def on_tick(self, counter: int) -> bool:
        """Look once a second whether the container drains; tell whether to exit."""
        if counter % TICKS_A_SECOND == 0:
            self._container_drains(on=self.watcher.draining())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 (its acceptors close them)
        """Drain, then shut down."""
        self.watcher.drains()
        if not self.force_exit:
            await self._drain()
        cut = len(self.server_state.tasks)
        if cut:
            self._tell_cut()
        else:
            self.watcher.drained()
        self._close_listeners()
        if self.server_state.connections or cut:
            self.config.timeout_graceful_shutdown = POLL_SECONDS  # type: ignore[assignment]
            await super().shutdown()
        elif not self.force_exit:  # uvicorn would give a tenth of a second to nobody
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (a signal handler)
        """Drain on SIGTERM. Unlike uvicorn's, the signal is not raised again at the end:
        a worker that drained exits 0.
        """
        if not self.started:
            self.watcher.leave()
        else:
            self._loop.call_soon_threadsafe(self._told.set)
        self.should_exit = True
        self.force_exit = self.force_exit or sig == signal.SIGQUIT

    def _container_drains(self, *, on: bool) -> None:
        """Begin or take back what is done while the container drains and may yet serve on."""
        if on == self.server_state.draining:
            return
        self.server_state.draining = on
        self._stop_goodbye()
        if on:
            self._goodbye = asyncio.get_running_loop().create_task(self._say_goodbye())

    async def _say_goodbye(self) -> None:
        """Once the balancer has had half of the delay to look away, send WebSockets elsewhere."""
        await asyncio.sleep(self.delay / 2)
        await goodbye.spread(self._websockets, max(self.delay / 2, self.grace.spread))

    def _stop_goodbye(self) -> None:
        if self._goodbye:
            self._goodbye.cancel()
            self._goodbye = None

    async def _drain(self) -> None:
        """Return when nothing is left to do, or `linger` and `finish` are over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + sum(self.grace)
        self._stop_goodbye()
        self.server_state.draining = True
        self.server_state.linger = self.grace.linger
        for connection in self._connections(DrainProtocol):
            connection.leave(self.grace.linger)
        accepting = loop.create_task(self._accept_who_waits(loop.time() + self.grace.spread))
        dismissing = loop.create_task(self._dismiss_all())
        while not self.force_exit and loop.time() < deadline:
            if accepting.done() and not self._is_busy():
                break
            await asyncio.sleep(POLL_SECONDS)
        dismissing.cancel()
        accepting.cancel()

    async def _accept_who_waits(self, deadline: float) -> None:
        """Close the listeners once everybody who has connected is accepted, or at `deadline`."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(ACCEPT_SECONDS)
            if loop.time() >= deadline or all(map(accept_queue.is_empty, self.sockets)):
                break
        self._close_listeners()

    def _close_listeners(self) -> None:
        for acceptor in self.acceptors:
            acceptor.close()

    async def _dismiss_all(self) -> None:
        """Dismiss WebSockets until none is left: one may still be in its handshake."""
        seconds = self.grace.spread
        while True:
            await goodbye.spread(self._websockets, seconds)
            await asyncio.sleep(POLL_SECONDS)
            seconds = 0.0

    def _tell_cut(self) -> None:
        """Name the requests that are about to be cut, without what their queries hold."""
        names = sorted(request_name(each) for each in self.server_state.connections)
        more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
        log.error(
            "%d requests are cut: %s%s",
            len(self.server_state.tasks),
            ", ".join(names[:NAMED_MOST]) or "work after the answer",
            more,
        )

    def _is_busy(self) -> bool:
        """Tell whether anybody is connected or about to be, or work is left after an answer."""
        state = self.server_state
        arriving = any(acceptor.arriving for acceptor in self.acceptors)
        return arriving or bool(state.connections or state.tasks)

    def _protocol(self) -> asyncio.Protocol:
        """Return what serves a new connection."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _websockets(self) -> set[DrainWebSocket]:
        return self._connections(DrainWebSocket)

    def _connections(self, kind: type[Kind]) -> set[Kind]:
        return {each for each in self.server_state.connections if isinstance(each, kind)}


def request_name(connection: Any) -> str:
    """Return `METHOD /path` of what a connection is at."""
    scope = getattr(connection, "scope", None) or {}
    return f"{scope.get('method', scope.get('type', 'nothing'))} {scope.get('path', '')}".strip()

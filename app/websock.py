"""The WebSocket manager: every event to every client of this process.

Each client has a bounded queue and one writer, so a client that reads slowly delays nobody
and costs a bounded amount of memory: it is closed with 1013 and may come back.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.sre.metrics import WEBSOCKET_OVERFLOWS, WEBSOCKETS

QUEUE_EVENTS = 256
CLOSE_SECONDS = 5.0
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013

log = logging.getLogger(__name__)


class Client:
    """One connection: what waits to be sent to it, and why it is to be closed."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.waiting: asyncio.Queue[str] = asyncio.Queue(QUEUE_EVENTS)
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def offer(self, text: str) -> None:
        """Queue `text`; a client whose queue is full is closed."""
        try:
            self.waiting.put_nowait(text)
        except asyncio.QueueFull:
            if self.close(TRY_AGAIN_LATER):
                WEBSOCKET_OVERFLOWS.inc()

    def close(self, code: int) -> bool:
        """Ask for the connection's end with `code`; tell whether nobody had asked before."""
        if self.closing.done():
            return False
        self.closing.set_result(code)
        return True

    async def write(self) -> None:
        """Send what waits, one at a time, until cancelled or the client is gone."""
        while True:
            await self.websocket.send_text(await self.waiting.get())

    async def read(self) -> None:
        """Drop what the client says (we have nothing to ask it) until it leaves."""
        while (await self.websocket.receive())["type"] != "websocket.disconnect":
            pass


class Hub:
    """The clients of this process. `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._clients: dict[Client, asyncio.Task[Any] | None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def open(self) -> None:
        """Bind the hub to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def publish(self, event: Mapping[str, Any]) -> None:
        """Hand an event to every client; without an open hub nobody listens."""
        if self._loop is None or self._closed:
            return
        self._loop.call_soon_threadsafe(self._offer, json.dumps(event))

    async def serve(self, websocket: WebSocket, greeting: Mapping[str, Any]) -> None:
        """Serve one client until it leaves, falls behind or the hub closes."""
        await websocket.accept()
        client = Client(websocket)
        client.offer(json.dumps(greeting))
        self._clients[client] = asyncio.current_task()
        WEBSOCKETS.inc()
        if self._closed:
            client.close(SERVICE_RESTART)
        try:
            await self._converse(client)
        finally:
            del self._clients[client]
            WEBSOCKETS.dec()

    async def close(self) -> None:
        """Close every client with 1012, "service restart", and wait until they are gone."""
        self._closed = True
        for client in self._clients:
            client.close(SERVICE_RESTART)
        serving = [task for task in self._clients.values() if task is not None]
        if serving:
            await asyncio.wait(serving, timeout=CLOSE_SECONDS)

    def _offer(self, text: str) -> None:
        for client in self._clients:
            client.offer(text)

    async def _converse(self, client: Client) -> None:
        tasks = {asyncio.create_task(client.write()), asyncio.create_task(client.read())}
        either: set[asyncio.Future[Any]] = {*tasks, client.closing}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            left = any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            _log_unexpected(result)
        if not left:
            await _close(client.websocket, client.closing.result())


async def _close(websocket: WebSocket, code: int) -> None:
    """Send the close frame if the client takes it in time; else only drop the connection."""
    try:
        await asyncio.wait_for(websocket.close(code), CLOSE_SECONDS)
    except (TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
        log.debug("a client left before its close frame")


def _log_unexpected(result: BaseException | None) -> None:
    if isinstance(result, Exception) and not isinstance(
        result, (WebSocketDisconnect, OSError, RuntimeError)
    ):
        log.error("a WebSocket failed", exc_info=result)

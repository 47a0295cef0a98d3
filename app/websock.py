"""The WebSocket manager: every event to every client, in order, once (docs/events.md).

What is sent lies in one window for all. A client is a place in it, and one writer that sends
what comes after that place; so a thousand clients cost little more than one, and none delays
another. One whose connection takes nothing while too much waits is closed with 1013.
"""

import asyncio
import json
import logging
import random
from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from typing import Any
from uuid import UUID

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.db import UnavailableError
from app.live.event_history import History
from app.live.event_log import Entry, Place
from app.live.event_tail import Tail
from app.live.event_window import Frame, Window, frame
from app.settings import Settings
from app.sre.metrics import (
    WEBSOCKET_CLOSES,
    WEBSOCKET_CONNECTIONS,
    WEBSOCKET_OVERFLOWS,
    WEBSOCKETS,
)

QUEUE_EVENTS = 256
QUEUE_BYTES = 1 << 20
STALLED_SECONDS = 20.0
PACE_SECONDS = 1.0
TICK_SECONDS = 1.0
BEAT_TICKS = 20
RETRY_SECONDS = 0.5
CLOSE_SECONDS = 5.0
SPREAD_SECONDS = 2.0
MESSAGE_BYTES = 4096
MESSAGES_A_TICK = 20
BEAT = json.dumps({"type": "beat"})

log = logging.getLogger(__name__)


class Code(IntEnum):
    """Why a client is closed (docs/events.md)."""

    POLICY = 1008
    TOO_BIG = 1009
    BROKEN = 1011
    RESTART = 1012
    LATER = 1013
    MALFORMED = 4400
    UNKNOWN = 4404


class Phase(Enum):
    """What a client's writer is about."""

    AWAY = auto()  # not yet with the events in memory, or no more
    READY = auto()  # about to send the next
    SENDING = auto()  # until the client takes it
    WAITING = auto()  # nothing is left to send


class Closed(Exception):  # noqa: N818 - the end of a conversation is no error
    """The conversation is over, for this reason."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Client:
    """One connection: how far it is, and how it is told things beside the events."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.place: Place | None = None
        self.phase = Phase.AWAY
        self.sending_since = 0.0
        self.messages = 0
        self.notices: dict[str, str] = {}
        self.wake = asyncio.Event()
        self.closing: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()

    def notify(self, kind: str, text: str) -> None:
        """Have `text` sent before further events, in place of an earlier notice of its kind."""
        self.notices[kind] = text
        self.wake.set()

    def close(self, code: Code, reason: str) -> bool:
        """Ask for the connection's end; tell whether nobody had asked before."""
        if self.closing.done():
            return False
        self.closing.set_result(Closed(code, reason))
        return True

    async def send(self, text: str) -> None:
        """Send a message, however long the client lets us wait for it."""
        self.sending_since = asyncio.get_running_loop().time()
        self.phase = Phase.SENDING
        await self.websocket.send_text(text)
        self.phase = Phase.AWAY

    async def send_notices(self) -> None:
        """Send what is to be told beside the events."""
        while self.notices:
            await self.send(self.notices.pop(next(iter(self.notices))))

    async def sleep(self) -> None:
        """Wait until there is something to send."""
        self.phase = Phase.WAITING
        await self.wake.wait()
        self.phase = Phase.READY

    async def read(self) -> None:
        """Drop what the client says (we have nothing to ask it) until it leaves.

        Raises Closed for one that says too much.
        """
        while (message := await self.websocket.receive())["type"] != "websocket.disconnect":
            self.messages += 1
            if len(message.get("text") or message.get("bytes") or "") > MESSAGE_BYTES:
                raise Closed(Code.TOO_BIG, "nothing is expected from you")
            if self.messages > MESSAGES_A_TICK:
                raise Closed(Code.POLICY, "too many messages")


class Hub:
    """The clients of this process, and the newest events. Belongs to the event loop's thread."""

    def __init__(self, settings: Settings, history: History, tail: Tail) -> None:
        self._settings = settings
        self._history = history
        self._tail = tail
        self._clients: dict[Client, asyncio.Task[Any] | None] = {}
        self._window: Window | None = None
        self._begun = asyncio.Event()
        self._trouble = ""
        self._ticking: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._ticks = 0
        self._closed = False

    async def serve(
        self, websocket: WebSocket, greeting: Mapping[str, Any], after: str | None
    ) -> None:
        """Serve one client until it leaves, falls behind or the hub closes.

        `after` is the id of the last event it has; None for one that is to begin now.
        """
        await websocket.accept()
        client = Client(websocket)
        self._begin_with_first()
        if self._closed or self._leaving:
            client.close(Code.RESTART, "this server is about to stop")
        elif len(self._clients) >= self._settings.websocket_clients:
            client.close(Code.LATER, "too many clients")
        self._clients[client] = asyncio.current_task()
        WEBSOCKETS.inc()
        WEBSOCKET_CONNECTIONS.inc()
        try:
            await self._converse(client, greeting, after)
        finally:
            del self._clients[client]
            WEBSOCKETS.dec()

    async def close(self) -> None:
        """Close every client with 1012, "service restart", and wait until they are gone."""
        self._closed = True
        for task in (self._ticking, self._leaving):
            if task is not None:
                task.cancel()
        for client in self._clients:
            client.close(Code.RESTART, "this server stops")
        serving = [task for task in self._clients.values() if task is not None]
        if serving:
            await asyncio.wait(serving, timeout=CLOSE_SECONDS)
        await asyncio.to_thread(self._tail.close)

    def publish(self, event: object) -> None:
        """Do nothing: the event of a change is in the database. Gone once no route calls this."""

    async def begin(self, window: Window) -> None:
        """Follow from here on; who followed something else has to begin anew."""
        if self._window is not None:
            for client in self._clients:
                client.close(Code.UNKNOWN, "the history has changed: load everything anew")
        self._window = window
        self._begun.set()

    async def take(self, entries: list[Entry]) -> None:
        """Send events to everybody; return when all have them who take them."""
        if self._window is None or self._closed:
            return
        self._window.append(entries)
        for client in self._clients:
            client.wake.set()
            if client.phase is Phase.SENDING and client.place is not None:
                self._close_if_behind(client, self._window, client.place)
        await self._pace()

    async def tell_outage(self, trouble: str) -> None:
        """Tell everybody that there is trouble, or ("") no more."""
        self._trouble = trouble
        for client in self._clients:
            client.notify("status", self._status())

    async def _pace(self) -> None:
        """Wait until everybody has all, but for those whose connection takes nothing now."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PACE_SECONDS
        while True:
            await asyncio.sleep(0)
            ready = any(client.phase is Phase.READY for client in self._clients)
            if not ready or loop.time() > deadline:
                return

    def _begin_with_first(self) -> None:
        if self._ticking is None and not self._closed:
            self._ticking = asyncio.create_task(self._tick())
            self._tail.follow(self)

    async def _converse(
        self, client: Client, greeting: Mapping[str, Any], after: str | None
    ) -> None:
        tasks = {
            asyncio.create_task(self._talk(client, greeting, after)),
            asyncio.create_task(client.read()),
        }
        either: set[asyncio.Future[Any]] = {*tasks, client.closing}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            client.phase = Phase.AWAY
            for task in tasks:
                task.cancel()
        results: list[BaseException | None] = [
            *await asyncio.gather(*tasks, return_exceptions=True)
        ]
        if client.closing.done():
            results.append(client.closing.result())
        reasons = [reason for result in results if (reason := _reason(result))]
        if reasons and not any(map(_has_left, results)):
            await _close(client.websocket, reasons[0])

    async def _talk(self, client: Client, greeting: Mapping[str, Any], after: str | None) -> None:
        """Greet, send what was missed, then what happens."""
        if self._trouble:
            await client.send(self._status())
        window = await self._begun_window(client)
        place = window.last if after is None else await self._place_of(client, after)
        told = str(window.last_id) if after is None else after
        await client.send(json.dumps({**greeting, "after": told}))
        client.place = place
        while True:
            await client.send_notices()
            found = await self._next(client, place)
            if found is not None:
                await client.send(found.text)
                place = client.place = found.last.place
                client.phase = Phase.READY
                if place < window.last:
                    await asyncio.sleep(0)
            elif not client.notices:
                await client.sleep()

    async def _begun_window(self, client: Client) -> Window:
        """Return the window, as soon as the tail has begun."""
        while self._window is None:
            begun = asyncio.create_task(self._begun.wait())
            told = asyncio.create_task(client.wake.wait())
            try:
                await asyncio.wait({begun, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                begun.cancel()
                told.cancel()
            client.wake.clear()
            await client.send_notices()
        return self._window

    async def _place_of(self, client: Client, after: str) -> Place:
        """Return the place of the event `after`; raise Closed where it is none."""
        try:
            event_id = UUID(after)
        except ValueError:
            raise Closed(Code.MALFORMED, "after is not the id of an event") from None
        place = self._window.place_of(event_id) if self._window else None
        while place is None:
            try:
                place = await self._history.place_of(event_id)
            except UnavailableError:
                await self._wait_out(client)
                continue
            if place is None:
                raise Closed(Code.UNKNOWN, "this event is not known: load everything anew")
        return place

    async def _next(self, client: Client, place: Place) -> Frame | None:
        """Return what comes after a place: from memory, or from the table for who is far back."""
        while True:
            client.wake.clear()
            window = self._window
            if window is None:
                return None
            if place >= window.floor:
                return window.frame(place)
            client.phase = Phase.AWAY
            try:
                entries = await self._history.page(place)
            except UnavailableError:
                await self._wait_out(client)
                continue
            if entries:
                return frame(entries)
            place = window.floor

    async def _wait_out(self, client: Client) -> None:
        await client.send_notices()
        await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - spreads only

    def _close_if_behind(self, client: Client, window: Window, place: Place) -> None:
        behind = window.behind(place)
        if behind.events > QUEUE_EVENTS or behind.size > QUEUE_BYTES:
            _close_slow(client)

    async def _tick(self) -> None:
        """Look after the clients once a second."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._ticks += 1
            stalled = asyncio.get_running_loop().time() - STALLED_SECONDS
            for client in self._clients:
                client.messages = 0
                if client.phase is Phase.SENDING and client.sending_since < stalled:
                    _close_slow(client)
                elif self._ticks % BEAT_TICKS == 0:
                    client.notify("beat", BEAT)
            self._drain_or_return(draining=await self._is_draining())

    async def _is_draining(self) -> bool:
        file = self._settings.drain_file
        return file is not None and await asyncio.to_thread(file.exists)

    def _drain_or_return(self, *, draining: bool) -> None:
        if draining and self._leaving is None:
            self._leaving = asyncio.create_task(self._send_away())
        elif not draining and self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    async def _send_away(self) -> None:
        """Send the clients elsewhere, one by one: so they do not all arrive there at once."""
        clients = list(self._clients)
        for client in clients:
            client.close(Code.RESTART, "this server drains")
            await asyncio.sleep(SPREAD_SECONDS / len(clients))

    def _status(self) -> str:
        return json.dumps(
            {"type": "status", "live": not self._trouble, "detail": self._trouble or "live"}
        )


def _close_slow(client: Client) -> None:
    if client.close(Code.LATER, "too slow: come back with the last event you have"):
        WEBSOCKET_OVERFLOWS.inc()


async def _close(websocket: WebSocket, closed: Closed) -> None:
    """Send the close frame if the client takes it in time; else only drop the connection."""
    WEBSOCKET_CLOSES.labels(int(closed.code)).inc()
    try:
        await asyncio.wait_for(websocket.close(closed.code, str(closed)), CLOSE_SECONDS)
    except (TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
        log.debug("a client left before its close frame")


def _has_left(result: BaseException | None) -> bool:
    return result is None or isinstance(result, WebSocketDisconnect | OSError | RuntimeError)


def _reason(result: BaseException | None) -> Closed | None:
    """Return why to close, if one half of a conversation ended with `result`."""
    if isinstance(result, Closed):
        return result
    if _has_left(result) or isinstance(result, asyncio.CancelledError):
        return None
    log.error("a WebSocket failed", exc_info=result)
    return Closed(Code.BROKEN, "this is our fault")

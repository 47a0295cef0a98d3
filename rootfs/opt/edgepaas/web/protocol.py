"""The protocols of a worker: uvicorn's, which besides know how to leave without losing anybody."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from web.idle_timer import IdleTimer

COME_BACK = 1012  # "service restart" in the registry of close codes
CLOSE_SECONDS = 5.0
LAST_LOOK_SECONDS = 0.05


class Connections(set[Any]):
    """The open connections of a worker; `changed` is called with their number."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        super().__init__()
        self._changed = changed

    def add(self, connection: Any) -> None:
        """Take one in."""
        super().add(connection)
        self._changed(len(self))

    def discard(self, connection: Any) -> None:
        """Let one go, if it is there."""
        super().discard(connection)
        self._changed(len(self))

    def remove(self, connection: Any) -> None:
        """Let one go. Raises KeyError."""
        super().remove(connection)
        self._changed(len(self))


class DrainState(ServerState):
    """What the connections of a worker share: uvicorn's state, and how the worker drains.

    `draining` puts `Connection: close` on answers; `linger`, once the worker leaves, is how many
    seconds an idle connection is kept.
    """

    def __init__(self, counted: Callable[[int], None]) -> None:
        super().__init__()
        self.connections = Connections(counted)
        self.draining = False
        self.linger: float | None = None


class DrainProtocol(HttpToolsProtocol):
    """HTTP by httptools. Keep-alive clients are asked to go elsewhere while the worker drains."""

    server_state: DrainState
    _last_look = False

    def connection_made(self, transport: Any) -> None:
        """Take a connection."""
        super().connection_made(transport)
        self._idle = IdleTimer(self.loop, self.timeout_keep_alive_handler)
        if self.server_state.linger is not None:
            self.leave(self.server_state.linger)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a connection go."""
        self._idle.close()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Begin the request; its answer is this connection's last while draining."""
        super().on_headers_complete()
        if self.server_state.draining and self._cycle:
            self._cycle.keep_alive = False

    def leave(self, linger: float) -> None:
        """Close the connection after an answer that says so, or `linger` seconds after one that
        could not, for it had begun: a client that was not told may be sending already.
        """
        self.timeout_keep_alive = linger  # type: ignore[assignment]  # call_later takes a float
        cycle = self._cycle
        if cycle is None or cycle.response_complete:
            self._idle.begin(linger)
        elif not cycle.response_started:
            cycle.keep_alive = False

    def timeout_keep_alive_handler(self) -> None:
        """Close the idle connection, once what may have come while the event loop stood is read:
        to close over unread data is a reset.
        """
        if self._last_look or self.server_state.linger is None:
            super().timeout_keep_alive_handler()
        else:
            self._last_look = True
            self._idle.begin(LAST_LOOK_SECONDS)

    def on_response_complete(self) -> None:
        """Go on with the next request, or be idle. As uvicorn does it, but for its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._idle.begin(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:  # at each sign of life
        self._last_look = False
        self._idle.stop()

    @property
    def _cycle(self) -> Any:
        """Return the request that came last, answered or not; None before the first."""
        return self.cycle


class DrainWebSocket(WebSocketsSansIOProtocol):
    """WebSockets by websockets, closed as RFC 6455 wants it: both sides say so before it ends."""

    def may_be_dismissed(self) -> bool:
        """Tell whether it is open and has not been told yet."""
        return self.handshake_complete and not (
            self.close_sent or self.transport.is_closing() or self.close_timer
        )

    def dismiss(self) -> None:
        """Tell the client to come back; the connection ends when it has answered.

        To close at once, as uvicorn does, resets a client that is just sending: it would never
        read why.
        """
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": COME_BACK})
        self.conn.send_close(COME_BACK)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.close)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; after the goodbye the app reads none, so that the answer gets in."""
        if self.close_timer:
            self.frames = []
            return
        super().send_receive_event_to_app()

    def shutdown(self) -> None:
        """Close at once."""
        if self.close_timer and not self.close_sent:
            self.transport.close()
        else:
            super().shutdown()

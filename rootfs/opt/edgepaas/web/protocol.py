"""The HTTP protocol of a worker: httptools, which says `Connection: close` while draining."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class DrainState(ServerState):
    """What the connections of a worker share: uvicorn's state, and whether the worker drains."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False


class DrainProtocol(HttpToolsProtocol):
    """Asks keep-alive clients to go elsewhere while the worker drains."""

    server_state: DrainState

    def on_headers_complete(self) -> None:
        """Begin the request; its answer is this connection's last while draining."""
        super().on_headers_complete()
        if self.server_state.draining:
            self.close_after_response()

    def close_after_response(self) -> None:
        """Close the connection once the answer under way, if any, is complete."""
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False

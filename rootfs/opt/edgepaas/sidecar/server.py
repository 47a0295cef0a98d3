"""The management server: few threads, short connections, so that slow clients cannot pile up."""

import logging
import socket
import socketserver
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_THREADS = 16
CONNECTION_SECONDS = 10.0
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Retry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)

log = logging.getLogger(__name__)


class CannotListenError(Exception):
    """The address cannot be had; says why and what to set."""


class ManagementServer(ThreadingHTTPServer):
    """One thread for each connection, at most 16 of them, each for one request and 10 seconds."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], **context: Any
    ) -> None:
        """Listen on `address`; `context` becomes attributes. Raises CannotListenError."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._open: dict[socket.socket, float] = {}
        self._room = threading.BoundedSemaphore(MOST_THREADS)
        for name, value in context.items():
            setattr(self, name, value)
        try:
            super().__init__(address, handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CannotListenError(
                f"cannot listen on {address[0]} port {address[1]}: {reason}; set "
                "EDGEPAAS_METRICS_PORT to a free port above 1023, EDGEPAAS_METRICS_BIND to an "
                "address of this host"
            ) from None

    def server_bind(self) -> None:
        """Bind. Unlike HTTPServer's, it does not ask DNS for this host's name."""
        socketserver.TCPServer.server_bind(self)
        host, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = host, port

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for the connection, or turn it away when there are too many."""
        if not self._room.acquire(blocking=False):
            with suppress(OSError):
                request.send(BUSY, socket.MSG_DONTWAIT)
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.pop(request, None)
            self._room.release()

    def service_actions(self) -> None:
        """Break off connections that took too long; called twice a second."""
        oldest = time.monotonic() - CONNECTION_SECONDS
        for request, since in list(self._open.items()):
            if since < oldest:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver's)
        """Log at debug level that a client left: routes log their own failures."""
        log.debug("a connection was broken off: %r", sys.exception())

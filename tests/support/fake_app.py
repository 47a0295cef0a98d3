"""An HTTP server that answers health questions as a test wants it. Imports nothing of ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeApp(ThreadingHTTPServer):
    """Answers every GET with `status`; while `hung` is set, with nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status = 200
        self.hung = threading.Event()
        self.done = threading.Event()
        self.asked = 0
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: FakeApp

    def do_GET(self) -> None:
        """Answer, or hang."""
        self.server.asked += 1
        if self.server.hung.is_set():
            self.server.done.wait()
            return
        body = b'{"status": "as told"}'
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Log nothing."""


@contextmanager
def fake_app() -> Iterator[FakeApp]:
    """Yield a server that answers."""
    with FakeApp() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.done.set()
            server.shutdown()
            thread.join()

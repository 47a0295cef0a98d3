"""A unit `web` that answers /health/ready as a test wants it, without gunicorn."""

from collections.abc import Callable

from tests.support.native_boot import NativeBoot
from tests.support.ports import free_port

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, _, body = open("answer").read().partition(" ")
        self.send_response(int(status))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer.allow_reuse_address = True
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
notify("READY=1")
server.serve_forever()
"""
READY = '200 {"status": "ready"}'


def with_web(
    new_boot: Callable[..., NativeBoot], answer: str = READY, **environment: str
) -> NativeBoot:
    """Return a boot, not started, whose only unit answers with `answer`: a status and a body."""
    addresses = {"EDGEPAAS_BIND": "127.0.0.1", "EDGEPAAS_METRICS_BIND": "127.0.0.1"}
    ports = {"PORT": str(free_port()), "EDGEPAAS_METRICS_PORT": str(free_port())}
    boot = new_boot(**addresses, **ports, **environment)
    boot.file("answer", answer)
    boot.notifying("web", SERVER)
    return boot

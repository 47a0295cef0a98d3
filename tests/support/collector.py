"""An OpenTelemetry collector as far as we need one: takes OTLP/HTTP with JSON, and keeps it."""

import http.server
import json
from typing import Any

from tests.support.receiver import Receiver


class Collector(Receiver):
    """Keeps every span that was sent to it; answers with `status`."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.spans: list[dict[str, Any]] = []
        self.resources: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.requests.append((self.path, headers))
                if collector.status == http.HTTPStatus.OK:
                    collector.take(body)
                self.send_response(collector.status)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.server = server
        self.endpoint = f"http://127.0.0.1:{server.server_port}"

    def take(self, body: dict[str, Any]) -> None:
        """Keep the spans of one export, their attributes as a mapping."""
        for batch in body["resourceSpans"]:
            self.resources.append(plain(batch["resource"]["attributes"]))
            for scope in batch["scopeSpans"]:
                for span in scope["spans"]:
                    self.spans.append({**span, "attributes": plain(span["attributes"])})


def plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return OTLP's list of attributes as a mapping; integers are strings there."""
    found = {}
    for each in attributes:
        ((kind, value),) = each["value"].items()
        found[each["key"]] = int(value) if kind == "intValue" else value
    return found

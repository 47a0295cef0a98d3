"""From a request to its route, and from the route's answer to the wire."""

import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sidecar.routes import Answer, Request, Routes, text

READ_SECONDS = 5

log = logging.getLogger(__name__)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; one request, then the connection closes."""

    protocol_version = "HTTP/1.1"
    server_version = "edgepaas"
    timeout = READ_SECONDS
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def version_string(self) -> str:
        """Return the Server header."""
        return self.server_version

    def answer(self) -> None:
        """Answer the request."""
        routes: Routes = self.server.routes  # type: ignore[attr-defined]  # ManagementServer's context
        url = urlsplit(self.path)
        route = routes.table.get(url.path)
        if route is None:
            self.respond(text(HTTPStatus.NOT_FOUND, f"there is {', '.join(routes.table)}"))
        elif self.command not in {"GET", "HEAD"}:
            answer = text(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
            self.respond(answer._replace(headers={"Allow": "GET, HEAD"}))
        else:
            accept = self.headers.get("Accept", "")
            authorization = self.headers.get("Authorization", "")
            request = Request(accept, authorization, parse_qs(url.query))
            self.respond(guarded(route, request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 (http.server's names)

    def respond(self, answer: Answer) -> None:
        """Send an answer and close."""
        self.close_connection = True
        self.send_response(answer.status)
        headers = {
            "Content-Type": answer.type,
            "Content-Length": str(len(answer.body)),
            "Cache-Control": "no-store",
            "Connection": "close",
            **answer.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Log a request at debug level: probes come every few seconds."""
        log.debug(format, *args)


def guarded(route: Any, request: Request) -> Answer:
    """Return the route's answer, 500 where it fails."""
    try:
        answer: Answer = route(request)
    except Exception:
        log.exception("a route failed")
        return text(HTTPStatus.INTERNAL_SERVER_ERROR, "failed; the log says why")
    return answer

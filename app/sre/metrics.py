"""Every metric of the app. Imports nothing of ours.

With PROMETHEUS_MULTIPROC_DIR set before the import, prometheus_client writes to files there
and the sidecar sums them up; without it the numbers stay in this process.
"""

import time
from http import HTTPMethod

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNMATCHED = "unmatched"
METHODS = frozenset(HTTPMethod)

REQUESTS = Counter(
    "edgepaas_http_requests",
    "Requests answered, by route template and class of status.",
    ["method", "route", "status"],
)
DURATION = Histogram(
    "edgepaas_http_request_duration_seconds",
    "Seconds from a request's head to its response's end.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge(
    "edgepaas_http_requests_in_flight",
    "Requests being answered now.",
    multiprocess_mode="livesum",
)
WEBSOCKETS = Gauge(
    "edgepaas_websocket_clients",
    "WebSocket clients connected now.",
    multiprocess_mode="livesum",
)
WEBSOCKET_OVERFLOWS = Counter(
    "edgepaas_websocket_overflows",
    "WebSocket clients closed because they read too slowly.",
)


class Metrics:
    """Counts and times HTTP requests. Labels are templates, never what a client chose."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; count the response, or a 5xx when none began."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        IN_FLIGHT.inc()
        try:
            await self.app(scope, receive, watched_send)
        finally:
            IN_FLIGHT.dec()
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = route_template(scope)
            REQUESTS.labels(method, route, f"{status // 100}xx").inc()
            DURATION.labels(method, route).observe(time.perf_counter() - began)


def route_template(scope: Scope) -> str:
    """Return the template of the route that answered, "unmatched" where none did."""
    return getattr(scope.get("route"), "path", None) or UNMATCHED

"""Counts and times requests."""

import time
from collections.abc import Awaitable
from functools import cache
from http import HTTPMethod

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log_context
from app.middleware.request_id import request_id
from app.sre import direct
from app.sre.metrics import DURATION, DURATION_BUCKETS, IN_FLIGHT, REQUESTS

UNMATCHED = "unmatched"
METHODS = frozenset(each.value for each in HTTPMethod)
EXEMPLAR_LENGTH = 100  # OpenMetrics allows 128 characters, its label's name among them
EXEMPLAR_SECONDS = 1.0  # how long one stands for its bucket


class Metrics:
    """Counts and times HTTP requests. Labels are templates, never what a client chose.

    A response is counted before its head is sent: no client has one that is not counted, even
    where the worker is killed right after.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; count the response, or a 5xx when none began."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        series: Series | None = None

        def counting_send(message: Message) -> Awaitable[None]:
            nonlocal series
            if series is None and message["type"] == "http.response.start":
                series = series_of(method, route_template(scope), message["status"] // 100)
                series.count(1)
            return send(message)

        in_flight = in_flight_of(method)
        in_flight(1)
        began = time.perf_counter()
        try:
            await self.app(scope, receive, counting_send)
        finally:
            in_flight(-1)
            if series is None:
                series = series_of(method, route_template(scope), 5)
                series.count(1)
            series.observe(began, scope)


class Series:
    """What is kept of requests with the same labels."""

    def __init__(self, *labels: str) -> None:
        self.count = direct.adder(REQUESTS.labels(*labels))
        self._timer = direct.Timer(DURATION.labels(*labels))
        self._renew = [0.0] * (len(DURATION_BUCKETS) + 1)

    def observe(self, began: float, scope: Scope) -> None:
        """Time a request that ends now; it becomes its bucket's exemplar once a second."""
        now = time.perf_counter()
        bucket = self._timer.observe(now - began)
        if now >= self._renew[bucket]:
            self._renew[bucket] = now + EXEMPLAR_SECONDS
            self._timer.keep(bucket, now - began, exemplar(scope))


@cache
def series_of(method: str, template: str, hundreds: int) -> Series:
    """Return the series of a status 200 to 299 by 2, and so on: looked up once, kept for ever."""
    return Series(method, template, f"{hundreds}xx")


@cache
def in_flight_of(method: str) -> direct.Add:
    """Return what adds to the requests by that method."""
    return direct.adder(IN_FLIGHT.labels(method))


def route_template(scope: Scope) -> str:
    """Return the template of the route that answered, "unmatched" where none did."""
    return getattr(scope.get("route"), "path", None) or UNMATCHED


def exemplar(scope: Scope) -> dict[str, str]:
    """Return what leads from a bucket of the histogram to the log lines of one request in it."""
    trace = (log_context.CURRENT.get() or {}).get("trace_id")
    return {"trace_id": trace} if trace else {"request_id": request_id(scope)[:EXEMPLAR_LENGTH]}

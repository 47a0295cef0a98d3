"""One log line for each request, where EDGEPAAS_ACCESS_LOG asks for it. Imports nothing of ours.

It stands around whatever application is served, and costs nothing where it is off: then nobody
stands there.
"""

import logging
import random
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST = 500
SERVER_ERROR = 500
PERCENT = 100
TRACE_ID = slice(3, 35)
ENDS = {"http.response.start", "http.response.body", "websocket.accept", "websocket.close"}

log = logging.getLogger("access")


class Choice(NamedTuple):
    """Which requests are told: `share` of them from 0 to 1, but never those to `skipped` paths.

    An entry of `skipped` that ends in `*` stands for all paths that begin so.
    """

    share: float
    skipped: frozenset[str]
    prefixes: tuple[str, ...]

    def leaves_out(self, path: str) -> bool:
        """Tell whether requests to a path are never told, such as those of health probes."""
        return path in self.skipped or path.startswith(self.prefixes)

    def takes(self, trace: str) -> bool:
        """Tell whether a request is in the sample; those of one trace are all in it or none."""
        if self.share >= 1:
            return True
        try:
            number = int(trace[-8:], 16) / 0x100000000
        except ValueError:
            number = random.random()  # noqa: S311 (a sample)
        return number < self.share


def read(environ: Mapping[str, str]) -> Choice | None:
    """Return the choice of an environment that env-check has completed; None for no access log."""
    if environ.get("EDGEPAAS_ACCESS_LOG") != "1":
        return None
    paths = [each for each in environ.get("EDGEPAAS_ACCESS_LOG_SKIP", "").split(",") if each]
    return Choice(
        int(environ.get("EDGEPAAS_ACCESS_LOG_SAMPLE") or PERCENT) / PERCENT,
        frozenset(each for each in paths if not each.endswith("*")),
        tuple(each[:-1] for each in paths if each.endswith("*")),
    )


def around(app: Any, environ: Mapping[str, str]) -> Any:
    """Return what is to be served: `app` itself, or the access log around it."""
    choice = read(environ)
    return app if choice is None else AccessLog(app, choice)


class AccessLog:
    """An ASGI application around another that logs each request when it is over.

    Answers of 500 and above, and requests that got no whole answer, are in every sample.
    """

    def __init__(self, app: Any, choice: Choice) -> None:
        self.app = app
        self.choice = choice

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on, and watch what is sent."""
        if scope["type"] == "lifespan" or self.choice.leaves_out(scope["path"]):
            await self.app(scope, receive, send)
            return
        seen = Seen(scope)

        async def watched(message: Any) -> None:
            if message["type"] in ENDS:
                seen.note(message)
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            if seen.failed or self.choice.takes(seen.trace):
                seen.tell()


class Seen:
    """What was seen of one request."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope
        self.began = time.perf_counter()
        self.status = 0
        self.size = 0
        self.request_id = ""
        self.complete = False
        headers = dict(scope["headers"])
        self.trace = headers.get(b"traceparent", b"").decode("latin-1")[TRACE_ID]
        self.agent = headers.get(b"user-agent", b"").decode("latin-1")

    @property
    def failed(self) -> bool:
        """Tell whether it went wrong on our side, or was broken off."""
        return (self.status >= SERVER_ERROR and self.scope["type"] == "http") or not self.complete

    def note(self, message: Any) -> None:
        """Take a message of the application to the client."""
        if message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        elif message["type"] == "websocket.close":
            self.status, self.complete = message.get("code", 1000), True
        else:
            self.status = message.get("status", 101)
            self.complete = self.scope["type"] == "websocket"
            sent = dict(message.get("headers") or ())
            self.request_id = _header(sent, b"x-request-id")

    def tell(self) -> None:
        """Write the line. The query is left out: it may hold what nobody is to see."""
        scope, milliseconds = self.scope, (time.perf_counter() - self.began) * 1000
        method = scope.get("method", "WS")
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("ascii", "backslashreplace")[:LONGEST]
        fields = {
            "method": method,
            "path": path,
            "route": getattr(scope.get("route"), "path", None),
            "status": self.status or None,
            "ms": round(milliseconds, 1),
            "bytes": self.size,
            "client": scope["client"][0] if scope.get("client") else None,
            "agent": self.agent[:LONGEST] or None,
            "request_id": self.request_id or None,
            "trace_id": self.trace or None,
            "broken_off": None if self.complete else True,
        }
        told = {name: value for name, value in fields.items() if value is not None}
        log.info("%s %s %s", method, path, self.status or "-", extra={"fields": told})


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    for key, value in headers.items():
        if key.lower() == name:
            return value.decode("latin-1")
    return ""

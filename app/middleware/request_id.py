"""A name for each request, the client's own if it is sane, in its log lines.

response_headers puts it into the answer.
"""

import os
import re
from collections.abc import Iterator

from starlette.types import ASGIApp, Receive, Scope, Send

from app import log_context
from app.middleware.headers import headers_of

HEADER = b"x-request-id"
TRACEPARENT = b"traceparent"
SANE = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")
KEY = "edgepaas.request_id"
RANDOM_BYTES = 16
LENGTH = 2 * RANDOM_BYTES  # in hexadecimal
AT_ONCE = 256
KINDS = frozenset({"http", "websocket"})


def request_id(scope: Scope) -> str:
    """Return the id of the request that `scope` belongs to, "" outside of a request."""
    return str(scope.get(KEY, ""))


class RequestId:
    """Takes or makes the request id and keeps it in the scope.

    Log lines name the trace as well: the span we serve where requests are `traced`, else the one
    the client names.
    """

    def __init__(self, app: ASGIApp, *, traced: bool = False) -> None:
        self.app = app
        self.traced = traced
        self._made = random_names()
        log_context.install()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the id."""
        if scope["type"] not in KINDS:
            await self.app(scope, receive, send)
            return
        headers = headers_of(scope)
        given = _sane(headers[HEADER]) if HEADER in headers else ""
        scope[KEY] = made = given or next(self._made)
        ids = {"request_id": made}
        traceparent = headers.get(TRACEPARENT, b"")
        if traceparent or self.traced:
            ids.update(log_context.trace_of(traceparent.decode("latin-1")))
        token = log_context.CURRENT.set(ids)
        try:
            await self.app(scope, receive, send)
        finally:
            log_context.CURRENT.reset(token)


def random_names() -> Iterator[str]:
    """Yield names that are not given again, made many at once: the kernel is asked for all."""
    while True:
        drawn = os.urandom(AT_ONCE * RANDOM_BYTES).hex()
        for end in range(LENGTH, len(drawn) + 1, LENGTH):
            yield drawn[end - LENGTH : end]


def _sane(given: bytes) -> str:
    """Return a client's id as text, "" where it is none that we would log."""
    text = given.decode("latin-1")
    return text if SANE.fullmatch(text) else ""

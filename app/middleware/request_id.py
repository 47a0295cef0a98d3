"""A name for each request, the client's own if it is sane, in its answer and its log lines."""

import os
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log_context

HEADER = b"x-request-id"
TRACEPARENT = b"traceparent"
SANE = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")
KEY = "edgepaas.request_id"
RANDOM_BYTES = 16
BEGINNINGS = frozenset({"http.response.start", "websocket.accept"})


def request_id(scope: Scope) -> str:
    """Return the id of the request that `scope` belongs to, "" outside of a request."""
    return str(scope.get(KEY, ""))


class RequestId:
    """Takes or makes the request id, keeps it in the scope and returns it in the response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        log_context.install()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the id."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = traceparent = b""
        for name, value in scope["headers"]:
            if name == HEADER:
                given = value
            elif name == TRACEPARENT:
                traceparent = value
        text = given.decode("latin-1") if given else ""
        scope[KEY] = made = text if SANE.fullmatch(text) else os.urandom(RANDOM_BYTES).hex()
        ids = {"request_id": made, **log_context.trace_of(traceparent.decode("latin-1"))}
        header = (HEADER, made.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] in BEGINNINGS:
                others = [each for each in message.get("headers", ()) if each[0] != HEADER]
                message["headers"] = [*others, header]
            await send(message)

        token = log_context.CURRENT.set(ids)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            log_context.CURRENT.reset(token)

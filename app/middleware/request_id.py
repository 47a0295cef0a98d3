"""A name for each request, the client's own if it is sane. Imports nothing of ours."""

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")
KEY = "edgepaas.request_id"


def request_id(scope: Scope) -> str:
    """Return the id of the request that `scope` belongs to, "" outside of a request."""
    return str(scope.get(KEY, ""))


class RequestId:
    """Takes or makes the request id, keeps it in the scope and returns it in the response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the id."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        scope[KEY] = given if SANE.fullmatch(given) else uuid.uuid4().hex

        async def send_with_id(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                MutableHeaders(scope=message)[HEADER] = scope[KEY]
            await send(message)

        await self.app(scope, receive, send_with_id)

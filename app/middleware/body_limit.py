"""No request body is larger than we want to read."""

from collections.abc import Awaitable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.middleware.headers import headers_of
from app.problems import problem


class BodyLimit:
    """Answers 413 as soon as a body is declared or has grown too large.

    FastAPI's own `max_body_size` answers in plain text and without our headers.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on; count what is received."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        declared = headers_of(scope).get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > self.limit:
            return problem(Request(scope), 413, self._detail)(scope, receive, send)
        size = 0

        async def counted_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                raise HTTPException(413, self._detail)
            return message

        return self.app(scope, counted_receive, send)

    @property
    def _detail(self) -> str:
        return f"the body may have at most {self.limit} bytes"

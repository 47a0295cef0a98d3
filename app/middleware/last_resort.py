"""An error nobody expected becomes one log entry and a 500 that tells nothing but its id."""

import logging
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.middleware.request_id import request_id
from app.problems import problem

log = logging.getLogger(__name__)


class LastResort:
    """Answers for whatever the app let through.

    Starlette's own handler stands outside of all middleware: its answer would lack our
    headers and our count.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; catch what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        def watched_send(message: Message) -> Awaitable[None]:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            return send(message)

        try:
            await self.app(scope, receive, watched_send)
        except Exception:
            fields = {"request_id": request_id(scope), "method": scope["method"]}
            log.exception("a request failed in a way nobody foresaw", extra={"fields": fields})
            if started:
                raise
            detail = "this is our fault; the log has the details under the request id"
            await problem(Request(scope), 500, detail)(scope, receive, send)

"""What a trusted proxy says of scheme and client: uvicorn's way, asked only where one says it.

Imports nothing of ours.
"""

from collections.abc import Awaitable
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

HEADERS = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})


class Forwarded(ProxyHeadersMiddleware):
    """Costs a request that no proxy passed on neither a coroutine nor a look at its address."""

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:  # type: ignore[override]
        """Pass on; where the request came through a proxy we trust, as it came to that."""
        for name, _ in scope.get("headers", ()):
            if name in HEADERS:
                return super().__call__(scope, receive, send)
        passed: Awaitable[None] = self.app(scope, receive, send)
        return passed

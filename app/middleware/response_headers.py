"""Headers of every response: what a browser may do with it, and who answered which request."""

from collections.abc import Awaitable, Iterable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.rules import path_of
from app.middleware.request_id import HEADER as REQUEST_ID
from app.middleware.request_id import request_id
from app.settings import Settings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
FILES = "/static/"
STRICT_TRANSPORT = "max-age=31536000"
SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with no-referrer our own form would come from Origin: null
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


Header = tuple[bytes, bytes]

MAY_BE_KEPT = (b"cache-control", b"no-cache")
NOT_KEPT = (b"cache-control", b"no-store")


class ResponseHeaders:
    """Adds the headers. A file may be kept but not used unasked; anything else is not kept."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        headers = {
            **SECURITY,
            "X-EdgePaaS-Slot": settings.slot or "none",
            "X-EdgePaaS-Build": settings.build_id,
        }
        if settings.fallback_active:
            headers["X-EdgePaaS-Database"] = "fallback"
        self.headers = _encoded(headers)
        self.headers_https = [
            *self.headers,
            *_encoded({"Strict-Transport-Security": STRICT_TRANSPORT}),
        ]
        self.ours = frozenset((REQUEST_ID, *(name for name, _ in self.headers_https)))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on; add the headers to the response, and to the greeting of a WebSocket its id."""
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        file = path_of(scope).startswith(FILES)  # a mounted app changes what the scope says of it

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = self._whole(scope, message.get("headers", ()), file)
            elif message["type"] == "websocket.accept":
                message["headers"] = [*message.get("headers", ()), *_named(scope)]
            return send(message)

        return self.app(scope, receive, send_with_headers)

    def _whole(self, scope: Scope, of_app: Iterable[Header], file: bool) -> list[Header]:
        """Return the headers of a response, with ours in place of what the app set of them."""
        headers = [each for each in of_app if each[0] not in self.ours]
        names = {name for name, _ in headers}
        headers += self.headers_https if scope["scheme"] == "https" else self.headers
        if b"cache-control" not in names:
            headers.append(MAY_BE_KEPT if file and b"etag" in names else NOT_KEPT)
        headers += _named(scope)
        return headers


def _named(scope: Scope) -> list[Header]:
    """Return the header with the request's id, where it has one."""
    name = request_id(scope)
    return [(REQUEST_ID, name.encode())] if name else []


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them: done once, not for each response."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]

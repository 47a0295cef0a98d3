"""Lets in who may do what is asked. Routes know nothing of it but who it is: `actor(scope)`."""

from collections.abc import Awaitable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.gate import Gate, TooManyError, WrongTokenError
from app.access.origins import Origins
from app.access.rules import SAFE_METHODS, method_of, needed, path_of
from app.access.tokens import ANYBODY, Actor, Role
from app.middleware.headers import Headers, headers_of
from app.problems import problem

KEY = "edgepaas.actor"
CHALLENGE = 'Bearer realm="edgepaas"'
SUBPROTOCOL = "bearer"
NOTHING_SHOWN = "send a token: Authorization: Bearer <token>"
COOKIE_ONLY_READS = (
    "a session in a browser may only read; send a token: Authorization: Bearer <token>"
)
KINDS = frozenset({"http", "websocket"})


def actor(scope: Scope) -> Actor:
    """Return who makes the request that `scope` belongs to; anybody where nobody was asked."""
    found: Actor = scope.get(KEY, ANYBODY)
    return found


def address_of(scope: Scope) -> str:
    """Return the client's address, as trusted proxies tell it; "" on a Unix socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class RefusedError(Exception):
    """The request is answered with `status` and `detail`."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


class Access:
    """Refuses before anything is read of a body and before a WebSocket is accepted."""

    def __init__(self, app: ASGIApp, gate: Gate, origins: Origins) -> None:
        self.app = app
        self.gate = gate
        self.origins = origins

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on with the actor in the scope, or refuse."""
        if scope["type"] not in KINDS:
            return self.app(scope, receive, send)
        headers = headers_of(scope)
        try:
            if b"origin" in headers:
                self._refuse_other_sites(scope, headers)
            role = needed(method_of(scope), path_of(scope))
            if role is not None:
                scope[KEY] = self._admit(scope, headers, role)
        except RefusedError as refusal:
            return _answer(refusal, scope, receive, send)
        if scope["type"] == "websocket" and _offered(scope, headers) is not None:
            send = _accepting(send)
        return self.app(scope, receive, send)

    def _refuse_other_sites(self, scope: Scope, headers: Headers) -> None:
        """Refuse what a page of another site makes a browser do."""
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes and self.origins.is_foreign(headers):
            raise RefusedError(403, "a page of another site may not do this")

    def _admit(self, scope: Scope, headers: Headers, role: Role) -> Actor:
        token = _shown(scope, headers)
        if token is not None and not self.gate.is_open:
            who = self._by_token(token, address_of(scope))
        else:
            who = self.gate.anybody() or self._by_cookie(scope, headers, role)
        if not who.may(role):
            needs = {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="write"'}
            raise RefusedError(403, "this token may only read", needs)
        return who

    def _by_token(self, presented: bytes, address: str) -> Actor:
        try:
            return self.gate.by_token(presented, address).actor
        except WrongTokenError:
            wrong = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
            raise RefusedError(401, "this token is not known", wrong) from None
        except TooManyError as error:
            raise RefusedError(429, str(error), {"Retry-After": str(error.seconds)}) from None

    def _by_cookie(self, scope: Scope, headers: Headers, role: Role) -> Actor:
        who = self.gate.by_cookie(headers.get(b"cookie", b""))
        if who and role == "read":
            return Actor(who.name, "read")
        if _is_page(scope, headers):
            raise RefusedError(303, "log in", {"Location": "login"})
        detail = COOKIE_ONLY_READS if who else NOTHING_SHOWN
        raise RefusedError(401, detail, {"WWW-Authenticate": CHALLENGE})


def _shown(scope: Scope, headers: Headers) -> bytes | None:
    """Return the token a request shows, b"" where it shows something else."""
    header = headers.get(b"authorization")
    if header is None:
        return _offered(scope, headers)
    scheme, _, token = header.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _offered(scope: Scope, headers: Headers) -> bytes | None:
    """Return the token that a script in a browser shows: it cannot set a header of a WebSocket,
    and offers the subprotocols `bearer` and the token.
    """
    offered: list[str] = scope.get("subprotocols", ())
    if b"authorization" in headers or len(offered) < 2 or offered[0] != SUBPROTOCOL:  # noqa: PLR2004
        return None
    return offered[1].encode("latin-1", "replace")


def _is_page(scope: Scope, headers: Headers) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] in SAFE_METHODS
        and path_of(scope) == "/"
        and b"text/html" in headers.get(b"accept", b"")
    )


def _accepting(send: Send) -> Send:
    """Return a `send` that agrees to the subprotocol under which the token came."""

    def send_agreeing(message: Message) -> Awaitable[None]:
        if message["type"] == "websocket.accept" and not message.get("subprotocol"):
            message = {**message, "subprotocol": SUBPROTOCOL}
        return send(message)

    return send_agreeing


async def _answer(refusal: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get(
        "extensions", {}
    ):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    connection = HTTPConnection(scope)
    answer = problem(connection, refusal.status, str(refusal), headers=refusal.headers)
    await answer(scope, receive, send)

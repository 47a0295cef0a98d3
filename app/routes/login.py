"""/login and /logout: a browser, which cannot send a header by itself, shows a token once."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from app.access.gate import TooManyError, WrongTokenError
from app.access.sessions import COOKIE, SECONDS
from app.components import Parts
from app.middleware.access import address_of
from app.routes.page import template

WRONG = "This token is not known."
FIELDS_MOST = 8

router = APIRouter(include_in_schema=False)


@router.head("/login")
@router.get("/login")
async def form(parts: Parts) -> Response:
    """Ask for a token, where one is needed."""
    return RedirectResponse("./", 303) if parts.gate.is_open else _form()


@router.post("/login")
async def login(parts: Parts, request: Request) -> Response:
    """Begin a session for whoever shows a token of ours."""
    if parts.gate.is_open:
        return RedirectResponse("./", 303)
    try:
        shown = _token(await request.body())
        token = parts.gate.by_token(shown, address_of(request.scope))
    except WrongTokenError:
        return _form(WRONG, 401)
    except TooManyError as error:
        return _form(f"T{str(error)[1:]}.", 429, {"Retry-After": str(error.seconds)})
    answer = RedirectResponse("./", 303)
    _set(answer, request, parts.gate.sessions.begin(token), SECONDS)
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session in this browser."""
    answer = RedirectResponse("login", 303)
    _set(answer, request, "", 0)
    return answer


def _form(trouble: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return HTMLResponse(template("login.html").render(trouble=trouble), status, headers)


def _token(body: bytes) -> bytes:
    """Return the token of the form; of a whole entry `role:name:token` its last part."""
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=FIELDS_MOST)
    except ValueError:
        return b""
    given = fields.get("token", [""])[0].strip()
    return given.rpartition(":")[2].encode("utf-8", "replace")


def _set(answer: Response, request: Request, value: str, seconds: int) -> None:
    """Set the cookie. Lax, so that a link in an alert still leads to the page: it only reads."""
    answer.set_cookie(
        COOKIE,
        value,
        max_age=seconds,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )

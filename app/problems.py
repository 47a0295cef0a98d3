"""Errors as the API tells them: RFC 9457 problem details."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Match

from app.crud.errors import (
    ChangedError,
    ConflictError,
    KeyReusedError,
    MissingError,
    ReferenceMissingError,
    RefusedError,
    StateError,
)
from app.db import SchemaMissingError, UnavailableError
from app.middleware.request_id import request_id
from app.schemas.problem import Problem

MEDIA_TYPE = "application/problem+json"
KINDS = "urn:edgepaas:problem:"
RETRY_AFTER_SECONDS = "5"
CHANGED = ChangedError.kind
REFUSALS = (
    (MissingError, 404),
    (ConflictError, 409),
    (ChangedError, 412),
    (ReferenceMissingError, 422),
    (KeyReusedError, 422),
)
ERRORS_MOST = 50  # a body may be wrong in more places than anybody wants to read
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
HOW_TO_MIGRATE = "run: alembic -c app/alembic.ini upgrade head"

EXAMPLES: Mapping[int, tuple[str, str, dict[str, object]]] = MappingProxyType(
    {
        400: ("There was an error parsing the body", "", {}),
        404: ("there is no node 0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60", "node-missing", {}),
        409: ("a node named edge-1 exists already", "name-taken", {}),
        412: ("it is not in the version that If-Match names; read it again", CHANGED, {}),
        413: ("the body may have at most 1048576 bytes", "", {}),
        415: ("send JSON, and say so: Content-Type: application/json", "", {}),
        422: (
            "/name: Field required",
            "invalid-request",
            {"errors": [{"pointer": "/name", "detail": "Field required"}]},
        ),
        503: ("the database does not answer", "database-unavailable", {}),
    }
)

log = logging.getLogger(__name__)


def problem(  # noqa: PLR0913 - one place builds them all, with keywords
    request: HTTPConnection,
    status: int,
    detail: str,
    *,
    kind: str = "",
    headers: dict[str, str] | None = None,
    members: Mapping[str, object] = MappingProxyType({}),
) -> Response:
    """Return the response that tells `detail`; only ASCII leaves, whatever a client sent."""
    body: dict[str, Any] = {
        "type": f"{KINDS}{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": request_id(request.scope),
        **members,
    }
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of the errors a route may answer with."""
    return {
        status: {"description": HTTPStatus(status).phrase, **_example(status)}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        status = next(status for kind, status in REFUSALS if isinstance(error, kind))
        return problem(request, status, str(error), kind=error.kind, members=_members(error))

    @app.exception_handler(StaleDataError)
    async def stale(request: Request, _error: StaleDataError) -> Response:
        return problem(request, 412, "it was changed meanwhile; read it again", kind=CHANGED)

    @app.exception_handler(UnavailableError)
    async def unavailable(request: Request, error: UnavailableError) -> Response:
        return database_problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        wrong = [_wrong_value(item) for item in found[:ERRORS_MOST]]
        told = [f"{item['pointer'] or 'body'}: {item['detail']}" for item in wrong]
        if len(found) > ERRORS_MOST:
            told.append(f"and {len(found) - ERRORS_MOST} more")
        detail = "; ".join(told)
        return problem(request, 422, detail, kind="invalid-request", members={"errors": wrong})

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else {}
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed(request))
        return problem(request, error.status_code, str(error.detail), headers=headers)


def database_problem(request: Request, error: UnavailableError) -> Response:
    """Return the 503 for a database that cannot serve, and log its cause."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__
    log.warning(
        "%s: %s",
        error,
        str(cause).strip(),
        extra={"fields": {"request_id": request_id(request.scope)}},
    )
    schema = isinstance(error, SchemaMissingError)
    return problem(
        request,
        503,
        f"{error}; {HOW_TO_MIGRATE}" if schema else str(error),
        kind="schema-missing" if schema else "database-unavailable",
        headers={"Retry-After": RETRY_AFTER_SECONDS},
    )


def _allowed(request: Request) -> list[str]:
    """Return the methods a path has: a route knows only of its own, the files of none."""
    routes = request.app.routes

    def is_there(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in routes)

    return [method for method in METHODS if is_there(method)] or ["GET", "HEAD"]


def _members(error: RefusedError) -> dict[str, object]:
    """Return what a program can act on besides the status and the kind."""
    match error:
        case StateError():
            return {"state": error.state, "allowed": list(error.allowed)}
        case ReferenceMissingError():
            return {"errors": [{"pointer": f"/{error.field}", "detail": str(error)}]}
    return {}


def _wrong_value(item: dict[str, Any]) -> dict[str, str]:
    """Return where (JSON pointer below body, query or path) and what; never the value itself."""
    where = [str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"]]
    pointer = "/".join(["", *(where[1:] if where[0] == "body" else where)])
    return {"pointer": pointer, "detail": item["msg"]}


def _example(status: int) -> dict[str, Any]:
    detail, kind, members = EXAMPLES.get(status, ("what is wrong", "", {}))
    example = {
        "type": f"{KINDS}{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": "/api/v1/nodes",
        "request_id": "0f6d2c5e9a1b4c3d8e7f6a5b4c3d2e1f",
        **members,
    }
    return {
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "example": example}},
    }

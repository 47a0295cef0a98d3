"""Errors as the API tells them: RFC 9457 problem details."""

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.crud import NameTakenError, NodeMissingError
from app.db import SchemaMissingError, UnavailableError
from app.middleware.request_id import request_id
from app.schemas import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"
HOW_TO_MIGRATE = "run: alembic -c app/alembic.ini upgrade head"

log = logging.getLogger(__name__)


def problem(  # noqa: PLR0913 - one place builds them all, with keywords
    request: Request,
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    headers: dict[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """Return the response that tells `detail`; only ASCII leaves, whatever a client sent."""
    body: dict[str, Any] = {
        "type": kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": request_id(request.scope),
    }
    if errors is not None:
        body["errors"] = errors
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of the errors a route may answer with."""
    return {
        status: {"description": HTTPStatus(status).phrase, **_example(status)}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""

    @app.exception_handler(NodeMissingError)
    async def missing(request: Request, error: NodeMissingError) -> Response:
        return problem(request, 404, str(error), kind="urn:edgepaas:problem:node-missing")

    @app.exception_handler(NameTakenError)
    async def taken(request: Request, error: NameTakenError) -> Response:
        return problem(request, 409, str(error), kind="urn:edgepaas:problem:name-taken")

    @app.exception_handler(UnavailableError)
    async def unavailable(request: Request, error: UnavailableError) -> Response:
        return database_problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = [_wrong_value(item) for item in error.errors()]
        detail = "; ".join(f"{item['pointer'] or 'body'}: {item['detail']}" for item in wrong)
        return problem(
            request, 422, detail, kind="urn:edgepaas:problem:invalid-request", errors=wrong
        )

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
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
        kind=f"urn:edgepaas:problem:{'schema-missing' if schema else 'database-unavailable'}",
        headers={"Retry-After": RETRY_AFTER_SECONDS},
    )


def _wrong_value(item: dict[str, Any]) -> dict[str, str]:
    """Return where (JSON pointer below body, query or path) and what; never the value itself."""
    where = [str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"]]
    pointer = "/".join(["", *(where[1:] if where[0] == "body" else where)])
    return {"pointer": pointer, "detail": item["msg"]}


def _example(status: int) -> dict[str, Any]:
    example = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": "what is wrong",
        "instance": "/api/v1/nodes",
        "request_id": "0f6d2c5e9a1b4c3d8e7f6a5b4c3d2e1f",
    }
    return {
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "example": example}},
    }

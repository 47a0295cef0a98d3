"""What all requests that change something share: who asks, If-Match, Idempotency-Key."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app import crud
from app.access.rules import path_of
from app.components import Parts
from app.crud.rows import Versions
from app.db import Database
from app.middleware.access import actor
from app.models import IdempotencyKey
from app.problems import answers

STRONG_TAG = re.compile(r'(?<!W/)"([^"]*)"')
JSON = re.compile(r"application/([a-z0-9.+-]+\+)?json", re.ASCII)
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location")

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Any text new for each request. Sent again with the same body within 24 h, "
        "it gets the first answer again, and nothing is changed twice.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag one has seen: changed meanwhile, it is 412."),
]


@dataclass(frozen=True)
class Change:
    """One request that changes something, in one transaction."""

    database: Database
    actor: str
    request: str = ""
    key: str = ""
    versions: Versions = None

    def make(self, work: Callable[[Session], Response]) -> Response:
        """Return the answer of `work`, once it is durable; or the one given under this key."""
        with self.database.writing() as session:
            crud.events.act_as(session, self.actor)
            if not self.key:
                return work(session)
            key = f"{self.actor}/{self.key}"
            known = crud.idempotency.claim(session, key, self.request)
            if known is not None:
                return _again(known)
            answer = work(session)
            kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
            body = bytes(answer.body).decode()
            crud.idempotency.keep(session, key, answer.status_code, kept, body)
            return answer


async def json_only(request: Request) -> None:
    """Refuse a body that is not said to be JSON: a foreign page may send text unasked."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if await request.body() and not JSON.fullmatch(said):
        raise HTTPException(415, "send JSON, and say so: Content-Type: application/json")


async def unconditional(parts: Parts, request: Request) -> Change:
    """Return the change that a request makes."""
    return Change(parts.database, actor(request.scope).name)


async def conditional(
    change: Annotated[Change, Depends(unconditional)], if_match: IfMatch = None
) -> Change:
    """Return a change that may name the version it is meant for."""
    return replace(change, versions=_versions(if_match))


async def posted(
    change: Annotated[Change, Depends(unconditional)], request: Request, key: Key = None
) -> Change:
    """Return a change with a body, that may come twice."""
    return replace(change, key=key or "", request=_fingerprint(request, await request.body()))


async def posted_conditional(
    change: Annotated[Change, Depends(conditional)], request: Request, key: Key = None
) -> Change:
    """Return a change without a body, that may come twice and name a version."""
    return replace(change, key=key or "", request=_fingerprint(request, b""))


JSON_ONLY = Depends(json_only)
Unconditional = Annotated[Change, Depends(unconditional)]
Conditional = Annotated[Change, Depends(conditional)]
Posted = Annotated[Change, Depends(posted)]
PostedConditional = Annotated[Change, Depends(posted_conditional)]


def shown(model: BaseModel, token: str, *, status: int = 200, location: str = "") -> Response:
    """Return the answer that shows a resource in the version `token`."""
    headers = {"ETag": f'"{token}"', **({"Location": location} if location else {})}
    return Response(model.model_dump_json(), status, headers, "application/json")


def located(request: Request, route: str, **ids: Any) -> str:
    """Return the path of what the route of that name shows."""
    return request.url_for(route, **ids).path


def says(status: int, *headers: str, refusals: tuple[int, ...] = ()) -> dict[int | str, Any]:
    """Return the OpenAPI responses of a route: its headers when it succeeds, and its errors."""
    described = {
        name: {"schema": {"type": "string"}, "description": HEADERS[name]} for name in headers
    }
    success: dict[int | str, Any] = {status: {"headers": described}} if described else {}
    return answers(*refusals) | success


HEADERS = {
    "ETag": "The version, for If-Match.",
    "Location": "The path of what was made.",
    REPLAYED: "`true` where this is the answer to an earlier request with this key.",
}
WITH_BODY = (400, 413, 415, 422)


def _again(known: IdempotencyKey) -> Response:
    headers = {**known.headers, REPLAYED: "true"}
    return Response(known.body, known.status, headers, "application/json")


def _fingerprint(request: Request, body: bytes) -> str:
    line = f"{request.method} {path_of(request.scope)}\n".encode()
    return hashlib.sha256(line + hashlib.sha256(body).digest()).hexdigest()


def _versions(if_match: str | None) -> Versions:
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(STRONG_TAG.findall(if_match))

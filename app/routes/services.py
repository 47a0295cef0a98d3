"""/api/v1/services: what has releases."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app import crud
from app.components import Parts
from app.problems import answers
from app.routes.change import (
    JSON_ONLY,
    REPLAYED,
    WITH_BODY,
    Conditional,
    Posted,
    located,
    says,
    shown,
)
from app.schemas.query import ServiceQuery
from app.schemas.service import ServiceCreate, ServicePage, ServiceRead, ServiceUpdate

router = APIRouter(prefix="/api/v1/services", tags=["services"], responses=answers(503))


@router.get("", summary="List services", responses=answers(422))
def list_services(parts: Parts, asked: Annotated[ServiceQuery, Query()]) -> ServicePage:
    """List services in the order of their making, page by page."""
    with parts.database.reading() as session:
        rows, cursor = crud.services.list_page(session, asked)
    return ServicePage(items=[ServiceRead.of(row) for row in rows], next_cursor=cursor)


@router.post(
    "",
    status_code=201,
    summary="Record a service",
    response_model=ServiceRead,
    responses=says(201, "ETag", "Location", REPLAYED, refusals=(409, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def create_service(request: Request, change: Posted, given: ServiceCreate) -> Response:
    """Record a service."""

    def work(session: Session) -> Response:
        service = crud.services.create(session, given)
        location = located(request, "get_service", service_id=service.id)
        return shown(ServiceRead.of(service), service.row_token, status=201, location=location)

    return change.make(work)


@router.get(
    "/{service_id}",
    summary="Read a service",
    response_model=ServiceRead,
    responses=says(200, "ETag", refusals=(404, 422)),
)
def get_service(parts: Parts, service_id: UUID) -> Response:
    """Read one service."""
    with parts.database.reading() as session:
        service = crud.services.get(session, service_id)
    return shown(ServiceRead.of(service), service.row_token)


@router.patch(
    "/{service_id}",
    summary="Change a service",
    response_model=ServiceRead,
    responses=says(200, "ETag", refusals=(404, 409, 412, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def update_service(change: Conditional, service_id: UUID, given: ServiceUpdate) -> Response:
    """Change what the body names; the rest stays."""

    def work(session: Session) -> Response:
        service = crud.services.change(session, service_id, given, change.versions)
        return shown(ServiceRead.of(service), service.row_token)

    return change.make(work)


@router.delete(
    "/{service_id}",
    status_code=204,
    summary="Remove a service",
    responses=answers(404, 409, 412, 422),
)
def delete_service(change: Conditional, service_id: UUID) -> Response:
    """Remove a service that has no releases."""

    def work(session: Session) -> Response:
        crud.services.remove(session, service_id, change.versions)
        return Response(status_code=204)

    return change.make(work)

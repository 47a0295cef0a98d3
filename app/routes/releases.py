"""/api/v1/releases: versions of services."""

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
from app.schemas.query import ReleaseQuery
from app.schemas.release import ReleaseCreate, ReleasePage, ReleaseRead

router = APIRouter(prefix="/api/v1/releases", tags=["releases"], responses=answers(503))


@router.get("", summary="List releases", responses=answers(422))
def list_releases(parts: Parts, asked: Annotated[ReleaseQuery, Query()]) -> ReleasePage:
    """List releases in the order of their making, page by page."""
    with parts.database.reading() as session:
        rows, cursor = crud.releases.list_page(session, asked)
    return ReleasePage(items=[ReleaseRead.of(row) for row in rows], next_cursor=cursor)


@router.post(
    "",
    status_code=201,
    summary="Record a release",
    response_model=ReleaseRead,
    responses=says(201, "ETag", "Location", REPLAYED, refusals=(409, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def create_release(request: Request, change: Posted, given: ReleaseCreate) -> Response:
    """Record a release of a service. It never changes."""

    def work(session: Session) -> Response:
        release = crud.releases.create(session, given)
        location = located(request, "get_release", release_id=release.id)
        return shown(ReleaseRead.of(release), release.row_token, status=201, location=location)

    return change.make(work)


@router.get(
    "/{release_id}",
    summary="Read a release",
    response_model=ReleaseRead,
    responses=says(200, "ETag", refusals=(404, 422)),
)
def get_release(parts: Parts, release_id: UUID) -> Response:
    """Read one release."""
    with parts.database.reading() as session:
        release = crud.releases.get(session, release_id)
    return shown(ReleaseRead.of(release), release.row_token)


@router.delete(
    "/{release_id}",
    status_code=204,
    summary="Remove a release",
    responses=answers(404, 409, 412, 422),
)
def delete_release(change: Conditional, release_id: UUID) -> Response:
    """Remove a release, and its deployments if all of them have ended."""

    def work(session: Session) -> Response:
        crud.releases.remove(session, release_id, change.versions)
        return Response(status_code=204)

    return change.make(work)

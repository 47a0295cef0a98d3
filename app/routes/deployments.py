"""/api/v1/deployments: releases on nodes, from state to state."""

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
    PostedConditional,
    located,
    says,
    shown,
)
from app.schemas.deployment import (
    DeploymentChange,
    DeploymentCreate,
    DeploymentPage,
    DeploymentRead,
    Switched,
)
from app.schemas.query import DeploymentQuery

router = APIRouter(prefix="/api/v1/deployments", tags=["deployments"], responses=answers(503))


@router.get("", summary="List deployments", responses=answers(422))
def list_deployments(parts: Parts, asked: Annotated[DeploymentQuery, Query()]) -> DeploymentPage:
    """List deployments in the order of their making, page by page."""
    with parts.database.reading() as session:
        rows, cursor = crud.deployments.list_page(session, asked)
    return DeploymentPage(items=[DeploymentRead.of(row) for row in rows], next_cursor=cursor)


@router.post(
    "",
    status_code=201,
    summary="Begin a deployment",
    response_model=DeploymentRead,
    responses=says(201, "ETag", "Location", REPLAYED, refusals=(409, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def create_deployment(request: Request, change: Posted, given: DeploymentCreate) -> Response:
    """Put a release on a node, into a slot that is free there. It is `starting`."""

    def work(session: Session) -> Response:
        made = crud.deployments.create(session, given)
        location = located(request, "get_deployment", deployment_id=made.id)
        return shown(DeploymentRead.of(made), made.row_token, status=201, location=location)

    return change.make(work)


@router.get(
    "/{deployment_id}",
    summary="Read a deployment",
    response_model=DeploymentRead,
    responses=says(200, "ETag", refusals=(404, 422)),
)
def get_deployment(parts: Parts, deployment_id: UUID) -> Response:
    """Read one deployment."""
    with parts.database.reading() as session:
        deployment = crud.deployments.get(session, deployment_id)
    return shown(DeploymentRead.of(deployment), deployment.row_token)


@router.patch(
    "/{deployment_id}",
    summary="Bring a deployment to another state",
    response_model=DeploymentRead,
    responses=says(200, "ETag", refusals=(404, 409, 412, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def update_deployment(
    change: Conditional, deployment_id: UUID, given: DeploymentChange
) -> Response:
    """Go on: starting, ready, live, draining, stopped; or failed, from each of these but the last.

    Anything else is 409, and `allowed` says what is not.
    """

    def work(session: Session) -> Response:
        changed = crud.deployments.change(session, deployment_id, given, change.versions)
        return shown(DeploymentRead.of(changed), changed.row_token)

    return change.make(work)


@router.post(
    "/{deployment_id}/switch",
    summary="Switch to a deployment",
    response_model=Switched,
    responses=says(200, "ETag", REPLAYED, refusals=(404, 409, 412, 422)),
)
def switch(change: PostedConditional, deployment_id: UUID) -> Response:
    """Make a deployment that is ready live and the one that was live draining, both at once.

    Needs no body. Of many who switch at once, one is answered with 200 and all others with 409.
    """

    def work(session: Session) -> Response:
        live, before = crud.deployments.switch(session, deployment_id, change.versions)
        switched = Switched(
            live=DeploymentRead.of(live),
            draining=DeploymentRead.of(before) if before is not None else None,
        )
        return shown(switched, live.row_token)

    return change.make(work)

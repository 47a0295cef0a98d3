"""/api/v1/nodes: the edge nodes.

The functions of all resources are synchronous and run in threads: each has its own session, so
that a response is sent only after the commit.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app import crud
from app.components import Components, Parts
from app.local_tz import now
from app.models import Node
from app.problems import answers
from app.routes.change import (
    JSON_ONLY,
    REPLAYED,
    WITH_BODY,
    Conditional,
    Posted,
    Unconditional,
    located,
    says,
    shown,
)
from app.schemas.node import NodeCreate, NodePage, NodeRead, NodeUpdate
from app.schemas.query import NodeQuery

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"], responses=answers(503))


@router.get("", summary="List nodes", responses=answers(422))
def list_nodes(parts: Parts, asked: Annotated[NodeQuery, Query()]) -> NodePage:
    """List nodes in the order of their making, page by page."""
    with parts.database.reading() as session:
        rows, cursor = crud.nodes.list_page(session, asked, parts.settings)
    return NodePage(items=[_read(parts, node) for node in rows], next_cursor=cursor)


@router.post(
    "",
    status_code=201,
    summary="Record a node",
    response_model=NodeRead,
    responses=says(201, "ETag", "Location", REPLAYED, refusals=(409, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def create_node(parts: Parts, request: Request, change: Posted, given: NodeCreate) -> Response:
    """Record a node. It is offline until its first heartbeat."""

    def work(session: Session) -> Response:
        node = crud.nodes.create(session, given)
        location = located(request, "get_node", node_id=node.id)
        return shown(_read(parts, node), node.row_token, status=201, location=location)

    return change.make(work)


@router.get(
    "/{node_id}",
    summary="Read a node",
    response_model=NodeRead,
    responses=says(200, "ETag", refusals=(404, 422)),
)
def get_node(parts: Parts, node_id: UUID) -> Response:
    """Read one node. Its ETag stays when a heartbeat comes."""
    with parts.database.reading() as session:
        node = crud.nodes.get(session, node_id)
    return shown(_read(parts, node), node.row_token)


@router.patch(
    "/{node_id}",
    summary="Change a node",
    response_model=NodeRead,
    responses=says(200, "ETag", refusals=(404, 409, 412, *WITH_BODY)),
    dependencies=[JSON_ONLY],
)
def update_node(parts: Parts, change: Conditional, node_id: UUID, given: NodeUpdate) -> Response:
    """Change what the body names; the rest stays."""

    def work(session: Session) -> Response:
        node = crud.nodes.change(session, node_id, given, change.versions)
        return shown(_read(parts, node), node.row_token)

    return change.make(work)


@router.put(
    "/{node_id}/heartbeat",
    summary="Note a heartbeat",
    response_model=NodeRead,
    responses=says(200, "ETag", refusals=(404, 422)),
)
def beat_node(parts: Parts, change: Unconditional, node_id: UUID) -> Response:
    """Note that the node is alive now, by this server's clock. Needs no body."""

    def work(session: Session) -> Response:
        node = crud.nodes.beat(session, node_id, parts.settings)
        return shown(_read(parts, node), node.row_token)

    return change.make(work)


@router.delete(
    "/{node_id}", status_code=204, summary="Forget a node", responses=answers(404, 412, 422)
)
def delete_node(change: Conditional, node_id: UUID) -> Response:
    """Remove a node, and its deployments with it."""

    def work(session: Session) -> Response:
        crud.nodes.remove(session, node_id, change.versions)
        return Response(status_code=204)

    return change.make(work)


def _read(parts: Components, node: Node) -> NodeRead:
    return NodeRead.of(node, now(), parts.settings)

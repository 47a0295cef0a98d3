"""/api/v1/nodes: the edge nodes.

The functions are synchronous and run in threads: each opens its own session, so that a
response is sent only after the commit.
"""

import base64
import binascii
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from app import crud
from app.components import Components, Parts
from app.local_tz import now
from app.models import Node
from app.problems import answers
from app.schemas import NodeCreate, NodePage, NodeRead, NodeUpdate

PAGE = 100
PAGE_MAX = 1000

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"], responses=answers(503))


@router.get("", summary="List nodes", responses=answers(422))
def list_nodes(
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE,
    cursor: Annotated[
        str | None, Query(max_length=64, description="`next_cursor` of the page before.")
    ] = None,
) -> NodePage:
    """List nodes in the order of their making, page by page."""
    after = _after(cursor) if cursor else None
    with parts.database.reading() as session:
        nodes = crud.list_nodes(session, limit + 1, after)
    shown = [_read(parts, node) for node in nodes[:limit]]
    more = len(nodes) > limit
    return NodePage(items=shown, next_cursor=_cursor(shown[-1].id) if more else None)


@router.post(
    "",
    status_code=201,
    summary="Record a node",
    responses={
        **answers(409, 413, 422),
        201: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Its URL."}}},
    },
)
def create_node(parts: Parts, request: Request, response: Response, given: NodeCreate) -> NodeRead:
    """Record a node. It is offline until its first heartbeat."""
    with parts.database.writing() as session:
        node = crud.create_node(session, given)
    response.headers["Location"] = request.url_for("get_node", node_id=node.id).path
    return _tell(parts, "node.created", node)


@router.get("/{node_id}", summary="Read a node", responses=answers(404, 422))
def get_node(parts: Parts, node_id: UUID) -> NodeRead:
    """Read one node."""
    with parts.database.reading() as session:
        return _read(parts, crud.get_node(session, node_id))


@router.patch("/{node_id}", summary="Change a node", responses=answers(404, 409, 413, 422))
def update_node(parts: Parts, node_id: UUID, given: NodeUpdate) -> NodeRead:
    """Change what the body names; the rest stays."""
    with parts.database.writing() as session:
        node = crud.update_node(session, node_id, given)
    return _tell(parts, "node.updated", node)


@router.put("/{node_id}/heartbeat", summary="Note a heartbeat", responses=answers(404, 422))
def beat_node(parts: Parts, node_id: UUID) -> NodeRead:
    """Note that the node is alive now, by this server's clock."""
    with parts.database.writing() as session:
        node = crud.beat_node(session, node_id)
    return _tell(parts, "node.updated", node)


@router.delete("/{node_id}", status_code=204, summary="Forget a node", responses=answers(404, 422))
def delete_node(parts: Parts, node_id: UUID) -> None:
    """Remove a node."""
    with parts.database.writing() as session:
        crud.delete_node(session, node_id)
    parts.hub.publish({"type": "node.deleted", "id": str(node_id)})


def _read(parts: Components, node: Node) -> NodeRead:
    return NodeRead.of(node, now(), parts.settings)


def _tell(parts: Components, kind: str, node: Node) -> NodeRead:
    """Tell the page's clients of a committed change; return the node as the API shows it."""
    shown = _read(parts, node)
    parts.hub.publish({"type": kind, "id": str(node.id), "node": shown.model_dump(mode="json")})
    return shown


def _cursor(node_id: UUID) -> str:
    return base64.urlsafe_b64encode(node_id.bytes).decode().rstrip("=")


def _after(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        wrong = {"type": "cursor", "loc": ("query", "cursor"), "msg": "not a cursor of ours"}
        raise RequestValidationError([wrong]) from error

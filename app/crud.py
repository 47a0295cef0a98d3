"""Reading and changing rows. The caller owns the transaction."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.local_tz import now
from app.models import Node
from app.schemas import NodeCreate, NodeUpdate


class NodeMissingError(LookupError):
    """There is no node with this id."""

    def __init__(self, node_id: UUID) -> None:
        super().__init__(f"there is no node {node_id}")


class NameTakenError(ValueError):
    """Another node has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a node named {name} exists already")


def create_node(session: Session, given: NodeCreate) -> Node:
    """Add a node; raise NameTakenError."""
    moment = now()
    node = Node(**given.model_dump(), created_at=moment, updated_at=moment)
    session.add(node)
    _flush(session, given.name)
    return node


def get_node(session: Session, node_id: UUID, *, lock: bool = False) -> Node:
    """Return a node, on request locked until the transaction ends; raise NodeMissingError."""
    node = session.get(Node, node_id, with_for_update=lock)
    if node is None:
        raise NodeMissingError(node_id)
    return node


def list_nodes(session: Session, limit: int, after: UUID | None = None) -> Sequence[Node]:
    """Return up to `limit` nodes in the order of their making, those after the id `after`."""
    query = select(Node).order_by(Node.id).limit(limit)
    if after is not None:
        query = query.where(Node.id > after)
    return session.scalars(query).all()


def list_nodes_by_name(session: Session, limit: int) -> Sequence[Node]:
    """Return up to `limit` nodes in the order of their names."""
    return session.scalars(select(Node).order_by(Node.name).limit(limit)).all()


def update_node(session: Session, node_id: UUID, given: NodeUpdate) -> Node:
    """Change what `given` sets; raise NodeMissingError or NameTakenError."""
    node = get_node(session, node_id, lock=True)
    for name in given.model_fields_set:
        setattr(node, name, getattr(given, name))
    node.updated_at = now()
    _flush(session, node.name)
    return node


def beat_node(session: Session, node_id: UUID) -> Node:
    """Note that the node is alive now; raise NodeMissingError."""
    node = get_node(session, node_id, lock=True)
    node.heartbeat_at = now()
    session.flush()
    return node


def delete_node(session: Session, node_id: UUID) -> None:
    """Remove a node; raise NodeMissingError."""
    session.delete(get_node(session, node_id, lock=True))
    session.flush()


def _flush(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError(name) from error

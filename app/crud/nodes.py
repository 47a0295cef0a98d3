"""Nodes: reading and changing them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.crud import events
from app.crud.errors import ConflictError
from app.crud.rows import Page, Versions, expect, found, page, refusing
from app.ids import uuid7
from app.local_tz import now
from app.models import Kind, Node
from app.schemas.node import NodeCreate, NodeUpdate, Status
from app.schemas.query import NodeQuery
from app.settings import Settings


def create(session: Session, given: NodeCreate) -> Node:
    """Add a node; raise ConflictError where its name is taken."""
    moment = now()
    node = Node(id=uuid7(), **given.model_dump(), created_at=moment, updated_at=moment)
    session.add(node)
    _flush(session, given.name)
    events.record(session, Kind.NODE_CREATED, node)
    return node


def get(session: Session, node_id: UUID) -> Node:
    """Return a node; raise MissingError."""
    return found(session, Node, node_id)


def list_page(session: Session, asked: NodeQuery, settings: Settings) -> Page:
    """Return a page of nodes."""
    query = select(Node)
    if asked.name is not None:
        query = query.where(Node.name == asked.name)
    if asked.region is not None:
        query = query.where(Node.region == asked.region)
    if asked.label is not None:
        label, _, value = asked.label.partition("=")
        query = query.where(Node.labels[label].as_string() == value)
    if asked.status is not None:
        query = query.where(_has_status(asked.status, settings))
    return page(session, query, asked)


def list_by_name(session: Session, limit: int) -> Sequence[Node]:
    """Return up to `limit` nodes in the order of their names."""
    return session.scalars(select(Node).order_by(Node.name).limit(limit)).all()


def change(session: Session, node_id: UUID, given: NodeUpdate, versions: Versions = None) -> Node:
    """Change what `given` sets; raise MissingError, ChangedError or ConflictError."""
    node = found(session, Node, node_id, lock=True)
    expect(node, versions)
    for name in given.model_fields_set:
        setattr(node, name, getattr(given, name))
    node.updated_at = now()
    _flush(session, node.name)
    events.record(session, Kind.NODE_UPDATED, node)
    return node


def beat(session: Session, node_id: UUID, settings: Settings) -> Node:
    """Note that the node is alive now; raise MissingError.

    The version stays: who changes a node need not race with its heartbeats. It is an event only
    where the node was not online before.
    """
    node = found(session, Node, node_id, lock=True)
    before, moment = node.heartbeat_at, now()
    quietly = {"synchronize_session": False}
    session.execute(
        update(Node).where(Node.id == node_id).values(heartbeat_at=moment),
        execution_options=quietly,
    )
    set_committed_value(node, "heartbeat_at", moment)
    if Status.of(before, moment, settings) is not Status.ONLINE:
        events.record(session, Kind.NODE_ONLINE, node)
    return node


def remove(session: Session, node_id: UUID, versions: Versions = None) -> None:
    """Remove a node and its deployments; raise MissingError or ChangedError."""
    node = found(session, Node, node_id, lock=True)
    expect(node, versions)
    events.record(session, Kind.NODE_DELETED, node)
    session.delete(node)
    session.flush()


def _has_status(status: Status, settings: Settings) -> ColumnElement[bool]:
    moment = now()
    late = moment - settings.node_late_after
    offline = moment - settings.node_offline_after
    return {
        Status.ONLINE: _since(late),
        Status.LATE: _since(offline) & (Node.heartbeat_at < late),
        Status.OFFLINE: or_(Node.heartbeat_at.is_(None), Node.heartbeat_at < offline),
    }[status]


def _since(moment: datetime) -> ColumnElement[bool]:
    return Node.heartbeat_at >= moment


def _flush(session: Session, name: str) -> None:
    with refusing(unique=ConflictError("name-taken", f"a node named {name} exists already")):
        session.flush()

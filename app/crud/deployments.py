"""Deployments: reading them, and bringing them from state to state."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.crud import events
from app.crud.errors import ConflictError, ReferenceMissingError, StateError
from app.crud.releases import SERVICE
from app.crud.rows import Page, Versions, expect, found, page, refusing
from app.ids import uuid7
from app.local_tz import now
from app.models import Deployment, Kind, Node, Release, Service, State
from app.models.deployment import NEXT, OPEN
from app.schemas.deployment import DeploymentChange, DeploymentCreate
from app.schemas.query import DeploymentQuery

NODE = joinedload(Deployment.node, innerjoin=True)
RELEASE = joinedload(Deployment.release, innerjoin=True).joinedload(Release.service, innerjoin=True)


class Switch(NamedTuple):
    """What a switch did: what is live now, and what was until then."""

    live: Deployment
    draining: Deployment | None


def create(session: Session, given: DeploymentCreate) -> Deployment:
    """Begin a deployment; raise ReferenceMissingError, or ConflictError where the slot is taken."""
    node = session.get(Node, given.node_id)
    if node is None:
        raise ReferenceMissingError("node_id", given.node_id)
    release = session.get(Release, given.release_id, options=[SERVICE])
    if release is None:
        raise ReferenceMissingError("release_id", given.release_id)
    place = f"the slot {given.slot} of {release.service.name} on {node.name}"
    taken = ConflictError("slot-taken", f"{place} is in use")
    gone = ConflictError("reference-gone", "the node or the release was removed just now")
    moment = now()
    deployment = Deployment(
        id=uuid7(),
        node=node,
        release=release,
        node_id=node.id,
        release_id=release.id,
        service_id=release.service_id,
        slot=given.slot,
        state=State.STARTING,
        reason="",
        created_at=moment,
        updated_at=moment,
    )
    session.add(deployment)
    with refusing(unique=taken, foreign=gone):
        session.flush()
    events.record(session, Kind.DEPLOYMENT_STARTING, deployment)
    return deployment


def get(session: Session, deployment_id: UUID) -> Deployment:
    """Return a deployment with its node, release and service; raise MissingError."""
    return found(session, Deployment, deployment_id, NODE, RELEASE)


def list_page(session: Session, asked: DeploymentQuery) -> Page:
    """Return a page of deployments, each with its node, release and service."""
    query = select(Deployment).options(NODE, RELEASE)
    for name in ("node_id", "service_id", "release_id", "slot"):
        value = getattr(asked, name)
        if value is not None:
            query = query.where(getattr(Deployment, name) == value)
    if asked.state:
        query = query.where(Deployment.state.in_(asked.state))
    return page(session, query, asked)


def list_open(session: Session, limit: int) -> Sequence[Deployment]:
    """Return up to `limit` deployments that have not ended, by service, node and slot."""
    query = (
        select(Deployment)
        .join(Deployment.node)
        .join(Service, Service.id == Deployment.service_id)
        .options(NODE, RELEASE)
        .where(Deployment.state.in_(OPEN))
        .order_by(Service.name, Node.name, Deployment.slot)
        .limit(limit)
    )
    return session.scalars(query).all()


def change(
    session: Session, deployment_id: UUID, given: DeploymentChange, versions: Versions = None
) -> Deployment:
    """Bring a deployment to another state.

    Raises MissingError, ChangedError, StateError, or ConflictError where it is to be live beside
    another that is.
    """
    deployment = found(session, Deployment, deployment_id, NODE, RELEASE, lock=True)
    expect(deployment, versions)
    _go(session, deployment, given.state, given.reason)
    return deployment


def switch(session: Session, deployment_id: UUID, versions: Versions = None) -> Switch:
    """Make a deployment that is ready live, and the one that is live in its place draining.

    Raises MissingError, ChangedError, StateError, or ConflictError where another was quicker.
    """
    deployment = found(session, Deployment, deployment_id, NODE, RELEASE)
    neighbours = _lock_open(session, deployment)
    if deployment not in neighbours:  # it has ended, or been removed, since it was read
        session.expunge(deployment)
        deployment = found(session, Deployment, deployment_id, NODE, RELEASE)
    expect(deployment, versions)
    if State(deployment.state) is not State.READY:
        _refuse(deployment, State.LIVE)
    before = next((other for other in neighbours if other.state == State.LIVE), None)
    if before is not None:
        _go(session, before, State.DRAINING, "")
    _go(session, deployment, State.LIVE, "")
    return Switch(deployment, before)


def _lock_open(session: Session, deployment: Deployment) -> Sequence[Deployment]:
    """Lock what has not ended of the same service on the same node, all in the same order."""
    query = (
        select(Deployment)
        .options(NODE, RELEASE)
        .where(
            Deployment.service_id == deployment.service_id,
            Deployment.node_id == deployment.node_id,
            Deployment.state.in_(OPEN),
        )
        .order_by(Deployment.id)
        .with_for_update(of=Deployment)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _go(session: Session, deployment: Deployment, state: State, reason: str) -> None:
    if state not in NEXT[State(deployment.state)]:
        _refuse(deployment, state)
    deployment.state = state
    deployment.reason = reason
    deployment.updated_at = now()
    place = f"{deployment.release.service.name} on {deployment.node.name}"
    beside = ConflictError("live-taken", f"another deployment of {place} is live: switch to this")
    with refusing(unique=beside):
        session.flush()
    events.record(session, Kind(f"deployment.{state}"), deployment)


def _refuse(deployment: Deployment, wanted: State) -> None:
    raise StateError(deployment.state, wanted, NEXT[State(deployment.state)])

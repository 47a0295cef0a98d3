"""What the page shows of the ledger, read in a handful of queries however large the fleet is."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.access.tokens import ANYBODY
from app.live import event_log
from app.live.event_log import ORIGIN_ID
from app.live.event_words import words
from app.local_tz import now
from app.models import Deployment, Node, Release, Service, State
from app.models.deployment import OPEN
from app.schemas import Status
from app.settings import Settings

NODES = 1000
PLACES = 10_000
SHARES = 2000
EVENTS = 50


@dataclass(frozen=True)
class Place:
    """What stands in one slot of a service on one node."""

    service: str
    version: str
    slot: str
    state: str
    reason: str


@dataclass(frozen=True)
class NodeRow:
    """A node, how fresh it is, and what stands on it."""

    id: UUID
    name: str
    region: str
    labels: dict[str, str]
    heartbeat_at: datetime | None
    status: Status
    places: Sequence[Place]

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look: it is late or gone, or something failed on it."""
        failed = any(place.state == State.FAILED for place in self.places)
        return failed or self.status is not Status.ONLINE


@dataclass(frozen=True)
class Share:
    """On how many nodes a release stands in a slot in one state."""

    version: str
    state: str
    nodes: int


@dataclass
class ServiceRow:
    """A service, and what stands in its two slots over all nodes."""

    id: UUID
    name: str
    description: str
    slots: dict[str, list[Share]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class EventLine:
    """An event in words: `tone` gives it its mark, `by` is whose token made the change."""

    id: str
    at: datetime
    tone: str
    text: str
    by: str


@dataclass(frozen=True)
class Overview:
    """The fleet at one moment. `after` is the newest event in it: what comes later is not."""

    nodes: Sequence[NodeRow] = ()
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    services: Sequence[ServiceRow] = ()
    events: Sequence[EventLine] = ()
    after: str = ""
    is_cut: bool = False

    @property
    def total(self) -> int:
        """The number of all nodes, shown or not."""
        return sum(self.counts.values())


def read(session: Session, settings: Settings, only: Collection[UUID] | None) -> Overview:
    """Return the fleet; of the nodes, the first by name or (`only`) those with these ids.

    The events are read first: what is committed meanwhile is told as an event after them.
    """
    events = event_log.latest(session, EVENTS)
    nodes, is_cut = _nodes(session, settings, only)
    return Overview(
        nodes=nodes,
        counts=nodes_by_status(session, settings),
        services=_services(session),
        events=[_line(json.loads(entry.text)) for entry in reversed(events)],
        after=str(events[-1].id if events else ORIGIN_ID),
        is_cut=is_cut,
    )


def _nodes(
    session: Session, settings: Settings, only: Collection[UUID] | None
) -> tuple[list[NodeRow], bool]:
    columns = (Node.id, Node.name, Node.region, Node.labels, Node.heartbeat_at)
    query = select(*columns).order_by(Node.name).limit(NODES)
    if only is not None:
        query = query.where(Node.id.in_(only))
    found = session.execute(query).all()
    places, is_cut = _places(session, only)
    moment = now()
    rows = [
        NodeRow(
            **row._asdict(),
            status=Status.of(row.heartbeat_at, moment, settings),
            places=places.get(row.id, ()),
        )
        for row in found
    ]
    # A database sorts by its own rules; a script in the browser sorts by these.
    return sorted(rows, key=lambda row: row.name), is_cut


def _places(
    session: Session, only: Collection[UUID] | None
) -> tuple[dict[UUID, list[Place]], bool]:
    """Return what stands on the nodes by node, and whether there is more."""
    whose = select(Node.id).order_by(Node.name).limit(NODES) if only is None else only
    columns = (Service.name, Release.version, Deployment.slot, Deployment.state, Deployment.reason)
    query = (
        select(Deployment.node_id, *columns)
        .join(Release, Release.id == Deployment.release_id)
        .join(Service, Service.id == Deployment.service_id)
        .where(_stands(), Deployment.node_id.in_(whose))
        .order_by(Service.name, Deployment.slot)
        .limit(PLACES)
    )
    found: dict[UUID, list[Place]] = defaultdict(list)
    rows = session.execute(query).all()
    for node_id, *place in rows:
        found[node_id].append(Place(*place))
    return found, len(rows) == PLACES


def _services(session: Session) -> list[ServiceRow]:
    share = (Deployment.slot, Deployment.state, Release.version)
    service = (Service.id, Service.name, Service.description)
    query = (
        select(*service, *share, func.count(Deployment.id))
        .select_from(Service)
        .outerjoin(Deployment, and_(Deployment.service_id == Service.id, _stands()))
        .outerjoin(Release, Release.id == Deployment.release_id)
        .group_by(*service, *share)
        .order_by(Service.name, Deployment.slot, func.count(Deployment.id).desc())
        .limit(SHARES)
    )
    found: dict[UUID, ServiceRow] = {}
    for service_id, name, description, slot, state, version, nodes in session.execute(query):
        row = found.setdefault(service_id, ServiceRow(service_id, name, description))
        if slot is not None:
            row.slots[slot].append(Share(version, state, nodes))
    for row in found.values():
        for shares in row.slots.values():
            shares.sort(key=_by_state)
    return list(found.values())


def _by_state(share: Share) -> tuple[int, str]:
    order = (State.LIVE, State.READY, State.STARTING, State.DRAINING, State.FAILED)
    return order.index(State(share.state)), share.version


def _stands() -> ColumnElement[bool]:
    """Return the condition that a deployment is what stands in its slot.

    It has not ended, or it failed and nothing came after it.
    """
    later = aliased(Deployment)
    followed = exists().where(
        later.service_id == Deployment.service_id,
        later.node_id == Deployment.node_id,
        later.slot == Deployment.slot,
        later.id > Deployment.id,
    )
    failed = and_(Deployment.state == State.FAILED, ~followed.correlate(Deployment))
    return or_(Deployment.state.in_(OPEN), failed)


def nodes_by_status(session: Session, settings: Settings) -> dict[str, int]:
    """Return how many nodes are online, late and offline."""
    moment = now()
    late = Node.heartbeat_at < moment - settings.node_late_after
    gone = or_(
        Node.heartbeat_at.is_(None), Node.heartbeat_at < moment - settings.node_offline_after
    )
    query = select(
        func.count(), func.count().filter(gone), func.count().filter(or_(late, gone))
    ).select_from(Node)
    total, offline, troubled = session.execute(query).one()
    return {
        Status.ONLINE: total - troubled,
        Status.LATE: troubled - offline,
        Status.OFFLINE: offline,
    }


def _line(event: dict[str, Any]) -> EventLine:
    tone = event["kind"].partition(".")[2] or event["kind"]
    by = event["payload"].get("by", "")
    by = "" if by == ANYBODY.name else by
    return EventLine(event["id"], datetime.fromisoformat(event["at"]), tone, words(event), by)

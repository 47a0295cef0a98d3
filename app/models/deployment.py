"""The table of deployments, and the states one goes through."""

import uuid
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Resource
from app.models.node import Node
from app.models.release import Release


class Slot(StrEnum):
    """One of the two places a service has on a node."""

    BLUE = "blue"
    GREEN = "green"


class State(StrEnum):
    """How far a deployment is."""

    STARTING = "starting"
    READY = "ready"
    LIVE = "live"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"


NEXT = MappingProxyType(
    {
        State.STARTING: (State.READY, State.FAILED),
        State.READY: (State.LIVE, State.FAILED),
        State.LIVE: (State.DRAINING, State.FAILED),
        State.DRAINING: (State.STOPPED, State.FAILED),
        State.STOPPED: (),
        State.FAILED: (),
    }
)
OPEN = tuple(state for state in State if NEXT[state])
IS_LIVE = text("state = 'live'")
IS_OPEN = text("state IN ('starting', 'ready', 'live', 'draining')")


class Deployment(Resource, Base):
    """A release on a node, in one of its service's two slots there.

    The database holds at most one that is live per service and node, and at most one that has
    not ended per slot.
    """

    __tablename__ = "deployments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["release_id", "service_id"], [Release.id, Release.service_id], ondelete="CASCADE"
        ),
        CheckConstraint("slot IN ('blue', 'green')", name="slot"),
        CheckConstraint(
            "state IN ('starting', 'ready', 'live', 'draining', 'stopped', 'failed')", name="state"
        ),
        Index(
            "uq_deployments_live",
            "service_id",
            "node_id",
            unique=True,
            postgresql_where=IS_LIVE,
            sqlite_where=IS_LIVE,
        ),
        Index(
            "uq_deployments_slot",
            "service_id",
            "node_id",
            "slot",
            unique=True,
            postgresql_where=IS_OPEN,
            sqlite_where=IS_OPEN,
        ),
    )

    node_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Node.id, ondelete="CASCADE"), index=True)
    release_id: Mapped[uuid.UUID] = mapped_column(index=True)
    service_id: Mapped[uuid.UUID] = mapped_column(index=True)
    slot: Mapped[str] = mapped_column(String(5))
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(255))

    node: Mapped[Node] = relationship(lazy="raise")
    release: Mapped[Release] = relationship(lazy="raise")

"""The table of events, which only grows, and the order they were committed in.

A later migration that lets Alembic's batch mode make one of these tables anew on SQLite has to
make its triggers anew as well.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Uuid, event
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import DDL

from app.ids import uuid7
from app.models.base import Base, Json, Moment


class Kind(StrEnum):
    """What happened."""

    NODE_CREATED = "node.created"
    NODE_UPDATED = "node.updated"
    NODE_ONLINE = "node.online"
    NODE_DELETED = "node.deleted"
    SERVICE_CREATED = "service.created"
    SERVICE_UPDATED = "service.updated"
    SERVICE_DELETED = "service.deleted"
    RELEASE_CREATED = "release.created"
    RELEASE_DELETED = "release.deleted"
    DEPLOYMENT_STARTING = "deployment.starting"
    DEPLOYMENT_READY = "deployment.ready"
    DEPLOYMENT_LIVE = "deployment.live"
    DEPLOYMENT_DRAINING = "deployment.draining"
    DEPLOYMENT_STOPPED = "deployment.stopped"
    DEPLOYMENT_FAILED = "deployment.failed"


class Event(Base):
    """Something that happened, written in the transaction of the change it tells of.

    The subjects are no foreign keys: an event outlives them.
    """

    __tablename__ = "events"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(64))
    node_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    service_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    release_id: Mapped[uuid.UUID | None]
    deployment_id: Mapped[uuid.UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)


class EventOrder(Base):
    """An event's place. A trigger fills it, so that whoever writes an event need not know of it.

    Commits do not happen in the order of ids or positions: `xid` tells which transactions were
    over when one looked (crud.events). On SQLite, where one writes at a time, it is 0.
    """

    __tablename__ = "edgepaas_event_order"
    __table_args__ = (
        Index("ix_edgepaas_event_order_place", "xid", "position"),
        {"sqlite_autoincrement": True},
    )

    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    event_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(Event.id, ondelete="CASCADE"), unique=True
    )
    xid: Mapped[int] = mapped_column(BigInteger)


POSTGRES = {
    Event: (
        """
        CREATE OR REPLACE FUNCTION edgepaas_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
        END $$
        """,
        """
        CREATE TRIGGER edgepaas_append_only BEFORE UPDATE OR DELETE ON events
        FOR EACH ROW EXECUTE FUNCTION edgepaas_refuse_change()
        """,
    ),
    EventOrder: (
        """
        CREATE OR REPLACE FUNCTION edgepaas_order_event() RETURNS trigger LANGUAGE plpgsql
        SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO edgepaas_event_order (event_id, xid)
            VALUES (NEW.id, pg_current_xact_id()::text::bigint);
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER edgepaas_in_order AFTER INSERT ON events
        FOR EACH ROW EXECUTE FUNCTION edgepaas_order_event()
        """,
    ),
}
SQLITE = {
    Event: (
        """
        CREATE TRIGGER edgepaas_no_update BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
        """
        CREATE TRIGGER edgepaas_no_delete BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
    ),
    EventOrder: (
        """
        CREATE TRIGGER edgepaas_in_order AFTER INSERT ON events
        BEGIN INSERT INTO edgepaas_event_order (event_id, xid) VALUES (NEW.id, 0); END
        """,
    ),
}
FUNCTIONS = {Event: "edgepaas_refuse_change", EventOrder: "edgepaas_order_event"}


def _have_triggers_made() -> None:
    """Let metadata.create_all make what it does not know of, and drop_all remove it."""
    for dialect, tables in (("postgresql", POSTGRES), ("sqlite", SQLITE)):
        for model, statements in tables.items():
            for statement in statements:
                made = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy's has no types
                made = made.execute_if(dialect=dialect)
                event.listen(model.__table__, "after_create", made)
    for model, name in FUNCTIONS.items():
        dropped = DDL(f"DROP FUNCTION IF EXISTS {name}() CASCADE")  # type: ignore[no-untyped-call]  # as above
        event.listen(model.__table__, "before_drop", dropped.execute_if(dialect="postgresql"))


_have_triggers_made()

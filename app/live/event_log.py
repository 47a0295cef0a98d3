"""Events in the order they were committed in, which is not the order of their ids or positions.

PostgreSQL shows a row when its transaction commits, wherever it stands in the order. So only
rows of transactions below the oldest one still open are read: what is read never gets anything
put in between (docs/events.md).
"""

import json
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Text,
    cast,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from app.models import Event, EventOrder

ORIGIN_ID = UUID(int=0)


class Place(NamedTuple):
    """Where an event stands: `xid` is its transaction's number, 0 on SQLite."""

    xid: int
    position: int


ORIGIN = Place(-1, 0)


class Entry(NamedTuple):
    """An event as it is told: its place, its id, and itself as JSON."""

    place: Place
    id: UUID
    text: str


class Delay(NamedTuple):
    """How many events wait for an older transaction to end, and since when the first does."""

    events: int
    since: datetime | None


SUBJECTS = ("node_id", "service_id", "release_id", "deployment_id")


def page(session: Session, after: Place, limit: int) -> list[Entry]:
    """Return up to `limit` events that come after a place, in order."""
    query = (
        _entries()
        .where(_comes_after(after), _is_settled(session))
        .order_by(EventOrder.xid, EventOrder.position)
        .limit(limit)
    )
    return [_entry(row) for row in session.execute(query)]


def latest(session: Session, limit: int) -> list[Entry]:
    """Return the last events, at most `limit`, in order."""
    query = (
        _entries()
        .where(_is_settled(session))
        .order_by(EventOrder.xid.desc(), EventOrder.position.desc())
        .limit(limit)
    )
    return [_entry(row) for row in session.execute(query)][::-1]


def place_of(session: Session, event_id: UUID) -> Place | None:
    """Return where an event stands; None where there is none of that id."""
    if event_id == ORIGIN_ID:
        return ORIGIN
    query = select(EventOrder.xid, EventOrder.position).where(EventOrder.event_id == event_id)
    row = session.execute(query).one_or_none()
    return Place(*row) if row else None


def delay(session: Session, after: Place, most: int) -> Delay:
    """Return what is committed after a place but has to wait; it counts to `most`."""
    waiting = (
        select(Event.at)
        .join(EventOrder, EventOrder.event_id == Event.id)
        .where(_comes_after(after))
        .limit(most)
        .subquery()
    )
    events, since = session.execute(select(func.count(), func.min(waiting.c.at))).one()
    return Delay(events, since)


def is_foreign(session: Session) -> bool:
    """Tell whether the order was written by another cluster, whose numbers say nothing here.

    So it is after a dump was restored. No row one can see is of a transaction yet to begin.
    """
    if _is_sqlite(session):
        return False
    ahead = select(func.max(EventOrder.xid) >= _number(func.pg_snapshot_xmax(_snapshot())))
    return bool(session.scalar(ahead))


def _entries() -> Select[Any]:
    subjects = [getattr(Event, name) for name in SUBJECTS]
    columns = (Event.id, Event.at, Event.kind, *subjects, Event.payload)
    order = (EventOrder.xid, EventOrder.position)
    return select(*order, *columns).join(Event, Event.id == EventOrder.event_id)


def _is_settled(session: Session) -> ColumnElement[bool]:
    """Return the condition that nothing can come before a row any more."""
    if _is_sqlite(session):
        return true()
    return EventOrder.xid < _number(func.pg_snapshot_xmin(_snapshot()))


def _snapshot() -> ColumnElement[Any]:
    return func.pg_current_snapshot()


def _number(transaction: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(cast(transaction, Text), BigInteger)


def _comes_after(place: Place) -> ColumnElement[bool]:
    given = tuple_(literal(place.xid, BigInteger), literal(place.position, BigInteger))
    return tuple_(EventOrder.xid, EventOrder.position) > given


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _entry(row: Row[Any]) -> Entry:
    told = {
        "id": str(row.id),
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "kind": row.kind,
        **{name: _text(getattr(row, name)) for name in SUBJECTS},
        "payload": row.payload,
    }
    return Entry(Place(row.xid, row.position), row.id, json.dumps(told, separators=(",", ":")))


def _text(subject: UUID | None) -> str | None:
    return str(subject) if subject else None

"""/api/v1/events: what happened, in the order of the commits. /ws/events tells it live."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.components import Parts
from app.crud.errors import MissingError
from app.live import event_log
from app.live.event_log import ORIGIN_ID
from app.problems import answers
from app.schemas.event import EventPage, EventQuery, EventRead

router = APIRouter(prefix="/api/v1/events", tags=["events"], responses=answers(503))


@router.get("", summary="List events", responses=answers(404, 422))
def list_events(parts: Parts, asked: Annotated[EventQuery, Query()]) -> EventPage:
    """List events in the order they were committed in, page by page.

    To follow them, ask again with the id of the last one as `after`; or use `/ws/events`.
    """
    after = asked.after or ORIGIN_ID
    with parts.database.reading() as session:
        place = event_log.place_of(session, after)
        if place is None:
            raise MissingError("event", after)
        entries = event_log.page(session, place, asked.limit + 1)
    items = [EventRead.model_validate_json(entry.text) for entry in entries[: asked.limit]]
    more = len(entries) > asked.limit
    return EventPage(items=items, next_cursor=items[-1].id if more else None)

"""Events, as the API gives them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.schemas.values import EXAMPLE_EVENT_ID, EXAMPLE_ID, EXAMPLE_TIME

EXAMPLE_EVENT: JsonDict = {
    "id": EXAMPLE_EVENT_ID,
    "at": EXAMPLE_TIME,
    "kind": "node.created",
    "node_id": EXAMPLE_ID,
    "service_id": None,
    "release_id": None,
    "deployment_id": None,
    "payload": {"by": "deploy", "name": "edge-1", "region": "eu-west"},
}


class EventRead(BaseModel):
    """Something that happened. The ids say to what; it may be gone since."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_EVENT]})

    id: UUID
    at: datetime
    kind: str
    node_id: UUID | None
    service_id: UUID | None
    release_id: UUID | None
    deployment_id: UUID | None
    payload: dict[str, Any]


class EventPage(BaseModel):
    """Some events in the order they were committed in, and where to go on."""

    items: list[EventRead]
    next_cursor: UUID | None = Field(
        description="Send it as `after` for what follows; null on the last page."
    )


class EventQuery(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=1000)
    after: UUID | None = Field(
        default=None, description="The id of the last event one has; without it, from the first."
    )

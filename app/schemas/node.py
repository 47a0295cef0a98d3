"""Nodes, as the API takes and gives them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.models import Node
from app.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, Cursor, Line, Name
from app.settings import Settings

# Visible at both ends, so that no two regions look the same.
REGION = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"
LABEL_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$"
Region = Annotated[str, StringConstraints(pattern=REGION, max_length=63)]
LabelName = Annotated[str, StringConstraints(pattern=LABEL_NAME, max_length=63)]
# Only patternProperties would be described: other names as if they were let in.
CLOSED: JsonDict = {"additionalProperties": False}
Labels = Annotated[dict[LabelName, Line], Field(max_length=32, json_schema_extra=CLOSED)]

EXAMPLE_NODE: JsonDict = {"name": "edge-1", "region": "eu-west", "labels": {"rack": "b7"}}


class Status(StrEnum):
    """How fresh a node's last heartbeat is."""

    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"

    @classmethod
    def of(cls, heartbeat_at: datetime | None, moment: datetime, settings: Settings) -> Self:
        """Return the status at `moment`; a node never heard of is offline."""
        if heartbeat_at is None or moment - heartbeat_at > settings.node_offline_after:
            return cls("offline")
        return cls("late" if moment - heartbeat_at > settings.node_late_after else "online")


class NodeCreate(BaseModel):
    """A node to be recorded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_NODE]})

    name: Name = Field(description="Unique; like a host name.")
    region: Region
    labels: Labels = Field(default_factory=dict)


class NodeUpdate(BaseModel):
    """What changes about a node; what is left out stays. `labels` is replaced as a whole."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"region": "eu-north"}]}
    )

    name: Name = Field(default_factory=str, description="Unique; like a host name.")
    region: Region = Field(default_factory=str)
    labels: Labels = Field(default_factory=dict)


class NodeRead(BaseModel):
    """A node as it stands. Times are UTC with offset."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    **EXAMPLE_NODE,
                    "status": "online",
                    "heartbeat_at": EXAMPLE_TIME,
                    "created_at": EXAMPLE_TIME,
                    "updated_at": EXAMPLE_TIME,
                }
            ]
        }
    )

    id: UUID
    name: str
    region: str
    labels: dict[str, str]
    status: Status
    heartbeat_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, node: Node, moment: datetime, settings: Settings) -> Self:
        """Return `node` as the API shows it at `moment`."""
        return cls(
            id=node.id,
            name=node.name,
            region=node.region,
            labels=node.labels,
            status=Status.of(node.heartbeat_at, moment, settings),
            heartbeat_at=node.heartbeat_at,
            created_at=node.created_at,
            updated_at=node.updated_at,
        )


class NodePage(BaseModel):
    """Some nodes in the order of their making, and where to go on."""

    items: list[NodeRead]
    next_cursor: Cursor

"""Deployments, as the API takes and gives them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.models import Deployment, Slot, State
from app.schemas.values import (
    EXAMPLE_DEPLOYMENT_ID,
    EXAMPLE_ID,
    EXAMPLE_RELEASE_ID,
    EXAMPLE_SERVICE_ID,
    EXAMPLE_TIME,
    Cursor,
    Line,
)

EXAMPLE_DEPLOYMENT: JsonDict = {
    "node_id": EXAMPLE_ID,
    "release_id": EXAMPLE_RELEASE_ID,
    "slot": "green",
}
EXAMPLE_READ: JsonDict = {
    "id": EXAMPLE_DEPLOYMENT_ID,
    **EXAMPLE_DEPLOYMENT,
    "service_id": EXAMPLE_SERVICE_ID,
    "node": "edge-1",
    "service": "checkout",
    "version": "1.4.2",
    "image": "checkout:1.4.2",
    "state": "live",
    "reason": "",
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
}


class DeploymentCreate(BaseModel):
    """A release to be put on a node, into a slot that is free there. It is `starting`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_DEPLOYMENT]})

    node_id: UUID
    release_id: UUID
    slot: Slot


class DeploymentChange(BaseModel):
    """The state a deployment goes to, and why if that is worth a word."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"state": "ready"}, {"state": "failed", "reason": "never became healthy"}]
        },
    )

    state: State
    reason: Line = ""


class DeploymentRead(BaseModel):
    """A deployment as it stands, with the names of what it refers to."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_READ]})

    id: UUID
    node_id: UUID
    service_id: UUID
    release_id: UUID
    node: str
    service: str
    version: str
    image: str
    slot: Slot
    state: State
    reason: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """Return `deployment`, whose node, release and service are loaded, as the API shows it."""
        release = deployment.release
        return cls(
            id=deployment.id,
            node_id=deployment.node_id,
            service_id=deployment.service_id,
            release_id=deployment.release_id,
            node=deployment.node.name,
            service=release.service.name,
            version=release.version,
            image=release.image,
            slot=Slot(deployment.slot),
            state=State(deployment.state),
            reason=deployment.reason,
            created_at=deployment.created_at,
            updated_at=deployment.updated_at,
        )


class DeploymentPage(BaseModel):
    """Some deployments in the order of their making, and where to go on."""

    items: list[DeploymentRead]
    next_cursor: Cursor


class Switched(BaseModel):
    """What a switch did."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"live": EXAMPLE_READ, "draining": None}]}
    )

    live: DeploymentRead
    draining: DeploymentRead | None = Field(
        description="What was live until now; null where nothing was."
    )

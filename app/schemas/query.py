"""What lists are asked for: how many, from where, and which. Imports only our tables' words."""

import base64
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.models import Slot, State
from app.schemas.node import LABEL_NAME, Region, Status
from app.schemas.release import VersionName
from app.schemas.values import Name

PAGE = 100
PAGE_MAX = 1000
# 16 bytes in base64, without the padding.
CURSOR = r"^[A-Za-z0-9_-]{22}$"
LABEL = LABEL_NAME.removesuffix("$") + r"=[^\x00-\x1f\x7f]{0,255}$"


class PageQuery(BaseModel):
    """A page of a list; a parameter nobody knows is refused, for it may be a filter misspelt."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX)
    cursor: Annotated[str, StringConstraints(pattern=CURSOR)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )

    @property
    def after(self) -> UUID | None:
        """The id that the page comes after."""
        if self.cursor is None:
            return None
        return UUID(bytes=base64.urlsafe_b64decode(self.cursor + "=="))


class NodeQuery(PageQuery):
    """Which nodes."""

    name: Name | None = None
    region: Region | None = None
    label: Annotated[str, StringConstraints(pattern=LABEL, max_length=319)] | None = Field(
        default=None, description="A label with its value, as `rack=b7`."
    )
    status: Status | None = None


class ServiceQuery(PageQuery):
    """Which services."""

    name: Name | None = None


class ReleaseQuery(PageQuery):
    """Which releases."""

    service_id: UUID | None = None
    version: VersionName | None = None


class DeploymentQuery(PageQuery):
    """Which deployments."""

    node_id: UUID | None = None
    service_id: UUID | None = None
    release_id: UUID | None = None
    slot: Slot | None = None
    state: list[State] = Field(
        default_factory=list, max_length=len(State), description="One or more: `state=a&state=b`."
    )


def cursor_after(row_id: UUID) -> str:
    """Return the cursor of the page that begins after a row."""
    return base64.urlsafe_b64encode(row_id.bytes).decode().rstrip("=")

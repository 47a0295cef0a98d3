"""Releases, as the API takes and gives them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.models import Release
from app.schemas.values import EXAMPLE_RELEASE_ID, EXAMPLE_SERVICE_ID, EXAMPLE_TIME, Cursor

VERSION = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$"
IMAGE = r"^[\x21-\x7e]{1,512}$"
VersionName = Annotated[str, StringConstraints(pattern=VERSION, max_length=128)]
Image = Annotated[str, StringConstraints(pattern=IMAGE, max_length=512)]

EXAMPLE_RELEASE: JsonDict = {
    "service_id": EXAMPLE_SERVICE_ID,
    "version": "1.4.2",
    "image": "checkout:1.4.2",
}


class ReleaseCreate(BaseModel):
    """A release to be recorded. It never changes afterwards."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_RELEASE]})

    service_id: UUID
    version: VersionName = Field(description="Unique within its service.")
    image: Image = Field(description="What a container engine would be given to run.")


class ReleaseRead(BaseModel):
    """A release, with the name of its service."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_RELEASE_ID,
                    **EXAMPLE_RELEASE,
                    "service": "checkout",
                    "created_at": EXAMPLE_TIME,
                }
            ]
        }
    )

    id: UUID
    service_id: UUID
    service: str
    version: str
    image: str
    created_at: datetime

    @classmethod
    def of(cls, release: Release) -> Self:
        """Return `release`, whose service is loaded, as the API shows it."""
        return cls(
            id=release.id,
            service_id=release.service_id,
            service=release.service.name,
            version=release.version,
            image=release.image,
            created_at=release.created_at,
        )


class ReleasePage(BaseModel):
    """Some releases in the order of their making, and where to go on."""

    items: list[ReleaseRead]
    next_cursor: Cursor

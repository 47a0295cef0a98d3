"""Services, as the API takes and gives them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.models import Service
from app.schemas.values import EXAMPLE_SERVICE_ID, EXAMPLE_TIME, Cursor, Line, Name

EXAMPLE_SERVICE: JsonDict = {"name": "checkout", "description": "takes the money"}


class ServiceCreate(BaseModel):
    """A service to be recorded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_SERVICE]})

    name: Name = Field(description="Unique; like a host name.")
    description: Line = ""


class ServiceUpdate(BaseModel):
    """What changes about a service; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"description": "takes money and tips"}]}
    )

    name: Name = Field(default_factory=str, description="Unique; like a host name.")
    description: Line = Field(default_factory=str)


class ServiceRead(BaseModel):
    """A service as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_SERVICE_ID,
                    **EXAMPLE_SERVICE,
                    "created_at": EXAMPLE_TIME,
                    "updated_at": EXAMPLE_TIME,
                }
            ]
        }
    )

    id: UUID
    name: str
    description: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, service: Service) -> Self:
        """Return `service` as the API shows it."""
        return cls(
            id=service.id,
            name=service.name,
            description=service.description,
            created_at=service.created_at,
            updated_at=service.updated_at,
        )


class ServicePage(BaseModel):
    """Some services in the order of their making, and where to go on."""

    items: list[ServiceRead]
    next_cursor: Cursor

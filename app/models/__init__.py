"""The tables, as SQLAlchemy sees them: one file each."""

from app.models.base import Base
from app.models.deployment import Deployment, Slot, State
from app.models.event import Event, EventOrder, Kind
from app.models.idempotency import IdempotencyKey
from app.models.node import Node
from app.models.release import Release
from app.models.service import Service

# The oldest schema this code can serve: the newest revision in migrations/versions (a test
# holds them together). Revisions are numbers of four digits, so they sort.
SCHEMA_REVISION = "0002"

__all__ = [
    "SCHEMA_REVISION",
    "Base",
    "Deployment",
    "Event",
    "EventOrder",
    "IdempotencyKey",
    "Kind",
    "Node",
    "Release",
    "Service",
    "Slot",
    "State",
]

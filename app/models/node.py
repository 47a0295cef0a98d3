"""The table of nodes."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Json, Moment, Resource


class Node(Resource, Base):
    """One edge node: a machine that runs services and sends heartbeats."""

    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(String(63), unique=True)
    region: Mapped[str] = mapped_column(String(63))
    labels: Mapped[dict[str, str]] = mapped_column(Json)
    heartbeat_at: Mapped[datetime | None] = mapped_column(Moment)

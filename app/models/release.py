"""The table of releases."""

import uuid

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Resource
from app.models.service import Service


class Release(Resource, Base):
    """One version of a service, as an image that can be run. It never changes."""

    __tablename__ = "releases"
    __table_args__ = (
        UniqueConstraint("service_id", "version"),
        # What a deployment refers to, so that its service is the one of its release.
        UniqueConstraint("id", "service_id"),
    )

    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Service.id))
    version: Mapped[str] = mapped_column(String(128))
    image: Mapped[str] = mapped_column(String(512))

    service: Mapped[Service] = relationship(lazy="raise")

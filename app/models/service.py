"""The table of services."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Resource


class Service(Resource, Base):
    """One service: what has releases."""

    __tablename__ = "services"

    name: Mapped[str] = mapped_column(String(63), unique=True)
    description: Mapped[str] = mapped_column(String(255))

"""What all tables share. Imports nothing of ours but ids."""

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from app.ids import uuid7

LAST = 100
Json = JSON().with_variant(JSONB(), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A point in time: aware going in, in UTC coming out, on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC; raise ValueError for one without an offset."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without an offset cannot be stored")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time in UTC; SQLite gives it back without its offset."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What all tables share: names of constraints that a migration can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def new_token(current: str | None = None) -> str:
    """Return a token that no version of any row had before; a counter could be had twice."""
    del current
    return secrets.token_hex(16)


class Resource:
    """What every resource of the API has: an id made here, times, and the token of its version.

    The token changes with every flush of a changed row. Code of revision 0001 leaves it 0.
    """

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    created_at: Mapped[datetime] = mapped_column(Moment, sort_order=LAST)
    updated_at: Mapped[datetime] = mapped_column(Moment, sort_order=LAST)
    row_token: Mapped[str] = mapped_column(String(32), server_default="0", sort_order=LAST)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy hands in the class
        """Let an update of a version that is gone fail."""
        return {"version_id_col": cls.row_token, "version_id_generator": new_token}

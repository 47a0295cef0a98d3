"""Tables with a column of every type, and with every trait a replay has to know about."""

import enum
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    TIMESTAMP,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Dialect,
    Double,
    Enum,
    Float,
    ForeignKey,
    Identity,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    PickleType,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    Unicode,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB

metadata = MetaData()


class Colour(enum.Enum):
    """An enumeration whose names differ from its values."""

    RED = "r"
    BLUE = "b"


class Moment(TypeDecorator[datetime]):
    """A time that must have an offset going in and has one coming out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("no offset")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value)


class Lines(TypeDecorator[list[str]]):
    """A list kept as JSON in a text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else json.loads(value)


TYPES: dict[str, Any] = {
    "uuid": Uuid(),
    "uuid_text": Uuid(as_uuid=False),
    "string": String(20),
    "unicode": Unicode(20),
    "text": Text(),
    "small": SmallInteger(),
    "integer": Integer(),
    "big": BigInteger(),
    "boolean": Boolean(),
    "numeric": Numeric(12, 4),
    "numeric_float": Numeric(12, 4, asdecimal=False),
    "float": Float(),
    "double": Double(),
    "date": Date(),
    "time": Time(),
    "naive": DateTime(),
    "stamp": TIMESTAMP(),
    "moment": Moment(),
    "interval": Interval(),
    "enum": Enum(Colour),
    "enum_text": Enum(Colour, native_enum=False),
    "enum_words": Enum("up", "down", name="direction"),
    "binary": LargeBinary(),
    "pickle": PickleType(),
    "json": JSON(),
    "json_null": JSON(none_as_null=True),
    "jsonb": JSON().with_variant(JSONB(), "postgresql"),
    "lines": Lines(),
    "array": ARRAY(String()).with_variant(JSON(), "sqlite"),
    "inet": INET().with_variant(String(), "sqlite"),
}

types = Table(
    "types",
    metadata,
    Column("id", Uuid, primary_key=True, default=uuid.uuid4),
    *(Column(f"a_{name}", type_) for name, type_ in TYPES.items()),
)

# Its name and its columns' are words of SQL; a column's key is not its name; one is computed, one
# has a default of the server, one is renewed by Python at each update.
order = Table(
    "order",
    metadata,
    Column("select", String(40), primary_key=True, key="choice"),
    Column("from", Integer, primary_key=True, autoincrement=False),
    Column("Mixed Case", String(40), key="mixed"),
    Column("twice", Integer, Computed('"from" * 2', persisted=True)),
    Column("state", String(10), server_default=text("'new'"), nullable=False),
    Column("note", Text, onupdate="touched"),
)

shelves = Table("shelves", metadata, Column("name", String(40), primary_key=True))

parts = Table(
    "parts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("label", String(8), unique=True),
    Column("shelf", ForeignKey("shelves.name")),
    Column("amount", Integer, CheckConstraint("amount >= 0", name="amount_is_no_debt")),
    Column("about", JSON().with_variant(JSONB(), "postgresql")),
    UniqueConstraint("shelf", "amount", name="one_of_an_amount"),
)

numbered = Table(
    "numbered",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", String(40)),
)

# Each needs the other: only a check at the commit lets both in.
knives = Table(
    "knives",
    metadata,
    Column("id", String(40), primary_key=True),
    Column(
        "fork",
        ForeignKey("forks.id", deferrable=True, initially="DEFERRED", use_alter=True, name="fork"),
    ),
)
forks = Table(
    "forks",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("knife", ForeignKey("knives.id", deferrable=True, initially="DEFERRED", name="knife")),
)

# SQLite knows no schemas: the application maps this one to none there.
elsewhere = Table(
    "elsewhere",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(40), unique=True),
    schema="attic",
)

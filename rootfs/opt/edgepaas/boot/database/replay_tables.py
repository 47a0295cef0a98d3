"""What a replay keeps in PostgreSQL: operations dealt with, tokens of rows, contested rows.

All in the schema that the application's unqualified tables are in.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    MetaData,
    Select,
    Table,
    Text,
    cast,
    func,
    select,
    text,
    tuple_,
    types,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateIndex, CreateTable


class Verbatim(types.UserDefinedType[str]):
    """JSON as it was written. Not jsonb: that cannot hold a NUL, which is what a row may be here
    for.
    """

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name."""
        return "JSON"


METADATA = MetaData()
NOW = func.now()

APPLIED = Table(
    "edgepaas_applied",
    METADATA,
    Column("operation", Text, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Index("edgepaas_applied_epoch", "epoch"),
)
ROW = Table(
    "edgepaas_row",
    METADATA,
    Column("table_name", Text, primary_key=True),
    Column("row_key", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("version", Text, nullable=False),
)
CONFLICT = Table(
    "edgepaas_conflict",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("operation", Text, nullable=False, unique=True),
    Column("table_name", Text, nullable=False),
    Column("row_key", Text, nullable=False),
    Column("key_names", Text, nullable=False),
    Column("token", Text),
    Column("made_at", Text),
    Column("reason", Text, nullable=False),
    Column("ours", Verbatim),
    Column("theirs", Verbatim),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolution", Text),
    # Not on the key: a row may be here because its key is too long for an index.
    Index("edgepaas_conflict_open", "epoch", postgresql_where=text("resolved_at IS NULL")),
)

RowName = tuple[str, str]


class Dealt(NamedTuple):
    """How many operations of an epoch PostgreSQL has taken, and how many it has parked."""

    applied: int
    parked: int


def make(connection: Connection) -> None:
    """Create the tables that are missing; where none is, no right to create is needed."""
    for table in METADATA.sorted_tables:
        if not exists(connection, table):
            connection.execute(CreateTable(table))
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                connection.execute(CreateIndex(index))


def exists(connection: Connection, table: Table = CONFLICT) -> bool:
    """Tell whether the table is there: whether a replay has ever been here."""
    return connection.execute(select(func.to_regclass(table.name))).scalar() is not None


def dealt(connection: Connection, epoch: str) -> Dealt:
    """Return how far an epoch's replay has come: the truth, whatever the journal thinks."""
    done, parked = (
        connection.execute(
            select(func.count()).select_from(table).where(table.c.epoch == epoch)
        ).scalar_one()
        for table in (APPLIED, CONFLICT)
    )
    return Dealt(done - parked, parked)


def claim(connection: Connection, epoch: str, operations: Iterable[str]) -> set[str]:
    """Write down operations as dealt with; return those that were not before."""
    rows = [{"operation": operation, "epoch": epoch} for operation in operations]
    statement = insert(APPLIED).values(rows).on_conflict_do_nothing()
    return set(connection.execute(statement.returning(APPLIED.c.operation)).scalars())


def undecided(connection: Connection, epoch: str, rows: Iterable[RowName]) -> set[RowName]:
    """Return those of the rows that wait for a decision."""
    name = tuple_(CONFLICT.c.table_name, CONFLICT.c.row_key)
    found = connection.execute(
        select(CONFLICT.c.table_name, CONFLICT.c.row_key)
        .distinct()
        .where(CONFLICT.c.epoch == epoch, CONFLICT.c.resolved_at.is_(None), name.in_(set(rows)))
    )
    return {(table, key) for table, key in found}


def open_rows(epoch: str) -> Select[Any]:
    """Return the query for the names of an epoch's contested rows, in the order of parking."""
    return (
        select(CONFLICT.c.table_name, CONFLICT.c.row_key)
        .where(CONFLICT.c.epoch == epoch, CONFLICT.c.resolved_at.is_(None))
        .group_by(CONFLICT.c.table_name, CONFLICT.c.row_key)
        .order_by(func.min(CONFLICT.c.id))
    )


def text_of(column: Column[Any]) -> Any:
    """Return a JSON column to be read as text: the driver would parse it."""
    return cast(column, Text)

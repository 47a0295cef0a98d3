"""One row of the application in PostgreSQL: written, removed, and known again by its version.

The version is xmin, the transaction that wrote the row last: any other writer changes it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    Table,
    Text,
    Update,
    and_,
    cast,
    delete,
    exists,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.compiler import compiles

from boot.database.contested import ContestedError
from boot.database.replay_tables import ROW, RowName
from boot.database.row_values import Values

XMIN = cast(literal_column("xmin"), Text)
SHOWN = "shown"
# Of a unique index by its name: its columns, in its own table. An expression has no column.
INDEX_COLUMNS = text("""
    SELECT a.attname FROM pg_index i, unnest(i.indkey) AS k(number), pg_attribute a
    WHERE i.indexrelid = to_regclass(:index) AND i.indisunique
    AND a.attrelid = i.indrelid AND a.attnum = k.number
""")


class OverridingInsert(Insert):
    """An INSERT that gives a value to a column which is GENERATED ALWAYS AS IDENTITY."""

    inherit_cache = False


@compiles(OverridingInsert, "postgresql")  # type: ignore[no-untyped-call,untyped-decorator,unused-ignore]
def _overriding(element: OverridingInsert, compiler: Any, **options: Any) -> str:
    plain: str = compiler.visit_insert(element, **options)
    return plain.replace(") VALUES (", ") OVERRIDING SYSTEM VALUE VALUES (", 1)


class TargetRow:
    """A row by its table and primary key; `name` is how our tables call it."""

    def __init__(self, connection: Connection, table: Table, key: Values, name: RowName) -> None:
        self._connection = connection
        self._table = table
        self._key = key
        self._name = dict(zip(("table_name", "row_key"), name, strict=True))

    def insert(self, values: Values) -> None:
        """Add the row. Raises what SQLAlchemy does."""
        always = any(column.identity is not None and column.identity.always for column in values)
        statement = OverridingInsert(self._table) if always else Insert(self._table)
        self._connection.execute(statement.values(values).inline())

    def update(self, values: Values, base_token: str) -> None:
        """Change the row that the token belongs to. Raises ContestedError where it is another."""
        statement = self._changing(values).where(self._is_as_we_left_it(base_token))
        if not self._touched(statement):
            raise ContestedError(
                "the row was changed in PostgreSQL meanwhile"
                if self.exists()
                else "the row is gone from PostgreSQL meanwhile"
            )

    def remove(self, base_token: str) -> None:
        """Delete the row that the token belongs to; one that is gone is fine.

        Raises ContestedError where it is another.
        """
        statement = delete(self._table).where(self._is_key(), self._is_as_we_left_it(base_token))
        if not self._touched(statement) and self.exists():
            raise ContestedError("the row was changed in PostgreSQL meanwhile")

    def replace(self, values: Values | None) -> None:
        """Make the row these values, or gone, whatever it is now."""
        if values is None:
            self._connection.execute(delete(self._table).where(self._is_key()))
        elif not self.exists():
            self.insert(values)
        else:
            self._connection.execute(self._changing(values))

    def remember(self, token: str) -> None:
        """Write the token down with the row's version. Raises ContestedError where none is."""
        version = select(
            *(literal(value) for value in self._name.values()), literal(token), XMIN
        ).where(self._is_key())
        known = upsert(ROW).from_select(["table_name", "row_key", "token", "version"], version)
        renewed = known.on_conflict_do_update(
            index_elements=["table_name", "row_key"],
            set_={"token": known.excluded.token, "version": known.excluded.version},
        )
        if not self._touched(renewed):
            raise ContestedError("PostgreSQL did not keep the row: a trigger or a rule of its own")

    def forget(self) -> None:
        """Drop the token."""
        self._connection.execute(delete(ROW).where(self._is_ours()))

    def exists(self) -> bool:
        """Tell whether PostgreSQL has a row with this key."""
        return bool(self._connection.execute(select(exists().where(self._is_key()))).scalar())

    def theirs(self, values: Values, constraint: str) -> str | None:
        """Return PostgreSQL's version as JSON text: of the key, else the one in `constraint`'s way.

        None where PostgreSQL has no such row.
        """
        found = self._as_json(self._is_key())
        if found is None and constraint:
            names = self._columns_of(constraint)
            same = [column == value for column, value in values.items() if column.name in names]
            found = self._as_json(*same) if names and len(same) == len(names) else None
        return found

    def _changing(self, values: Values) -> Update:
        """Return the UPDATE of the row, whatever it is now; a row of a key only is touched."""
        changed = {
            column: value
            for column, value in values.items()
            if column not in self._key and not (column.identity and column.identity.always)
        }
        return update(self._table).values(changed or self._key).where(self._is_key())

    def _as_json(self, *where: ColumnElement[bool]) -> str | None:
        whole = cast(literal_column(f"row_to_json({SHOWN}.*)"), Text)
        keyed = select(self._table).where(*where).limit(1).subquery(SHOWN)
        statement: Select[Any] = select(whole).select_from(keyed)
        shown: str | None = self._connection.execute(statement).scalar()
        return shown

    def _columns_of(self, constraint: str) -> set[str]:
        prepare = self._connection.dialect.identifier_preparer
        schema = self._table.schema
        index = f"{prepare.quote(schema)}." if schema else ""
        index += prepare.quote_identifier(constraint)
        return set(self._connection.execute(INDEX_COLUMNS, {"index": index}).scalars())

    def _is_key(self) -> ColumnElement[bool]:
        return _all(self._key)

    def _is_ours(self) -> ColumnElement[bool]:
        return _all({ROW.c[name]: value for name, value in self._name.items()})

    def _is_as_we_left_it(self, token: str) -> ColumnElement[bool]:
        known = select(ROW.c.version).where(self._is_ours(), ROW.c.token == token)
        return known.scalar_subquery() == XMIN

    def _touched(self, statement: Any) -> bool:
        return int(self._connection.execute(statement).rowcount) > 0


def _all(values: Mapping[Any, Any]) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in values.items()))

"""A row's values as SQLite had them, made Python's by the types of the application's table."""

from typing import Any

from sqlalchemy import Column, Table, null
from sqlalchemy.dialects.sqlite import pysqlite

from boot.database.contested import ContestedError

# The types convert as they do when the application reads its own row from the fallback.
SQLITE = pysqlite.dialect()

Values = dict[Column[Any], Any]


def values(table: Table, raw: dict[str, Any]) -> Values:
    """Return what the columns are to hold, by column; what PostgreSQL computes is left out.

    Raises ContestedError for a value that the table has no column for, or that its type refuses.
    """
    columns = {column.name: column for column in table.columns}
    found: Values = {}
    for name, value in raw.items():
        column = columns.get(name)
        if column is not None and column.computed is None:
            found[column] = converted(column, value)
        elif column is None and value is not None:
            raise ContestedError(f"this image has no column {table.name}.{name}")
    return found


def key(table: Table, known: dict[str, Any]) -> Values:
    """Return the primary key's values, of the known values by column. Raises ContestedError."""
    columns = list(table.primary_key.columns)
    if not columns or any(column.name not in known for column in columns):
        raise ContestedError(f"{table.name} has another primary key in this image")
    return {column: converted(column, known[column.name]) for column in columns}


def converted(column: Column[Any], raw: object) -> Any:
    """Return one value of SQLite's as the column's type reads it. Raises ContestedError."""
    if raw is None:
        return null()
    process = column.type.dialect_impl(SQLITE).result_processor(SQLITE, None)
    try:
        return process(raw) if process else raw
    except Exception as error:  # noqa: BLE001  # an application's type may raise anything
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ContestedError(f"{column.name} is no {column.type!r} ({why})") from None

"""The application's tables, by the import string the operator gives."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table


def import_metadata(name: str) -> "MetaData":
    """Return the SQLAlchemy metadata that `module:attribute` names. Raises SchemaError (78)."""
    from sqlalchemy import MetaData  # noqa: PLC0415  # 160 ms

    module, _, attributes = name.partition(":")
    try:
        found: Any = import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except (ImportError, AttributeError) as error:
        raise _no_metadata(name, str(error)) from None
    if not isinstance(found, MetaData):
        raise _no_metadata(name, f"it is a {type(found).__name__}")
    return found


def find_table(metadata: "MetaData", name: str) -> "Table | None":
    """Return the table SQLite has under that name: SQLite knows no schemas. None for no one."""
    if name in metadata.tables:
        return metadata.tables[name]
    named = [table for table in metadata.tables.values() if table.name == name]
    return named[0] if len(named) == 1 else None


def _no_metadata(name: str, problem: str) -> SchemaError:
    return SchemaError(
        f"EDGEPAAS_SCHEMA_METADATA={name} is no SQLAlchemy metadata: {problem}",
        "set it to module:attribute, as in app.models:Base.metadata",
        ExitStatus.CONFIG,
    )

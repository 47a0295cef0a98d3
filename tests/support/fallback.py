"""A fallback file with its journal, and the PostgreSQL it stands in for: to test a replay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, NullPool, create_engine, select
from sqlalchemy.schema import CreateSchema

from boot.database import url
from boot.database.journal import Journal, target_of
from boot.database.metadata import import_metadata
from boot.database.schema_request import BOOT, SchemaRequest

LOCK_SECONDS = 20.0


class Fallback:
    """Both databases of one application, its tables made in each; `path` is the fallback's file."""

    def __init__(self, path: Path, postgres: str, metadata: str) -> None:
        self.path = path
        self.postgres = postgres
        self.metadata: MetaData = import_metadata(metadata)
        target = url.parse(postgres)
        assert isinstance(target, url.PostgresUrl)
        self.parameters = target.parameters
        self.target = target_of(target.parameters)
        self.request = SchemaRequest(target, target, BOOT, LOCK_SECONDS, metadata, "", 60.0)
        self._here = self._engine(f"sqlite:///{path}", None)
        self._there = self._engine(postgres, "there")
        self._make()

    @property
    def journal(self) -> Journal:
        """The journal of the file."""
        return Journal(self.path)

    @contextmanager
    def here(self) -> Iterator[Connection]:
        """Yield a transaction in the fallback, as the application would make it."""
        with self._here.begin() as connection:
            yield connection

    @contextmanager
    def there(self) -> Iterator[Connection]:
        """Yield a transaction in PostgreSQL: another writer's, or a look."""
        with self._there.begin() as connection:
            yield connection

    def rows(self, table: Any) -> list[Any]:
        """Return a table's rows in PostgreSQL, in the order of their keys."""
        with self.there() as connection:
            ordered = select(table).order_by(*table.primary_key.columns)
            return list(connection.execute(ordered))

    def rows_here(self, table: Any) -> list[Any]:
        """Return a table's rows in the fallback, in the order of their keys."""
        with self.here() as connection:
            ordered = select(table).order_by(*table.primary_key.columns)
            return list(connection.execute(ordered))

    def ask(self, sql: str) -> list[Any]:
        """Return what PostgreSQL answers."""
        with self.there() as connection:
            return list(connection.exec_driver_sql(sql))

    def ask_nothing(self, sql: str) -> None:
        """Run statements in PostgreSQL that return no rows."""
        with self.there() as connection:
            connection.exec_driver_sql(sql.replace("%", "%%"))

    def conflicts(self) -> list[tuple[str, Any, str]]:
        """Return table, key and reason of every parked operation."""
        found = self.ask("SELECT table_name, row_key, reason FROM edgepaas_conflict ORDER BY id")
        return [(table, json.loads(key), reason) for table, key, reason in found]

    def _engine(self, address: str, side: str | None) -> Engine:
        # SQLite knows no schemas.
        schemas = {} if side else {"schema_translate_map": {"attic": None}}
        return create_engine(address, poolclass=NullPool, execution_options=schemas)

    def _make(self) -> None:
        schemas = {table.schema for table in self.metadata.tables.values() if table.schema}
        with self.there() as connection:
            for schema in schemas:
                connection.execute(CreateSchema(schema, if_not_exists=True))
            self.metadata.create_all(connection)
        with self.here() as connection:
            self.metadata.create_all(connection)
        self.journal.install(self.target, "b00t", "r1")

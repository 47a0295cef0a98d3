"""A fallback's SQLite file with tables of a test's own, and what its journal says they hold."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from boot.database.journal import Journal, Refused
from boot.database.journal_triggers import quoted

TARGET = "db.example:5432/shop"
BOOT = "0123456789ab"
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


class FallbackFile:
    """A file and its journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path)

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that begins no transaction by itself, foreign keys on."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = OFF")
            yield connection

    def run(self, *statements: str) -> None:
        """Run SQL, each statement its own transaction."""
        with self.connected() as connection:
            for statement in statements:
                connection.execute(statement)

    def install(self, target: str = TARGET, revision: str = "r1") -> list[Refused]:
        """Make the journal, as a fallback boot does."""
        return self.journal.install(target, BOOT, revision)

    def rows(self, *tables: str) -> Rows:
        """Return what the tables hold: table, key, row."""
        found: Rows = {}
        with self.connected() as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            connection.row_factory = sqlite3.Row
            for table in tables:
                key = self.journal.key_columns(table)
                rows = [dict(row) for row in connection.execute(f"SELECT * FROM {quoted(table)}")]  # noqa: S608  # quoted
                found[table] = {tuple(row[name] for name in key): row for row in rows}
        return found

    def replayed(self) -> Rows:
        """Return what the journal makes of nothing, holding each operation against the last."""
        found: Rows = {}
        tokens: dict[tuple[str, str], str | None] = {}
        for each in self.journal.operations(limit=1_000_000):
            row = (each.table_name, each.row_key)
            assert each.base_token == tokens.get(row), each
            assert each.token != each.base_token, each
            tokens[row] = each.token
            rows = found.setdefault(each.table_name, {})
            if each.values is None:
                del rows[tuple(each.key)]
            else:
                rows[tuple(each.key)] = each.values
        return found

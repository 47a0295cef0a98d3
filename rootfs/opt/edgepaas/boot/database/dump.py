"""The rows of a PostgreSQL database as a script for psql: the image has no pg_dump.

It has the rows and where the sequences stand; the schema comes from the migrations.
"""

from datetime import UTC, datetime
from typing import Any, BinaryIO, NamedTuple

from boot.database import catalog
from boot.database.catalog import Catalog, Table

MARK = "alembic_version"
OF_MIGRATIONS = frozenset({MARK, "edgepaas_schema"})  # what the migrations write about themselves
# As pg_dump sets them: rows that read back as they were, or none at all.
SETTINGS = """
SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = 0; SET LOCAL row_security = off;
SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL datestyle = ISO;
SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex;
SET LOCAL client_encoding = 'UTF8'
"""
HEADER = """\
-- EdgePaaS: the rows of the database {database} at revision {revision}, {moment}: {count}.
-- Written by `edgepaas db reset` before it emptied the database.
--
-- To load it:
--   1. make an empty database, and bring it to that revision with an image that ends there:
--      docker run --rm -e DATABASE_URL=postgresql://… IMAGE migrate
--   2. psql --no-psqlrc --file=THIS_FILE 'postgresql://…'
-- All of it is loaded, or nothing. Rows that migrations have written are in the way of their like
-- here: --set=replace=1 removes all rows of these tables first. Tables that no migration makes
-- are made here, with their columns, keys and checks.

\\set ON_ERROR_STOP on
\\set QUIET on
SET client_encoding = 'UTF8';
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = 0;
SET LOCAL row_security = off;
SET LOCAL standard_conforming_strings = on;
"""
CHECK = """
DO $edgepaas$ BEGIN
    IF to_regclass({name}) IS NULL THEN
        RAISE EXCEPTION 'this database has no schema yet: docker run IMAGE migrate';
    END IF;
    IF NOT EXISTS (SELECT FROM {table} WHERE version_num = {revision}) THEN
        RAISE EXCEPTION 'this database is not at the revision of these rows, %', {revision};
    END IF;
END $edgepaas$;
"""


class Dumped(NamedTuple):
    """What a dump holds: rows by table, as `schema.table`."""

    rows: dict[str, int]

    @property
    def total(self) -> int:
        """The number of all rows."""
        return sum(self.rows.values())


def count(cursor: Any) -> Dumped:
    """Return what a dump made now would hold. Raises psycopg2.Error; leaves settings behind."""
    cursor.execute(SETTINGS)
    found = catalog.read(cursor, OF_MIGRATIONS)
    return Dumped({f"{t.schema}.{t.name}": _rows(cursor, t) for t in found.tables})


def write(connection: Any, file: BinaryIO) -> Dumped:
    """Write the script, all of it from one snapshot; ends the connection's transaction.

    `connection` is psycopg2's, in transaction mode and with none begun. Raises psycopg2.Error
    where a table cannot be read, and OSError where the file cannot be written.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            mark = _mark(cursor)
            cursor.execute(SETTINGS)
            found = catalog.read(cursor, OF_MIGRATIONS)
            dumped = Dumped({f"{t.schema}.{t.name}": _rows(cursor, t) for t in found.tables})
            script = _Script(cursor, file)
            script.head(connection.info.dbname, mark, dumped)
            script.body(found)
    finally:
        connection.rollback()
    return dumped


class _Script:
    """The script, part by part."""

    def __init__(self, cursor: Any, file: BinaryIO) -> None:
        self.cursor = cursor
        self.file = file

    def head(self, database: str, mark: tuple[str, str] | None, dumped: Dumped) -> None:
        """Write how to load it, and what holds the database against it."""
        revision = mark[1] if mark else "(none)"
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        held = f"{dumped.total} rows of {len(dumped.rows)} tables"
        self._say(
            HEADER.format(
                database=_one_line(database),
                revision=_one_line(revision),
                moment=moment,
                count=held,
            )
        )
        if mark:
            table, name = mark[0], self._literal(mark[0])
            self._say(CHECK.format(table=table, name=name, revision=self._literal(revision)))

    def body(self, found: Catalog) -> None:
        """Write the tables, their rows and the sequences."""
        self._definitions(found)
        by_oid = {table.oid: table.sql for table in found.tables}
        for key in found.against:
            self._say(f"ALTER TABLE {by_oid[key.table]} DROP CONSTRAINT {key.name};\n")
        for table in found.tables:
            self._rows_of(table)
        for key in found.against:
            name = by_oid[key.table]
            self._say(f"ALTER TABLE {name} ADD CONSTRAINT {key.name} {key.definition};\n")
        self._positions(found)
        self._say("COMMIT;\n")

    def _definitions(self, found: Catalog) -> None:
        """Write what makes the tables that no migration does; the others are there by then."""
        for sequence in found.sequences:
            if not sequence.of_identity:
                self._say(f"CREATE SEQUENCE IF NOT EXISTS {sequence.sql};\n")
        for table in found.tables:
            if not table.partitioned:
                definitions = ",\n    ".join(table.definitions)
                self._say(f"CREATE TABLE IF NOT EXISTS {table.sql} (\n    {definitions});\n")
        if found.tables:
            names = ", ".join(table.sql for table in found.tables)
            self._say(f"\n\\if :{{?replace}}\nTRUNCATE {names};\n\\endif\n")

    def _rows_of(self, table: Table) -> None:
        if not table.columns:
            return
        columns = ", ".join(table.columns)
        if table.has_triggers:
            self._say(f"\nALTER TABLE {table.sql} DISABLE TRIGGER USER;")
        self._say(f"\nCOPY {table.sql} ({columns}) FROM stdin;\n")
        query = f"COPY (SELECT {columns} FROM {table.source}) TO STDOUT"  # noqa: S608  # quoted by the server
        self.cursor.copy_expert(query, self.file)
        self._say("\\.\n")
        if table.has_triggers:
            self._say(f"ALTER TABLE {table.sql} ENABLE TRIGGER USER;\n")

    def _positions(self, found: Catalog) -> None:
        """Write where the sequences stand. They know no snapshot: these may be a little ahead."""
        if not found.sequences:
            return
        self._say("\nDO $edgepaas$ BEGIN\n")
        for sequence in found.sequences:
            self.cursor.execute(f"SELECT last_value, is_called FROM {sequence.sql}")  # noqa: S608  # quoted by the server
            last, called = self.cursor.fetchone()
            name = self._literal(sequence.sql)
            self._say(f"    PERFORM setval({name}, {last}, {str(called).lower()});\n")
        self._say("END $edgepaas$;\n")

    def _literal(self, value: str) -> str:
        text: str = self.cursor.mogrify("%s", (value,)).decode()
        return text

    def _say(self, text: str) -> None:
        self.file.write(text.encode())


def _rows(cursor: Any, table: Table) -> int:
    cursor.execute(f"SELECT count(*) FROM {table.source}")  # noqa: S608  # quoted by the server
    number: int = cursor.fetchone()[0]
    return number


def _mark(cursor: Any) -> tuple[str, str] | None:
    """Return the quoted name of Alembic's table and the revision in it, None where there is none.

    It must be asked for while the search_path is the role's own.
    """
    cursor.execute(
        "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)",
        (MARK,),
    )
    row = cursor.fetchone()
    if not row:
        return None
    cursor.execute(f"SELECT max(version_num) FROM {row[0]}")  # noqa: S608  # quoted by the server
    (revision,) = cursor.fetchone()
    return (row[0], revision) if revision else None


def _one_line(text: str) -> str:
    """Return a name fit for a comment."""
    return " ".join(text.split()) if text.isprintable() else repr(text)

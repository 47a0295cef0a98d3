"""The triggers that write every change of a SQLite file's rows into its journal, as SQL.

A trigger looks at what the table holds after the change rather than at what was asked for: so
REPLACE, upserts, cascades and an application's own triggers all end up in the journal as they were.
No statement here has a conflict clause: the one of the application's statement would override it.
Imports nothing of ours.
"""

# ruff: noqa: S608 (SQL that makes SQL: every name is quoted, every value a literal)

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

PREFIX = "edgepaas_journal_"
NOT_JOURNALED = ("edgepaas_", "alembic_version", "_alembic_tmp_", "sqlite_")
GENERATED = (2, 3)  # table_xinfo's `hidden` of columns that SQLite computes
RANDOM = "lower(hex(randomblob(16)))"
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

TABLES = (
    """CREATE TABLE IF NOT EXISTS edgepaas_epoch (
        id TEXT PRIMARY KEY, began_at TEXT NOT NULL, boot_id TEXT NOT NULL,
        target TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS edgepaas_journal (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT UNIQUE NOT NULL,
        made_at TEXT NOT NULL, revision TEXT, table_name TEXT NOT NULL, row_key TEXT NOT NULL,
        base_token TEXT, token TEXT, payload TEXT)""",
    """CREATE TABLE IF NOT EXISTS edgepaas_row (
        table_name TEXT, row_key TEXT, token TEXT NOT NULL,
        PRIMARY KEY (table_name, row_key)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS edgepaas_progress (
        through INTEGER NOT NULL, applied INTEGER NOT NULL, parked INTEGER NOT NULL)""",
    # Within one statement: rows that a REPLACE may remove, for which SQLite runs no trigger.
    """CREATE TABLE IF NOT EXISTS edgepaas_rival (
        table_name TEXT, against TEXT, row_key TEXT,
        PRIMARY KEY (table_name, against, row_key)) WITHOUT ROWID""",
)
TOKENS = f"""CREATE TRIGGER {PREFIX}tokens AFTER INSERT ON edgepaas_journal BEGIN
    DELETE FROM edgepaas_row WHERE table_name = NEW.table_name AND row_key = NEW.row_key;
    INSERT INTO edgepaas_row (table_name, row_key, token)
        SELECT NEW.table_name, NEW.row_key, NEW.token WHERE NEW.token IS NOT NULL;
END"""
INTO_JOURNAL = (
    "INSERT INTO edgepaas_journal "
    "(operation, made_at, revision, table_name, row_key, base_token, token, payload)"
)


class Column(NamedTuple):
    """A column; `key` is its place in the primary key from 1, 0 outside it."""

    name: str
    type: str
    nullable: bool
    key: int


class Table(NamedTuple):
    """A table of the application.

    `unique` holds the plain columns of each unique index with their collations. `opaque` says that
    one has none, because it is on expressions only.
    """

    name: str
    columns: tuple[Column, ...]
    unique: tuple[tuple[tuple[str, str], ...], ...]
    opaque: bool

    @property
    def key(self) -> list[Column]:
        """The primary key's columns in its order."""
        return sorted((each for each in self.columns if each.key), key=lambda each: each.key)

    @property
    def obstacle(self) -> str:
        """Why changes cannot be journaled; "" where they can be."""
        if not self.key:
            return "it has no primary key"
        if len(self.key) == 1 and self.key[0].type.upper() == "INTEGER":
            return "its key is an integer that the server makes"
        return ""


def tables(connection: sqlite3.Connection) -> list[Table]:
    """Return the application's tables. Raises sqlite3.Error."""
    found = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name"
    )
    names = [name for (name,) in found if not name.lower().startswith(NOT_JOURNALED)]
    return [_table(connection, name) for name in names]


def present(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the journal's triggers that the file has, name to SQL. Raises sqlite3.Error."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {name: sql for name, sql in found if name.startswith(PREFIX)}


def wanted(found: Iterable[Table], revision: str) -> dict[str, str]:
    """Return the triggers that the journal of these tables consists of, name to SQL."""
    triggers = {f"{PREFIX}tokens": TOKENS}
    for table in found:
        make = _refusing if table.obstacle else _journaling
        triggers |= make(table, text(revision))
    return triggers


def reconciling(table: Table, revision: str) -> Sequence[str]:
    """Return statements that journal what changed while the triggers were not there."""
    here = f"SELECT {_key('kept', table)} FROM {quoted(table.name)} AS kept"
    last = (
        "SELECT row_key, payload, max(sequence) FROM edgepaas_journal "
        f"WHERE table_name = {text(table.name)} GROUP BY row_key"
    )
    return (
        _gone(table, text(revision), f"known.row_key NOT IN ({here})"),
        _noted(
            table,
            text(revision),
            f"LEFT JOIN ({last}) AS last ON last.row_key = {_key('kept', table)} "
            f"WHERE last.payload IS NOT {_payload('kept', table)}",
        ),
    )


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever it consists of."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a string literal."""
    return "'" + value.replace("'", "''") + "'"


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(
        'SELECT name, type, NOT "notnull", pk FROM pragma_table_xinfo(?) '
        f"WHERE hidden NOT IN {GENERATED}",
        (name,),
    ).fetchall()
    indexes = connection.execute(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" ORDER BY name', (name,)
    ).fetchall()
    unique = [_plain_columns(connection, index) for (index,) in indexes]
    return Table(
        name,
        tuple(Column(*column) for column in columns),
        tuple(filter(None, unique)),
        opaque=not all(unique),
    )


def _plain_columns(connection: sqlite3.Connection, index: str) -> tuple[tuple[str, str], ...]:
    """Return name and collation of an index's columns, without those that are expressions."""
    found = connection.execute(
        "SELECT name, coll FROM pragma_index_xinfo(?) WHERE key AND name IS NOT NULL", (index,)
    )
    return tuple(found.fetchall())


def _refusing(table: Table, _revision: str) -> dict[str, str]:
    """Return triggers that make a table read-only."""
    words = (
        f"edgepaas: {table.name} is read-only while SQLite stands in for PostgreSQL: "
        f"{table.obstacle}"
    )
    body = [f"SELECT RAISE(ABORT, {text(words)})"]
    events = ("INSERT", "UPDATE", "DELETE")
    return dict(_trigger("BEFORE", event, table, body) for event in events)


def _journaling(table: Table, revision: str) -> dict[str, str]:
    """Return triggers that write each change of a table into the journal."""
    prepare = [*_no_null_in_key(table), _forget_rivals(table), _note_rivals(table)]
    finish = [
        *_replaced(table, revision),
        _noted(table, revision, f"WHERE {_is('NEW', table)}"),
        _forget_rivals(table),
    ]
    old_is_gone = (
        f"known.row_key = {_key('OLD', table)} AND NOT EXISTS "
        f"(SELECT 1 FROM {quoted(table.name)} AS kept WHERE {_is('OLD', table)})"
    )
    gone = _gone(table, revision, old_is_gone)
    return dict(
        (
            _trigger("BEFORE", "INSERT", table, prepare),
            _trigger("BEFORE", "UPDATE", table, prepare),
            _trigger("AFTER", "INSERT", table, finish),
            _trigger("AFTER", "UPDATE", table, [gone, *finish]),
            _trigger("AFTER", "DELETE", table, [gone]),
        )
    )


def _trigger(time: str, event: str, table: Table, body: Iterable[str]) -> tuple[str, str]:
    name = f"{PREFIX}{time.lower()}_{event.lower()}_{table.name}"
    statements = ";\n    ".join(body)
    return name, (
        f"CREATE TRIGGER {quoted(name)} {time} {event} ON {quoted(table.name)} BEGIN\n"
        f"    {statements};\nEND"
    )


def _noted(table: Table, revision: str, source: str) -> str:
    """Return a statement that journals rows of the table, `kept`, as they are now."""
    name, row = text(table.name), _key("kept", table)
    token = f"SELECT token FROM edgepaas_row WHERE table_name = {name} AND row_key = {row}"
    return (
        f"{INTO_JOURNAL} SELECT {RANDOM}, {NOW}, {revision}, {name}, {row}, ({token}), {RANDOM}, "
        f"{_payload('kept', table)} FROM {quoted(table.name)} AS kept {source}"
    )


def _gone(table: Table, revision: str, condition: str) -> str:
    """Return a statement that journals the end of rows, of which `known` is the token."""
    name = text(table.name)
    return (
        f"{INTO_JOURNAL} SELECT {RANDOM}, {NOW}, {revision}, {name}, known.row_key, known.token, "
        f"NULL, NULL FROM edgepaas_row AS known WHERE known.table_name = {name} AND {condition}"
    )


def _no_null_in_key(table: Table) -> Iterable[str]:
    """SQLite takes NULL in a primary key, PostgreSQL does not."""
    loose = [f"NEW.{quoted(column.name)} IS NULL" for column in table.key if column.nullable]
    if loose:
        words = text(f"edgepaas: NULL in the primary key of {table.name}")
        yield f"SELECT RAISE(ABORT, {words}) WHERE {' OR '.join(loose)}"


def _rivals(table: Table) -> str:
    """Return a query for the keys of other rows that stand against NEW in a unique index."""
    apart = f"{_key('kept', table)} <> {_key('NEW', table)}"
    conditions = [
        " AND ".join(
            f"kept.{quoted(name)} = NEW.{quoted(name)} COLLATE {quoted(collation)}"
            for name, collation in index
        )
        for index in table.unique
    ]
    return " UNION ".join(
        f"SELECT {_key('kept', table)} FROM {quoted(table.name)} AS kept "
        f"WHERE {condition} AND {apart}"
        for condition in conditions
    )


def _note_rivals(table: Table) -> str:
    return (
        f"INSERT INTO edgepaas_rival SELECT {text(table.name)}, {_key('NEW', table)}, * "
        f"FROM ({_rivals(table)})"
    )


def _forget_rivals(table: Table) -> str:
    return f"DELETE FROM edgepaas_rival WHERE {_against_new(table)}"


def _against_new(table: Table) -> str:
    return f"table_name = {text(table.name)} AND against = {_key('NEW', table)}"


def _replaced(table: Table, revision: str) -> Iterable[str]:
    """Return statements that journal the end of what a REPLACE removed."""
    noted = f"SELECT row_key FROM edgepaas_rival WHERE {_against_new(table)}"
    condition = f"known.row_key IN ({noted}) AND known.row_key NOT IN ({_rivals(table)})"
    yield _gone(table, revision, condition)
    if table.opaque:
        here = f"SELECT {_key('kept', table)} FROM {quoted(table.name)} AS kept"
        yield _gone(table, revision, f"known.row_key NOT IN ({here})")


def _is(row: str, table: Table) -> str:
    """Return the condition that `kept` is the row NEW or OLD: found by index, the same in type."""
    same = [f"kept.{quoted(column.name)} IS {row}.{quoted(column.name)}" for column in table.key]
    return " AND ".join([*same, f"{_key('kept', table)} = {_key(row, table)}"])


def _key(row: str, table: Table) -> str:
    """Return the JSON array of a row's primary key."""
    values = [_encoded(row, column) for column in table.key]
    return _joined(["'['", *_between(values, "','"), "']'"])


def _payload(row: str, table: Table) -> str:
    """Return the JSON object of a whole row."""
    names = [text(json.dumps(column.name, ensure_ascii=False) + ":") for column in table.columns]
    values = [
        _joined([name, _encoded(row, column)])
        for name, column in zip(names, table.columns, strict=True)
    ]
    return _joined(["'{'", *_between(values, "','"), "'}'"])


def _encoded(row: str, column: Column) -> str:
    """Return one value as JSON: what JSON has no form for is an object."""
    value = f"{row}.{quoted(column.name)}"
    # 18 digits: SQLite before 3.42 rounds the 17th wrongly for one large real in a thousand.
    return (
        f"CASE typeof({value}) WHEN 'real' THEN '{{\"real\":\"' || printf('%!.18g', {value}) || "
        f"'\"}}' WHEN 'blob' THEN '{{\"blob\":\"' || hex({value}) || '\"}}' "
        f"ELSE json_quote({value}) END"
    )


def _between(parts: Sequence[str], separator: str) -> list[str]:
    return [each for part in parts for each in (separator, part)][1:]


def _joined(parts: Sequence[str]) -> str:
    """Return SQL that joins strings, halved again and again: SQLite's parser goes 1000 deep."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_joined(parts[:middle])} || {_joined(parts[middle:])})"

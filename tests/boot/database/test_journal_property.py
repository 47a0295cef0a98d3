"""Whatever SQL does to the tables, the journal replayed in a dict gives exactly what they hold."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fallback_file import FallbackFile, Rows

TABLES = ("thing", "odd \"table's", "part", "log")
SCHEMA = (
    # A key of any type, unique indexes of every kind, a computed column.
    """CREATE TABLE thing (
        key NOT NULL PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, low TEXT, one, "va""l'ue" ANY,
        size INTEGER GENERATED ALWAYS AS (length(name)))""",
    "CREATE UNIQUE INDEX low ON thing (lower(low))",
    "CREATE UNIQUE INDEX one ON thing (one) WHERE one > 0",
    """CREATE TABLE part (
        a TEXT NOT NULL, b REAL NOT NULL,
        thing REFERENCES thing ON DELETE CASCADE ON UPDATE CASCADE,
        maybe REFERENCES thing ON DELETE SET NULL, PRIMARY KEY (a, b))""",
    'CREATE TABLE "odd ""table\'s" (k TEXT PRIMARY KEY COLLATE NOCASE, v) WITHOUT ROWID',
    # An application's own triggers, one of which changes the very row.
    "CREATE TABLE log (at TEXT NOT NULL PRIMARY KEY, count NUMERIC)",
    """CREATE TRIGGER counted AFTER INSERT ON thing BEGIN
        INSERT INTO log VALUES ('all', 1) ON CONFLICT (at) DO UPDATE SET count = count + 1; END""",
    """CREATE TRIGGER stamped AFTER INSERT ON part WHEN NEW.a = 'a' BEGIN
        UPDATE part SET b = b + 1 WHERE a = NEW.a AND b = NEW.b; END""",
)
KEYS = st.sampled_from([1, 1.0, 2, "A", "a", b"a", "nul\0", -(2**63), "\u00e9\U0001f980"])
NAMES = st.sampled_from(["a", "A", "b", None])
SMALL = st.sampled_from([None, 1, 2, -1])
WORDS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s")
VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
HOW = ["OR REPLACE", "", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK"]
CONFLICT = st.just("OR REPLACE") | st.sampled_from(HOW)
THING = st.tuples(KEYS, NAMES, NAMES, SMALL, VALUES)
PART = st.tuples(st.sampled_from("abc"), SMALL, st.none() | KEYS, st.none() | KEYS)
UPSERT = (
    "INSERT INTO thing VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
    'SET name = excluded.name, "va""l\'ue" = excluded."va""l\'ue"'
)
Statement = tuple[str, tuple[Any, ...]]


def statements() -> st.SearchStrategy[Statement]:
    """Statements of every kind that changes rows."""

    def made(sql: str, *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Statement]:
        return st.tuples(CONFLICT.map(lambda how: sql.replace("OR?", how)), st.tuples(*values))

    def row(sql: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Statement]:
        return st.tuples(CONFLICT.map(lambda how: sql.replace("OR?", how)), values)

    return st.one_of(
        row("INSERT OR? INTO thing VALUES (?, ?, ?, ?, ?)", THING),
        row(UPSERT, THING),
        row("INSERT OR? INTO part VALUES (?, ?, ?, ?)", PART),
        made('INSERT OR? INTO "odd ""table\'s" VALUES (?, ?)', NAMES, VALUES),
        made('INSERT OR? INTO "odd ""table\'s" SELECT name, one FROM thing'),
        made("UPDATE OR? thing SET key = ? WHERE key = ?", KEYS, KEYS),
        made("UPDATE OR? thing SET name = ?, one = ? WHERE key <> ?", NAMES, SMALL, KEYS),
        made("UPDATE OR? thing SET low = ? WHERE key = ?", NAMES, KEYS),
        made("UPDATE OR? part SET a = ?, b = b + 1", st.sampled_from("abc")),
        made('UPDATE OR? "odd ""table\'s" SET k = lower(k), v = ?', VALUES),
        made("DELETE FROM thing WHERE key = ? OR name = ?", KEYS, NAMES),
        made("DELETE FROM part WHERE b > ?", SMALL),
        made('DELETE FROM "odd ""table\'s"'),
        st.sampled_from([(word, ()) for word in WORDS]),
    )


def exact(rows: Rows) -> Any:
    """Return rows with the types of their values: to Python 1, 1.0 and True are one."""

    def typed(value: Any) -> Any:
        return type(value).__name__, value

    return {
        table: {
            tuple(map(typed, key)): {name: typed(value) for name, value in row.items()}
            for key, row in found.items()
        }
        for table, found in rows.items()
        if found
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(statements(), max_size=25), st.booleans(), st.booleans())
def test_the_journal_gives_exactly_what_the_tables_hold(
    tmp_path_factory: pytest.TempPathFactory,
    script: list[Statement],
    foreign_keys: bool,
    recursive_triggers: bool,
) -> None:
    file = FallbackFile(tmp_path_factory.mktemp("journal") / "fallback.db")
    file.run(*SCHEMA)
    file.install()
    with file.connected() as connection:
        connection.execute(f"PRAGMA foreign_keys = {foreign_keys}")
        connection.execute(f"PRAGMA recursive_triggers = {recursive_triggers}")
        for sql, values in script:
            try:
                connection.execute(sql, values)
            except sqlite3.Error:
                continue  # what a statement that fails leaves must be in the journal too
        if connection.in_transaction:
            connection.execute("COMMIT")
    held = file.rows(*TABLES)
    for row in held["thing"].values():
        row.pop("size", None)
    assert exact(file.replayed()) == exact(held)


@given(st.floats(allow_nan=False))
@settings(max_examples=500, deadline=None)
def test_a_real_keeps_every_bit(value: float) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        (text,) = connection.execute("SELECT printf('%!.18g', ?)", (value,)).fetchone()
    assert float(text) == value

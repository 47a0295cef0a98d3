"""A dump of the rows, loaded with the real psql into a fresh database, is the same rows."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from boot.database import dump, kept_file
from tests.support.postgres import PostgresServer
from tests.support.psql import load

pytestmark = pytest.mark.postgres

MARK = "CREATE TABLE alembic_version (version_num text PRIMARY KEY)"
AT_ONE = "INSERT INTO alembic_version VALUES ('1')"
SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE SCHEMA "a-b";
CREATE TABLE "order" (id serial PRIMARY KEY, "from" text, note text DEFAULT 'none', mood mood,
    raw bytea, moment timestamptz, price numeric, ratio float8, span interval, tags text[],
    document jsonb, twice int GENERATED ALWAYS AS (id * 2) STORED, dropped int);
ALTER TABLE "order" DROP COLUMN dropped;
CREATE TABLE "a-b"."Line %s" (number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id int REFERENCES "order" ON DELETE CASCADE, above int REFERENCES "a-b"."Line %s");
CREATE TABLE a_first (id int PRIMARY KEY, line int REFERENCES "a-b"."Line %s");
CREATE TABLE hen (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES hen);
ALTER TABLE hen ADD CONSTRAINT "hen's egg" FOREIGN KEY (egg) REFERENCES egg;
CREATE TABLE reading (day date, value int) PARTITION BY RANGE (day);
CREATE TABLE reading_2026 PARTITION OF reading FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parent (id int); CREATE TABLE child (more int) INHERITS (parent);
CREATE TABLE nothing ();
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'a trigger ran'; END $$;
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
INSERT INTO alembic_version VALUES ('r''1');
"""
TRIGGER = "CREATE TRIGGER no BEFORE INSERT ON a_first FOR EACH ROW EXECUTE FUNCTION refuse()"
ROWS = r"""
INSERT INTO "order" ("from", note, mood, raw, moment, price, ratio, span, tags, document) VALUES
    (E'tab\there\nline\\.\n\\.', E'\\N', 'glad', '\x00ff0a5c', '2026-03-29 01:59:59.123456+02',
     'NaN', 0.1 + 0.2, '1 mon -2 days', '{"a,b",NULL,"\"q\""}', '{"é": [1, null]}'),
    ('', NULL, 'sad', '', 'infinity', 1e-30, '-Infinity', NULL, '{}', 'null');
INSERT INTO "a-b"."Line %s" (order_id, above) VALUES (1, 2), (2, NULL);
INSERT INTO a_first VALUES (7, 1);
INSERT INTO hen VALUES (1, NULL); INSERT INTO egg VALUES (1, 1); UPDATE hen SET egg = 1;
INSERT INTO reading VALUES ('2026-05-05', 5);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
SELECT setval('order_id_seq', 41);
"""
TABLES = ('"order"', '"a-b"."Line %s"', "a_first", "hen", "egg", "reading", "parent", "child")


@pytest.fixture
def databases(postgres_server: PostgresServer) -> Iterator[Callable[..., str]]:
    """Make databases with these statements in them; returns their URL."""
    names: list[str] = []

    def new(*statements: str) -> str:
        names.append(postgres_server.new_database())
        for sql in statements:
            postgres_server.execute(sql, database=names[-1])
        return postgres_server.url(names[-1])

    yield new
    for name in names:
        postgres_server.drop_database(name)


def connect(url: str) -> Any:
    return psycopg2.connect(url.replace("+psycopg2", ""))


def refused(url: str, kind: type[psycopg2.Error], sql: str) -> bool:
    """Tell whether a statement fails in this way."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(sql)
        except kind:
            return True
    return False


def dumped(url: str, directory: Path) -> Path:
    """Dump the database into a file."""
    path = directory / "rows.sql"
    with (
        closing(connect(url)) as connection,
        kept_file.written(path) as unfinished,
        unfinished.open("wb") as file,
    ):
        dump.write(connection, file)
    return path


def rows(url: str, table: str) -> list[str]:
    """Return a table's own rows as text, in the order of that text."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")  # noqa: S608  # ours
        return [row for (row,) in cursor.fetchall()]


def test_every_row_comes_back_as_it_was(databases: Callable[..., str], tmp_path: Path) -> None:
    source, target = databases(SCHEMA, TRIGGER.replace("INSERT", "UPDATE"), ROWS), databases(SCHEMA)
    loaded = load(dumped(source, tmp_path), target)
    assert loaded == (0, "")
    for table in TABLES:
        assert rows(target, table) == rows(source, table)
        assert rows(target, table)


def test_sequences_go_on_where_they_stood(databases: Callable[..., str], tmp_path: Path) -> None:
    source, target = databases(SCHEMA, ROWS), databases(SCHEMA)
    load(dumped(source, tmp_path), target)
    with closing(connect(target)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nextval('order_id_seq')")
        assert cursor.fetchone() == (42,)
        cursor.execute("""INSERT INTO "a-b"."Line %s" (order_id) VALUES (1) RETURNING number""")
        assert cursor.fetchone() == (3,)


def test_triggers_do_not_run_again(databases: Callable[..., str], tmp_path: Path) -> None:
    source, target = databases(SCHEMA, ROWS, TRIGGER), databases(SCHEMA, TRIGGER)
    assert load(dumped(source, tmp_path), target) == (0, "")
    sql = "INSERT INTO a_first VALUES (8, NULL)"
    assert refused(target, psycopg2.errors.RaiseException, sql)


def test_keys_against_the_order_stand_again(databases: Callable[..., str], tmp_path: Path) -> None:
    source, target = databases(SCHEMA, ROWS), databases(SCHEMA)
    load(dumped(source, tmp_path), target)
    assert refused(target, psycopg2.errors.ForeignKeyViolation, "UPDATE hen SET egg = 99")


def test_a_table_no_migration_makes_is_made(databases: Callable[..., str], tmp_path: Path) -> None:
    source = databases(
        MARK,
        AT_ONE,
        "CREATE TABLE extra (id int GENERATED ALWAYS AS IDENTITY, name text UNIQUE,"
        " size int NOT NULL DEFAULT 3 CHECK (size > 0), PRIMARY KEY (id, name))",
        "INSERT INTO extra (name) VALUES ('x')",
    )
    target = databases(MARK, AT_ONE)
    assert load(dumped(source, tmp_path), target) == (0, "")
    assert rows(target, "extra") == ["(1,x,3)"]
    for wrong in ("'x', 1", "'y', 0", "'y', NULL"):
        sql = f"INSERT INTO extra (name, size) VALUES ({wrong})"  # noqa: S608  # ours
        assert refused(target, psycopg2.errors.IntegrityError, sql)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ([], "has no schema yet"),
        ([MARK, AT_ONE], "not at the revision"),
    ],
)
def test_it_is_loaded_at_its_revision_only(
    databases: Callable[..., str], tmp_path: Path, target: list[str], complaint: str
) -> None:
    source = databases(SCHEMA, ROWS)
    url = databases(*target)
    loaded = load(dumped(source, tmp_path), url)
    assert loaded.status == 3
    assert complaint in loaded.output


def test_rows_in_the_way_stop_it_unless_they_are_to_be_replaced(
    databases: Callable[..., str], tmp_path: Path
) -> None:
    source = databases(SCHEMA, ROWS)
    target = databases(SCHEMA, "INSERT INTO hen VALUES (1, NULL)")
    file = dumped(source, tmp_path)
    assert load(file, target).status == 3
    assert rows(target, '"order"') == []
    assert load(file, target, "--set=replace=1") == (0, "")
    assert rows(target, "hen") == rows(source, "hen")


def test_a_table_that_cannot_be_read_whole_fails_the_dump(
    databases: Callable[..., str], tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """Row security would leave rows out without a word."""
    url = databases("CREATE TABLE t (id int)")
    name = url.rpartition("/")[2]
    role = f"role_{name}"
    for sql in (
        f"CREATE ROLE {role} LOGIN PASSWORD 'p'",
        f"GRANT SELECT, DELETE ON t TO {role}",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    ):
        postgres_server.execute(sql, database=name)
    try:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            dumped(postgres_server.url(name, user=role, password="p"), tmp_path)
        assert list(tmp_path.iterdir()) == []
    finally:
        postgres_server.execute(f"DROP OWNED BY {role}", database=name)
        postgres_server.execute(f"DROP ROLE {role}")

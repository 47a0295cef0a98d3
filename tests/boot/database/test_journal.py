"""Every change in a fallback is in its journal, in the transaction that made it."""

import hashlib
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, ForeignKey, String, create_engine, delete, insert, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from app import models
from app.local_tz import now
from boot.database import claim
from boot.database.journal import Journal, Operation, Progress, Refused, target_of
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus
from tests.support.fallback_file import BOOT, TARGET, FallbackFile

THING = "CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, name TEXT UNIQUE, v)"


class Base(DeclarativeBase):
    """Tables of an application of one's own."""


class Author(Base):
    """A natural key that other rows refer to."""

    __tablename__ = "authors"
    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    profile: Mapped[dict[str, Any]] = mapped_column(JSON)


class Book(Base):
    """A composite key with a number in it."""

    __tablename__ = "books"
    author: Mapped[str] = mapped_column(
        ForeignKey("authors.name", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cover: Mapped[bytes | None]
    price: Mapped[float | None]


@pytest.fixture
def file(tmp_path: Path) -> FallbackFile:
    return FallbackFile(tmp_path / "fallback.db")


@pytest.fixture
def thing(file: FallbackFile) -> FallbackFile:
    """A fallback with one table."""
    file.run(THING)
    file.install()
    return file


def kinds(operations: list[Operation]) -> list[tuple[str, list[Any]]]:
    """Return what each operation is, and its key."""
    return [
        (
            "gone" if each.token is None else "new" if each.base_token is None else "changed",
            each.key,
        )
        for each in operations
    ]


def test_a_change_of_any_kind_is_an_operation(thing: FallbackFile) -> None:
    thing.run(
        "INSERT INTO thing VALUES ('a', 'x', 1)",
        "UPDATE thing SET v = 2",
        "UPDATE thing SET id = 'b'",
        "DELETE FROM thing",
    )
    assert kinds(thing.journal.operations()) == [
        ("new", ["a"]),
        ("changed", ["a"]),
        ("gone", ["a"]),
        ("new", ["b"]),
        ("gone", ["b"]),
    ]


@pytest.mark.parametrize("how", ["REPLACE", "INSERT OR REPLACE"])
def test_a_replaced_row_is_changed(thing: FallbackFile, how: str) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1)", f"{how} INTO thing VALUES ('a', 'y', 2)")
    assert kinds(thing.journal.operations()) == [("new", ["a"]), ("changed", ["a"])]


@pytest.mark.parametrize("recursive_triggers", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO thing VALUES ('c', 'X', 2)",
        "UPDATE OR REPLACE thing SET name = 'X' WHERE id = 'b'",
    ],
)
@pytest.mark.parametrize(
    "index",
    [
        "(name COLLATE NOCASE)",
        "(lower(name))",
        "(v, lower(name))",
        "(name COLLATE NOCASE) WHERE v > 0",
    ],
)
def test_what_another_row_replaces_through_a_unique_index_is_gone(
    file: FallbackFile, index: str, statement: str, recursive_triggers: bool
) -> None:
    file.run(THING, f"CREATE UNIQUE INDEX other ON thing {index}")
    file.install()
    with file.connected() as connection:
        connection.execute(f"PRAGMA recursive_triggers = {recursive_triggers}")
        connection.execute("INSERT INTO thing VALUES ('a', 'x', 2), ('b', 'y', 2)")
        connection.execute(statement)
    assert ("gone", ["a"]) in kinds(file.journal.operations())
    assert file.replayed() == file.rows("thing")


def test_a_key_that_another_spelling_replaces_is_gone(file: FallbackFile) -> None:
    file.run("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY COLLATE NOCASE)")
    file.install()
    file.run("INSERT INTO thing VALUES ('a')", "REPLACE INTO thing VALUES ('A')")
    assert kinds(file.journal.operations()) == [("new", ["a"]), ("gone", ["a"]), ("new", ["A"])]


def test_a_conflict_that_was_only_noticed_is_no_operation(thing: FallbackFile) -> None:
    """What a BEFORE trigger saw coming need not come."""
    thing.run(
        "INSERT INTO thing VALUES ('a', 'x', 1)",
        "INSERT OR IGNORE INTO thing VALUES ('b', 'x', 1)",
        "INSERT INTO thing VALUES ('c', 'x', 1) ON CONFLICT DO NOTHING",
        "UPDATE thing SET name = 'y'",
        "INSERT INTO thing VALUES ('b', 'x', 1), ('c', 'z', 1)",
    )
    assert kinds(thing.journal.operations()) == [
        ("new", ["a"]),
        ("changed", ["a"]),
        ("new", ["b"]),
        ("new", ["c"]),
    ]


def test_an_upsert_changes_the_row_that_was_there(thing: FallbackFile) -> None:
    upsert = "INSERT INTO thing VALUES ('{}', 'x', {}) ON CONFLICT ({}) DO UPDATE SET v = 9"
    thing.run(upsert.format("a", 1, "id"), upsert.format("a", 2, "id"))
    thing.run(upsert.format("b", 3, "name"))
    assert kinds(thing.journal.operations()) == [
        ("new", ["a"]),
        ("changed", ["a"]),
        ("changed", ["a"]),
    ]


def test_a_transaction_taken_back_leaves_nothing(thing: FallbackFile) -> None:
    with thing.connected() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO thing VALUES ('a', 'x', 1)")
        connection.execute("SAVEPOINT inner")
        connection.execute("DELETE FROM thing")
        connection.execute("ROLLBACK TO inner")
        assert len(connection.execute("SELECT * FROM edgepaas_journal").fetchall()) == 1
        connection.execute("ROLLBACK")
        left = connection.execute(
            "SELECT 1 FROM edgepaas_journal UNION ALL SELECT 1 FROM edgepaas_row "
            "UNION ALL SELECT 1 FROM edgepaas_rival"
        )
        assert left.fetchall() == []


def test_tokens_are_random_and_each_change_builds_on_the_last(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1)", *["UPDATE thing SET v = v + 1"] * 9)
    operations = thing.journal.operations()
    names = [each.operation for each in operations]
    tokens = [each.token for each in operations]
    assert [each.base_token for each in operations] == [None, *tokens[:-1]]
    assert len({*names, *tokens}) == 20
    assert all(re.fullmatch("[0-9a-f]{32}", each or "") for each in (*names, *tokens))


def test_an_operation_says_when_and_at_which_revision(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1)")
    (operation,) = thing.journal.operations()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", operation.made_at)
    assert (operation.table_name, operation.revision) == ("thing", "r1")


@pytest.mark.parametrize(
    "value",
    [
        *(None, 0, -(2**63), 2**63 - 1, 0.1, -5e-324, 1.7976931348623157e308, float("inf"), 3.0),
        *("", "nul\0in it", "\u00e9\U0001f980\u2028\\\"'\x7f", "1", b"", bytes(range(256))),
    ],
)
def test_a_value_of_any_type_comes_out_as_it_went_in(thing: FallbackFile, value: Any) -> None:
    with thing.connected() as connection:
        connection.execute("INSERT INTO thing VALUES ('a', 'x', ?)", (value,))
    (operation,) = thing.journal.operations()
    assert operation.values is not None
    found = operation.values["v"]
    assert (type(found), found) == (type(value), value)


def test_text_that_is_no_utf8_is_no_traceback(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', CAST(x'ff00' AS TEXT))")
    (operation,) = thing.journal.operations()
    assert operation.values is not None
    assert operation.values["v"].encode("utf-8", "surrogateescape") == b"\xff\0"


def test_a_table_of_very_many_columns_is_journaled(file: FallbackFile) -> None:
    names = ", ".join(f"c{number}" for number in range(600))
    file.run(f"CREATE TABLE wide (id TEXT NOT NULL PRIMARY KEY, {names})")
    file.install()
    file.run("INSERT INTO wide (id, c599) VALUES ('a', 'last')")
    assert file.replayed() == file.rows("wide")


def test_cascades_and_the_applications_own_triggers_are_journaled(file: FallbackFile) -> None:
    file.run(
        THING,
        "CREATE TABLE part (id TEXT NOT NULL PRIMARY KEY, thing REFERENCES thing "
        "ON DELETE CASCADE ON UPDATE CASCADE, maybe REFERENCES thing "
        "ON DELETE SET NULL ON UPDATE CASCADE)",
        "CREATE TRIGGER own AFTER INSERT ON part BEGIN "
        "UPDATE part SET id = NEW.id || '!' WHERE id = NEW.id; END",
    )
    file.install()
    file.run(
        "INSERT INTO thing VALUES ('a', 'x', 1), ('b', 'y', 1)",
        "INSERT INTO part VALUES ('p', 'a', 'b'), ('q', 'b', 'a')",
        "UPDATE thing SET id = 'c' WHERE id = 'a'",
        "DELETE FROM thing WHERE id = 'b'",
        "REPLACE INTO thing VALUES ('c', 'z', 1)",
    )
    rows = file.rows("thing", "part")
    assert {table: list(found) for table, found in rows.items()} == {"thing": [("c",)], "part": []}
    replayed = file.replayed()
    assert replayed == rows


def test_what_the_orm_does_is_journaled(file: FallbackFile) -> None:
    engine = create_engine(f"sqlite:///{file.path}")
    Base.metadata.create_all(engine)
    models.Base.metadata.create_all(engine)
    assert file.install() == []
    with Session(engine) as session, session.begin():
        session.add(Author(name="\u00e9", profile={"a": [1, None, "\u2028"]}))
        session.add(models.Node(name="n1", region="eu", labels={"k": "v"}, **stamps()))
        session.flush()
        session.add_all(Book(author="\u00e9", number=n, cover=b"\0", price=0.1) for n in range(50))
    with Session(engine) as session, session.begin():
        book = session.get_one(Book, ("\u00e9", 7))
        book.number = 2**62
        session.execute(update(Book).where(Book.number < 5).values(price=Book.price * 3))
        session.execute(insert(Author), [{"name": name, "profile": {}} for name in "abc"])
        session.execute(
            sqlite_insert(Author)
            .values(name="a", profile={"again": True})
            .on_conflict_do_update(index_elements=["name"], set_={"profile": {"again": True}})
        )
        session.execute(delete(Book).where(Book.number == 9))
    with Session(engine) as session:
        session.add(Author(name="never", profile={}))
        session.flush()
        session.rollback()
    engine.dispose()
    assert file.replayed() == file.rows("authors", "books", "nodes")


def stamps() -> dict[str, Any]:
    return {"created_at": now(), "updated_at": now()}


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("(id INTEGER PRIMARY KEY, v)", "its key is an integer that the server makes"),
        ("(id integer NOT NULL, v, PRIMARY KEY (id))", "its key is an integer that the server"),
        ("(id, v)", "it has no primary key"),
    ],
)
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO thing VALUES (2, 2)",
        "REPLACE INTO thing VALUES (1, 2)",
        "INSERT OR IGNORE INTO thing VALUES (2, 2)",
        "UPDATE thing SET v = 2",
        "DELETE FROM thing",
    ],
)
def test_a_table_that_cannot_be_journaled_is_read_only(
    file: FallbackFile, definition: str, reason: str, statement: str
) -> None:
    file.run(f"CREATE TABLE thing {definition}", "INSERT INTO thing VALUES (1, 1)")
    (refused,) = file.install()
    assert refused == Refused("thing", refused.reason)
    assert refused.reason.startswith(reason)
    with pytest.raises(sqlite3.IntegrityError, match=f"thing is read-only .*: {reason}"):
        file.run(statement)
    with file.connected() as connection:
        assert connection.execute("SELECT * FROM thing").fetchall() == [(1, 1)]


def test_a_key_that_the_application_makes_is_journaled_whatever_its_type(
    file: FallbackFile,
) -> None:
    file.run(
        "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY)",
        "CREATE TABLE b (x INTEGER NOT NULL, y INTEGER NOT NULL, PRIMARY KEY (x, y))",
        "CREATE TABLE c (id CHAR(32) NOT NULL PRIMARY KEY)",
    )
    assert file.install() == []


def test_null_in_a_key_is_refused_as_postgresql_does(file: FallbackFile) -> None:
    file.run("CREATE TABLE thing (id TEXT PRIMARY KEY)")
    file.install()
    with pytest.raises(sqlite3.IntegrityError, match="NULL in the primary key of thing"):
        file.run("INSERT INTO thing VALUES (NULL)")


def test_tables_of_our_own_are_not_journaled(file: FallbackFile) -> None:
    file.run(
        "CREATE TABLE alembic_version (version_num PRIMARY KEY)",
        "CREATE TABLE edgepaas_schema (revision TEXT PRIMARY KEY)",
        "CREATE VIRTUAL TABLE words USING fts5 (word)",
    )
    assert file.install() == []
    file.run("INSERT INTO alembic_version VALUES (1)", "INSERT INTO words VALUES ('a')")
    assert file.journal.pending() == 0


def test_another_boot_keeps_the_epoch_and_changes_nothing(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1)")
    before = thing.journal.epoch(), thing.journal.operations()
    thing.install()
    assert (thing.journal.epoch(), thing.journal.operations()) == before
    assert before[0] is not None
    assert (before[0].boot_id, before[0].target) == (BOOT, TARGET)


def test_a_migration_is_journaled_row_by_row(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1), ('b', 'y', 2), ('c', 'z', 3)")
    thing.journal.suspend()
    thing.run(
        "CREATE TABLE _alembic_tmp_thing (id TEXT NOT NULL PRIMARY KEY, name TEXT, v, more)",
        "INSERT INTO _alembic_tmp_thing SELECT id, name, v, 'm' FROM thing WHERE id <> 'c'",
        "DROP TABLE thing",
        "ALTER TABLE _alembic_tmp_thing RENAME TO thing",
    )
    thing.install(revision="r2")
    later = thing.journal.operations(after=3)
    assert sorted(kinds(later)) == [("changed", ["a"]), ("changed", ["b"]), ("gone", ["c"])]
    assert {each.revision for each in later} == {"r2"}
    thing.run("UPDATE thing SET more = 'n'", "DELETE FROM thing WHERE id = 'a'")
    assert thing.replayed() == thing.rows("thing")


def test_triggers_of_others_are_left_alone(file: FallbackFile) -> None:
    file.run(THING, "CREATE TRIGGER edgepaas_own AFTER INSERT ON thing BEGIN SELECT 1; END")
    file.install()
    file.journal.suspend()
    with file.connected() as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        assert triggers.fetchall() == [("edgepaas_own",)]


def test_rows_from_before_there_was_a_journal_are_journaled_as_new(file: FallbackFile) -> None:
    file.run(THING, "INSERT INTO thing VALUES ('a', 'x', 1), ('b', 'y', 2)")
    file.install()
    assert sorted(kinds(file.journal.operations())) == [("new", ["a"]), ("new", ["b"])]


def test_a_journal_of_another_target_is_refused_and_untouched(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1)")
    before = thing.journal.epoch()
    with pytest.raises(SchemaError, match=f"holds rows for the PostgreSQL {TARGET}") as refused:
        thing.install(target="other:5432/shop")
    assert refused.value.status is ExitStatus.CONFIG
    assert thing.journal.epoch() == before


def test_a_journal_with_nothing_in_it_takes_another_target(thing: FallbackFile) -> None:
    before = thing.journal.epoch()
    thing.install(target="other:5432/shop")
    after = thing.journal.epoch()
    assert before is not None
    assert after is not None
    assert after.target == "other:5432/shop"
    assert after.id != before.id


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"host": "h", "port": "6000", "dbname": "d", "user": "u", "password": "p"}, "h:6000/d"),
        ({"host": "h", "user": "u"}, "h:5432/u"),
        ({"host": "a,b", "port": "1,2", "dbname": "d"}, "a:1,b:2/d"),
        ({"host": "a,b", "port": "1", "dbname": "d"}, "a:1,b:1/d"),
        ({"host": "a,b", "dbname": "d"}, "a:5432,b:5432/d"),
        ({"host": "/run/pg", "dbname": "d"}, "/run/pg:5432/d"),
        ({"hostaddr": "::1", "dbname": "d"}, "::1:5432/d"),
        ({"service": "s"}, ":5432/"),
    ],
)
def test_a_target_names_the_database_without_credentials(
    parameters: dict[str, str], target: str
) -> None:
    assert target_of(parameters) == target


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_missing_or_empty_has_no_journal(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "fallback.db"
    if content is not None:
        path.write_bytes(content)
    journal = Journal(path)
    assert (journal.epoch(), journal.exists()) == (None, False)
    assert (journal.pending(), journal.operations()) == (0, [])
    assert journal.progress() == Progress(0, 0, 0)
    assert journal.close_and_keep() is None
    assert path.exists() is (content is not None)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fallback.db"
    path.write_bytes(b"something else entirely" * 50)
    with pytest.raises(SchemaError, match="file is not a database"):
        Journal(path).pending()


def test_pending_is_what_replay_has_not_dealt_with(thing: FallbackFile) -> None:
    thing.run("INSERT INTO thing VALUES ('a', 'x', 1), ('b', 'y', 1), ('c', 'z', 1)")
    assert thing.journal.pending() == 3
    thing.journal.advance(through=2, applied=1, parked=1)
    assert thing.journal.pending() == 1
    assert thing.journal.progress() == Progress(2, 1, 1)
    assert [each.key for each in thing.journal.operations(after=2)] == [["c"]]
    assert len(thing.journal.operations(limit=2)) == 2


def finished(file: FallbackFile) -> None:
    """Write something, and say that all of it is replayed."""
    file.run("INSERT INTO thing VALUES ('a', 'x', 1)")
    file.journal.advance(through=1, applied=1, parked=0)


def assert_kept(directory: Path, epoch: str) -> None:
    """See that exactly the kept file and its checksum are there, and that they agree."""
    kept = directory / f"fallback-{epoch}.db"
    checksum = directory / f"{kept.name}.sha256"
    left = {path.name for path in directory.iterdir()} - {"fallback.db.claim"}
    assert left == {kept.name, checksum.name}
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    assert checksum.read_text() == f"{digest}  {kept.name}\n"
    assert Journal(kept).operations()


def test_a_finished_journal_is_kept_under_its_epoch_with_its_checksum(thing: FallbackFile) -> None:
    finished(thing)
    epoch = thing.journal.epoch()
    assert epoch is not None
    kept = thing.journal.close_and_keep()
    assert kept == thing.path.with_name(f"fallback-{epoch.id}.db")
    assert_kept(thing.path.parent, epoch.id)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o440
    assert thing.journal.close_and_keep() is None


def test_a_journal_with_pending_operations_is_not_closed(thing: FallbackFile) -> None:
    finished(thing)
    thing.run("DELETE FROM thing")
    with pytest.raises(SchemaError, match="1 operations that are not in PostgreSQL yet"):
        thing.journal.close_and_keep()
    assert thing.path.exists()


def test_a_journal_that_somebody_serves_is_not_closed(thing: FallbackFile) -> None:
    finished(thing)
    other = claim.own({"EDGEPAAS_BOOT_ID": "other"}, exclusive=True)
    with claim.take(thing.path, other), pytest.raises(SchemaError, match="in use by boot other"):
        thing.journal.close_and_keep()
    assert thing.path.exists()


def test_a_journal_that_somebody_has_open_is_not_closed(
    thing: FallbackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(thing)
    monkeypatch.setattr("boot.database.journal.BUSY_SECONDS", 0.0)
    with thing.connected() as connection:
        connection.execute("SELECT * FROM thing").fetchall()
        with pytest.raises(SchemaError, match="still open elsewhere") as refused:
            thing.journal.close_and_keep()
    assert refused.value.status is ExitStatus.TEMPORARY
    assert thing.path.exists()


def test_a_damaged_file_is_not_closed(thing: FallbackFile) -> None:
    finished(thing)
    with thing.connected() as connection:
        connection.execute("CREATE INDEX v ON thing (v)")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("DELETE FROM edgepaas_row")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = "
            "(SELECT rootpage FROM sqlite_master WHERE name = 'edgepaas_row') WHERE name = 'v'"
        )
    with pytest.raises(SchemaError, match="is damaged"):
        thing.journal.close_and_keep()
    assert thing.path.exists()


# Ends itself before the n-th call that reaches the disk.
DYING = """
import os, signal, sys
from pathlib import Path
from boot.database.journal import Journal

left = int(sys.argv[2])
CALLS = {"chmod", "close", "connect", "execute", "flock", "fsync", "open", "rename", "write"}


def profile(frame, event, argument):
    global left
    if event == "c_call" and argument.__name__ in CALLS:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


sys.setprofile(profile)
Journal(Path(sys.argv[1])).close_and_keep()
"""


def test_closing_may_be_killed_at_any_moment_and_done_again(
    thing: FallbackFile, tmp_path: Path
) -> None:
    finished(thing)
    epoch = thing.journal.epoch()
    assert epoch is not None
    status, moment = -signal.SIGKILL, 0
    while status == -signal.SIGKILL:
        directory = tmp_path / f"killed-{moment}"
        directory.mkdir()
        path = shutil.copy(thing.path, directory)
        command = [sys.executable, "-c", DYING, path, str(moment)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        status = subprocess.run(command, env=environment, check=False).returncode
        Journal(Path(path)).close_and_keep()
        assert_kept(directory, epoch.id)
        moment += 1
    assert status == 0
    assert moment > 20

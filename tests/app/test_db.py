import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import Database, SchemaMissingError, UnavailableError
from app.settings import Settings, load
from tests.app.conftest import ROOT, alembic_config, settings_for
from tests.support.postgres import PostgresServer, free_port

PATIENCE = 20  # seconds; without its deadline each would wait for ever
INSERT = text("INSERT INTO counter (value) VALUES (:value)")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    with database.writing() as session:
        session.execute(text("CREATE TABLE counter (value INTEGER)"))
    yield database
    database.dispose()


@pytest.fixture
def own_server(
    new_postgres_server: Callable[..., PostgresServer],
) -> PostgresServer:
    """A running server that a test may kill or freeze."""
    server = new_postgres_server()
    server.start()
    return server


def impatient(settings: Settings, **changes: object) -> Settings:
    limits = {"database_deadline": 1.0, "database_wait": 0.3, **changes}
    return replace(settings, **limits)  # type: ignore[arg-type]


def count(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(text("SELECT count(*) FROM counter")).scalar_one())


def test_what_a_block_wrote_is_there_after_it(database: Database) -> None:
    with database.writing() as session:
        session.execute(INSERT, {"value": 1})
    assert count(database) == 1


def test_a_block_that_fails_leaves_nothing(database: Database) -> None:
    def fail_halfway() -> None:
        with database.writing() as session:
            session.execute(INSERT, {"value": 1})
            session.execute(text("no such statement"))

    with pytest.raises(DBAPIError):
        fail_halfway()
    assert count(database) == 0


def test_many_writers_that_read_first_all_get_through(database: Database) -> None:
    def add(times: int) -> None:
        for _ in range(times):
            with database.writing() as session:
                session.execute(text("SELECT max(value) FROM counter"))
                session.execute(INSERT, {"value": 1})

    threads = [threading.Thread(target=add, args=(25,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 200


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.writing() as session:
        session.execute(INSERT, {"value": 1})
        assert count(database) == 0


def test_a_full_pool_is_unavailable_within_the_wait(settings: Settings) -> None:
    database = Database(impatient(settings, database_pool_size=1))
    began = time.monotonic()
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        with (
            pytest.raises(UnavailableError, match="in use"),
            database.reading() as second,
        ):
            second.execute(text("SELECT 1"))
    assert time.monotonic() - began < PATIENCE
    database.dispose()


@pytest.mark.postgres
def test_a_connection_that_comes_back_to_a_disposed_pool_leaves_no_descriptor(
    postgres_url: str, tmp_path: Path
) -> None:
    database = Database(settings_for(postgres_url, tmp_path))
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        database.dispose()
    del database, session
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_missing_table_is_told_apart(empty_database_url: str, tmp_path: Path) -> None:
    database = Database(settings_for(empty_database_url, tmp_path))
    with pytest.raises(SchemaMissingError), database.reading() as session:
        session.execute(text("SELECT * FROM nodes"))
    database.dispose()


def test_a_programming_error_is_not_dressed_up_as_an_outage(database: Database) -> None:
    with pytest.raises(DBAPIError), database.reading() as session:
        session.execute(text("SELECT no_such_column FROM counter"))


def test_sqlite_is_durable_concurrent_and_checks_foreign_keys(sqlite_settings: Settings) -> None:
    database = Database(sqlite_settings)
    with database.reading() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.dispose()
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    assert found == expected


def test_a_sqlite_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = Database(load({"DATABASE_URL": f"sqlite:///{tmp_path}/missing/x.db"}))
    with pytest.raises(UnavailableError), database.reading() as session:
        session.execute(text("SELECT 1"))
    database.dispose()


def test_a_file_that_is_no_database_is_an_error_not_a_hang(tmp_path: Path) -> None:
    file = tmp_path / "garbage.db"
    file.write_bytes(os.urandom(4096))
    database = Database(load({"DATABASE_URL": f"sqlite:///{file}"}))
    with pytest.raises(UnavailableError), database.reading() as session:
        session.execute(text("SELECT * FROM nodes"))
    database.dispose()


def test_importing_the_app_connects_to_nothing() -> None:
    """The arbiter may import us before it forks; a connection shared by workers mixes answers."""
    code = (
        "import os, app.main\n"
        "links = [os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')"
        " if os.path.exists(f'/proc/self/fd/{fd}')]\n"
        "import threading\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not [link for link in links if 'socket' in link or link.endswith('.db')], links\n"
        "assert 'alembic' not in __import__('sys').modules\n"
    )
    environ = {"DATABASE_URL": "postgresql://u@127.0.0.1:1/d", "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, check=True)


@pytest.mark.postgres
def test_postgresql_sees_our_name_and_limits(postgres_url: str, tmp_path: Path) -> None:
    database = Database(settings_for(postgres_url, tmp_path))
    with database.writing() as session:
        shown = {
            name: session.execute(text(f"SHOW {name}")).scalar()
            for name in ("application_name", "statement_timeout", "lock_timeout")
        }
    with database.reading() as session:
        assert session.execute(text("SHOW transaction_read_only")).scalar() == "on"
    with database.writing() as session:
        assert session.execute(text("SHOW transaction_read_only")).scalar() == "off"
    database.dispose()
    assert shown == {
        "application_name": "edgepaas-blue-0123456789abcdef",
        "statement_timeout": "4s",
        "lock_timeout": "2s",
    }


@pytest.mark.postgres
def test_options_in_the_url_win_over_ours(postgres_url: str, tmp_path: Path) -> None:
    url = f"{postgres_url}?options=-c%20statement_timeout%3D7s&application_name=mine"
    database = Database(settings_for(url, tmp_path))
    with database.reading() as session:
        assert session.execute(text("SHOW statement_timeout")).scalar() == "7s"
        assert session.execute(text("SHOW application_name")).scalar() == "mine"
    database.dispose()


@pytest.mark.postgres
def test_a_slow_statement_is_cut_by_the_server(postgres_url: str, tmp_path: Path) -> None:
    database = Database(impatient(settings_for(postgres_url, tmp_path)))
    began = time.monotonic()
    with pytest.raises(UnavailableError), database.reading() as session:
        session.execute(text("SELECT pg_sleep(20)"))
    assert time.monotonic() - began < 3
    database.dispose()


@pytest.mark.postgres
def test_a_port_nobody_listens_on_is_unavailable_at_once(tmp_path: Path) -> None:
    url = f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d"
    database = Database(settings_for(url, tmp_path))
    with pytest.raises(UnavailableError) as raised, database.reading() as session:
        session.execute(text("SELECT 1"))
    assert "hunter2" not in str(raised.value)
    database.dispose()


@pytest.mark.postgres
def test_a_frozen_server_is_unavailable_within_the_deadline_and_back_after_it(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    """libpq would wait for ever: the frozen server's kernel still acknowledges."""
    settings = settings_for(own_server.url(), tmp_path)
    database = Database(impatient(settings, database_connect_timeout=2))
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        own_server.pause()
        began = time.monotonic()
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT 1"))
        assert time.monotonic() - began < PATIENCE
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(UnavailableError), database.reading() as session:
            session.execute(text("SELECT 1"))
        assert time.monotonic() - began < PATIENCE
    own_server.resume()
    with database.reading() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    database.dispose()


@pytest.mark.postgres
def test_a_server_that_crashed_and_came_back_is_used_again_without_an_error(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    url = own_server.url()
    command.upgrade(alembic_config(url), "head")
    database = Database(settings_for(url, tmp_path))
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    own_server.kill()
    with pytest.raises(UnavailableError), database.reading() as session:
        session.execute(text("SELECT 1"))
    own_server.start()
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM nodes")).scalar() == 0
    database.dispose()


@pytest.mark.postgres
def test_disposing_leaves_no_descriptor_and_no_thread(postgres_url: str, tmp_path: Path) -> None:
    before = (threading.active_count(), len(list(Path("/proc/self/fd").iterdir())))
    database = Database(settings_for(postgres_url, tmp_path))
    for _ in range(3):
        with database.reading() as session:
            session.execute(text("SELECT 1"))
    database.dispose()
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def test_a_writer_that_holds_sqlite_too_long_makes_the_other_unavailable(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.SQLITE_BUSY_SECONDS", 0.2)
    database = Database(sqlite_settings)
    with database.writing() as session:
        session.execute(text("CREATE TABLE t (a)"))
    file = str(sqlite_settings.database_url).removeprefix("sqlite:///")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError), database.writing() as session:
        session.execute(text("INSERT INTO t VALUES (1)"))
    holder.close()
    database.dispose()

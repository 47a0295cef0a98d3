"""edgepaas db reset: nothing is touched before the rows are kept, and never what must not be."""

import os
import re
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from boot.database import claim
from boot.database.migration_lock import KEY
from tests.support.oneshot import APPS, LAYER, PATIENT, Container, Ended, ended
from tests.support.postgres import PASSWORD, PostgresServer, free_port
from tests.support.psql import load
from tests.support.wait import wait_until

RESET = ("-m", "boot.cli", "db", "reset")
MIGRATE = ("-m", "boot.cli", "migrate")
PATIENCE = 30.0
ROWS = """
INSERT INTO customers VALUES (1, 'Ada', 'ada@example.org'), (2, 'Bé', NULL);
INSERT INTO orders VALUES (10, 2);
"""
postgres = pytest.mark.postgres


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path, APPS, EDGEPAAS_ROOT=str(LAYER.parents[1]))


@pytest.fixture
def shop(container: Container, postgres_server: PostgresServer, postgres_url: str) -> str:
    """The name of a PostgreSQL database with the shop's tables and rows, which DATABASE_URL is."""
    container.variables["DATABASE_URL"] = postgres_url.replace("+psycopg2", "")
    container.variables |= {"EDGEPAAS_MIGRATION_LOCK_TIMEOUT": "30", **PATIENT}
    assert container.run(*MIGRATE).status == 0
    name = postgres_url.rpartition("/")[2]
    postgres_server.execute(ROWS, database=name)
    return name


@pytest.fixture
def file(container: Container) -> Path:
    return container.directory / "rows"


def reset(container: Container, name: str, file: Path, **variables: str) -> Ended:
    result = container.run(*RESET, "--confirm", name, "--dump", str(file), **variables)
    assert PASSWORD not in result.output
    assert "Traceback" not in result.output
    return result


def customers(server: PostgresServer, name: str) -> list[Any]:
    return server.execute("SELECT id, name, email FROM customers ORDER BY 1", database=name)


def revision(server: PostgresServer, name: str) -> list[Any]:
    return server.execute("SELECT version_num FROM alembic_version", database=name)


@contextmanager
def connected(server: PostgresServer, name: str, *statements: str, app: str) -> Iterator[None]:
    """Be connected under an application's name, with statements in an open transaction."""
    with closing(psycopg2.connect(server.url(name).replace("+psycopg2", ""))) as connection:
        with connection.cursor() as cursor:
            for sql in (f"SET application_name = '{app}'", *statements):
                cursor.execute(sql)
        if not statements:
            connection.commit()
        yield


@postgres
class TestPostgres:
    def test_it_is_empty_at_head_and_its_rows_can_be_loaded_back(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        kept = customers(postgres_server, shop)
        result = reset(container, shop, file)
        assert result.status == 0, result.output
        assert customers(postgres_server, shop) == []
        assert revision(postgres_server, shop) == [("c3",)]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert load(file, postgres_server.url(shop)) == (0, "")
        assert customers(postgres_server, shop) == kept
        assert postgres_server.execute("SELECT * FROM orders", database=shop) == [(10, 2)]

    def test_it_says_first_what_will_be_lost(
        self, container: Container, postgres_server: PostgresServer, shop: str
    ) -> None:
        with connected(postgres_server, shop, app="a person's psql".replace("'", "''")):
            result = container.run(*RESET, "--dump", str(container.directory / "f"))
        where = f"{shop} on 127.0.0.1:{postgres_server.port} (revision c3): 3 rows in 2 tables"
        assert where in result.output
        assert "public.customers  2\n" in result.output
        assert "a person's psql" in result.output

    def test_without_a_terminal_the_name_must_be_given(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        result = container.run(*RESET, "--dump", str(file))
        assert result.status == 64
        assert f"--confirm {shop}" in result.output
        assert len(customers(postgres_server, shop)) == 2
        assert not file.exists()

    def test_another_name_is_refused(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        assert reset(container, "postgres", file).status == 64
        assert len(customers(postgres_server, shop)) == 2
        assert not file.exists()

    def test_production_is_refused_whatever_is_given(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        result = reset(container, shop, file, ENVIRONMENT="production")
        assert result.status == 78
        assert "never reset" in result.output
        assert len(customers(postgres_server, shop)) == 2

    def test_it_does_not_empty_a_database_under_an_application(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        with connected(postgres_server, shop, app="edgepaas/blue/c3/abc"):
            result = reset(container, shop, file)
        assert result.status == 75
        assert "edgepaas/blue/c3/abc" in result.output
        assert len(customers(postgres_server, shop)) == 2
        assert not file.exists()

    def test_a_file_that_is_there_is_never_replaced(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        file.write_text("precious")
        result = reset(container, shop, file)
        assert result.status == 73
        assert file.read_text() == "precious"
        assert len(customers(postgres_server, shop)) == 2

    @pytest.mark.parametrize(
        ("place", "status"), [("/proc/rows", 73), ("/nowhere/rows", 73), ("/dev/full/rows", 73)]
    )
    def test_nothing_is_touched_where_the_rows_cannot_be_kept(
        self,
        container: Container,
        postgres_server: PostgresServer,
        shop: str,
        place: str,
        status: int,
    ) -> None:
        result = reset(container, shop, Path(place))
        assert result.status == status
        assert "nothing was touched" in result.output
        assert len(customers(postgres_server, shop)) == 2

    def test_rows_are_not_kept_where_they_end_with_the_container(
        self, container: Container, postgres_server: PostgresServer, shop: str
    ) -> None:
        result = container.run(*RESET, "--confirm", shop, EDGEPAAS_DATA_DIR="/dev/shm")
        assert result.status == 73
        assert "tmpfs" in result.output
        assert len(customers(postgres_server, shop)) == 2

    def test_a_role_without_rights_changes_nothing(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        role = f"reader_{shop}"
        for sql in (
            f"CREATE ROLE {role} LOGIN PASSWORD 'p'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        ):
            postgres_server.execute(sql, database=shop)
        try:
            url = postgres_server.url(shop, user=role, password="p", scheme="postgresql")
            result = reset(container, shop, file, DATABASE_URL=url)
            assert result.status == 77
            assert "EDGEPAAS_MIGRATION_DATABASE_URL" in result.output
            assert len(customers(postgres_server, shop)) == 2
            owner = container.variables["DATABASE_URL"]
            again = reset(
                container,
                shop,
                file.with_name("second"),
                DATABASE_URL=url,
                EDGEPAAS_MIGRATION_DATABASE_URL=owner,
            )
            assert again.status == 0, again.output
        finally:
            postgres_server.execute(f"DROP OWNED BY {role}", database=shop)
            postgres_server.execute(f"DROP ROLE {role}")

    def test_it_waits_for_who_migrates_and_gives_up_in_time(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        with connected(postgres_server, shop, f"SELECT pg_advisory_lock({KEY})", app="x"):
            result = reset(container, shop, file, EDGEPAAS_MIGRATION_LOCK_TIMEOUT="0")
        assert result.status == 75
        assert not file.exists()
        assert len(customers(postgres_server, shop)) == 2

    def test_killed_in_the_middle_its_rows_are_kept_and_a_second_run_completes(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        kept = customers(postgres_server, shop)
        argv = (*RESET, "--confirm", shop, "--dump", str(file))
        with connected(postgres_server, shop, "SELECT FROM orders", app="psql"):
            process = container.start(*argv)
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            wait_until(lambda: postgres_server.execute(waiting), PATIENCE, "a step that waits")
            process.send_signal(signal.SIGKILL)
            ended(process)
        assert revision(postgres_server, shop) == [("b2",)]
        again = reset(container, shop, file.with_name("second"))
        assert again.status == 0, again.output
        assert revision(postgres_server, shop) == [("c3",)]
        assert customers(postgres_server, shop) == []
        assert load(file, postgres_server.url(shop)) == (0, "")
        assert customers(postgres_server, shop) == kept

    def test_our_own_tables_go_and_tables_of_others_stay(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        for sql in (
            "CREATE TABLE edgepaas_applied (operation text)",
            "CREATE TABLE strangers (id int)",
            "INSERT INTO strangers VALUES (1)",
        ):
            postgres_server.execute(sql, database=shop)
        assert reset(container, shop, file).status == 0
        assert postgres_server.execute("SELECT * FROM strangers", database=shop) == [(1,)]
        gone = "SELECT to_regclass('edgepaas_applied')"
        assert postgres_server.execute(gone, database=shop) == [(None,)]

    def test_a_newer_database_is_left_to_its_own_image(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        postgres_server.execute("UPDATE alembic_version SET version_num = 'd4'", database=shop)
        result = reset(container, shop, file)
        assert result.status == 76
        assert "d4" in result.output
        assert len(customers(postgres_server, shop)) == 2
        assert not file.exists()

    def test_waiting_rows_of_a_fallback_stop_it(
        self, container: Container, postgres_server: PostgresServer, shop: str, file: Path
    ) -> None:
        with closing(sqlite3.connect(container.data / "fallback.db")) as connection:
            connection.execute("CREATE TABLE t (id)")
            connection.execute("INSERT INTO t VALUES (1)")
            connection.commit()
        result = reset(container, shop, file)
        assert result.status == 78
        assert "db replay" in result.output
        assert len(customers(postgres_server, shop)) == 2


def test_a_database_that_is_away_is_69(container: Container, file: Path) -> None:
    url = f"postgresql://u:canary@127.0.0.1:{free_port()}/d"
    result = reset(container, "d", file, DATABASE_URL=url)
    assert result.status == 69
    assert "canary" not in result.output


class TestSqlite:
    @pytest.fixture
    def path(self, container: Container) -> Path:
        """The embedded database, with the shop's tables and rows, in WAL mode."""
        assert container.run(*MIGRATE).status == 0
        path = container.data / "edgepaas.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(ROWS)
            connection.execute("CREATE VIEW names AS SELECT name FROM customers")
            connection.commit()
        return path

    def rows(self, path: Path) -> list[Any]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT name FROM customers ORDER BY 1").fetchall()

    def test_it_is_empty_and_its_copy_is_a_database(self, container: Container, path: Path) -> None:
        result = container.run(*RESET, "--confirm", "edgepaas.db")
        assert result.status == 0, result.output
        assert self.rows(path) == []
        (copy,) = container.data.glob("reset-edgepaas.db-*.db")
        assert self.rows(copy) == [("Ada",), ("Bé",)]
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert str(copy) in result.output

    def test_nothing_of_the_rows_stays_in_the_file(self, container: Container, path: Path) -> None:
        assert container.run(*RESET, "--confirm=edgepaas.db").status == 0
        assert b"ada@example.org" not in path.read_bytes()

    def test_a_writer_stops_it(self, container: Container, path: Path, file: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            result = reset(container, "edgepaas.db", file)
        assert result.status == 75
        assert len(self.rows(path)) == 2
        assert not file.exists()

    def test_a_container_that_serves_from_it_stops_it(
        self, container: Container, path: Path, file: Path
    ) -> None:
        with claim.take(path, claim.own({"EDGEPAAS_BOOT_ID": "b00t"}, exclusive=False)):
            result = reset(container, "edgepaas.db", file)
        assert result.status == 75
        assert "b00t" in result.output
        assert len(self.rows(path)) == 2
        assert not file.exists()

    def test_where_there_is_nothing_the_schema_is_made(
        self, container: Container, file: Path
    ) -> None:
        result = reset(container, "edgepaas.db", file)
        assert result.status == 0, result.output
        assert self.rows(container.data / "edgepaas.db") == []

    def test_an_application_that_runs_here_stops_it(
        self, container: Container, path: Path, file: Path
    ) -> None:
        (container.run_dir / "boot.json").write_text('{"units": [], "phase": "ready"}')
        (container.run_dir / "supervisor.sock").touch()
        result = reset(container, "edgepaas.db", file)
        assert result.status == 75
        assert len(self.rows(path)) == 2

    @pytest.mark.parametrize(("typed", "status"), [("edgepaas.db", 0), ("yes", 64), ("", 64)])
    def test_at_a_terminal_the_name_is_typed(
        self, container: Container, path: Path, typed: str, status: int
    ) -> None:
        assert at_terminal(container, typed) == status
        assert len(self.rows(path)) == (0 if status == 0 else 2)


def at_terminal(container: Container, typed: str) -> int:
    """Run the command with a terminal for its input, type a line; return its exit status."""
    terminal, end = os.openpty()
    old = os.dup(0)
    try:
        os.dup2(end, 0)
        process = container.start(*RESET)
    finally:
        os.dup2(old, 0)
        os.close(old)
        os.close(end)
    os.write(terminal, f"{typed}\n".encode())
    result = ended(process)
    os.close(terminal)
    return result.status


@pytest.mark.parametrize(
    "words", [["--force"], ["--confirm"], ["name"], ["--dump", ""], ["--confirm=a", "--confirm=b"]]
)
def test_a_word_it_does_not_know_is_64(container: Container, words: list[str]) -> None:
    result = container.run(*RESET, *words)
    assert result.status == 64
    assert "usage: edgepaas db reset" in result.output
    assert re.search(r"does not know|needs more", result.output)


def test_help_is_given(container: Container) -> None:
    assert container.run(*RESET, "--help").status == 0

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from app.models import SCHEMA_REVISION, Base
from tests.app.conftest import ROOT, alembic_config

SCRIPTS = ScriptDirectory.from_config(alembic_config())
REVISIONS = list(SCRIPTS.walk_revisions())


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_the_migrations_make_exactly_the_models(
    empty_database_url: str, connection: Connection
) -> None:
    command.upgrade(alembic_config(empty_database_url), "head")
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    assert compare_metadata(context, Base.metadata) == []


def test_metadata_makes_what_the_migrations_make(
    empty_database_url: str, connection: Connection
) -> None:
    Base.metadata.create_all(connection)
    connection.commit()
    command.stamp(alembic_config(empty_database_url), "head")
    command.check(alembic_config(empty_database_url))


def test_a_second_upgrade_changes_nothing(empty_database_url: str) -> None:
    command.upgrade(alembic_config(empty_database_url), "head")
    command.upgrade(alembic_config(empty_database_url), "head")


def test_the_way_back_leaves_no_table_of_ours(
    empty_database_url: str, connection: Connection
) -> None:
    command.upgrade(alembic_config(empty_database_url), "head")
    command.downgrade(alembic_config(empty_database_url), "base")
    assert inspect(connection).get_table_names() == ["alembic_version"]


def test_the_way_there_back_and_there_again_makes_the_models(
    empty_database_url: str, connection: Connection
) -> None:
    config = alembic_config(empty_database_url)
    for go, where in (
        (command.upgrade, "head"),
        (command.downgrade, "base"),
        (command.upgrade, "head"),
    ):
        go(config, where)
    assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_tables_that_the_runtime_keeps_are_no_difference(
    empty_database_url: str, connection: Connection
) -> None:
    command.upgrade(alembic_config(empty_database_url), "head")
    connection.execute(text("CREATE TABLE edgepaas_schema (revision TEXT)"))
    connection.commit()
    command.check(alembic_config(empty_database_url))


def test_a_connection_handed_in_is_used_and_not_committed(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    assert "nodes" in inspect(connection).get_table_names()


def test_the_code_knows_the_newest_revision() -> None:
    assert SCRIPTS.get_current_head() == SCHEMA_REVISION


@pytest.mark.parametrize("script", REVISIONS, ids=lambda script: script.revision)
def test_each_revision_is_a_number_and_names_its_oldest_reader(script: object) -> None:
    revision, module = script.revision, script.module  # type: ignore[attr-defined]
    assert re.fullmatch(r"\d{4}", revision)
    below = {known.revision for known in SCRIPTS.iterate_revisions(revision, "base")}
    assert module.min_reader in below, "the oldest revision whose code can run on what it leaves"


def test_the_documented_command_works_from_the_root_with_the_app_s_own_variables(
    empty_database_url: str, connection: Connection
) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "app/alembic.ini", "upgrade", "head"],
        cwd=ROOT,
        env={"DATABASE_URL": empty_database_url, "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    assert "nodes" in inspect(connection).get_table_names()


def test_the_sql_can_be_printed_instead_of_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = alembic_config("postgresql://nobody@127.0.0.1:1/nothing")
    command.upgrade(config, "head", sql=True)
    assert "CREATE TABLE nodes" in capsys.readouterr().out

"""edgepaas migrate: the schema as a job of its own, and its SQL without running it."""

import subprocess
from pathlib import Path

import pytest

from tests.support.oneshot import APPS, LAYER, PATIENT, REPOSITORY, Container
from tests.support.postgres import PASSWORD, PostgresServer, free_port

MAIN = "import sys; from boot.cli import main; sys.exit(main(['migrate', *sys.argv[1:]]))"
postgres = pytest.mark.postgres


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path, APPS, EDGEPAAS_ROOT=str(LAYER.parents[1]), EDGEPAAS_MIGRATE="off")


def tables(server: PostgresServer, url: str) -> int:
    count: int = server.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        database=url.rpartition("/")[2],
    )[0][0]
    return count


@postgres
@pytest.mark.parametrize("arguments", [[], ["up"]])
def test_up_migrates_whatever_the_boot_may_do(
    container: Container,
    postgres_server: PostgresServer,
    postgres_url: str,
    arguments: list[str],
) -> None:
    url = postgres_url.replace("+psycopg2", "")
    result = container.run("-c", MAIN, *arguments, DATABASE_URL=url, **PATIENT)
    assert result.status == 0, result.output
    assert tables(postgres_server, postgres_url) == 4
    assert PASSWORD not in result.output


@postgres
def test_plan_prints_sql_that_does_what_up_would(
    container: Container, postgres_server: PostgresServer, postgres_url: str
) -> None:
    result = container.run("-c", MAIN, "plan", DATABASE_URL=postgres_url, **PATIENT)
    assert result.status == 0, result.output
    assert tables(postgres_server, postgres_url) == 0
    postgres_server.execute(result.output, database=postgres_url.rpartition("/")[2])
    assert tables(postgres_server, postgres_url) == 4
    again = container.run("-c", MAIN, "plan", DATABASE_URL=postgres_url, **PATIENT)
    assert again.output == "-- at head: c3; nothing to do\n"


@postgres
def test_psql_runs_the_plan_and_the_image_then_finds_itself_at_head(
    tmp_path: Path, postgres_url: str
) -> None:
    app = Container(
        tmp_path,
        REPOSITORY,
        EDGEPAAS_ROOT=str(LAYER.parents[1]),
        EDGEPAAS_SCHEMA_METADATA="app.models:Base.metadata",
        EDGEPAAS_SCHEMA_MIGRATIONS="app:migrations",
        EDGEPAAS_APP_DIR=str(REPOSITORY),
        DATABASE_URL=postgres_url,
        **PATIENT,
    )
    plan = app.run("-c", MAIN, "plan")
    assert plan.status == 0, plan.output
    done = subprocess.run(
        ["psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", postgres_url.replace("+psycopg2", "")],
        input=plan.output,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = app.run("-m", "boot.oneshots.schema_bootstrap", EDGEPAAS_MIGRATE="off")
    assert found.status == 0, found.output
    assert app.run("-c", MAIN, "plan").output.startswith("-- at head")


def test_a_job_never_falls_back(container: Container) -> None:
    url = f"postgresql://u:canary@127.0.0.1:{free_port()}/d"
    result = container.run("-c", MAIN, DATABASE_URL=url, EDGEPAAS_DB_FALLBACK="accept-divergence")
    assert result.status == 69
    assert "canary" not in result.output
    assert list(container.data.iterdir()) == []


def test_the_embedded_database_can_be_migrated_too(container: Container) -> None:
    assert container.run("-c", MAIN).status == 0
    assert (container.data / "edgepaas.db").exists()


def test_a_word_it_does_not_know_is_64(container: Container) -> None:
    result = container.run("-c", MAIN, "down")
    assert result.status == 64
    assert "usage: edgepaas migrate" in result.output


def test_help_is_given(container: Container) -> None:
    assert container.run("-c", MAIN, "--help").status == 0


def test_a_wrong_environment_is_78(container: Container) -> None:
    result = container.run("-c", MAIN, EDGEPAAS_MIGRATION_LOCK_TIMEOUT="soon")
    assert result.status == 78
    assert "EDGEPAAS_MIGRATION_LOCK_TIMEOUT" in result.output

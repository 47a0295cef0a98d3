"""The database decision of a real container against a real PostgreSQL server."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest

from tests.support import nodes
from tests.support.container import ANYTHING, Container
from tests.support.image_fixtures import Run
from tests.support.inside import decided
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.service_files import mounted

pytestmark = pytest.mark.postgres
HOSTILE = "p%41 \"q\" 'a' $(touch /data/pwned)`touch /data/pwned`\n%s%(ENV_PATH)s\\;#&=+@:/? é☃"
ROLE = "hostile"


@pytest.fixture
def hostile_role(postgres_server: PostgresServer) -> Iterator[str]:
    """A database whose owner has every awkward character in the password."""
    name = postgres_server.new_database()
    postgres_server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD %s", HOSTILE)
    postgres_server.execute(f"ALTER DATABASE {name} OWNER TO {ROLE}")
    yield name
    postgres_server.drop_database(name)
    postgres_server.execute(f"DROP ROLE {ROLE}")


def last_message(container: Container) -> str:
    """Return the last line of the log."""
    return str(container.last_record()["message"])


def test_a_reachable_postgresql_serves(
    run: Run, image: str, postgres_server: PostgresServer, postgres_url: str
) -> None:
    container = run(image, network="host", env={"DATABASE_URL": postgres_url}).ready()
    nodes.add(container, "in-postgresql")
    database = postgres_url.rpartition("/")[2]
    rows = postgres_server.execute("SELECT name FROM nodes", database=database)
    assert rows == [("in-postgresql",)]
    assert postgres_server.execute("SELECT version_num FROM alembic_version", database=database)
    seen = decided(container)
    assert seen["EDGEPAAS_DB_BACKEND"] == "postgres"
    assert container.exec("sh", "-c", "ls /data/*.db").returncode != 0


def test_what_one_container_wrote_the_next_one_reads(
    run: Run, image: str, postgres_url: str
) -> None:
    first = run(image, network="host", env={"DATABASE_URL": postgres_url}).ready()
    nodes.add(first, "kept")
    assert first.stop()[0] == 0
    second = run(image, network="host", env={"DATABASE_URL": postgres_url}).ready()
    assert nodes.names(second) == ["kept"]
    messages = [record["message"] for record in second.log_records()]
    assert not [line for line in messages if "created" in line]


def test_a_wrong_password_ends_with_77_at_once_and_never_sqlite(
    run: Run, image: str, postgres_server: PostgresServer
) -> None:
    url = postgres_server.url(password="wrong-canary")
    container = run(image, network="host", env={"DATABASE_URL": url}, expected=ANYTHING)
    assert container.wait_exit() == 77
    assert "password authentication failed" in last_message(container)
    assert "wrong-canary" not in container.logs()
    (refused,) = [each for each in container.log_records() if "attempts" in each]
    assert refused["attempts"] == 1
    assert "schema-bootstrap" not in {record["program"] for record in container.log_records()}
    assert "FALLBACK" not in container.logs()


def test_a_missing_database_ends_with_77(
    run: Run, image: str, postgres_server: PostgresServer
) -> None:
    url = postgres_server.url("no_such_database")
    container = run(image, network="host", env={"DATABASE_URL": url}, expected=ANYTHING)
    assert container.wait_exit() == 77
    assert "no_such_database" in last_message(container)


def test_a_server_that_is_down_ends_mode_postgres_with_69_after_the_wait(
    run: Run, image: str
) -> None:
    env = {
        "DATABASE_URL": f"postgresql://u:canary@127.0.0.1:{free_port()}/d",
        "EDGEPAAS_DB_MODE": "postgres",
        "EDGEPAAS_DB_WAIT_TIMEOUT": "2",
    }
    started = time.monotonic()
    container = run(image, network="host", env=env, expected=ANYTHING)
    assert container.wait_exit() == 69
    assert time.monotonic() - started >= 2
    assert "EDGEPAAS_DB_MODE=postgres" in last_message(container)
    assert "canary" not in container.logs()


@pytest.fixture(scope="module")
def fallback(run_shared: Run, image: str) -> Container:
    """A container that serves from SQLite because its PostgreSQL is down."""
    env = {
        "DATABASE_URL": f"postgresql://u:canary@127.0.0.1:{free_port()}/d",
        "EDGEPAAS_DB_WAIT_TIMEOUT": "1",
    }
    container = run_shared(image, network="host", env=env, expected=ANYTHING)
    return container.ready()


def test_in_mode_auto_a_server_that_is_down_leaves_the_fallback(fallback: Container) -> None:
    seen = decided(fallback)
    assert seen["DATABASE_URL"] == "sqlite:////data/fallback.db"
    assert seen["EDGEPAAS_DB_FALLBACK_ACTIVE"] == "1"
    nodes.add(fallback, "in-fallback")
    assert nodes.names(fallback) == ["in-fallback"]


def test_the_fallback_is_loud(fallback: Container) -> None:
    loud = [record for record in fallback.log_records() if record["level"] == "WARNING"]
    assert any(record["message"].startswith("FALLBACK: ") for record in loud)
    assert fallback.http("/").headers["x-edgepaas-database"] == "fallback"
    assert '"fallback": true' in fallback.http("/health/ready").text.replace('":t', '": t')
    assert (
        'edgepaas_database_fallback{backend="sqlite"} 1.0' in fallback.management("/metrics").text
    )
    assert "canary" not in fallback.logs()


def test_without_a_volume_there_is_no_fallback(run: Run, image: str) -> None:
    env = {
        "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{free_port()}/d",
        "EDGEPAAS_DB_WAIT_TIMEOUT": "0.5",
    }
    options = ["--tmpfs=/data"]
    container = run(image, network="host", env=env, data=None, options=options, expected=ANYTHING)
    assert container.wait_exit() == 69
    assert "/data is on tmpfs, which ends with the container" in last_message(container)


def test_whatever_else_answers_on_the_port_is_no_database(run: Run, image: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = {
            "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d",
            "EDGEPAAS_DB_MODE": "postgres",
            "EDGEPAAS_DB_WAIT_TIMEOUT": "1",
        }
        container = run(image, network="host", env=env, expected=ANYTHING)
        assert container.wait_exit() == 69


def spellings(server: PostgresServer, database: str) -> dict[str, str]:
    """Return one database's URL in every spelling people use."""
    where = f"{ROLE}:{quote(HOSTILE, safe='')}@127.0.0.1:{server.port}/{database}"
    query = f"host=127.0.0.1&port={server.port}&user={ROLE}&password={quote(HOSTILE, safe='')}"
    return {
        "postgres": f"postgres://{where}",
        "postgresql": f"postgresql://{where}",
        "psycopg2": f"postgresql+psycopg2://{where}",
        "psycopg": f"postgresql+psycopg://{where}",
        "upper": f"POSTGRESQL://{where}",
        "query": f"postgresql:///{database}?{query}",
    }


SPELLINGS = ("postgres", "postgresql", "psycopg2", "psycopg", "upper", "query")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_hostile_password_connects_in_every_spelling(
    run: Run, image: str, postgres_server: PostgresServer, hostile_role: str, spelling: str
) -> None:
    url = spellings(postgres_server, hostile_role)[spelling]
    container = run(image, "migrate", network="host", env={"DATABASE_URL": url})
    assert container.wait_exit() == 0, container.logs()
    assert "migrated to head" in container.logs()


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_a_hostile_password_serves(  # noqa: PLR0913, PLR0917 (fixtures)
    run: Run,
    image: str,
    postgres_server: PostgresServer,
    hostile_role: str,
    tmp_path: Path,
    variable: str,
) -> None:
    url = spellings(postgres_server, hostile_role)["postgres"]
    secret = mounted(tmp_path, "/run/secrets/database", f"{url}\n")
    given = {"DATABASE_URL": url, "DATABASE_URL_FILE": "/run/secrets/database"}
    container = run(
        image,
        network="host",
        env={variable: given[variable], "EDGEPAAS_DB_MODE": "postgres"},
        options=[secret],
    ).ready()
    nodes.add(container, "hostile")
    database = postgres_server.execute("SELECT name FROM nodes", database=hostile_role)
    assert database == [("hostile",)]
    assert container.exec("test", "-e", "/data/pwned").returncode == 1
    sourced = container.check_output(
        "sh", "-c", '. /tmp/db_env.sh; printf %s "$DATABASE_URL"; test ! -e /data/pwned'
    )
    assert sourced == decided(container)["DATABASE_URL"]
    for fragment in (HOSTILE, quote(HOSTILE, safe=""), "touch /data"):
        assert fragment not in container.logs()


def test_the_password_really_is_what_it_says(
    postgres_server: PostgresServer, hostile_role: str
) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(
            host="127.0.0.1",
            port=postgres_server.port,
            user=ROLE,
            password=HOSTILE.replace("\n", " "),
            dbname=hostile_role,
        )

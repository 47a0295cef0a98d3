"""db-wait, run as the process it is: what it decides, writes, says, and ends with."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from sqlalchemy import make_url

from tests.boot.database.test_url import HOSTILE
from tests.support.listeners import listener, saying, silent
from tests.support.oneshot import PATIENT, Container, Ended, ended
from tests.support.postgres import PASSWORD, PostgresServer, free_port
from tests.support.wait import wait_until

NewServer = Callable[..., PostgresServer]
CANARY = "canary-91c4"
MAIN = (
    "import sys; from pathlib import Path; from boot.oneshots.db_wait import main; "
    "sys.exit(main(shell_file=Path(sys.argv[1])))"
)
postgres = pytest.mark.postgres


@pytest.fixture
def container(tmp_path: Path) -> Container:
    # The machine that runs the tests may have its temporary directory on tmpfs or overlay.
    return Container(tmp_path, EDGEPAAS_DB_FALLBACK="accept-divergence", EDGEPAAS_BOOT_ID="0123")


def start(container: Container, **variables: str) -> "subprocess.Popen[str]":
    return container.start("-c", MAIN, str(container.directory / "db_env.sh"), **variables)


def run(container: Container, **variables: str) -> Ended:
    return ended(start(container, **variables))


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def decided(container: Container) -> tuple[str, str, str]:
    exported = container.exported()
    return (
        exported["EDGEPAAS_DB_BACKEND"],
        exported["EDGEPAAS_DB_FALLBACK_ACTIVE"],
        exported["DATABASE_URL"],
    )


def refused_url(password: str = CANARY) -> str:
    return f"postgres://u:{password}@127.0.0.1:{free_port()}/d"


def test_without_a_url_the_embedded_database_serves(container: Container) -> None:
    assert run(container).status == 0
    file = f"sqlite:///{container.data}/edgepaas.db"
    assert decided(container) == ("sqlite", "0", file)
    exported = container.exported()
    assert exported["EDGEPAAS_DB_REASON"].startswith("DATABASE_URL is not set")
    assert not {"EDGEPAAS_POSTGRES_URL", "PGAPPNAME"} & exported.keys()


def test_people_can_source_the_decision(container: Container) -> None:
    run(container)
    script = '. ./db_env.sh && printf "%s %s" "$EDGEPAAS_DB_BACKEND" "$DATABASE_URL"'
    shell = subprocess.run(
        ["sh", "-c", script], cwd=container.directory, capture_output=True, check=True, text=True
    )
    assert shell.stdout == f"sqlite sqlite:///{container.data}/edgepaas.db"


def test_sqlite_costs_no_driver_and_no_sqlalchemy(container: Container) -> None:
    listing = (
        "import sys; import boot.oneshots.db_wait as step; from pathlib import Path; "
        "assert step.main(shell_file=Path(sys.argv[1])) == 0; "
        "heavy = {'psycopg2', 'sqlalchemy', 'alembic', 'sqlite3', 'ctypes', 'socket', 'asyncio', "
        "'random', 'ast', 'app'} & sys.modules.keys(); sys.exit(' '.join(heavy) or 0)"
    )
    result = container.run("-c", listing, str(container.directory / "db_env.sh"))
    assert result.status == 0, result.output


@postgres
def test_a_running_postgresql_serves(container: Container, postgres_url: str) -> None:
    result = run(
        container, DATABASE_URL=postgres_url.replace("postgresql+psycopg2", "postgres"), **PATIENT
    )
    assert result.status == 0
    assert decided(container) == ("postgres", "0", postgres_url)
    decision = lines(result.output)[-1]
    assert decision["backend"] == "postgres"
    assert (decision["class"], decision["attempts"]) == ("ok", 1)
    assert decision["elapsed"] < 60
    assert PASSWORD not in result.output


@postgres
def test_the_users_url_may_be_decided_again(container: Container, postgres_url: str) -> None:
    run(container, DATABASE_URL=postgres_url, **PATIENT)
    again = run(container, DATABASE_URL=container.exported()["DATABASE_URL"], **PATIENT)
    assert again.status == 0
    assert decided(container)[2] == postgres_url


def test_unreachable_falls_back_loudly_and_apart(container: Container) -> None:
    result = run(container, DATABASE_URL=refused_url())
    assert result.status == 0
    assert decided(container) == ("sqlite", "1", f"sqlite:///{container.data}/fallback.db")
    *attempts, decision = lines(result.output)
    assert decision["level"] == "WARNING"
    assert "until PostgreSQL is back" in decision["message"]
    assert (decision["backend"], decision["class"]) == ("sqlite", "refused")
    assert decision["attempts"] == len(attempts) > 1
    assert [line["attempt"] for line in attempts[1:]] == list(range(1, len(attempts)))
    assert CANARY not in result.output


def test_a_fallback_leaves_the_way_back(container: Container) -> None:
    url = refused_url()
    result = run(container, DATABASE_URL=url, EDGEPAAS_DB_RETURN="manual", SLOT="blue")
    assert "until `edgepaas db back`" in lines(result.output)[-1]["message"]
    exported = container.exported()
    assert exported["EDGEPAAS_POSTGRES_URL"] == url.replace("postgres:", "postgresql+psycopg2:")
    assert exported["PGAPPNAME"] == "edgepaas/blue/c3/-"


@postgres
def test_a_decision_made_anew_leaves_nothing_of_the_one_before(
    container: Container, postgres_url: str
) -> None:
    run(container, DATABASE_URL=refused_url())
    assert run(container, DATABASE_URL=postgres_url, EDGEPAAS_BUILD_ID="abc", **PATIENT).status == 0
    exported = container.exported()
    assert "EDGEPAAS_POSTGRES_URL" not in exported
    assert exported["PGAPPNAME"] == "edgepaas/-/c3/abc"
    assert run(container).status == 0
    assert "PGAPPNAME" not in container.exported()


@pytest.mark.parametrize("migrations", ["nowhere:alembic", "no.such.package:x", "/nowhere", ""])
def test_migrations_nobody_can_read_are_not_db_waits_to_tell(
    container: Container, migrations: str
) -> None:
    result = run(container, DATABASE_URL=refused_url(), EDGEPAAS_SCHEMA_MIGRATIONS=migrations)
    assert result.status == 0
    assert container.exported()["PGAPPNAME"] == "edgepaas/-/-/-"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"EDGEPAAS_DB_MODE": "postgres"}, "EDGEPAAS_DB_MODE=postgres"),
        ({"EDGEPAAS_DB_FALLBACK": "deny"}, "EDGEPAAS_DB_FALLBACK=deny"),
        ({"EDGEPAAS_DB_FALLBACK": "allow", "EDGEPAAS_REPLICAS": "2"}, "EDGEPAAS_REPLICAS=2"),
    ],
)
def test_unreachable_without_a_fallback_is_69(
    container: Container, variables: dict[str, str], named: str
) -> None:
    variables = {**variables, "DATABASE_URL": refused_url()}
    result = run(container, EDGEPAAS_DB_WAIT_TIMEOUT="0", **variables)
    assert result.status == 69
    assert named in lines(result.output)[-1]["message"]
    assert not container.exported()


@postgres
@pytest.mark.parametrize(
    ("change", "verdict", "status"),
    [
        ({"password": CANARY}, "auth", 77),
        ({"user": "nobody_here"}, "auth", 77),
        ({"database": "not_there"}, "missing", 77),
        ({"query": "sslmode=require"}, "tls", 78),
        ({"query": "no_such_option=1"}, "config", 78),
    ],
)
def test_a_refusal_ends_the_boot_at_once(
    container: Container,
    postgres_server: PostgresServer,
    change: dict[str, str],
    verdict: str,
    status: int,
) -> None:
    started = time.monotonic()
    result = run(
        container, DATABASE_URL=postgres_server.url(**change), EDGEPAAS_DB_WAIT_TIMEOUT="60"
    )
    assert result.status == status
    assert time.monotonic() - started < 20
    last = lines(result.output)[-1]
    assert (last["level"], last["class"], last["attempts"]) == ("ERROR", verdict, 1)
    assert CANARY not in result.output
    assert PASSWORD not in result.output
    assert not container.exported()


def test_a_server_that_is_not_postgresql_is_78(container: Container) -> None:
    with listener(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        result = run(container, DATABASE_URL=f"postgresql://u:{CANARY}@127.0.0.1:{port}/d")
    assert result.status == 78
    assert "not PostgreSQL" in result.output


def test_the_whole_wait_keeps_its_deadline(container: Container) -> None:
    with listener(silent) as port:
        started = time.monotonic()
        result = run(
            container,
            DATABASE_URL=f"postgresql://127.0.0.1:{port}/d",
            EDGEPAAS_DB_WAIT_TIMEOUT="2",
        )
        elapsed = time.monotonic() - started
    assert lines(result.output)[-1]["class"] == "timed_out"
    assert elapsed < 20  # a busy machine's start; libpq alone would wait for minutes


@postgres
def test_a_postgresql_that_starts_is_not_fallen_back_from(
    container: Container, new_postgres_server: NewServer
) -> None:
    server = new_postgres_server(hot_standby="off", max_connections="100")
    (server.data / "standby.signal").touch()
    server.launch()
    wait_until(lambda: _says(server, "not accepting|not yet accepting|starting up"), 20, "57P03")
    result = run(container, DATABASE_URL=server.url())
    assert result.status == 75
    assert lines(result.output)[-1]["class"] == "starting"
    assert not container.exported()


def _says(server: PostgresServer, words: str) -> bool:
    try:
        server.connect().close()
    except psycopg2.OperationalError as error:
        return re.search(words, str(error)) is not None
    return False


@postgres
def test_a_full_postgresql_is_75(container: Container, new_postgres_server: NewServer) -> None:
    server = new_postgres_server(max_connections="3", superuser_reserved_connections="0")
    server.start()
    with ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(closing(server.connect()))
        result = run(container, DATABASE_URL=server.url())
    assert result.status == 75
    assert lines(result.output)[-1]["class"] == "too_many"


@postgres
def test_a_postgresql_that_appears_late_is_used(
    container: Container, new_postgres_server: NewServer
) -> None:
    server = new_postgres_server()
    process = start(container, DATABASE_URL=server.url(), EDGEPAAS_DB_WAIT_TIMEOUT="60")
    assert process.stdout is not None
    wait_until(lambda: "attempt 2" in (process.stdout.readline() if process.stdout else ""), 20,
               "a second attempt")  # fmt: skip
    server.start()
    result = ended(process)
    assert result.status == 0
    assert decided(container)[0] == "postgres"
    assert lines(result.output)[-1]["attempts"] > 2


@postgres
def test_a_frozen_postgresql_is_unreachable_within_the_deadline(
    container: Container, new_postgres_server: NewServer
) -> None:
    server = new_postgres_server()
    server.start()
    server.pause()
    result = run(container, DATABASE_URL=server.url())
    server.resume()
    assert result.status == 0
    assert decided(container)[1] == "1"
    assert lines(result.output)[-1]["class"] == "timed_out"


def test_term_ends_it_at_once(container: Container) -> None:
    process = start(container, DATABASE_URL=refused_url(), EDGEPAAS_DB_WAIT_TIMEOUT="600")
    assert process.stdout is not None
    wait_until(lambda: "attempt" in (process.stdout.readline() if process.stdout else ""), 20,
               "an attempt")  # fmt: skip
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == -signal.SIGTERM
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (f"mysql://u:{CANARY}@h/d", "mysql"),
        (f"postgresql+asyncpg://u:{CANARY}@h/d", "asyncpg"),
        (f"nonsense-{CANARY}", "not a database URL"),
    ],
)
def test_a_url_nobody_can_use_is_78_in_one_line(container: Container, url: str, named: str) -> None:
    result = run(container, DATABASE_URL=url)
    assert result.status == 78
    (line,) = lines(result.output)
    assert named in line["message"]
    assert CANARY not in result.output


def test_production_without_a_database_is_78(container: Container) -> None:
    result = run(container, ENVIRONMENT="production", EDGEPAAS_DB_MODE="postgres")
    assert result.status == 78
    assert "DATABASE_URL" in result.output


def test_a_directory_that_is_missing_is_73(container: Container) -> None:
    container.data.rmdir()
    result = run(container)
    assert result.status == 73
    assert str(container.data) in result.output
    assert not container.exported()


def test_a_file_that_cannot_be_written_is_73(container: Container) -> None:
    """Permissions do not stop root; a directory in the file's place does."""
    (container.data / "edgepaas.db").mkdir()
    assert run(container).status == 73


@postgres
@pytest.mark.parametrize("password", HOSTILE)
def test_a_hostile_password_reaches_postgresql_and_no_log(
    container: Container, postgres_server: PostgresServer, password: str
) -> None:
    role = "hostile_through_db_wait"
    given = postgres_server.url(user=role, password=password, scheme="postgres")
    postgres_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD %s", password)
    try:
        accepted = run(container, DATABASE_URL=given, **PATIENT)
        effective = make_url(container.exported()["DATABASE_URL"])
        arguments: Any = effective.get_dialect()().create_connect_args(effective)[1]
        psycopg2.connect(**arguments).close()
        refused = run(container, DATABASE_URL=given.replace("@", "x@", 1), **PATIENT)
    finally:
        postgres_server.execute(f"DROP ROLE {role}")
    assert (accepted.status, refused.status) == (0, 77)
    for shown in {password, quote(password, safe=""), json.dumps(password)[1:-1]}:
        assert shown not in accepted.output + refused.output

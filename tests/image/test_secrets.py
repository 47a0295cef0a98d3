"""A secret given to the container is never seen: not in the log, not in a report, not in a list."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.container import ANYTHING, MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.service_files import mounted, unit

pytestmark = pytest.mark.postgres
CANARY = "canary%2F9f3c"
FORMS = ("canary%2F9f3c", "canary/9f3c", "canary%252F9f3c")
TOKEN = "token-canary/9f3c"
API_TOKEN = "canary/9f3c/tokens"


def leaks(text: str) -> list[str]:
    """Return which forms of the canary a text holds."""
    return [form for form in FORMS if form in text]


@pytest.fixture
def in_service(
    run: Run, image: str, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> Container:
    """A ready container at debug level that was given secrets in every way there is."""
    postgres_server.execute("DROP ROLE IF EXISTS canary")
    postgres_server.execute("CREATE ROLE canary LOGIN SUPERUSER PASSWORD %s", "canary/9f3c/x")
    database = postgres_url.rpartition("/")[2]
    where = f"127.0.0.1:{postgres_server.port}/{database}"
    env = {
        "DATABASE_URL": f"postgresql://canary:canary%2F9f3c%2Fx@{where}?sslpassword=canary%2F9f3c",
        "EDGEPAAS_METRICS_TOKEN": TOKEN,
        "EDGEPAAS_API_TOKENS_FILE": "/run/secrets/tokens",
        "EDGEPAAS_ALERT_URLS": f"json://u:canary%2F9f3c@127.0.0.1:{free_port()}/canary%2F9f3c",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary%2F9f3c",
        "EDGEPAAS_ACCESS_LOG": "1",
        "LOG_LEVEL": "debug",
        "WEB_CONCURRENCY": "1",
    }
    secret = mounted(tmp_path, "/run/secrets/tokens", f"write:{API_TOKEN}\n")
    return run(image, network="host", env=env, options=[secret], expected=ANYTHING).ready()


def asked(container: Container, *command: str) -> str:
    """Return what a command in the container printed, whatever its status."""
    done = container.exec(*command)
    return done.stdout + done.stderr


def test_a_running_container_shows_no_secret(in_service: Container) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    seen = {
        "log": in_service.logs(),
        "status": asked(in_service, "supervisorctl", "status"),
        "avail": asked(in_service, "supervisorctl", "avail"),
        "boot": asked(in_service, "supervisorctl", "boot"),
        "tail": asked(in_service, "supervisorctl", "tail", "web"),
        "config": asked(in_service, "edgepaas", "config"),
        "processes": asked(in_service, "ps", "-eo", "args", "-ww"),
        "effective": asked(in_service, "cat", "/run/edgepaas/supervisord.conf"),
        "boot.json": asked(in_service, "cat", "/run/edgepaas/boot.json"),
        "metrics": in_service.http("/metrics", MANAGEMENT_PORT, **bearer).text,
        "report": in_service.http("/boot", MANAGEMENT_PORT, **bearer).text,
        "refused": in_service.http("/metrics", MANAGEMENT_PORT).text,
        "readyz": in_service.management("/readyz").text,
        "page": in_service.http("/").text,
        "version": in_service.http("/version").text,
        "system": in_service.http("/health/system").text,
        "no page": in_service.http("/no-such-page").text,
        "openapi": in_service.http("/openapi.json").text,
        "nodes": in_service.http("/api/v1/nodes", authorization=f"Bearer {API_TOKEN}").text,
        "wrong": in_service.http("/api/v1/nodes", authorization=f"Bearer x{API_TOKEN}").text,
    }
    seen |= {
        "query": in_service.http("/version?token=canary%2F9f3c").text,
        "alert test": asked(in_service, "edgepaas", "alert", "test"),
        "doctor": asked(in_service, "edgepaas", "doctor"),
        "database": asked(in_service, "edgepaas", "db", "status"),
        "migrate": asked(in_service, "edgepaas", "migrate"),
        "log at last": in_service.logs(),
    }
    assert all(seen.values())
    assert {name: leaks(text) for name, text in seen.items() if leaks(text)} == {}
    assert in_service.exec("cat", "/run/edgepaas/env/DATABASE_URL", user="12345").returncode != 0


def test_the_services_do_get_it(in_service: Container) -> None:
    stored = in_service.check_output("cat", "/run/edgepaas/env/DATABASE_URL")
    assert leaks(stored)
    tokens = in_service.check_output("cat", "/run/edgepaas/env/EDGEPAAS_API_TOKENS")
    assert tokens == f"write:{API_TOKEN}"


Given = Mapping[str, str]
FAILURES: Mapping[str, tuple[int, Callable[[int], Given]]] = {
    "wrong password": (
        77,
        lambda port: {"DATABASE_URL": f"postgres://postgres:{CANARY}@127.0.0.1:{port}/postgres"},
    ),
    "no such role": (
        77,
        lambda port: {"DATABASE_URL": f"postgres://nobody:{CANARY}@127.0.0.1:{port}/postgres"},
    ),
    "unreachable": (
        69,
        lambda _: {
            "DATABASE_URL": f"postgres://u:{CANARY}@127.0.0.1:{free_port()}/d",
            "EDGEPAAS_DB_FALLBACK": "deny",
        },
    ),
    "garbage": (78, lambda _: {"DATABASE_URL": f"garbage {CANARY}"}),
    "wrong scheme": (78, lambda _: {"DATABASE_URL": f"mysql://u:{CANARY}@h/d"}),
    "wrong port": (78, lambda _: {"DATABASE_URL": f"postgres://u:{CANARY}@h:port/d"}),
    "short API token": (78, lambda _: {"EDGEPAAS_API_TOKENS": "read:x:canary/"}),
    "short token": (78, lambda _: {"EDGEPAAS_METRICS_TOKEN": "canary/"}),
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_boot_that_fails_shows_no_secret(
    run: Run, image: str, postgres_server: PostgresServer, how: str
) -> None:
    status, given = FAILURES[how]
    env = {**given(postgres_server.port), "EDGEPAAS_DB_WAIT_TIMEOUT": "0.5", "LOG_LEVEL": "debug"}
    container = run(image, network="host", env=env, expected=ANYTHING)
    assert container.wait_exit() == status
    assert leaks(container.logs()) == []
    assert "canary/" not in container.logs()


def test_a_unit_that_prints_its_environment_is_masked(run: Run, image: str, tmp_path: Path) -> None:
    option = unit(tmp_path, "talker", "env", "requires = db-wait")
    env = {
        "DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:{free_port()}/d",
        "EDGEPAAS_DB_WAIT_TIMEOUT": "0.2",
        "EDGEPAAS_METRICS_TOKEN": TOKEN,
    }
    container = run(image, network="host", env=env, options=[option], expected=ANYTHING).ready()
    assert "EDGEPAAS_METRICS_TOKEN=***" in container.logs()
    assert leaks(container.logs()) == []


def test_the_image_itself_holds_no_variable_that_is_a_secret(service: Container) -> None:
    names = {entry.partition("=")[0] for entry in service.inspect()["Config"]["Env"]}
    assert not {name for name in names if "TOKEN" in name or "PASSWORD" in name or "URL" in name}

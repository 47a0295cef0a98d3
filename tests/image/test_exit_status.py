"""The container's exit status is the status of its cause, and its last line says why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.container import ANYTHING, MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.service_files import CONF_D, module, mounted, unit
from tests.support.wait import wait_until

WRONG = {
    "ENVIRONMENT": "moon",
    "SLOT": "red",
    "EDGEPAAS_REPLICAS": "0",
    "EDGEPAAS_DATA_DIR": "relative/path",
    "PORT": "eighty",
    "EDGEPAAS_BIND": "nowhere!",
    "WEB_CONCURRENCY": "999",
    "EDGEPAAS_APP": "nope",
    "EDGEPAAS_WEB_TIMEOUT": "1",
    "EDGEPAAS_WEB_KEEPALIVE": "0",
    "EDGEPAAS_WEB_MAX_REQUESTS": "-1",
    "EDGEPAAS_FORWARDED_ALLOW_IPS": "10.0.0.0/99",
    "EDGEPAAS_TRUST_ALL_PROXIES": "maybe",
    "EDGEPAAS_METRICS_PORT": "70000",
    "EDGEPAAS_METRICS_BIND": "x!",
    "EDGEPAAS_METRICS_TOKEN": "canary",
    "DATABASE_URL": "mysql://user:canary@host/database",
    "EDGEPAAS_DB_MODE": "oracle",
    "EDGEPAAS_DB_WAIT_TIMEOUT": "-3",
    "EDGEPAAS_DB_FALLBACK": "perhaps",
    "EDGEPAAS_MIGRATE": "later",
    "EDGEPAAS_MIGRATION_DATABASE_URL": "garbage-canary",
    "EDGEPAAS_MIGRATION_LOCK_TIMEOUT": "long",
    "EDGEPAAS_SCHEMA_METADATA": "app.models",
    "EDGEPAAS_SCHEMA_MIGRATIONS": "app",
    "EDGEPAAS_STOP_TIMEOUT": "1",
    "EDGEPAAS_DRAIN_DELAY": "-1",
    "EDGEPAAS_ON_FAILURE": "panic",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml",
    "TZ": "Mars/Phobos",
    "EDGEPAAS_DB_WAIT_TIMEOT": "3",
}


def last_message(container: Container) -> str:
    """Return the last line of the log, which tells how the container ended."""
    last = container.last_record()
    assert last["program"] == "pid1"
    return str(last["message"])


def programs_that_spoke(container: Container) -> set[str]:
    """Return every program with a line in the log."""
    return {record["program"] for record in container.log_records()}


def test_every_variable_wrong_at_once_is_one_report(run: Run, image: str) -> None:
    container = run(image, env=WRONG, expected=ANYTHING)
    assert container.wait_exit() == 78
    records = container.log_records()
    named = [record["variable"] for record in records if "variable" in record]
    assert sorted(named) == sorted(WRONG)
    assert all(record["set"].startswith("-e ") for record in records if "variable" in record)
    assert [record["problems"] for record in records if "problems" in record] == [len(WRONG)]
    assert "canary" not in container.logs()
    assert "Traceback" not in container.logs()
    assert "db-wait" not in programs_that_spoke(container)


def test_the_report_in_text_is_for_people(run: Run, image: str) -> None:
    container = run(image, env={**WRONG, "LOG_FORMAT": "text"}, expected=ANYTHING)
    assert container.wait_exit() == 78
    block = container.logs().partition("problems with the environment")[2]
    assert "\n  PORT 'eighty' must be a port" in block
    assert "\n      set   -e PORT=8080\n" in block
    assert f"{len(WRONG) - 1} problems" in container.logs()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"ENVIRONMENT": "production"}, "DATABASE_URL"),
        ({"ENVIRONMENT": "production", "EDGEPAAS_DB_MODE": "postgres"}, "DATABASE_URL"),
        ({"EDGEPAAS_DB_MODE": "postgres"}, "DATABASE_URL"),
        ({"DATABASE_URL": "garbage"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://h/d", "DATABASE_URL_FILE": "/x"}, "DATABASE_URL"),
        ({"DATABASE_URL_FILE": "/run/secrets/missing"}, "DATABASE_URL_FILE"),
    ],
)
def test_a_database_that_is_not_named_ends_with_78(
    run: Run, image: str, env: Mapping[str, str], words: str
) -> None:
    container = run(image, env=env, expected=ANYTHING)
    assert container.wait_exit() == 78
    assert words in last_message(container)


BROKEN_UNITS = {
    "an unknown requirement": ("late", "true", ["requires = nobody"], "nobody"),
    "a cycle with itself": ("late", "true", ["requires = late"], "late"),
    "a program that is not there": ("late", "no-such-program", [], "no-such-program"),
    "a key that is not a unit's": ("late", "true", ["require = web"], "require"),
}


@pytest.mark.parametrize("what", BROKEN_UNITS)
def test_a_mounted_unit_with_a_mistake_ends_with_78_before_anything_starts(
    run: Run, image: str, tmp_path: Path, what: str
) -> None:
    name, command, lines, word = BROKEN_UNITS[what]
    option = unit(tmp_path, name, command, *lines)
    container = run(image, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 78
    assert programs_that_spoke(container) == {"pid1"}
    found = [record["message"] for record in container.log_records()]
    assert any(f"60-{name}.conf:" in line and word in line for line in found)


def test_a_cycle_through_our_units_is_named_in_full(run: Run, image: str, tmp_path: Path) -> None:
    text = (
        "[program:db-wait]\ncommand = true\n\n"
        "[unit:db-wait]\ntype = oneshot\nrequires = schema-bootstrap\n"
    )
    option = mounted(tmp_path, f"{CONF_D}/20-db-wait.conf", text)
    container = run(image, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 78
    words = " ".join(record["message"] for record in container.log_records())
    assert "db-wait" in words
    assert "schema-bootstrap" in words
    assert programs_that_spoke(container) == {"pid1"}


IMPORT_FAILURES = {
    "raise RuntimeError('no import today')": "RuntimeError: no import today",
    "def (:": "SyntaxError: invalid syntax",
}


@pytest.mark.parametrize("source", IMPORT_FAILURES)
def test_an_app_that_cannot_be_imported_ends_with_71_and_one_traceback(
    run: Run, image: str, tmp_path: Path, source: str
) -> None:
    option = module(tmp_path, "broken", source)
    container = run(image, env={"EDGEPAAS_APP": "broken:app"}, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 71
    told = [record for record in container.log_records() if "traceback" in record]
    assert len(told) == 1
    assert IMPORT_FAILURES[source] in told[0]["traceback"]
    assert IMPORT_FAILURES[source] in last_message(container)


def test_a_lifespan_that_fails_ends_with_71(run: Run, image: str, tmp_path: Path) -> None:
    source = (
        "from contextlib import asynccontextmanager\n"
        "from fastapi import FastAPI\n"
        "@asynccontextmanager\n"
        "async def lifespan(app):\n"
        "    raise RuntimeError('no start today')\n"
        "    yield\n"
        "app = FastAPI(lifespan=lifespan)\n"
    )
    option = module(tmp_path, "unable", source)
    container = run(image, env={"EDGEPAAS_APP": "unable:app"}, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 71
    assert container.logs().count("Traceback") == 1
    assert "no start today" in container.logs()


def test_a_failing_oneshot_of_ones_own_ends_with_its_own_status(
    run: Run, image: str, tmp_path: Path
) -> None:
    command = 'sh -c "echo the disk is on fire; exit 42"'
    option = unit(tmp_path, "prepare", command, "requires = env-check")
    container = run(image, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 42
    message = last_message(container)
    assert message.startswith("exit status 42 ")
    assert "prepare exited with 42: the disk is on fire" in message


def test_a_oneshot_that_hangs_ends_with_75(run: Run, image: str, tmp_path: Path) -> None:
    option = unit(tmp_path, "prepare", "sleep 60", "timeout = 0.5")
    container = run(image, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 75
    assert "prepare was not done within 0.5 s" in last_message(container)


def test_the_end_is_there_for_machines_too(
    run: Run, image: str, docker: Any, tmp_path: Path
) -> None:
    # docker cp sees no tmpfs, so this container's /run is in its own layer
    option = unit(tmp_path, "prepare", 'sh -c "exit 42"')
    container = run(image, options=[option], read_only=False, expected=ANYTHING)
    assert container.wait_exit() == 42
    copied = tmp_path / "exit.json"
    docker.output("cp", f"{container.id}:/run/edgepaas/exit.json", str(copied))
    told = json.loads(copied.read_text())
    assert (told["unit"], told["status"]) == ("prepare", 42)
    assert told["cause"].startswith("exited with 42")
    assert told["advice"]
    assert told["time"]


@pytest.mark.parametrize(
    ("tmpfs", "path"),
    [
        ([], "/run/edgepaas"),
        (["--tmpfs=/run"], "/tmp"),
        (["--tmpfs=/run", "--tmpfs=/tmp"], "/data"),
    ],
)
def test_a_place_that_cannot_be_written_ends_with_73_and_its_name(
    run: Run, image: str, tmpfs: list[str], path: str
) -> None:
    container = run(
        image, read_only=False, data=None, options=["--read-only", *tmpfs], expected=ANYTHING
    )
    assert container.wait_exit() == 73
    assert path in last_message(container)
    assert "cannot be written: " in last_message(container)


def test_held_for_inspection_it_stays_up_and_unhealthy(
    run: Run, image: str, tmp_path: Path
) -> None:
    option = unit(tmp_path, "prepare", 'sh -c "exit 42"', "requires = env-check")
    env = {"EDGEPAAS_ON_FAILURE": "hold"}
    container = run(image, env=env, options=[option], expected=ANYTHING)
    wait_until(lambda: "held for inspection" in container.logs(), 30, "the container held")
    wait_until(lambda: container.answers("/livez", MANAGEMENT_PORT), 30, "the sidecar")
    assert container.management("/livez").status == 200
    assert container.management("/startupz").status == 503
    assert container.management("/readyz").status == 503
    check = container.exec("/usr/local/bin/healthcheck")
    assert check.returncode == 1
    assert "held" in check.stdout
    assert container.boot()["phase"] == "held"
    assert container.stop()[0] == 42

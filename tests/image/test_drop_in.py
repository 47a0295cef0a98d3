"""An image built FROM the layer: its app, units, variables and stop hook are like ours.

The image is docs/examples/own-app, with a service of its own added.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.checkout import ROOT
from scripts.engine import Engine
from tests.support.container import ANYTHING, Container
from tests.support.engine import derived_image
from tests.support.image_fixtures import Run
from tests.support.inside import workers
from tests.support.service_files import mounted

EXAMPLE = ROOT / "docs/examples/own-app"
ADDITION = ROOT / "tests/support/apps/derived"
OWN_UNITS = {"notes-welcome", "notes-goodbye", "ticker"}
IGNORED = shutil.ignore_patterns("__pycache__", ".mypy_cache")


@pytest.fixture(scope="module")
def derived(runtime_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The derived image."""
    context = tmp_path_factory.mktemp("derived")
    for source in (EXAMPLE, ADDITION):
        shutil.copytree(source, context, dirs_exist_ok=True, ignore=IGNORED)
    dockerfile = (EXAMPLE / "Dockerfile").read_text()
    assert "ARG RUNTIME=edgepaas:dev-runtime" in dockerfile
    dockerfile = dockerfile.replace("RUNTIME=edgepaas:dev-runtime", f"RUNTIME={runtime_image}")
    with derived_image(f"{dockerfile}COPY ticker /srv/ticker\n", context) as tag:
        yield tag


@pytest.fixture(scope="module")
def notes(run_shared: Run, derived: str) -> Container:
    """A ready container of it: look, do not change it."""
    return run_shared(derived, env={"NOTES_GREETING": "good morning"}).ready()


@pytest.fixture(scope="module")
def units(notes: Container) -> dict[str, Any]:
    """Its units by name."""
    return {unit["name"]: unit for unit in notes.boot()["units"]}


def test_its_app_serves(notes: Container) -> None:
    assert notes.http("/").json() == "good morning"
    assert notes.http("/version").status == 404


def test_its_oneshot_ran_before_anybody_asked(notes: Container) -> None:
    assert notes.http("/notes").json() == ["the first note"]


def test_its_units_are_in_the_status_and_in_the_report(
    notes: Container, units: dict[str, Any]
) -> None:
    assert units.keys() >= OWN_UNITS
    lines = notes.exec("supervisorctl", "status").stdout.splitlines()
    status = {line.split()[0]: line.split()[1] for line in lines}
    assert status["ticker"] == "RUNNING"
    assert status["notes-welcome"] == "EXITED"
    table = notes.check_output("supervisorctl", "boot")
    assert all(name in table for name in OWN_UNITS)


def test_its_service_is_ready_by_its_own_word(units: dict[str, Any]) -> None:
    assert units["ticker"]["state"] == "ready"
    assert units["ticker"]["status_text"] == "ticking"


def test_it_starts_when_what_it_requires_is_done_whatever_its_file_is_called(
    units: dict[str, Any],
) -> None:
    for required in ("web", "notes-welcome"):
        assert units["ticker"]["start"] >= units[required]["end"]


def test_its_units_are_in_the_metrics(notes: Container) -> None:
    metrics = notes.management("/metrics").text
    assert 'unit="ticker"' in metrics
    assert 'unit="notes-welcome"' in metrics


def test_its_variable_is_in_the_effective_environment(notes: Container) -> None:
    told = json.loads(notes.check_output("edgepaas", "config", "--json"))
    assert told["NOTES_GREETING"] == {"value": "good morning", "origin": "env"}


def test_its_default_replaces_ours(notes: Container) -> None:
    assert len(workers(notes)) == 1


def test_its_tables_are_in_the_database(notes: Container) -> None:
    script = (
        "import sqlite3; print(*sorted(row[0] for row in sqlite3.connect('/data/edgepaas.db')"
        ".execute(\"SELECT name FROM sqlite_master WHERE type = 'table'\")))"
    )
    assert notes.check_output("python", "-c", script) == "alembic_version edgepaas_schema notes\n"


def test_its_bounds_are_checked_like_ours(run: Run, derived: str) -> None:
    env = {"NOTES_GREETING": "x" * 81, "WEB_CONCURRENCY": "9", "NOTES_GREETIN": "typo"}
    container = run(derived, env=env, expected=ANYTHING)
    assert container.wait_exit() == 78
    named = {record["variable"] for record in container.log_records() if "variable" in record}
    assert {"NOTES_GREETING", "WEB_CONCURRENCY"} <= named


def test_check_counts_its_units(docker: Engine, derived: str) -> None:
    done = docker.run("run", "--rm", derived, "check")
    assert done.returncode == 0, done.stdout
    assert "units: 10" in done.stdout


def test_its_stop_hook_runs_while_it_still_serves(run: Run, derived: str) -> None:
    container = run(derived).ready()
    assert container.stop()[0] == 0
    said = [(record["program"], record["message"]) for record in container.log_records()]
    goodbye = said.index(("notes-goodbye", "goodbye"))
    stopped = next(at for at, (_, words) in enumerate(said) if words.startswith("web stopped"))
    assert goodbye < stopped


def test_its_service_is_restarted_by_the_same_policy(run: Run, derived: str) -> None:
    container = run(derived, expected=ANYTHING).ready()
    before = {each["name"]: each for each in container.boot()["units"]}["ticker"]["pid"]
    container.check_output("bash", "-c", f"kill -KILL {before}")
    container.ready()
    assert "ticker died by SIGKILL: restarting it" in container.logs()


def test_a_broken_addition_to_the_contract_is_told_with_its_file(
    run: Run, image: str, tmp_path: Path
) -> None:
    text = '[variables.MINE]\nmeaning = "x"\ntype = "colour"\n'
    option = mounted(tmp_path, "/etc/edgepaas/environment.d/mine.toml", text)
    container = run(image, options=[option], expected=ANYTHING)
    assert container.wait_exit() == 78
    assert "mine.toml" in container.logs()
    assert "Traceback" not in container.logs()


def test_the_layer_alone_says_that_it_has_no_app(run: Run, runtime_image: str) -> None:
    container = run(runtime_image, expected=ANYTHING)
    assert container.wait_exit() == 78
    assert "Traceback" not in container.logs()
    assert "there is no package app" in container.last_record()["message"]

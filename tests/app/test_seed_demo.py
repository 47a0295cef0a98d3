import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from app import seed_demo
from app.db import Database
from app.settings import Settings
from tests.app.conftest import ROOT, Serve

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    """Run the module on the database of `settings`, with more words and variables."""

    def start(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        given = {"PYTHONPATH": str(ROOT), "DATABASE_URL": settings.database_url, **environ}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "app.seed_demo", *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **given},
            capture_output=True,
            text=True,
            check=False,
        )

    return start


def rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    database = Database(settings)
    with database.reading() as session:
        found = [tuple(row) for row in session.execute(text(sql))]
    database.dispose()
    return found


def count(settings: Settings, table: str) -> int:
    return len(rows(settings, f"SELECT 1 FROM {table}"))  # noqa: S608 - a name from below


def test_it_makes_a_fleet_that_shows_every_status_slot_and_state(
    run: Run, settings: Settings, serve: Serve
) -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    nodes = serve(settings).get("/api/v1/nodes").json()["items"]
    assert {node["status"] for node in nodes} == {"online", "late", "offline"}
    assert None in {node["heartbeat_at"] for node in nodes}
    found = rows(settings, "SELECT slot, state FROM deployments")
    assert {slot for slot, _ in found} == {"blue", "green"}
    states = {"starting", "ready", "live", "draining", "stopped", "failed"}
    assert {state for _, state in found} == states


def test_every_change_has_its_event_and_tells_who_made_it(run: Run, settings: Settings) -> None:
    run()
    events = Counter(kind for (kind,) in rows(settings, "SELECT kind FROM events"))
    assert events["node.created"] == count(settings, "nodes")
    assert events["release.created"] == count(settings, "releases")
    assert events["deployment.starting"] == count(settings, "deployments")
    payloads = rows(settings, "SELECT payload FROM events")
    assert all("seed-demo" in str(payload) for (payload,) in payloads)


def test_a_database_that_is_not_empty_is_left_alone(run: Run, settings: Settings) -> None:
    run()
    before = count(settings, "events")
    done = run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("seed-demo: the database is not empty; --again")
    assert count(settings, "events") == before


def test_again_adds_what_is_missing_and_nothing_twice(run: Run, settings: Settings) -> None:
    run()
    database = Database(settings)
    with database.writing() as session:
        session.execute(text("DELETE FROM nodes WHERE name = 'ber-1'"))
    database.dispose()
    assert run("--again").returncode == 0
    tables = ("nodes", "services", "releases", "deployments", "events")
    once = [count(settings, table) for table in tables]
    assert once[0] == len(seed_demo.MACHINES)
    assert run("--again").returncode == 0
    assert [count(settings, table) for table in tables] == once


def test_it_refuses_in_production(run: Run, settings: Settings) -> None:
    done = run(ENVIRONMENT="production", EDGEPAAS_API_TOKENS="write:0123456789abcdef")
    assert (done.returncode, done.stdout) == (1, "")
    assert "production" in done.stderr
    assert count(settings, "nodes") == 0


def test_a_database_without_tables_or_without_an_answer_is_one_line(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/empty.db", "postgresql://u:hunter2@127.0.0.1:1/d"):
        done = subprocess.run(
            [sys.executable, "-m", "app.seed_demo"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("seed-demo: the database ")
        assert len(done.stderr.splitlines()) == 1
        assert "hunter2" not in done.stderr


def test_alone_it_makes_its_own_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.seed_demo"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "edgepaas.db").exists()

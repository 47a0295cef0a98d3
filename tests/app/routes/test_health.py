import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from alembic import command
from sqlalchemy import create_engine, text

from app.models import SCHEMA_REVISION
from app.settings import Settings
from tests.app.conftest import Serve, alembic_config, settings_for
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

READY = "/health/ready"


def test_live_answers_without_a_database(serve: Serve, tmp_path: Path) -> None:
    client = serve(settings_for("postgresql://u@127.0.0.1:1/d", tmp_path))
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


def test_ready_tells_each_check_and_the_database(client: httpx.Client, settings: Settings) -> None:
    answer = client.get(READY)
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ready"
    assert {name: check["ok"] for name, check in body["checks"].items()} == {
        "draining": True,
        "database": True,
        "schema": True,
    }
    backend = settings.database_backend
    assert body["database"] == {"backend": backend, "fallback": False, "reason": ""}
    assert (body["slot"], body["build"]) == ("blue", "0123456789abcdef")


def test_ready_is_503_as_soon_as_the_drain_file_exists_and_until_it_is_gone(
    client: httpx.Client, settings: Settings
) -> None:
    assert client.get(READY).status_code == 200
    assert settings.drain_file is not None
    settings.drain_file.touch()
    draining = client.get(READY)
    assert draining.status_code == 503
    assert draining.json()["checks"]["draining"]["ok"] is False
    settings.drain_file.unlink()
    assert client.get(READY).status_code == 200


def test_a_missing_schema_is_not_ready_until_it_is_there(
    serve: Serve, empty_database_url: str, tmp_path: Path
) -> None:
    client = serve(settings_for(empty_database_url, tmp_path))
    body = client.get(READY).json()
    assert body["checks"]["database"]["ok"] is True
    assert body["checks"]["schema"]["ok"] is False
    command.upgrade(alembic_config(empty_database_url), "head")
    wait_until(lambda: client.get(READY).status_code == 200, 5, "readiness")


@pytest.mark.parametrize(("revision", "status"), [("0000", 503), ("9999", 200)])
def test_an_older_schema_is_not_ready_and_a_newer_one_is(
    serve: Serve, settings: Settings, revision: str, status: int
) -> None:
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()
    answer = serve(settings).get(READY)
    assert answer.status_code == status
    assert answer.json()["checks"]["schema"]["revision"] == revision


def test_a_fallback_is_ready_and_says_so_everywhere(serve: Serve, settings: Settings) -> None:
    fallback = replace(settings, fallback_active=True, database_reason="connection refused")
    client = serve(fallback)
    answer = client.get(READY)
    assert answer.status_code == 200
    assert answer.json()["database"]["fallback"] is True
    assert answer.json()["database"]["reason"] == "connection refused"
    assert answer.headers["x-edgepaas-database"] == "fallback"


def test_without_a_fallback_no_response_claims_one(client: httpx.Client) -> None:
    assert "x-edgepaas-database" not in client.get(READY).headers


def test_a_database_that_is_down_is_503_at_once(serve: Serve, tmp_path: Path) -> None:
    client = serve(settings_for("postgresql://u:hunter2@127.0.0.1:1/d", tmp_path))
    answer = client.get(READY)
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["ok"] is False
    assert "hunter2" not in answer.text


@pytest.mark.postgres
def test_ready_follows_a_server_that_freezes_in_bounded_time(
    serve: Serve, new_postgres_server: Callable[..., PostgresServer], tmp_path: Path
) -> None:
    server = new_postgres_server()
    server.start()
    command.upgrade(alembic_config(server.url()), "head")
    client = serve(replace(settings_for(server.url(), tmp_path), ready_deadline=0.5))
    assert client.get(READY).status_code == 200
    server.pause()
    wait_until(lambda: client.get(READY).status_code == 503, 5, "unreadiness")
    began = time.monotonic()
    assert client.get(READY).status_code == 503
    assert time.monotonic() - began < 1.5
    assert client.get("/health/live").status_code == 200
    server.resume()
    wait_until(lambda: client.get(READY).status_code == 200, 10, "readiness")


def test_many_who_ask_at_once_cost_one_question(
    sqlite_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def counted_revision(session: object) -> str:
        asked.append(session)
        return SCHEMA_REVISION

    monkeypatch.setattr("app.sre.health.revision", counted_revision)
    for _ in range(20):
        assert sqlite_client.get(READY).status_code == 200
    assert 1 <= len(asked) <= 3


def test_a_bug_in_the_probe_is_not_ready_instead_of_an_error(
    sqlite_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sre.health.revision", lambda _: 1 / 0)
    answer = sqlite_client.get(READY)
    assert answer.status_code == 503
    assert "ZeroDivisionError" in answer.json()["checks"]["database"]["detail"]


def test_system_reports_every_check_against_its_threshold(sqlite_client: httpx.Client) -> None:
    body = sqlite_client.get("/health/system").json()
    assert set(body["checks"]) == {"cpu", "memory", "disk", "descriptors"}
    assert all({"ok", "threshold"} <= set(check) for check in body["checks"].values())


@pytest.mark.parametrize("path", ["/health/live", READY, "/health/system", "/version", "/"])
def test_head_is_answered_like_get_without_a_body(sqlite_client: httpx.Client, path: str) -> None:
    answer = sqlite_client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")

"""The app at work while the next release migrates the database it serves from."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.models import SCHEMA_REVISION
from app.sre.health import schema_check
from tests.app.conftest import Serve, settings_for
from tests.support.next_release import next_release
from tests.support.oneshot import REPOSITORY, Container, ended
from tests.support.wait import wait_until

READY = "/health/ready"
# Tells that it has begun, does long work (a backfill), and alters a table at the end.
EXPAND = """begun, gate = (pathlib.Path(os.environ[name]) for name in ("BEGUN", "GATE"))
    begun.touch()
    while not gate.exists():
        op.execute("SELECT pg_sleep(0.02)")
    op.execute("ALTER TABLE nodes ADD COLUMN colour text")"""
CONTRACT = 'op.execute("ALTER TABLE nodes DROP COLUMN labels")'
pytestmark = pytest.mark.postgres


def release(directory: Path, url: str, migrations: str, **variables: str) -> Container:
    """Return a container of the app with those migrations."""
    return Container(
        directory,
        REPOSITORY,
        DATABASE_URL=url,
        EDGEPAAS_SCHEMA_METADATA="app.models:Base.metadata",
        EDGEPAAS_SCHEMA_MIGRATIONS=migrations,
        **variables,
    )


def step(container: Container) -> str:
    result = container.run("-m", "boot.oneshots.schema_bootstrap")
    assert result.status == 0, result.output
    return result.output


def test_the_old_colour_stays_ready_while_the_new_one_expands_and_can_come_back(
    serve: Serve, postgres_url: str, tmp_path: Path
) -> None:
    blue = release(tmp_path, postgres_url, "app:migrations")
    step(blue)
    client = serve(settings_for(postgres_url, tmp_path))
    assert client.get(READY).status_code == 200

    begun, gate = tmp_path / "begun", tmp_path / "gate"
    migrations, head = next_release(tmp_path, EXPAND, admits_head=True)
    green = release(tmp_path, postgres_url, str(migrations), BEGUN=str(begun), GATE=str(gate))
    migrating = green.start("-m", "boot.oneshots.schema_bootstrap")
    wait_until(begun.exists, 30, "the migration's middle")
    during = client.get(READY)
    assert during.status_code == 200
    assert during.json()["checks"]["schema"]["revision"] == SCHEMA_REVISION
    gate.touch()
    assert ended(migrating).status == 0

    wait_until(lambda: client.get(READY).json()["checks"]["schema"]["revision"] == head, 10, "head")
    assert client.get(READY).status_code == 200
    assert f"it admits images at {SCHEMA_REVISION}" in step(blue), "and a rollback boots"


def test_a_contraction_is_refused_while_the_app_is_connected(
    serve: Serve,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    step(release(tmp_path, postgres_url, "app:migrations"))
    name = f"edgepaas/blue/{SCHEMA_REVISION}/f00"
    client = serve(replace(settings_for(postgres_url, tmp_path), client_name=name))
    assert client.get(READY).status_code == 200
    migrations, _ = next_release(tmp_path, CONTRACT, admits_head=False)
    green = release(tmp_path, postgres_url, str(migrations))
    refused = green.run("-m", "boot.oneshots.schema_bootstrap")
    assert refused.status == 75, refused.output
    assert f"slot blue at {SCHEMA_REVISION} (build f00)" in refused.output
    assert client.get(READY).status_code == 200


def test_code_of_the_next_release_is_not_ready_on_the_old_schema(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    following = f"{int(SCHEMA_REVISION) + 1:04}"
    monkeypatch.setattr("app.sre.health.SCHEMA_REVISION", following)
    assert not schema_check(SCHEMA_REVISION)["ok"]
    assert schema_check(following)["ok"]

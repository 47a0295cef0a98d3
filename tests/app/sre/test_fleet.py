import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from app.admission import Admission
from app.db import Database
from app.settings import Settings
from app.sre import fleet
from app.sre.fleet import Claim, FleetCount

Make = Callable[[Database, int], None]


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_nodes_and_deployments_are_counted_by_state(settings: Settings, make_nodes: Make) -> None:
    database = Database(settings)
    make_nodes(database, 3)
    FleetCount(settings, database, Admission(1, 1.0)).count()
    assert value("edgepaas_nodes", status="offline") == 3
    assert value("edgepaas_nodes", status="online") == 0
    assert value("edgepaas_deployments", state="live") == 0
    assert (value("edgepaas_fleet_counted_timestamp_seconds") or 0) > 1e9
    database.dispose()


def test_one_process_of_a_container_counts_and_another_takes_over(tmp_path: Path) -> None:
    first, second = Claim(tmp_path), Claim(tmp_path)
    assert first.is_ours()
    assert first.is_ours()
    assert not second.is_ours()
    first.release()
    assert second.is_ours()
    second.release()


def test_a_process_without_a_run_directory_counts_by_itself() -> None:
    assert Claim(None).is_ours()


def test_a_run_directory_that_cannot_be_written_means_no_count(tmp_path: Path) -> None:
    assert not Claim(tmp_path / "missing").is_ours()


@pytest.mark.anyio
async def test_an_outage_leaves_the_last_count_and_ends_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fleet, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(fleet, "EVERY_SECONDS", 0.0)
    gone = replace(settings, database_url=f"sqlite:///{tmp_path}/missing/gone.db")
    count = FleetCount(gone, Database(gone), Admission(1, 1.0))
    tried = asyncio.Event()
    real = count.count

    def counting() -> None:
        loop.call_soon_threadsafe(tried.set)
        real()

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(count, "count", counting)
    running = asyncio.create_task(count.run())
    for _ in range(2):
        await tried.wait()
        tried.clear()
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})

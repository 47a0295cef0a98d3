"""The SQLite file that web serves is claimed from its start to the end of its last process."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boot.database import claim
from boot.exit_status import ExitStatus
from tests.support.wait import wait_until
from tests.support.web_unit import WebUnit

Start = Callable[..., WebUnit]
PATIENCE = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shared.db"


def serving(file: Path, boot_id: str, *, fallback: bool) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{file}",
        "EDGEPAAS_DB_FALLBACK_ACTIVE": str(int(fallback)),
        "EDGEPAAS_BOOT_ID": boot_id,
        "SLOT": "green",
    }


def records(unit: WebUnit, level: str) -> list[dict[str, Any]]:
    lines = map(json.loads, unit.log.splitlines())
    return [line for line in lines if line["level"] == level]


def test_a_second_container_on_a_fallback_ends_and_names_the_first(
    start_web: Start, file: Path
) -> None:
    first = start_web(**serving(file, "first", fallback=True))
    first.wait_ready()
    second = start_web(**serving(file, "second", fallback=True))
    assert second.wait(PATIENCE) == ExitStatus.TEMPORARY
    (error,) = records(second, "ERROR")
    assert "shared.db is in use by boot first, slot green on host" in error["message"]
    assert first.get("/")[0] == 200


def test_a_shared_embedded_file_is_served_by_both_and_told_once(
    start_web: Start, file: Path
) -> None:
    first = start_web(**serving(file, "first", fallback=False))
    first.wait_ready()
    second = start_web(**serving(file, "second", fallback=False))
    second.wait_ready()
    assert records(first, "WARNING") == []
    (warning,) = records(second, "WARNING")
    assert "also served by boot first, slot green" in warning["message"]
    assert warning["other"]["boot_id"] == "first"


def test_a_claim_outlives_reload_and_dead_workers_but_not_the_arbiter(
    start_web: Start, file: Path
) -> None:
    unit = start_web(**serving(file, "first", fallback=True))
    unit.wait_ready()
    before = unit.worker_pids()
    os.kill(unit.process.pid, signal.SIGHUP)
    wait_until(
        lambda: (
            len(unit.worker_pids() - before) == unit.workers and not unit.worker_pids() & before
        ),
        PATIENCE,
        "other workers",
    )
    held = claim.holder(file)
    assert held is not None
    assert (held.boot_id, held.exclusive) == ("first", True)
    os.killpg(unit.process.pid, signal.SIGKILL)
    wait_until(lambda: claim.holder(file) is None, PATIENCE, "the claim's end")


def test_a_directory_that_is_not_there_is_73_in_one_line(start_web: Start, tmp_path: Path) -> None:
    unit = start_web(**serving(tmp_path / "missing" / "x.db", "first", fallback=False))
    assert unit.wait(PATIENCE) == ExitStatus.CANNOT_WRITE
    (error,) = records(unit, "ERROR")
    assert "mount a writable volume" in error["message"]

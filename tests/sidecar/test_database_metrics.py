"""What a fallback has written that PostgreSQL does not have is a metric, cheaply."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.database_metrics import LOOK_SECONDS, NOTHING, JournalGauge, Waiting
from tests.support.fallback_file import FallbackFile
from tests.support.sidecar_unit import SidecarUnit

Start = Callable[..., SidecarUnit]


@pytest.fixture
def fallback(tmp_path: Path) -> FallbackFile:
    """A fallback with two changes, of which one is dealt with and parked."""
    file = FallbackFile(tmp_path / "fallback.db")
    file.run("CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY)")
    file.install()
    file.run("INSERT INTO t VALUES ('a'), ('b')")
    file.journal.advance(through=1, applied=0, parked=1)
    return file


def test_what_waits_in_the_journal_is_shown(start_sidecar: Start, fallback: FallbackFile) -> None:
    sidecar = start_sidecar(EDGEPAAS_DATA_DIR=str(fallback.path.parent))
    sidecar.wait_ready()
    assert sidecar.sample("edgepaas_journal_pending_operations") == 1
    assert sidecar.sample("edgepaas_journal_parked_operations") == 1


def test_without_a_fallback_nothing_waits(start_sidecar: Start, tmp_path: Path) -> None:
    sidecar = start_sidecar(EDGEPAAS_DATA_DIR=str(tmp_path))
    sidecar.wait_ready()
    assert sidecar.sample("edgepaas_journal_pending_operations") == 0


def test_a_file_that_cannot_be_read_is_shown_as_nothing_at_all(
    start_sidecar: Start, tmp_path: Path
) -> None:
    (tmp_path / "fallback.db").write_bytes(b"no database at all" * 100)
    sidecar = start_sidecar(EDGEPAAS_DATA_DIR=str(tmp_path))
    sidecar.wait_ready()
    assert "edgepaas_journal_pending" not in sidecar.get("/metrics").text


def test_the_file_is_looked_at_seldom(fallback: FallbackFile) -> None:
    now = [100.0]
    gauge = JournalGauge(fallback.path, lambda: now[0])
    assert gauge.read() == Waiting(1, 1)
    fallback.run("DELETE FROM t")
    assert gauge.read() == Waiting(1, 1)
    now[0] += LOOK_SECONDS
    assert gauge.read() == Waiting(3, 1)


def test_a_file_that_was_set_aside_waits_no_more(fallback: FallbackFile) -> None:
    fallback.journal.advance(through=2, applied=2, parked=0)
    fallback.journal.close_and_keep()
    assert JournalGauge(fallback.path).read() == NOTHING

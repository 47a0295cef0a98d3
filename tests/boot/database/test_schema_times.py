"""What the schema step leaves for the metrics."""

from pathlib import Path

import pytest

from boot.database import schema_times
from boot.database.schema_times import Stopwatch, Times


def test_what_fails_is_measured_too_and_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 1.0, 10.0, 12.0, 20.0, 24.0])
    monkeypatch.setattr(schema_times, "now", lambda: next(ticks))
    stopwatch = Stopwatch()
    with stopwatch.waiting():
        pass
    with pytest.raises(ZeroDivisionError), stopwatch.waiting():
        raise ZeroDivisionError
    with stopwatch.migrating():
        pass
    assert (stopwatch.waited, stopwatch.migrated) == (3.0, 4.0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    stopwatch = Stopwatch()
    stopwatch.waited, stopwatch.migrated = 1.5, 2.25
    stopwatch.write(tmp_path)
    assert schema_times.read(tmp_path) == Times(1.5, 2.25)


@pytest.mark.parametrize("content", [None, "", "{", "[1]", '{"lock_wait_seconds": 1}'])
def test_without_a_proper_file_nothing_is_known(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / schema_times.NAME).write_text(content)
    assert schema_times.read(tmp_path) is None

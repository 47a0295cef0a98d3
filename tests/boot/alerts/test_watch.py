"""What is worth an alert: what began, and that it is over, each once."""

from pathlib import Path

import pytest

from boot.alerts.memory import FILE, Memory
from boot.alerts.watch import Limits, Seen, Watch

FINE = Seen("ready", False, "", True, "", False, {"/data": 50.0}, {})
LOST = FINE._replace(ready=False, why="the app says 503")


class Clock:
    now = 1e6

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(tmp_path: Path, clock: Clock) -> Watch:
    return Watch(Limits(unready=60, disk=90), Memory(tmp_path / FILE, 900, clock))


def told(watch: Watch, seen: Seen, now: float = 0.0) -> list[str]:
    return [alert.what for alert in watch.look(seen, now)]


def test_nothing_is_told_of_a_container_that_is_fine(watch: Watch) -> None:
    assert told(watch, FINE) == []


def test_a_fallback_is_told_when_it_is_entered_and_when_it_is_left(watch: Watch) -> None:
    fallback = FINE._replace(fallback=True, reason="unreachable for 30 s")
    (alert,) = watch.look(fallback, 0)
    assert alert.what.startswith("fallback entered")
    assert "unreachable for 30 s" in alert.text
    assert told(watch, fallback) == []
    assert told(watch, FINE) == ["fallback left: PostgreSQL serves again"]
    assert told(watch, FINE) == []


def test_readiness_is_lost_when_it_was_for_so_many_seconds_without_a_drain(watch: Watch) -> None:
    assert told(watch, LOST, 0) == []
    assert told(watch, LOST, 59) == []
    assert told(watch, LOST._replace(draining=True), 61) == []
    assert told(watch, LOST, 62) == []
    assert told(watch, LOST, 122) == ["not ready for 60 s"]
    assert told(watch, LOST, 500) == []
    assert told(watch, FINE, 501) == ["ready again"]


def test_a_boot_and_a_stop_are_no_loss_of_readiness(watch: Watch) -> None:
    for phase in ("booting", "stopping", ""):
        assert told(watch, LOST._replace(phase=phase), 0) == []
        assert told(watch, LOST._replace(phase=phase), 999) == []


def test_a_rerun_that_takes_too_long_is_one(watch: Watch) -> None:
    assert told(watch, LOST._replace(phase="rerunning"), 0) == []
    assert told(watch, LOST._replace(phase="rerunning"), 60) == ["not ready for 60 s"]


def test_a_disk_is_told_when_it_fills_and_when_there_is_room_again(watch: Watch) -> None:
    assert told(watch, FINE._replace(disks={"/data": 91.4})) == ["/data is 91 % full"]
    assert told(watch, FINE._replace(disks={"/data": 99.0})) == []
    assert told(watch, FINE._replace(disks={"/data": 88.0})) == []  # it does not flap
    assert told(watch, FINE._replace(disks={"/data": 80.0})) == ["/data has room again"]


def test_a_unit_that_failed_is_told_while_the_container_lives(watch: Watch) -> None:
    held = FINE._replace(phase="held", failed={"schema-bootstrap": "exited with 76: boom"})
    (alert,) = watch.look(held, 0)
    assert (alert.what, alert.text) == ("schema-bootstrap failed", "exited with 76: boom.")
    assert told(watch, held) == []
    assert told(watch, held._replace(phase="stopping", failed={"web": "died"})) == []


def test_what_comes_and_goes_is_told_once_in_a_cool_down(watch: Watch, clock: Clock) -> None:
    full, empty = (FINE._replace(disks={"/data": percent}) for percent in (95.0, 10.0))
    assert told(watch, full)
    assert told(watch, empty)
    for _ in range(3):
        assert told(watch, full) == []
        assert told(watch, empty) == []
    assert told(watch, full) == []
    clock.now += 900
    assert told(watch, full) == ["/data is 95 % full"]  # it goes on, and now it may be told

"""The boot report and its table."""

import json
from pathlib import Path

import pytest

from boot.report import EVENTS_KEPT, Report, State, render_table
from boot.units import Kind, Ready, Unit

UNITS = [
    Unit("step", Kind.ONESHOT),
    Unit("web", Kind.LONGRUN, ("step",), ready=Ready.NOTIFY),
    Unit("never", Kind.ONESHOT, ("web",)),
]
IDENTITY = {"boot_id": "b00t", "build_id": "r1", "version": "1", "slot": "blue"}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def report(clock: Clock) -> Report:
    made = Report(UNITS, IDENTITY, clock)
    made.begin("step")
    clock.now += 1
    made.settle("step", State.DONE)
    made.begin("web")
    clock.now += 3
    made.settle("web", State.READY)
    return made


def test_times_are_seconds_since_the_boot_began(report: Report) -> None:
    entries = report.entries
    assert (entries["step"].start, entries["step"].end, entries["step"].duration) == (0, 1, 1)
    assert (entries["web"].start, entries["web"].end, entries["web"].duration) == (1, 4, 3)


def test_another_attempt_forgets_the_result_of_the_one_before(report: Report) -> None:
    report.entries["step"].status_text = "halfway"
    report.begin("step")
    entry = report.entries["step"]
    assert entry.attempts == 2
    assert entry.state is State.RUNNING
    assert (entry.end, entry.result, entry.status_text) == (None, None, None)


def test_the_file_is_replaced_whole_and_holds_everything(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "boot.json"
    report.event("web", "ended", "exited with 1")
    report.write(path)
    report.write(path)
    written = json.loads(path.read_text())
    assert written == json.loads(json.dumps(report.as_dict()))
    assert written["units"][0]["name"] == "step"
    assert written["events"][0]["event"] == "ended"
    assert list(tmp_path.iterdir()) == [path]
    assert not report.changed


def test_events_are_kept_within_bounds(report: Report) -> None:
    for number in range(EVENTS_KEPT + 5):
        report.event(None, "event", str(number))
    assert [report.events[0]["detail"], len(report.events)] == ["5", EVENTS_KEPT]


def test_the_table_has_a_line_and_a_bar_for_each_unit(report: Report) -> None:
    assert render_table(report.as_dict()).splitlines()[:4] == [
        "unit   state         start  seconds  tries  result",
        "step   done          0.000    1.000      1  |████████                        | done",
        "web    ready         1.000    3.000      1  |        ████████████████████████| ready",
        "never  waiting           -        -      0  |                                |",
    ]


def test_the_table_of_a_boot_that_has_not_begun_can_be_shown(clock: Clock) -> None:
    table = render_table(Report(UNITS, IDENTITY, clock).as_dict())
    assert "booting, not ready yet; boot b00t" in table
    assert render_table(Report([], IDENTITY, clock).as_dict()).startswith("unit")

"""What make bench does with figures; what it measures is no test's business."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from scripts.bench import __main__ as bench
from scripts.bench import kept, plot, rivals, timeline
from scripts.bench.line import Line, from_plain
from scripts.bench.measure import Sample
from scripts.console import Failure

FIGURES = {
    rivals.OURS.name: {"start": Sample("s", [0.9, 1.0, 1.4])},
    "<another> & more": {"start": Sample("s", [2.0])},
}


def test_every_contestant_begins_a_round_in_its_turn() -> None:
    names = [one.name for one in rivals.in_turn(rivals.ALL, len(rivals.ALL))]
    size = len(rivals.ALL)
    assert names[::size] == [one.name for one in rivals.ALL]
    assert set(Counter(names).values()) == {size}


def test_a_health_check_is_none_of_the_processes_that_are_measured() -> None:
    parents = {10: 5, 11: 10, 12: 10, 13: 11, 20: 5, 21: 20}
    assert sorted(rivals.family(10, parents)) == [10, 11, 12, 13]


def test_a_ratio_is_ours_divided_by_the_others() -> None:
    told = bench.compared(FIGURES)
    assert "1.0 s (0.9-1.4)" in told
    assert "x 0.50" in told


def test_nothing_is_no_ratio() -> None:
    figures = {**FIGURES, "idle": {"start": Sample("s", [0.0, 0.0, 0.0])}}
    assert bench.compared(figures).splitlines()[-1].split()[0:1] == ["idle"]
    assert "nan" not in bench.compared(figures)


def test_who_had_their_turns_together_are_compared_by_the_round() -> None:
    slow_hour_first = [2.0, 4.0, 8.0]
    ours, others = Sample("/s", slow_hour_first), Sample("/s", [1.0, 2.0, 8.0])
    assert ours.over(others) == 2.0
    assert ours.over(Sample("/s", [1.0, 2.0])) == 4.0 / 1.5


def test_the_plot_is_sound_whatever_a_contestant_is_called() -> None:
    words = words_of(plot.page(bench.by_measure(FIGURES), rivals.OURS.name))
    assert "<another> & more" in words
    assert "1 s" in words


def words_of(drawing: str) -> list[str | None]:
    root = ET.fromstring(drawing)  # noqa: S314 - ours
    return [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_section_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY", "start,nonsense")
    with pytest.raises(Failure, match="nonsense"):
        bench.main()


def test_a_line_tells_its_exponent_and_what_one_more_costs() -> None:
    square = Line("square", "units", "s")
    for number in (1, 2, 4, 8):
        square.add(number, float(number**2), float(number**2), 1000.0)
    assert square.exponent() == pytest.approx(2)
    assert square.each() == pytest.approx(9)
    dear = Line("a fixed cost, then a second each", "units", "s")
    for number in (1, 10, 100, 1000, 10_000):
        dear.add(number, 50.0 + number)
    assert dear.exponent() < 0.7
    assert dear.exponent_at_the_end() == pytest.approx(1, abs=0.1)


def test_a_line_kept_as_json_is_the_same_line() -> None:
    line = Line("scrape", "series", "ms")
    line.add(100, 1.0, 2.0, 3.0)
    line.add(200, 4.0)
    assert from_plain(line.name, json.loads(json.dumps(line.as_plain()))) == line


def test_a_timeline_adds_up_from_docker_run_to_the_first_200() -> None:
    """A unit that was passed over took no part."""
    units = [
        {"name": "check", "requires": [], "start": 0.0, "end": 0.1, "duration": 0.1},
        {"name": "web", "requires": ["check"], "start": 0.15, "end": 0.4, "duration": 0.25},
        {"name": "off", "requires": [], "start": None, "end": 0.1, "duration": None},
    ]
    report = {"units": units, "ready_seconds": 0.4}
    found = timeline.steps(report, first_line=0.3, began=0.5, answered=0.92)
    assert {name: round(value) for name, value in found.items()} == {
        "docker run to PID 1's first line": 300,
        "PID 1's imports": 200,
        "check begins at": 500,
        "check waits for its turn": 0,
        "check takes": 100,
        "web begins at": 650,
        "web waits for its turn": 50,
        "web takes": 250,
        "ready to first 200": 20,
        "docker run to first 200": 920,
    }


def test_one_plot_has_the_figures_of_all_sections_kept(tmp_path: Path) -> None:
    line = Line("scrape of two workers", "series", "ms")
    for number in (100, 300, 1000, 3000, 10_000):
        line.add(number, number / 100)
    sample = {"unit": "s", "values": [1.0, 2.0]}
    figures = {"start": sample, "only ours": sample}
    for name, text in {
        "start": json.dumps({"cpus": 2, "edgepaas": figures, "bare": {"start": sample}}),
        "boot": json.dumps(
            {"chains": {"edgepaas": {"hand-over": sample}, "s6": {"hand-over": sample}}}
        ),
        "scaling": json.dumps({"lines": {line.name: line.as_plain()}}),
        "half-written": "{",
    }.items():
        (tmp_path / f"{name}.json").write_text(text)
    words = words_of(kept.draw(tmp_path).read_text(encoding="utf-8"))
    assert {"start", "hand-over", "bare", "s6", line.name, "10,000"} <= set(words)
    assert "exponent 1.00, at the end 1.00" in words
    assert "only ours" not in words


def test_numbers_below_an_axis_do_not_run_into_each_other() -> None:
    numbers = [*range(1, 200)]
    axis = plot.Axis(1, 200, 0, 400)
    drawn = plot.named(axis, numbers, 0)
    places = sorted(float(ET.fromstring(each).get("x", "")) for each in drawn)  # noqa: S314 - ours
    assert len(places) > 3
    assert all(after - before >= plot.TICKS_APART for before, after in pairwise(places))

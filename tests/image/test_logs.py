"""The log: every line of a whole life in one form, from whoever it comes."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from scripts.engine import Engine
from tests.support.container import ANYTHING, Container
from tests.support.image_fixtures import Run
from tests.support.inside import pid_of
from tests.support.service_files import unit
from tests.support.wait import wait_until

LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
TEXT_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL) "
    r"[\w.-]+: .+"
)
TALKER = (
    "python -c \"import os; os.write(1, b'plain words\\n\\xff not utf-8\\n');"
    " os.write(2, b'to stderr\\n'); os.write(1, b'without an end')\""
)


def whole_life(run: Run, image: str, tmp_path: Path, **env: str) -> Container:
    """Return a container that booted, was disturbed in several ways, and was stopped."""
    option = unit(tmp_path, "talker", TALKER)
    container = run(image, env=env, options=[option], expected=ANYTHING).ready()
    container.http("/no-such-page")
    container.http("/api/v1/nodes", method="POST", body="{")
    container.check_output("bash", "-c", f"kill -KILL {pid_of(container, 'metrics')}")
    wait_until(lambda: container.answers("/readyz", 9464), 20, "metrics back")
    container.send("USR1")
    container.send("HUP")
    container.ready().stop()
    return container


@pytest.fixture(scope="module")
def stopped(run_shared: Run, image: str, tmp_path_factory: pytest.TempPathFactory) -> Container:
    """A container that lived and ended, with its log in JSON."""
    return whole_life(run_shared, image, tmp_path_factory.mktemp("logs"), SLOT="green")


@pytest.fixture(scope="module")
def records(stopped: Container) -> list[Mapping[str, Any]]:
    """Its lines."""
    return [json.loads(line) for line in stopped.logs().splitlines()]


def test_every_line_is_one_json_object_with_the_same_fields(
    stopped: Container, records: list[Mapping[str, Any]]
) -> None:
    boots = set()
    for record in records:
        assert datetime.fromisoformat(record["time"]).tzinfo is not None
        assert record["level"] in LEVELS
        assert record["program"]
        assert record["message"].strip()
        assert record["slot"] == "green"
        boots.add(record["boot"])
    assert len(boots) == 1
    assert re.fullmatch(r"[0-9a-f]{12}", boots.pop())


def test_every_program_speaks_under_the_name_of_its_unit(
    records: list[Mapping[str, Any]],
) -> None:
    units = {"env-check", "db-wait", "schema-bootstrap", "web", "metrics", "talker"}
    assert {record["program"] for record in records} == {"pid1", *units}


def test_lines_of_a_foreign_program_are_wrapped_whatever_they_hold(
    records: list[Mapping[str, Any]],
) -> None:
    said = {each["message"]: each for each in records if each["program"] == "talker"}
    assert set(said) == {"plain words", "\\xff not utf-8", "to stderr", "without an end"}
    assert said["to stderr"]["stream"] == "stderr"


def test_there_is_a_line_for_every_unit_and_the_ready_and_the_end(
    records: list[Mapping[str, Any]],
) -> None:
    told = [record["message"] for record in records if record["program"] == "pid1"]
    for words in ("web is ready after", "db-wait is done after", "the container is ready after"):
        assert sum(line.startswith(words) for line in told) == 1
    assert told[-1].startswith("exit status 0")


def test_times_never_go_back_by_more_than_a_moment(records: list[Mapping[str, Any]]) -> None:
    times = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    assert all(later - earlier > -1 for earlier, later in pairwise(times))


def test_stdout_has_it_all(docker: Engine, stopped: Container) -> None:
    assert docker.run("logs", stopped.id).stderr == ""


def test_in_text_every_line_is_readable(run: Run, image: str, tmp_path: Path) -> None:
    container = whole_life(run, image, tmp_path, LOG_FORMAT="text", TZ="Europe/Berlin")
    lines = container.logs().splitlines()
    strange = [line for line in lines if not (TEXT_LINE.fullmatch(line) or line.startswith("  "))]
    assert strange == []
    assert lines[0].partition(" ")[0].endswith("+01:00")


def test_a_level_hides_what_is_below_it(run: Run, image: str) -> None:
    container = run(image, env={"LOG_LEVEL": "warning"}).ready()
    container.stop()
    assert container.logs() == ""

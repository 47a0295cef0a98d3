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
from tests.support.inside import pid_of, processes
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


BREAKER = (
    "python -c \"import warnings; from boot.logline import configure; configure('breaker');"
    " warnings.warn('old ways', UserWarning); raise ValueError('the cause')\""
)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def whole_life(run: Run, image: str, tmp_path: Path, **env: str) -> Container:
    """Return a container that booted, was disturbed in several ways, and was stopped."""
    options = [
        unit(tmp_path, "talker", TALKER),
        unit(tmp_path, "breaker", BREAKER, "on_failure = ignore"),
    ]
    env = {"EDGEPAAS_ACCESS_LOG": "1", **env}
    container = run(image, env=env, options=options, expected=ANYTHING).ready()
    container.http("/health/live")
    container.http("/no-such-page?q=1", traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    crash_a_worker(container)
    container.http("/api/v1/nodes", method="POST", body="{")
    container.check_output("bash", "-c", f"kill -KILL {pid_of(container, 'metrics')}")
    wait_until(lambda: container.answers("/readyz", 9464), 20, "metrics back")
    container.send("USR1")
    container.send("HUP")
    container.ready().stop()
    return container


def crash_a_worker(container: Container) -> None:
    """Let a worker die as by a bug in C, and wait until another serves."""
    arbiter = pid_of(container, "web")
    worker = next(each.pid for each in processes(container).values() if each.parent == arbiter)
    container.check_output("bash", "-c", f"kill -SEGV {worker}")
    served = re.compile(r"worker \d+ \(pid \d+\) serves")
    wait_until(lambda: len(served.findall(container.logs())) >= 3, 60, "another worker")


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
    units = {"env-check", "db-wait", "schema-bootstrap", "web", "metrics", "talker", "breaker"}
    assert {record["program"] for record in records} == {"pid1", *units}


def test_lines_of_a_foreign_program_are_wrapped_whatever_they_hold(
    records: list[Mapping[str, Any]],
) -> None:
    said = {each["message"]: each for each in records if each["program"] == "talker"}
    assert set(said) == {"plain words", "\\xff not utf-8", "to stderr", "without an end"}
    assert said["to stderr"]["stream"] == "stderr"


def test_a_crash_below_python_is_one_line_with_the_stacks(
    records: list[Mapping[str, Any]],
) -> None:
    (crash,) = [each for each in records if each["message"].startswith("Fatal Python error: ")]
    assert (crash["program"], crash["level"]) == ("web", "CRITICAL")
    assert "most recent call first" in crash["traceback"]
    strays = ("  File", "Current thread", "Thread 0x", "Extension modules")
    assert not [each for each in records if each["message"].startswith(strays)]


def test_a_warning_and_an_exception_nobody_caught_are_a_line_each(
    records: list[Mapping[str, Any]],
) -> None:
    warning, error = [each for each in records if each["program"] == "breaker"]
    assert warning["level"] == "WARNING"
    assert "UserWarning: old ways" in warning["message"]
    assert error["level"] == "CRITICAL"
    assert error["message"].endswith("ValueError: the cause")
    assert error["traceback"].startswith("Traceback")


def test_the_access_log_has_each_request_but_those_of_probes(
    records: list[Mapping[str, Any]],
) -> None:
    told = {each["path"]: each for each in records if "ms" in each}
    missing = told["/no-such-page"]
    assert (missing["status"], missing["trace_id"]) == (404, TRACE)
    assert missing["request_id"]
    assert not [path for path in told if path.startswith("/health/")]


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

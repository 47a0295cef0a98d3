"""What an operator at supervisorctl sees of the units."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.container import Container
from tests.support.wait import wait_until

ONESHOTS = ("db-wait", "env-check", "schema-bootstrap")
LONGRUNS = ("metrics", "web")
IN_A_FALLBACK = "db-return"
WHERE_SOMEBODY_IS_TOLD = "alerts"


@pytest.fixture(scope="module")
def status(service: Container) -> dict[str, str]:
    """The state of each unit, as `supervisorctl status` without flags prints it."""
    lines = service.exec("supervisorctl", "status").stdout.splitlines()
    return {name: state for name, state, *_ in (line.split() for line in lines)}


@pytest.fixture
def undrained(laboratory: Container) -> Iterator[Container]:
    """A container that may be drained, and is not afterwards."""
    yield laboratory
    laboratory.exec("supervisorctl", "undrain")


def test_every_unit_is_shown(status: dict[str, str]) -> None:
    assert sorted(status) == sorted([*ONESHOTS, *LONGRUNS, IN_A_FALLBACK, WHERE_SOMEBODY_IS_TOLD])


@pytest.mark.parametrize("unit", [IN_A_FALLBACK, WHERE_SOMEBODY_IS_TOLD])
def test_what_is_not_asked_for_was_not_started(status: dict[str, str], unit: str) -> None:
    assert status[unit] == "STOPPED"


@pytest.mark.parametrize("unit", ONESHOTS)
def test_a_oneshot_that_succeeded_reads_exited(status: dict[str, str], unit: str) -> None:
    assert status[unit] == "EXITED"


@pytest.mark.parametrize("unit", LONGRUNS)
def test_a_service_reads_running(status: dict[str, str], unit: str) -> None:
    assert status[unit] == "RUNNING"


@pytest.mark.parametrize("unit", LONGRUNS)
def test_testinfra_sees_them_too(host: Any, unit: str) -> None:
    assert host.supervisor(unit).is_running


def test_status_says_by_its_own_status_that_something_does_not_run(service: Container) -> None:
    assert service.exec("supervisorctl", "status", "web").returncode == 0
    assert service.exec("supervisorctl", "status", "env-check").returncode == 3


def test_boot_is_a_table_with_a_line_and_a_bar_per_unit(service: Container) -> None:
    table = service.check_output("supervisorctl", "boot")
    rows = {line.split()[0]: line for line in table.splitlines()[1:] if "|" in line}
    assert sorted(rows) == sorted([*ONESHOTS, *LONGRUNS, IN_A_FALLBACK, WHERE_SOMEBODY_IS_TOLD])
    passed_over = {IN_A_FALLBACK, WHERE_SOMEBODY_IS_TOLD}
    assert all("█" in row for name, row in rows.items() if name not in passed_over)
    assert re.search(r"ready after \d+\.\d{3} s; boot [0-9a-f]{12}", table)


def test_help_names_our_commands(service: Container) -> None:
    for command in ("boot", "drain", "undrain"):
        assert f"{command}\t" in service.check_output("supervisorctl", "help", command)
    assert "No help" not in service.check_output("supervisorctl", "help", "start")


def test_drain_turns_ready_red_and_goes_on_serving(undrained: Container) -> None:
    undrained.check_output("supervisorctl", "drain")
    answer = undrained.management("/readyz")
    assert answer.status == 503
    assert answer.json()["reason"] == "draining"
    assert undrained.http("/health/ready").status == 503
    assert undrained.http("/").status == 200
    assert undrained.management("/livez").status == 200
    assert "drain" in {event["event"] for event in undrained.boot()["events"]}


def test_undrain_takes_it_back(undrained: Container) -> None:
    undrained.check_output("supervisorctl", "drain")
    undrained.check_output("supervisorctl", "undrain")
    assert undrained.management("/readyz").status == 200
    assert undrained.http("/health/ready").status == 200


def test_a_reload_that_would_stop_everything_is_refused(laboratory: Container) -> None:
    before = laboratory.boot()["boot_id"]
    laboratory.exec("supervisorctl", "reload")
    assert laboratory.ready().boot()["boot_id"] == before
    assert "reload refused" in laboratory.logs()


def test_clearing_logs_leaves_the_container_its_log(laboratory: Container) -> None:
    laboratory.exec("supervisorctl", "clear", "all")
    laboratory.send("USR2")
    wait_until(lambda: "SIGUSR2" in laboratory.logs(), 5, "a line in the log")


def test_a_oneshot_may_be_run_again_by_hand(laboratory: Container) -> None:
    done = laboratory.exec("supervisorctl", "start", "env-check")
    assert "env-check: started" in done.stdout
    entry = next(unit for unit in laboratory.boot()["units"] if unit["name"] == "env-check")
    assert entry["attempts"] >= 2
    assert laboratory.ready().boot()["phase"] == "ready"

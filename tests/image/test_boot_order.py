"""The boot's timeline: every unit begins when what it requires is done, and not before."""

from typing import Any

import pytest

from tests.support.container import Container

REQUIRES = {
    "env-check": [],
    "db-wait": ["env-check"],
    "schema-bootstrap": ["db-wait"],
    "web": ["schema-bootstrap"],
    "metrics": [],
}
WHERE_ASKED_FOR = {"db-return": ["web"], "alerts": ["env-check"]}
HANDOVER_SECONDS = 0.1  # measured: 1 ms; `make bench` holds the tight bound


@pytest.fixture(scope="module")
def report(service: Container) -> dict[str, Any]:
    """The boot report of a container that is ready."""
    return service.boot()


@pytest.fixture(scope="module")
def units(report: dict[str, Any]) -> dict[str, Any]:
    """Its units by name."""
    return {unit["name"]: unit for unit in report["units"]}


def test_the_graph_is_the_declared_one(units: dict[str, Any]) -> None:
    assert {name: unit["requires"] for name, unit in units.items()} == {
        **REQUIRES,
        **WHERE_ASKED_FOR,
    }


@pytest.mark.parametrize(
    ("unit", "required"), [(unit, parent) for unit in REQUIRES for parent in REQUIRES[unit]]
)
def test_a_unit_begins_at_once_when_what_it_requires_is_done(
    units: dict[str, Any], unit: str, required: str
) -> None:
    assert 0 <= units[unit]["start"] - units[required]["end"] < HANDOVER_SECONDS


def test_units_without_a_path_between_them_start_in_parallel(units: dict[str, Any]) -> None:
    assert units["metrics"]["start"] < units["env-check"]["end"]


def test_every_oneshot_is_done_and_every_service_ready(units: dict[str, Any]) -> None:
    states = {name: unit["state"] for name, unit in units.items()}
    done = dict.fromkeys(("env-check", "db-wait", "schema-bootstrap"), "done")
    passed_over = dict.fromkeys(WHERE_ASKED_FOR, "skipped")
    assert states == {**done, "web": "ready", "metrics": "ready", **passed_over}


def test_every_unit_needed_one_attempt_and_no_restart(units: dict[str, Any]) -> None:
    assert {(units[name]["attempts"], units[name]["restarts"]) for name in REQUIRES} == {(1, 0)}


def test_the_container_is_ready_when_its_last_unit_is(
    report: dict[str, Any], units: dict[str, Any]
) -> None:
    assert report["phase"] == "ready"
    last = max(unit["end"] for unit in units.values())
    assert 0 <= report["ready_seconds"] - last < HANDOVER_SECONDS


def test_a_oneshot_tells_which_variables_it_exported(units: dict[str, Any]) -> None:
    assert {"DATABASE_URL", "EDGEPAAS_DB_BACKEND"} <= set(units["db-wait"]["exported"])
    assert "PORT" in units["env-check"]["exported"]


def test_the_log_tells_the_same_order(service: Container) -> None:
    told = [record["message"] for record in service.log_records() if record["program"] == "pid1"]
    done = [line.split()[0] for line in told if " is done after " in line or " is ready " in line]
    chain = [name for name in done if name != "metrics"]
    assert chain == ["env-check", "db-wait", "schema-bootstrap", "web", "the"]


def test_the_report_is_the_same_wherever_it_is_read(
    service: Container, report: dict[str, Any]
) -> None:
    on_disk = service.check_output("cat", "/run/edgepaas/boot.json")
    assert f'"boot_id": "{report["boot_id"]}"' in on_disk
    assert report["boot_id"] in service.management("/boot?format=text").text
    assert f'boot_id="{report["boot_id"]}"' in service.management("/metrics").text or (
        "edgepaas_boot" in service.management("/metrics").text
    )

"""/livez, /readyz, /startupz and /boot."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from boot.report import Phase, State
from sidecar.readiness import FRESH_SECONDS
from tests.support.fake_app import FakeApp, fake_app
from tests.support.sidecar_unit import SidecarUnit
from tests.support.wait import wait_until

Start = Callable[..., SidecarUnit]
BOOTED = {"env_check": State.DONE, "db_wait": State.DONE, "web": State.READY}


@pytest.fixture
def app() -> Iterator[FakeApp]:
    """An app that answers 200."""
    with fake_app() as app:
        yield app


@pytest.fixture
def booted(start_sidecar: Start, app: FakeApp) -> SidecarUnit:
    """The sidecar of a booted container whose app answers."""
    unit = start_sidecar(PORT=str(app.server_port))
    unit.wait_ready()
    unit.boot(Phase.READY, **BOOTED)
    return unit


def test_before_the_boot_report_it_is_alive_and_not_ready(sidecar: SidecarUnit) -> None:
    assert sidecar.get("/livez").json == {"status": "alive", "phase": "booting"}
    assert sidecar.get("/readyz").status == 503
    assert sidecar.get("/startupz").status == 503
    assert sidecar.get("/metrics").status == 200


def test_startup_names_the_current_unit_its_elapsed_time_and_its_deadline(
    sidecar: SidecarUnit,
) -> None:
    sidecar.boot(Phase.BOOTING, env_check=State.DONE, db_wait=State.RUNNING)
    answer = sidecar.get("/startupz")
    (unit,) = answer.json["units"]
    assert answer.status == 503
    assert (unit["unit"], unit["state"], unit["deadline_seconds"]) == ("db-wait", "running", 120)
    assert 0 <= unit["elapsed_seconds"] < 10
    assert sidecar.get("/readyz").json["reason"] == "booting: db-wait"
    text = sidecar.get("/startupz", Accept="text/plain").text
    assert text.startswith("booting: db-wait running for ")
    assert text.endswith(" of 120 s\n")


def test_startup_stays_green_once_the_container_was_ready(booted: SidecarUnit) -> None:
    assert booted.get("/startupz").status == 200
    booted.boot(Phase.STOPPING)
    assert booted.get("/startupz").status == 200


def test_startup_and_readiness_are_red_while_a_failed_container_is_held(
    booted: SidecarUnit,
) -> None:
    booted.boot(Phase.HELD)
    assert booted.get("/startupz").status == 503
    assert booted.get("/readyz").json["reason"] == "held"
    assert booted.get("/livez").status == 200


def test_ready_passes_on_what_the_app_says(booted: SidecarUnit) -> None:
    answer = booted.get("/readyz")
    assert answer.status == 200
    assert answer.json == {"status": "ready", "reason": "", "app": {"status": "as told"}}


def test_ready_turns_red_within_two_seconds_and_green_again(
    booted: SidecarUnit, app: FakeApp
) -> None:
    assert booted.get("/readyz").status == 200
    app.status = 503
    wait_until(lambda: booted.get("/readyz").status == 503, 2, "red")
    assert booted.get("/readyz").json["reason"] == "the app answered 503"
    app.status = 200
    wait_until(lambda: booted.get("/readyz").status == 200, 2, "green")


def test_ready_is_red_at_once_while_draining(booted: SidecarUnit) -> None:
    assert booted.get("/readyz").status == 200
    (booted.run_dir / "draining").touch()
    answer = booted.get("/readyz")
    assert (answer.status, answer.json["reason"]) == (503, "draining")


def test_ready_is_red_while_web_restarts(booted: SidecarUnit) -> None:
    booted.boot(Phase.READY, web=State.RESTARTING)
    assert booted.get("/readyz").json["reason"] == "web is restarting"


def test_ready_says_that_nothing_listens(start_sidecar: Start) -> None:
    sidecar = start_sidecar()
    sidecar.wait_ready()
    sidecar.boot(Phase.READY, **BOOTED)
    reason = f"the app: nothing listens on 127.0.0.1:{sidecar.app_port}"
    assert sidecar.get("/readyz").json["reason"] == reason


def test_many_probes_of_a_hung_app_all_end_and_ask_it_once(
    booted: SidecarUnit, app: FakeApp
) -> None:
    app.hung.set()
    answers: list[tuple[int, str]] = []

    def probe() -> None:
        answer = booted.get("/readyz")
        answers.append((answer.status, answer.json["reason"]))

    probes = [threading.Thread(target=probe) for _ in range(8)]
    for each in probes:
        each.start()
    for each in probes:
        each.join()
    where = f"127.0.0.1:{app.server_port}"
    assert set(answers) == {(503, f"the app: no answer from {where} within 1.5 s")}
    assert app.asked == 1


def test_the_app_is_asked_at_most_five_times_a_second(booted: SidecarUnit, app: FakeApp) -> None:
    started = time.monotonic()
    for _ in range(50):
        booted.get("/readyz")
    assert app.asked <= 1 + (time.monotonic() - started) / FRESH_SECONDS


def test_the_port_that_env_check_decided_is_asked(start_sidecar: Start, app: FakeApp) -> None:
    sidecar = start_sidecar()
    sidecar.wait_ready()
    sidecar.boot(Phase.READY, **BOOTED)
    sidecar.decide("PORT", str(app.server_port))
    assert sidecar.get("/readyz").status == 200


def test_boot_gives_the_report_as_json_and_as_a_table(booted: SidecarUnit) -> None:
    assert booted.get("/boot").json["boot_id"] == "0123456789ab"
    for answer in (booted.get("/boot?format=text"), booted.get("/boot", Accept="text/plain")):
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "db-wait" in answer.text


def test_a_half_written_boot_report_counts_as_none(sidecar: SidecarUnit) -> None:
    (sidecar.run_dir / "boot.json").write_text('{"phase": "rea')
    assert sidecar.get("/livez").json["phase"] == "booting"

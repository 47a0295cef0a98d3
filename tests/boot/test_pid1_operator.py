"""What an operator does with supervisorctl, and what the report says of it."""

import pytest

from tests.support.native_boot import NativeBoot


@pytest.fixture
def running(boot: NativeBoot) -> NativeBoot:
    """A container that is ready: a oneshot that is done and a service."""
    boot.oneshot("step", "echo run >> runs")
    boot.longrun("service", requires="step")
    boot.start()
    boot.wait("ready")
    return boot


def events(boot: NativeBoot) -> list[tuple[str | None, str]]:
    return [(each["unit"], each["event"]) for each in boot.report()["events"]]


def test_status_shows_every_unit_and_a_oneshot_that_is_done_as_exited(
    running: NativeBoot,
) -> None:
    lines = running.ctl("status")[1].splitlines()
    assert [line.split()[:2] for line in lines] == [["service", "RUNNING"], ["step", "EXITED"]]


def test_a_service_that_is_stopped_is_stopped_in_the_report_and_the_container_lives(
    running: NativeBoot,
) -> None:
    assert running.ctl("stop", "service")[0] == 0
    running.wait_state("service", "stopped")
    assert ("service", "stopped") in events(running)
    assert running.phase() == "ready"
    assert running.ctl("start", "service")[0] == 0
    running.wait_state("service", "ready")
    assert running.stop() == 0


def test_a_service_that_is_restarted_is_ready_again_at_no_cost_to_its_budget(
    running: NativeBoot,
) -> None:
    pid = running.entry("service")["pid"]
    assert running.ctl("restart", "service")[0] == 0
    running.wait_for(lambda: running.entry("service")["pid"] not in {pid, None}, "a new process")
    running.wait_state("service", "ready")
    assert running.entry("service")["attempts"] == 2
    assert running.entry("service")["restarts"] == 0


def test_a_step_that_is_run_again_is_told_in_the_report(running: NativeBoot) -> None:
    running.ctl("start", "step")
    running.wait_for(lambda: running.entry("step")["attempts"] == 2, "a second attempt")
    running.wait_state("step", "done")
    assert running.written("runs") == ["run", "run"]
    assert running.phase() == "ready"


def test_a_step_that_fails_when_run_again_does_not_end_a_serving_container(
    running: NativeBoot,
) -> None:
    running.file("step.sh", "exit 5")
    running.ctl("start", "step")
    running.wait_state("step", "failed")
    assert running.entry("step")["status"] == 5
    assert running.phase() == "ready"
    assert running.stop() == 0


def test_a_rerun_runs_a_step_and_then_what_stands_on_it(running: NativeBoot) -> None:
    pid = running.entry("service")["pid"]
    assert running.ctl("rerun", "step") == (0, "running step again, then all that stands on it\n")
    running.wait_for(lambda: running.entry("service")["pid"] not in {pid, None}, "a new process")
    running.wait("ready")
    assert running.written("runs") == ["run", "run"]
    assert running.entry("service")["attempts"] == 2
    assert not (running.run_dir / "draining").exists()
    assert running.stop() == 0


def test_a_rerun_that_cannot_be_is_refused_with_words(running: NativeBoot) -> None:
    status, words = running.ctl("rerun", "service")
    assert (status, words.strip()) == (1, "rerun failed: service is no oneshot of the boot")
    assert running.ctl("rerun")[0] == 1
    assert running.phase() == "ready"


def test_a_step_that_fails_in_a_rerun_ends_the_container_with_its_status(
    running: NativeBoot,
) -> None:
    running.file("step.sh", "exit 76")
    running.ctl("rerun", "step")
    assert running.ended() == 76


def test_a_unit_with_a_condition_starts_only_where_another_unit_wrote_the_variable(
    boot: NativeBoot,
) -> None:
    boot.oneshot("step", 'printf %s "$WANTED" > "$EDGEPAAS_RUN_DIR/env/NEEDED"')
    boot.longrun("helper", requires="step", condition="NEEDED")
    boot.environment["WANTED"] = "0"
    boot.start()
    boot.wait("ready")
    assert boot.entry("helper")["state"] == "skipped"
    boot.file("step.sh", 'printf 1 > "$EDGEPAAS_RUN_DIR/env/NEEDED"')
    boot.ctl("rerun", "step")
    boot.wait_state("helper", "ready")
    assert boot.stop() == 0


def test_reload_is_refused_because_it_would_stop_everything(running: NativeBoot) -> None:
    pid = running.entry("service")["pid"]
    running.ctl("reload")
    running.wait_for(lambda: any("reload refused" in m for m in running.messages()), "a word")
    assert running.entry("service")["pid"] == pid
    assert "RUNNING" in running.ctl("status", "service")[1]
    assert running.stop() == 0


def test_a_unit_cannot_be_removed(running: NativeBoot) -> None:
    running.ctl("stop", "service")
    running.ctl("remove", "service")
    running.wait_for(lambda: any("remove refused" in m for m in running.messages()), "a word")
    assert running.ctl("start", "service")[0] == 0
    running.wait_state("service", "ready")
    assert running.stop() == 0


def test_shutdown_is_the_orderly_stop(running: NativeBoot) -> None:
    running.ctl("shutdown")
    assert running.ended() == 0
    assert running.exit()["cause"] == "asked to by supervisorctl"
    assert running.entry("service")["state"] == "stopped"
    assert not running.left_over()


def test_drain_and_undrain_make_and_remove_the_file_readiness_looks_for(
    running: NativeBoot,
) -> None:
    draining = running.run_dir / "draining"
    assert "draining" in running.ctl("drain")[1]
    assert draining.exists()
    assert running.entry("service")["state"] == "ready"
    assert "no longer draining" in running.ctl("undrain")[1]
    assert not draining.exists()
    running.wait_for(lambda: (None, "undrain") in events(running), "the events")
    assert events(running).index((None, "drain")) < events(running).index((None, "undrain"))


def test_boot_prints_the_table(running: NativeBoot) -> None:
    status, table = running.ctl("boot")
    assert status == 0
    step, service = table.splitlines()[1:3]
    assert step.startswith("step")
    assert "done" in step
    assert "█" in service
    assert f"ready after {running.report()['ready_seconds']:.3f} s" in table


def test_a_crash_after_the_boot_is_appended_to_the_report(running: NativeBoot) -> None:
    running.ctl("signal", "KILL", "service")
    running.wait_for(lambda: running.entry("service")["restarts"] == 1, "a restart")
    assert ("service", "ended") in events(running)


def test_a_started_unit_that_runs_already_is_not_started_twice(boot: NativeBoot) -> None:
    """An operator starts what is not due yet; when it is due, it is found running."""
    boot.oneshot("first", f"read line < {boot.gate()}")
    boot.longrun("second", "echo run >> runs; exec sleep infinity", requires="first")
    boot.start()
    boot.wait_state("first", "running")
    assert boot.ctl("start", "second")[0] == 0
    boot.wait_state("second", "ready")
    boot.open_gate()
    boot.wait("ready")
    assert boot.written("runs") == ["run"]
    assert boot.stop() == 0

"""What a failing unit means for the container, and the exit status that tells it."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.native_boot import DEAF, WAIT, NativeBoot


def overdue(boot: NativeBoot, name: str, script: str) -> int:
    """Let a oneshot's time be over when its shell has set its traps; return the exit status."""
    command = f"/bin/sh {boot.file(f'{name}.sh', script)}\nstopwaitsecs = 1"
    boot.unit(name, command, type="oneshot", timeout=60)
    boot.own_clock("monotonic")
    boot.start()
    boot.wait_for(lambda: boot.messages(name) == ["up"], "its traps are set")
    boot.pass_time(lambda: boot.entry(name)["state"] != "running", "the timeout")
    return boot.ended()


def told(boot: NativeBoot) -> dict[str, Any]:
    """Return exit.json, after seeing that the log's last line says the same."""
    end = boot.exit()
    last = boot.lines()[-1]["message"]
    assert last.startswith(f"exit status {end['status']} ({end['meaning']})")
    assert end["cause"] in last
    assert end["advice"] in last
    assert (end["unit"] or "") in last
    assert boot.process.returncode == end["status"]
    return end


@pytest.mark.parametrize("status", [1, 76, 255])
def test_a_failing_oneshot_ends_the_container_with_its_own_status(
    boot: NativeBoot, status: int
) -> None:
    boot.oneshot("bad", f"echo because of that; exit {status}")
    boot.oneshot("next", "touch started", requires="bad")
    assert boot.run() == status
    end = told(boot)
    assert end["unit"] == "bad"
    assert "because of that" in end["cause"]
    assert boot.entry("next")["state"] == "skipped"
    assert not boot.written("started")
    assert boot.entry("bad")["state"] == "failed"
    assert boot.entry("bad")["status"] == status


def test_a_failing_oneshot_stops_what_already_runs(boot: NativeBoot) -> None:
    boot.longrun("service")
    boot.oneshot("bad", "exit 5", requires="service")
    assert boot.run() == 5
    assert boot.entry("service")["state"] == "stopped"
    assert not boot.left_over()


def test_a_oneshot_is_tried_again_as_often_as_declared(boot: NativeBoot) -> None:
    boot.oneshot("flaky", "echo try >> tries; exit 7", retries=2, backoff=0.05)
    assert boot.run() == 7
    assert boot.written("tries") == ["try"] * 3
    assert boot.entry("flaky")["attempts"] == 3
    assert told(boot)["unit"] == "flaky"


def test_the_wait_between_attempts_doubles(boot: NativeBoot) -> None:
    boot.oneshot("flaky", "exit 7", retries=3, backoff=0.05)
    assert boot.run() == 7
    waits = [line.rpartition(" in ")[2] for line in boot.messages() if "trying again" in line]
    assert waits == ["0.1 s", "0.1 s", "0.2 s"]  # 0.05, 0.1, 0.2


def test_a_oneshot_that_succeeds_at_a_later_attempt_is_done(boot: NativeBoot) -> None:
    script = "echo try >> tries; [ $(wc -l < tries) = 3 ]"
    boot.oneshot("flaky", script, retries=5, backoff=0.01)
    boot.longrun("stay", requires="flaky")
    boot.start()
    boot.wait("ready")
    assert boot.entry("flaky")["attempts"] == 3
    assert boot.stop() == 0


def test_the_boot_goes_on_without_a_unit_whose_failure_is_ignored(boot: NativeBoot) -> None:
    boot.oneshot("optional", "exit 9", on_failure="ignore")
    boot.longrun("stay", requires="optional")
    boot.start()
    boot.wait("ready")
    assert boot.entry("optional")["state"] == "failed"
    assert any("optional exited with 9; going on without it" in m for m in boot.messages())
    assert boot.stop() == 0


def test_a_oneshot_past_its_timeout_gets_term_and_ends_the_container_with_75(
    boot: NativeBoot,
) -> None:
    script = f"trap 'echo term >> got; exit 0' TERM; echo up; {WAIT}"
    assert overdue(boot, "slow", script) == 75
    assert boot.written("got") == ["term"]
    assert "was not done within 60 s" in told(boot)["cause"]


def test_a_oneshot_that_ignores_term_is_killed(boot: NativeBoot) -> None:
    assert overdue(boot, "slow", DEAF) == 75
    assert boot.entry("slow")["result"].startswith("was not done within 60 s")
    assert not boot.left_over()


def test_a_oneshot_that_dies_by_a_signal_ends_the_container_with_71(boot: NativeBoot) -> None:
    boot.oneshot("shot", "kill -SEGV $$")
    assert boot.run() == 71
    assert told(boot)["cause"].startswith("died by SIGSEGV")
    assert boot.entry("shot")["status"] == 71


def test_a_program_that_is_not_there_is_a_configuration_error(boot: NativeBoot) -> None:
    boot.unit("absent", "no-such-program --now", type="oneshot")
    assert boot.run() == 78
    assert "absent.conf:1: the program 'no-such-program' is not there" in boot.log()


def test_a_program_that_vanished_during_the_boot_is_a_configuration_error(
    boot: NativeBoot,
) -> None:
    program = boot.file("tool", "#!/bin/sh")
    program.chmod(0o755)
    boot.oneshot("remove", f"rm {program}")
    boot.unit("use", str(program), type="oneshot", requires="remove")
    assert boot.run() == 78
    assert told(boot)["unit"] == "use"
    assert "could not be started: can't find command" in boot.exit()["cause"]


@pytest.mark.parametrize(("own", "container"), [(76, 76), (1, 71), (0, 71)])
def test_a_longrun_that_dies_before_it_is_ready_ends_the_boot_at_once(
    boot: NativeBoot, own: int, container: int
) -> None:
    boot.longrun("service", f"echo run >> runs; exit {own}", ready="notify", restarts="5/60")
    assert boot.run() == container
    assert boot.written("runs") == ["run"]
    assert "before it was ready" in told(boot)["cause"]


def test_a_longrun_that_is_not_ready_in_time_ends_the_container_with_71(boot: NativeBoot) -> None:
    boot.longrun("service", ready="notify", timeout=0.3)
    assert boot.run() == 71
    assert told(boot)["cause"].startswith("was not ready within 0.3 s")


def test_a_longrun_that_dies_after_it_was_ready_is_started_again(boot: NativeBoot) -> None:
    script = "echo run >> runs; [ $(wc -l < runs) = 3 ] && exec sleep infinity; exit 4"
    boot.longrun("service", script, restarts="5/60")
    boot.start()
    boot.wait_for(lambda: boot.entry("service").get("restarts") == 2, "two restarts")
    boot.wait_state("service", "ready")
    events = [each["detail"] for each in boot.report()["events"] if each["event"] == "ended"]
    assert events == ["exited with 4"] * 2
    assert boot.stop() == 0


def test_a_longrun_past_its_restart_budget_ends_the_container_with_71(boot: NativeBoot) -> None:
    boot.longrun("service", "echo run >> runs; exit 4", restarts="2/60")
    assert boot.run() == 71
    assert boot.written("runs") == ["run"] * 3
    assert told(boot)["cause"] == "exited with 4, after 2 restarts within 60 s"


def test_a_longrun_without_restarts_ends_the_container_when_it_dies(boot: NativeBoot) -> None:
    boot.longrun("service", f"read line < {boot.gate()}; kill -KILL $$", restarts="0/60")
    boot.start()
    boot.wait("ready")
    boot.open_gate()
    assert boot.ended() == 71
    assert told(boot)["cause"] == "died by SIGKILL"


def test_held_the_container_stays_up_for_inspection_after_a_failure(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_ON_FAILURE="hold")
    boot.longrun("sidecar")
    boot.oneshot("bad", "exit 76")
    boot.longrun("web", requires="bad")
    boot.start()
    boot.wait("held")
    assert boot.entry("sidecar")["state"] == "ready"
    assert boot.entry("web")["state"] == "skipped"
    assert "RUNNING" in boot.ctl("status", "sidecar")[1]
    assert boot.stop() == 76
    assert told(boot)["unit"] == "bad"


def test_held_a_service_that_dies_is_still_started_again(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_ON_FAILURE="hold")
    boot.longrun("sidecar")
    boot.oneshot("bad", "exit 76")
    boot.start()
    boot.wait("held")
    boot.ctl("signal", "KILL", "sidecar")
    boot.wait_for(lambda: boot.entry("sidecar")["restarts"] == 1, "a restart")
    boot.wait_state("sidecar", "ready")
    assert boot.stop(signal.SIGINT) == 76


def test_a_bug_in_pid1_ends_the_container_with_70_and_leaves_nothing(boot: NativeBoot) -> None:
    """The bug is put in from outside: a sequencer whose answer to a notify message raises."""
    boot.patch("from boot import sequencer\nsequencer.Sequencer.notified = lambda *_: 1 / 0")
    boot.notifying("service", "notify('READY=1')\nsignal.pause()")
    assert boot.run() == 70
    assert "ZeroDivisionError" in boot.log()
    assert told(boot)["unit"] is None
    assert not boot.left_over()

"""How the container stops: the drain, the hooks, the order, what will not go, the clock."""

import signal
from collections.abc import Callable

from tests.support.native_boot import DEAF, WAIT, NativeBoot

SAYS = f"trap 'echo {{0}} >> order; exit' TERM; echo up; {WAIT}"


def started(boot: NativeBoot, *names: str) -> None:
    """Start, and wait until the shells of these units have set their traps."""
    boot.start()
    boot.wait("ready")
    boot.wait_for(lambda: all(boot.messages(name) == ["up"] for name in names), "traps are set")


def test_units_stop_before_what_they_require(boot: NativeBoot) -> None:
    boot.longrun("bottom", SAYS.format("bottom"))
    boot.longrun("middle", SAYS.format("middle"), requires="bottom")
    boot.longrun("top", SAYS.format("top"), requires="middle")
    started(boot, "bottom", "middle", "top")
    assert boot.stop() == 0
    assert boot.written("order") == ["top", "middle", "bottom"]


def test_during_the_drain_delay_units_run_on_and_everybody_can_see_it(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_STOP_TIMEOUT="9", EDGEPAAS_DRAIN_DELAY="0.3")
    boot.longrun("web", SAYS.format("web"))
    boot.oneshot("watch", "[ -e run/draining ] && echo draining >> order", when="stop")
    started(boot, "web")
    assert boot.stop() == 0
    assert boot.written("order") == ["draining", "web"]


def test_stop_hooks_run_before_anything_stops_each_after_what_it_requires(
    boot: NativeBoot,
) -> None:
    boot.longrun("web", SAYS.format("web"))
    boot.oneshot("second", "echo second >> order", when="stop", requires="first")
    boot.oneshot("first", f"read line < {boot.gate()}; echo first >> order", when="stop")
    started(boot, "web")
    assert boot.entry("first")["state"] == "waiting"
    boot.signal(signal.SIGTERM)
    boot.wait_state("first", "running")
    assert boot.entry("second")["state"] == "waiting"
    boot.open_gate()
    assert boot.ended() == 0
    assert boot.written("order") == ["first", "second", "web"]
    assert boot.entry("second")["state"] == "done"


def test_a_stop_hook_that_fails_does_not_change_the_exit_status(boot: NativeBoot) -> None:
    boot.longrun("web")
    boot.oneshot("hook", "exit 3", when="stop")
    boot.oneshot("next", "echo next >> order", when="stop", requires="hook")
    boot.start()
    boot.wait("ready")
    assert boot.stop() == 0
    assert boot.entry("hook")["state"] == "failed"
    assert boot.written("order") == ["next"]


def test_a_stop_hook_that_hangs_leaves_the_others_their_time_to_stop(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_STOP_TIMEOUT="4")
    boot.longrun("web", SAYS.format("web"))
    boot.oneshot("hook", DEAF, when="stop", timeout=600)
    started(boot, "web")
    assert boot.stop() == 0
    assert boot.written("order") == ["web"]
    assert boot.entry("hook")["result"].startswith("was not done within 2 s")


def test_stop_hooks_do_not_run_where_the_boot_was_never_complete(boot: NativeBoot) -> None:
    boot.oneshot("bad", "exit 3")
    boot.oneshot("hook", "echo hook >> order", when="stop")
    assert boot.run() == 3
    assert boot.entry("hook")["state"] == "skipped"
    assert not boot.written("order")


def test_a_service_that_ignores_term_is_killed_within_the_budget_and_status_80_tells_it(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_STOP_TIMEOUT="2.5")
    boot.longrun("web", DEAF)
    started(boot, "web")
    assert boot.stop() == 80
    assert boot.exit()["unit"] == "web"
    assert boot.exit()["cause"] == "had to be killed"
    assert not boot.left_over()


def test_a_step_of_the_wall_clock_during_the_stop_cuts_nothing_short(
    new_boot: Callable[..., NativeBoot],
) -> None:
    """supervisord counts its waits on time.time(); an hour forward would be a SIGKILL at once."""
    boot = new_boot(EDGEPAAS_STOP_TIMEOUT="600")  # a busy machine may take nine seconds
    boot.own_clock("time")
    patient = f"echo stopping; read line < {boot.gate()}; echo finished >> order; exit"
    boot.longrun("web", f"trap '{patient}' TERM; echo up; {WAIT}")
    started(boot, "web")
    boot.signal(signal.SIGTERM)
    boot.wait_for(lambda: "stopping" in boot.messages("web"), "the stop")
    boot.put_clock_forward(3600)
    for _ in range(2):  # to answer, supervisord must go round its loop
        boot.ctl("status")
    boot.open_gate()
    assert boot.ended() == 0
    assert boot.written("order") == ["finished"]


def test_what_a_service_left_in_its_process_group_is_killed_when_it_ends(
    boot: NativeBoot,
) -> None:
    orphan = "(trap '' TERM; sleep infinity & echo $! > orphan; wait) &"
    script = f"{orphan} until [ -s orphan ]; do :; done; kill -KILL $$"
    boot.longrun("web", f"[ -e orphan ] && exec sleep infinity; {script}")
    boot.start()
    boot.wait_for(lambda: boot.entry("web").get("restarts") == 1, "a restart")
    orphans = [int(line) for line in boot.written("orphan")]
    boot.wait_for(lambda: not set(orphans) & set(boot.processes()), "the orphan is gone")
    assert boot.stop() == 0


def test_an_orphan_that_left_its_group_and_ignores_term_does_not_hold_the_container(
    boot: NativeBoot,
) -> None:
    """In a container the kernel ends it with PID 1; here it is seen that PID 1 does not wait."""
    boot.longrun("web", f'setsid sh -c "{DEAF}" & echo up; exec sleep infinity')
    boot.start()
    boot.wait("ready")
    boot.wait_for(lambda: len(boot.messages("web")) == 2, "both up")
    assert boot.stop() == 0
    assert len(boot.processes()) >= 1


def test_a_unit_that_forks_and_leaves_is_a_oneshot_done(boot: NativeBoot) -> None:
    boot.oneshot("leaver", "sleep infinity & exit 0")
    boot.longrun("after", requires="leaver")
    boot.start()
    boot.wait("ready")
    boot.wait_for(lambda: len(boot.processes()) == 1, "its child is gone")
    assert boot.stop() == 0

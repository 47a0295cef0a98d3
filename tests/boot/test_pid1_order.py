"""In what order PID 1 starts the units, and that it starts them at once."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from tests.support.native_boot import NativeBoot

MARK = "echo {0} >> order"
NOTE_LOOKS = """
from supervisor import process
from supervisor.states import STOPPED_STATES
def transition(self, real=process.Subprocess.transition):
    with open("looks", "a") as looks:
        looks.write("rest\\n" if self.state in STOPPED_STATES else "awake\\n")
    real(self)
process.Subprocess.transition = transition
"""


def test_a_chain_of_oneshots_runs_in_its_order(boot: NativeBoot) -> None:
    for name, requires in (("c", "b"), ("b", "a"), ("a", "")):
        boot.oneshot(name, MARK.format(name), requires=requires)
    boot.longrun("stay", requires="c")
    boot.start()
    boot.wait("ready")
    assert boot.written("order") == ["a", "b", "c"]
    assert [boot.entry(name)["state"] for name in "abc"] == ["done"] * 3


def test_a_unit_waits_for_every_unit_it_requires(boot: NativeBoot) -> None:
    boot.oneshot("top", MARK.format("top"))
    boot.oneshot("left", "until [ -e right ]; do :; done; " + MARK.format("left"), requires="top")
    boot.oneshot("right", MARK.format("right") + "; touch right", requires="top")
    boot.oneshot("bottom", MARK.format("bottom"), requires="left right")
    boot.longrun("stay", requires="bottom")
    boot.start()
    boot.wait("ready")
    assert boot.written("order") == ["top", "right", "left", "bottom"]


def test_units_without_a_path_between_them_run_at_the_same_time(boot: NativeBoot) -> None:
    meet = "touch met-{0}; until [ -e met-{1} ]; do :; done"
    boot.oneshot("one", meet.format("one", "two"), timeout=10)
    boot.oneshot("two", meet.format("two", "one"), timeout=10)
    boot.longrun("stay", requires="one two")
    boot.start()
    boot.wait("ready")


def test_what_requires_a_longrun_starts_when_it_says_it_is_ready(boot: NativeBoot) -> None:
    boot.notifying(
        "server",
        "open('order', 'a').write('server\\n')\nnotify('READY=1')\nsignal.pause()",
    )
    boot.oneshot("after", MARK.format("after"), requires="server")
    boot.start()
    boot.wait("ready")
    assert boot.written("order") == ["server", "after"]
    assert boot.entry("server")["state"] == "ready"


def test_the_end_of_a_oneshot_wakes_pid1_which_would_else_sleep_a_second(
    boot: NativeBoot,
) -> None:
    """Ten hand-overs that each waited for the end of the poll would take ten seconds."""
    names = [f"step-{number}" for number in range(10)]
    boot.oneshot(names[0])
    for before, name in pairwise(names):
        boot.oneshot(name, requires=before)
    boot.longrun("stay", requires=names[-1])
    boot.start()
    boot.wait("ready")
    starts = [boot.entry(name)["start"] for name in names]
    ends = [boot.entry(name)["end"] for name in names]
    waits = [start - end for start, end in zip(starts[1:], ends, strict=False)]
    assert all(wait >= 0 for wait in waits)
    assert sum(waits) < 2


def test_a_unit_is_not_waited_for_longer_because_a_stranger_ends(boot: NativeBoot) -> None:
    boot.oneshot("quick", MARK.format("quick"))
    gate = boot.gate()
    boot.oneshot("slow", f"read line < {gate}; {MARK.format('slow')}")
    boot.oneshot("after", f"{MARK.format('after')}; echo go > {gate}", requires="quick")
    boot.longrun("stay", requires="after slow")
    boot.start()
    boot.wait("ready")
    assert boot.written("order") == ["quick", "after", "slow"]


def test_a_boot_of_oneshots_alone_ends_only_when_told_to(boot: NativeBoot) -> None:
    boot.oneshot("only")
    boot.start()
    boot.wait("ready")
    assert boot.stop() == 0


def test_no_more_than_64_oneshots_run_at_once_whatever_their_number(boot: NativeBoot) -> None:
    gate = boot.gate()
    for number in range(70):
        boot.oneshot(f"unit-{number}", f"read line < {gate}")
    # Open for reading too: who comes late finds the lines the others have left.
    held = os.open(gate, os.O_RDWR)
    boot.start()
    boot.wait_for(lambda: running(boot) == 64, "64 run")
    assert sum(unit["state"] == "waiting" for unit in boot.report()["units"]) == 6
    os.write(held, b"\n" * 70)
    boot.wait("ready")
    os.close(held)
    assert all(unit["state"] == "done" for unit in boot.report()["units"])


def running(boot: NativeBoot) -> int:
    return sum(unit["state"] == "running" for unit in boot.report().get("units", []))


def test_the_cost_of_a_unit_does_not_grow_with_their_number(
    new_boot: Callable[..., NativeBoot],
) -> None:
    """Quadratic growth would make the factor 36 instead of six."""
    few, many = (cost_of_units(new_boot(LOG_LEVEL="error"), count) for count in (100, 600))
    assert many < 18 * few


def cost_of_units(boot: NativeBoot, count: int) -> float:
    """Return the CPU seconds of PID 1 itself from its start until all no-op units are done."""
    for number in range(count):
        boot.unit(f"unit-{number}", "/bin/true", type="oneshot")
    boot.start()
    boot.wait_for(lambda: boot.phase() == "ready", "ready")
    assert all(unit["state"] == "done" for unit in boot.report()["units"])
    seconds = cpu_ticks(boot.process.pid)
    assert boot.stop() == 0
    return seconds


def cpu_ticks(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return float(fields[11]) + float(fields[12])


def test_a_unit_that_does_not_run_costs_the_others_no_time(boot: NativeBoot) -> None:
    """supervisord looks at all groups at every turn: 200 units would make 80,000 looks."""
    names = [f"step-{number:02}" for number in range(20)]
    for name, requires in zip(names, ["", *names], strict=False):
        boot.oneshot(name, requires=requires)
    boot.longrun("stay", requires=names[-1])
    boot.patch(NOTE_LOOKS)
    boot.start()
    boot.wait("ready")
    assert boot.ctl("start", names[0])[0] == 0
    boot.wait_state(names[0], "done")
    assert boot.entry(names[0])["attempts"] == 2
    assert boot.stop() == 0
    assert set(boot.written("looks")) == {"awake"}

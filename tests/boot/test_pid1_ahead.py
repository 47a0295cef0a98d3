"""A unit that starts ahead: its program waits at its gate until what it requires is done."""

import os
import signal
from pathlib import Path

from tests.support.native_boot import LAYER, NOTIFY, NativeBoot

# Tells its pid at the gate, and after it what it was given.
PROGRAM = f"""
import os, signal, sys
sys.path.insert(0, {str(LAYER)!r})
from boot import gate
with open("at-the-gate", "a") as file:
    file.write(f"{{os.getpid()}} {{gate.VARIABLE in os.environ}}\\n")
gate.wait()
{NOTIFY}
with open("let-go", "a") as file:
    names = ("MADE", "OF_THE_UNIT", "SUPERVISOR_PROCESS_NAME", gate.VARIABLE)
    file.write(f"{{os.getpid()}} {{[os.environ.get(name) for name in names]}}\\n")
notify("READY=1")
signal.pause()
"""


def starts_ahead(boot: NativeBoot) -> None:
    path = boot.file("early.py", PROGRAM)
    command = f"python -S {path}\nenvironment = OF_THE_UNIT=b"
    boot.unit("early", command, type="longrun", ready="notify", ahead="yes", requires="step")


def lines(boot: NativeBoot, name: str) -> list[str]:
    path = boot.directory / name
    return path.read_text().splitlines() if path.exists() else []


def test_it_starts_at_once_and_goes_on_when_what_it_requires_is_done(boot: NativeBoot) -> None:
    boot.gate()
    export = "printf 'a \"value\"' > $EDGEPAAS_RUN_DIR/env/MADE"
    boot.oneshot("step", f"read word < gate; {export}")
    starts_ahead(boot)
    boot.start()
    boot.wait_for(lambda: lines(boot, "at-the-gate"), "the program at its gate")
    assert boot.entry("early")["state"] == "waiting"
    assert lines(boot, "let-go") == []
    boot.open_gate()
    boot.wait("ready")
    [at_the_gate], [let_go] = lines(boot, "at-the-gate"), lines(boot, "let-go")
    pid = at_the_gate.split()[0]
    assert at_the_gate == f"{pid} True"
    given = ['a "value"', "b", "early", None]
    assert let_go == f"{pid} {given}"
    assert boot.entry("early")["attempts"] == 1
    assert boot.entry("early")["start"] >= boot.entry("step")["end"]
    assert boot.stop() == 0


def test_one_that_died_at_its_gate_is_started_like_any_other(boot: NativeBoot) -> None:
    boot.gate()
    boot.oneshot("step", "read word < gate")
    starts_ahead(boot)
    boot.start()
    boot.wait_for(lambda: lines(boot, "at-the-gate"), "the program at its gate")
    pid = int(lines(boot, "at-the-gate")[0].split()[0])
    os.kill(pid, signal.SIGKILL)
    boot.wait_for(lambda: not Path(f"/proc/{pid}").exists(), "its end")
    boot.open_gate()
    boot.wait("ready")
    assert [line.split()[1] for line in lines(boot, "at-the-gate")] == ["True", "False"]
    assert boot.stop() == 0


def test_a_step_that_fails_ends_it_before_it_began(boot: NativeBoot) -> None:
    boot.oneshot("step", "exit 78")
    starts_ahead(boot)
    assert boot.run() == 78
    assert boot.entry("early")["state"] == "skipped"
    assert boot.entry("early")["attempts"] == 0
    assert lines(boot, "let-go") == []
    assert not boot.left_over()


def test_a_stop_signal_ends_it_at_its_gate(boot: NativeBoot) -> None:
    boot.gate()
    boot.oneshot("step", "read word < gate")
    starts_ahead(boot)
    boot.start()
    boot.wait_for(lambda: lines(boot, "at-the-gate"), "the program at its gate")
    assert boot.stop() == 128 + signal.SIGTERM
    assert boot.entry("early")["state"] == "skipped"
    assert not boot.left_over()

"""PID 1 as the real process 1 of a PID namespace: it reaps, and its end ends everything."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.native_boot import DEAF, NativeBoot
from tests.support.skip import skip_or_fail

# In a user namespace too: anyone may have one, and no other uid is to be had in it.
OWN_NAMESPACE = ("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def process1(boot: NativeBoot) -> NativeBoot:
    """A boot to be started with `start_as_process_1`."""
    done = subprocess.run([*OWN_NAMESPACE, "true"], capture_output=True, check=False)
    if done.returncode:
        skip_or_fail(f"no PID namespace can be had: {done.stderr.decode().strip()}")
    return boot


def start_as_process_1(boot: NativeBoot) -> int:
    """Start it; return the pid that process 1 has out here."""
    boot.start(before=OWN_NAMESPACE)
    boot.wait("ready")
    outer = boot.process.pid
    return int(Path(f"/proc/{outer}/task/{outer}/children").read_text())


def test_an_orphan_that_ends_is_reaped(process1: NativeBoot) -> None:
    gate, known = process1.gate(), process1.gate("known")
    orphan = f"echo $$ | tee pid > {known}; read line < {gate}"
    process1.oneshot("parent", f"setsid sh -c '{orphan}' & read line < {known}")
    gone = f"read pid < pid; echo go > {gate}; while [ -e /proc/$pid ]; do :; done"
    process1.oneshot("watch", gone, requires="parent", timeout=10)
    os.kill(start_as_process_1(process1), signal.SIGTERM)
    assert process1.ended() == 0
    assert process1.entry("watch")["state"] == "done"


def test_an_orphan_that_ignores_term_ends_with_the_container(process1: NativeBoot) -> None:
    process1.longrun("web", f'setsid sh -c "{DEAF}" & exec sleep infinity')
    inner = start_as_process_1(process1)
    process1.wait_for(lambda: process1.messages("web") == ["up"], "the orphan is up")
    os.kill(inner, signal.SIGTERM)
    assert process1.ended() == 0
    process1.close()
    assert not process1.left_over()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_signal_from_outside_stops_process_1(
    process1: NativeBoot, number: signal.Signals
) -> None:
    process1.longrun("service")
    os.kill(start_as_process_1(process1), number)
    assert process1.ended() == 0
    assert process1.exit()["cause"] == f"asked to by {number.name}"

"""Signals to PID 1, at every step of the boot and after it."""

import signal
from collections.abc import Callable

import pytest

from tests.support.native_boot import WAIT, NativeBoot

STOPS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]


def three_steps(boot: NativeBoot) -> None:
    boot.oneshot("one")
    boot.oneshot("two", requires="one")
    boot.longrun("service", requires="two")


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_signal_during_the_boot_ends_it_with_128_and_its_number(
    boot: NativeBoot, number: signal.Signals
) -> None:
    boot.oneshot("slow", WAIT)
    boot.longrun("after", requires="slow")
    boot.start()
    boot.wait_state("slow", "running")
    assert boot.stop(number) == 128 + number
    assert boot.exit()["cause"] == f"{number.name} before the boot was complete"
    assert boot.entry("after")["state"] == "skipped"
    assert boot.entry("slow")["state"] == "stopped"
    assert not boot.left_over()


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_signal_after_the_boot_ends_it_with_0(
    boot: NativeBoot, number: signal.Signals
) -> None:
    boot.longrun("service")
    boot.start()
    boot.wait("ready")
    assert boot.stop(number) == 0
    assert boot.exit()["cause"] == f"asked to by {number.name}"
    assert boot.phase() == "stopping"
    assert not boot.left_over()


@pytest.mark.parametrize("ticks", range(31))
def test_term_at_any_moment_ends_it_and_leaves_nothing(boot: NativeBoot, ticks: int) -> None:
    three_steps(boot)
    boot.start()
    boot.wait_ticks(ticks)
    assert boot.stop() == (143 if boot.report().get("ready_seconds") is None else 0)
    assert boot.exit()["status"] == boot.process.returncode
    assert not boot.left_over()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
@pytest.mark.parametrize("ticks", [0, 10, 16])
def test_another_signal_at_any_moment_of_the_boot_does_not_disturb_it(
    boot: NativeBoot, number: signal.Signals, ticks: int
) -> None:
    three_steps(boot)
    boot.start()
    boot.wait_ticks(ticks)
    boot.signal(number)
    boot.wait("ready")
    assert boot.stop() == 0


def test_term_while_a_unit_waits_for_its_next_attempt_ends_the_boot(boot: NativeBoot) -> None:
    boot.oneshot("flaky", "exit 1", retries=5, backoff=600)
    boot.start()
    boot.wait_state("flaky", "restarting")
    assert boot.stop() == 143
    assert boot.entry("flaky")["state"] == "stopped"


def test_hup_reaches_the_units_that_declared_a_reload(boot: NativeBoot) -> None:
    script = "trap 'echo {0} >> got' {0}; echo up; sleep infinity & while :; do wait; done"
    boot.longrun("web", script.format("USR1"), reload="USR1")
    boot.longrun("other", script.format("HUP"))
    boot.start()
    boot.wait_for(lambda: boot.messages("web") == boot.messages("other") == ["up"], "both up")
    boot.signal(signal.SIGHUP)
    boot.wait_for(lambda: boot.written("got"), "the reload")
    assert boot.stop() == 0
    assert boot.written("got") == ["USR1"]


def test_usr1_puts_the_boot_table_into_the_log(boot: NativeBoot) -> None:
    boot.longrun("service")
    boot.start()
    boot.wait("ready")
    boot.signal(signal.SIGUSR1)
    boot.wait_for(lambda: any(m.startswith("unit ") for m in boot.messages()), "the table")
    assert any(message.startswith("service") and "█" in message for message in boot.messages())


def test_usr2_is_refused_with_a_word(boot: NativeBoot) -> None:
    boot.longrun("service")
    boot.start()
    boot.wait("ready")
    boot.signal(signal.SIGUSR2)
    boot.wait_for(lambda: any("SIGUSR2 does nothing" in m for m in boot.messages()), "a word")
    assert boot.stop() == 0


def test_a_flood_of_signals_does_not_lose_term(boot: NativeBoot) -> None:
    boot.longrun("service")
    boot.start()
    boot.wait("ready")
    for _ in range(100_000):
        boot.signal(signal.SIGUSR2)
    assert boot.stop() == 0


def test_a_second_term_skips_what_is_left_of_the_drain_delay(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_STOP_TIMEOUT="300", EDGEPAAS_DRAIN_DELAY="200")
    boot.longrun("service")
    boot.start()
    boot.wait("ready")
    boot.signal(signal.SIGTERM)
    boot.wait("stopping")
    assert (boot.run_dir / "draining").exists()
    assert boot.entry("service")["state"] == "ready"
    assert boot.stop() == 0


def test_programs_start_with_ordinary_signal_handling(boot: NativeBoot) -> None:
    boot.oneshot("show", "grep -E '^Sig(Blk|Ign)' /proc/self/status")
    boot.start()
    boot.wait("ready")
    fields = dict(message.split(":\t") for message in boot.messages("show"))
    # make leaves glibc's own signals 32 and 33 ignored; no program can change those
    ordinary = {name: int(mask, 16) & 0x7FFFFFFF for name, mask in fields.items()}
    assert ordinary == {"SigBlk": 0, "SigIgn": 0}


def test_a_signal_to_a_child_that_is_not_yet_another_program_is_not_ours(
    boot: NativeBoot,
) -> None:
    """Between fork and exec a child shares our wake-up pipe and had our handlers."""
    boot.patch(
        "import os, signal\n"
        "from supervisor import options\n"
        "def setpgrp(self, setpgrp=options.ServerOptions.setpgrp):\n"
        "    setpgrp(self)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [])\n"
        "options.ServerOptions.setpgrp = setpgrp"
    )
    boot.oneshot("shot")
    assert boot.run() == 71
    assert boot.exit()["cause"] == "died by SIGTERM"

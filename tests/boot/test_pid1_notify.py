"""What a longrun tells PID 1 over the notify socket, and what PID 1 makes of it."""

import socket

from tests.support.native_boot import NativeBoot

READY = "notify('READY=1')\n"


def test_a_unit_is_ready_when_it_says_so_and_not_before(boot: NativeBoot) -> None:
    boot.gate()
    boot.notifying("server", f"open('gate').read()\n{READY}signal.pause()")
    boot.oneshot("after", "echo after >> order", requires="server")
    boot.start()
    boot.wait_state("server", "starting")
    assert boot.phase() == "booting"
    boot.open_gate()
    boot.wait("ready")
    assert boot.written("order") == ["after"]


def test_a_process_the_unit_started_may_speak_for_it(boot: NativeBoot) -> None:
    boot.notifying("server", f"if os.fork() == 0:\n    {READY}    os._exit(0)\nsignal.pause()")
    boot.start()
    boot.wait("ready")


def test_its_status_stands_in_the_report(boot: NativeBoot) -> None:
    boot.notifying("server", "notify('STATUS=3 of 5 workers\\nREADY=1')\nsignal.pause()")
    boot.start()
    boot.wait("ready")
    assert boot.entry("server")["status_text"] == "3 of 5 workers"


def test_it_may_ask_for_more_time(boot: NativeBoot) -> None:
    boot.gate()
    wish = "notify('STATUS=more\\nEXTEND_TIMEOUT_USEC=60000000')"
    program = f"{wish}\nopen('gate').read()\n{READY}signal.pause()"
    boot.notifying("slow", program, timeout=10)
    boot.own_clock("monotonic")
    boot.start()
    boot.wait_for(lambda: boot.entry("slow").get("status_text") == "more", "its wish")
    boot.pass_time(lambda: boot.forward > 12, "more than the first timeout")
    boot.open_gate()
    boot.wait("ready")
    assert boot.entry("slow")["duration"] > 10


def test_more_time_than_a_timer_can_hold_is_just_long(boot: NativeBoot) -> None:
    boot.notifying("slow", f"notify('EXTEND_TIMEOUT_USEC=' + '9' * 30)\n{READY}signal.pause()")
    boot.start()
    boot.wait("ready")
    assert boot.stop() == 0


def test_a_unit_whose_event_loop_hangs_is_aborted_and_started_again(boot: NativeBoot) -> None:
    boot.notifying("server", f"{READY}signal.pause()", watchdog=10)
    boot.own_clock("monotonic")
    boot.start()
    boot.wait("ready")
    boot.pass_time(lambda: boot.entry("server")["restarts"] == 1, "a restart")
    boot.wait_for(lambda: boot.entry("server")["state"] == "ready", "ready again")
    assert "server died by SIGABRT: restarting it in 0.1 s" in boot.messages()
    assert boot.stop() == 0


def test_a_unit_that_feeds_the_watchdog_is_left_alone(boot: NativeBoot) -> None:
    boot.gate()
    program = f"{READY}for meal in open('gate'): notify('WATCHDOG=1\\nSTATUS=ate ' + meal)"
    boot.notifying("server", program, watchdog=10)
    boot.own_clock("monotonic")
    boot.start()
    boot.wait("ready")
    with (boot.directory / "gate").open("w", buffering=1) as meals:
        for number in range(30):
            boot.put_clock_forward(0.9)
            meals.write(f"{number}\n")
            boot.wait_for(lambda n=number: status_text(boot) == f"ate {n}", "the meal")
        assert boot.entry("server")["restarts"] == 0
        assert boot.stop() == 0


def status_text(boot: NativeBoot) -> str:
    return str(boot.entry("server")["status_text"])


def test_the_period_to_feed_the_watchdog_in_is_given_to_the_unit(boot: NativeBoot) -> None:
    boot.notifying(
        "server",
        f"print(os.environ['WATCHDOG_USEC'], flush=True)\n{READY}signal.pause()",
        watchdog=7,
    )
    boot.start()
    boot.wait("ready")
    assert boot.messages("server") == ["7000000"]


def test_a_stranger_s_messages_do_not_count(boot: NativeBoot) -> None:
    boot.longrun("server", ready="notify", timeout=60)
    boot.start()
    boot.wait_state("server", "starting")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(str(boot.run_dir / "notify.sock"))
        for _ in range(50):
            channel.send(b"READY=1")
    boot.wait_for(lambda: any("are ignored" in line for line in boot.messages()), "a warning")
    assert boot.entry("server")["state"] == "starting"
    assert boot.stop() == 143
    assert sum("are ignored" in line for line in boot.messages()) == 1


def test_a_process_that_left_its_unit_is_a_stranger(boot: NativeBoot) -> None:
    boot.notifying(
        "server",
        "if os.fork() == 0:\n    os.setsid()\n    notify('READY=1')\nsignal.pause()",
    )
    boot.start()
    boot.wait_for(lambda: any("are ignored" in line for line in boot.messages()), "a warning")
    assert boot.entry("server")["state"] == "starting"


def test_a_unit_that_is_not_to_notify_is_given_no_socket(boot: NativeBoot) -> None:
    boot.longrun("plain", 'echo "socket: ${NOTIFY_SOCKET-none}"; exec sleep infinity')
    boot.notifying("server", f"{READY}signal.pause()")
    boot.start()
    boot.wait("ready")
    boot.wait_for(lambda: boot.messages("plain") == ["socket: none"], "its word")


def test_messages_that_make_no_sense_are_left_out(boot: NativeBoot) -> None:
    boot.notifying(
        "server",
        "for text in ('', '=', 'READY', 'READY=0', '\\xff\\x00', 'A' * 8000): notify(text)\n"
        "notify('EXTEND_TIMEOUT_USEC=-1')\nnotify('READY=1')\nsignal.pause()",
    )
    boot.start()
    boot.wait("ready")
    assert boot.stop() == 0


def test_a_flood_of_messages_keeps_nobody_from_stopping_the_container(boot: NativeBoot) -> None:
    boot.notifying("server", f"{READY}while True: notify('STATUS=busy\\nWATCHDOG=1')", watchdog=30)
    boot.start()
    boot.wait("ready")
    assert boot.stop() == 0

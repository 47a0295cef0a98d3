"""What units print becomes the container's log, whatever they print and whoever reads."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.native_boot import WAIT, NativeBoot
from tests.support.native_service import NativeService
from tests.support.wait import wait_until

MEGABYTE = 1024 * 1024


def finished(boot: NativeBoot) -> None:
    boot.start()
    boot.wait("ready")


def peak_memory(pid: int) -> int:
    """Return the most bytes a process has had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_a_line_of_a_unit_is_wrapped_under_its_name(boot: NativeBoot) -> None:
    boot.oneshot("talk", "echo out; echo err >&2")
    finished(boot)
    lines = [line for line in boot.lines() if line["program"] == "talk"]
    assert sorted((line["message"], line.get("stream", "")) for line in lines) == [
        ("err", "stderr"),
        ("out", ""),
    ]
    assert all(line["boot"] == boot.report()["boot_id"] for line in lines)


def test_a_line_already_in_final_form_passes_untouched(boot: NativeBoot) -> None:
    line = '{"time": "2026-01-01T00:00:00.000+00:00", "level": "WARNING", "program": "x"}'
    boot.oneshot("talk", f"echo '{line}'")
    finished(boot)
    assert line in boot.log().split("\n")


def test_in_text_a_line_begins_with_time_level_and_unit(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(LOG_FORMAT="text")
    boot.oneshot("talk", "echo hello")
    finished(boot)
    assert " INFO talk: hello\n" in boot.log()


def test_a_last_line_without_a_newline_is_not_lost(boot: NativeBoot) -> None:
    boot.oneshot("talk", "printf 'no newline'")
    finished(boot)
    assert boot.messages("talk") == ["no newline"]


def test_bytes_that_are_not_utf8_are_shown_escaped(boot: NativeBoot) -> None:
    boot.oneshot("talk", r"printf 'caf\351 \000\377\n'")
    finished(boot)
    assert boot.messages("talk") == ["caf\\xe9 \0\\xff"]


def test_a_line_of_three_megabytes_comes_through_in_pieces(boot: NativeBoot) -> None:
    boot.oneshot("talk", f"head -c {3 * MEGABYTE} /dev/zero | tr '\\0' x; echo; echo end")
    finished(boot)
    *pieces, end = boot.messages("talk")
    assert end == "end"
    assert "".join(pieces) == "x" * (3 * MEGABYTE)


def test_a_unit_that_prints_a_hundred_megabytes_takes_pid1_no_memory(boot: NativeBoot) -> None:
    lines = f"head -c {100 * MEGABYTE} /dev/zero | tr '\\0' x | fold -w 8000"
    boot.oneshot("talk", f"{lines}; echo; echo end")
    boot.start()
    boot.wait_for(lambda: boot.phase() == "ready", "ready", timeout=60)
    assert peak_memory(boot.process.pid) < 100 * MEGABYTE
    assert boot.log_path.stat().st_size > 100 * MEGABYTE
    with boot.log_path.open("rb") as log:
        log.seek(-1000, os.SEEK_END)
        assert b'"program": "talk", "message": "end"' in log.read()


def test_a_unit_that_closes_its_output_goes_on_unharmed_and_at_no_cost(boot: NativeBoot) -> None:
    boot.longrun("quiet", "exec >&- 2>&-; touch closed; exec sleep infinity")
    boot.start()
    boot.wait("ready")
    boot.wait_for((boot.directory / "closed").exists, "closed")
    boot.ctl("status")
    before = wakeups(boot.process.pid)
    boot.ctl("status")
    assert wakeups(boot.process.pid) - before < 100  # a busy loop would make thousands
    assert boot.entry("quiet")["state"] == "ready"
    assert boot.stop() == 0


def wakeups(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)


def test_a_secret_in_a_unit_s_output_is_masked(new_boot: Callable[..., NativeBoot]) -> None:
    boot = new_boot(DATABASE_URL="postgresql://shop:k33p-0ut@db/shop")
    boot.oneshot("talk", 'echo "$DATABASE_URL and k33p-0ut"; exit 9')
    assert boot.run() == 9
    assert "k33p-0ut" not in boot.log()
    assert "k33p-0ut" not in (boot.run_dir / "exit.json").read_text()
    assert "k33p-0ut" not in (boot.run_dir / "boot.json").read_text()
    assert boot.messages("talk") == ["postgresql://shop:***@db/shop and ***"]


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    try:
        yield read, write
    finally:
        os.close(read)
        os.close(write)


def test_a_reader_that_stops_reading_does_not_freeze_pid1(boot: NativeBoot) -> None:
    boot.longrun("talk", "while :; do head -c 65536 /dev/zero | tr '\\0' x; echo; done")
    with pipe() as (_, write):
        boot.start(stdout=write)
        boot.wait("ready")
        boot.wait_for(lambda: "RUNNING" in boot.ctl("status")[1], "an answer")
        assert boot.stop() == 0
    assert not boot.left_over()


def test_requests_are_answered_while_nobody_reads_the_log(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(EDGEPAAS_ACCESS_LOG="1", EDGEPAAS_ACCESS_LOG_SKIP="/nothing")
    service = NativeService(boot, f"sqlite:///{boot.directory}/data/test.db")
    boot.oneshot("talk", f"head -c {12 * MEGABYTE} /dev/zero | tr '\\0' x | fold -w 8000")
    with pipe() as (_, write):
        boot.start(stdout=write)
        boot.wait_for(lambda: boot.phase() == "ready", "ready", timeout=90)
        service.add("edge-1")
        assert all(service.ready().status == 200 for _ in range(50))
        assert boot.stop() == 0


def test_lines_that_found_no_room_are_counted_once_the_reader_is_back(boot: NativeBoot) -> None:
    boot.oneshot("talk", f"head -c {12 * MEGABYTE} /dev/zero | tr '\\0' x | fold -w 8000")
    boot.longrun("stay", requires="talk")
    with pipe() as (read, write):
        boot.start(stdout=write)
        boot.wait("ready")
        taken = bytearray()
        reader = threading.Thread(target=read_all, args=(read, taken))
        reader.start()
        wait_until(lambda: b"log lines were dropped" in taken, 10, "the count")
        assert boot.stop() == 0
        os.write(write, b"\nTHE END")
        reader.join()
    lines = [json.loads(line) for line in taken.removesuffix(b"\nTHE END").split(b"\n") if line]
    kept = sum(line["program"] == "talk" for line in lines)
    (note,) = [line["message"] for line in lines if "dropped" in line["message"]]
    assert kept + int(note.split()[0]) >= 12 * MEGABYTE // 8000
    assert "exit status 0" in lines[-1]["message"]


def read_all(fd: int, into: bytearray) -> None:
    while not into.endswith(b"\nTHE END"):
        into += os.read(fd, 65536)


def test_a_slow_reader_gets_every_line(boot: NativeBoot) -> None:
    boot.oneshot("talk", f"head -c {12 * MEGABYTE} /dev/zero | tr '\\0' x | fold -w 8000")
    with pipe() as (read, write):
        boot.start(stdout=write)
        taken = bytearray()
        reader = threading.Thread(target=read_slowly, args=(read, taken))
        reader.start()
        boot.wait("ready")
        assert boot.stop() == 0
        os.write(write, b"\nTHE END")
        reader.join()
    assert b"dropped" not in taken
    assert taken.count(b"x") >= 12 * MEGABYTE


def read_slowly(fd: int, into: bytearray) -> None:
    """Read some 20 MB a second, slower than PID 1 writes."""
    pause = threading.Event()
    while not into.endswith(b"\nTHE END"):
        into += os.read(fd, 65536)
        pause.wait(0.003)


def test_a_reader_that_is_gone_does_not_keep_the_container_from_its_work(
    boot: NativeBoot,
) -> None:
    boot.longrun("talk", f"read line < {boot.gate()}; echo line; touch said; {WAIT}")
    with pipe() as (read, write):
        boot.start(stdout=write)
        boot.wait("ready")
        os.dup2(write, read)  # the pipe has no read end any more
        boot.open_gate()
        boot.wait_for((boot.directory / "said").exists, "a line nobody reads")
        boot.wait_for(lambda: "RUNNING" in boot.ctl("status")[1], "an answer")
        assert boot.stop() == 0


def test_a_closed_stdout_does_not_keep_the_container_from_its_work(boot: NativeBoot) -> None:
    boot.longrun("talk", "echo hello; exec sleep infinity")
    boot.start(before=["sh", "-c", 'exec "$@" >&- 2>&-', "sh"])
    boot.wait("ready")
    assert boot.stop() == 0
    assert boot.exit()["status"] == 0


def test_at_a_terminal_text_has_colours(new_boot: Callable[..., NativeBoot]) -> None:
    boot = new_boot(LOG_FORMAT="text")
    boot.oneshot("talk", "echo hello")
    terminal, inside = os.openpty()
    boot.start(stdout=inside)
    os.close(inside)
    printed = b""
    while b"talk is done" not in printed:
        printed += os.read(terminal, 65536)
    assert b"\x1b[32mINFO\x1b[0m \x1b[1mtalk\x1b[0m: hello" in printed
    reader = threading.Thread(target=read_to_the_end, args=(terminal,))
    reader.start()
    assert boot.stop() == 0
    reader.join()
    os.close(terminal)


def read_to_the_end(terminal: int) -> None:
    with suppress(OSError):  # a terminal nobody has open any more
        while os.read(terminal, 65536):
            pass


def test_a_crash_below_python_is_one_critical_line(boot: NativeBoot) -> None:
    crash = "import faulthandler, os; faulthandler.enable(); os.kill(os.getpid(), 11)"
    boot.oneshot("talk", f"exec {sys.executable} -c '{crash}'", on_failure="ignore")
    finished(boot)
    (line,) = [each for each in boot.lines() if each["program"] == "talk"]
    assert (line["level"], line["message"]) == (
        "CRITICAL",
        "Fatal Python error: Segmentation fault",
    )
    assert "most recent call first" in line["traceback"]

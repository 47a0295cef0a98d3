"""A traceback, and the stacks of a crash, come out as one event however they were printed."""

import signal
import subprocess
import sys

import pytest

from boot.blocks import Block, Event


def events(text: str) -> list[Event]:
    block = Block()
    found = [event for line in text.splitlines() if line for event in block.feed(line)]
    return found + block.end()


def stderr_of(program: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_a_line_by_itself_is_an_event() -> None:
    assert events("one\ntwo\n  three") == [
        Event("INFO", "one"),
        Event("INFO", "two"),
        Event("INFO", "  three"),
    ]


def test_a_traceback_is_an_error_that_says_its_cause() -> None:
    _, printed = stderr_of("def f():\n raise ValueError('the cause')\nf()")
    assert events(f"before\n{printed}after") == [
        Event("INFO", "before"),
        Event("ERROR", "ValueError: the cause", printed.rstrip()),
        Event("INFO", "after"),
    ]


def test_a_group_of_exceptions_is_one_event() -> None:
    _, printed = stderr_of("raise ExceptionGroup('both', [ValueError('a'), KeyError('b')])")
    (event,) = events(printed)
    assert event.level == "ERROR"
    assert "KeyError: 'b'" in event.lines


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE])
def test_the_stacks_of_a_crash_are_one_event(number: int) -> None:
    status, printed = stderr_of(
        f"import faulthandler, os; faulthandler.enable(); os.kill(os.getpid(), {int(number)})"
    )
    assert status == -number
    (event,) = events(printed)
    assert event.level == "CRITICAL"
    assert event.message.startswith("Fatal Python error: ")
    assert "most recent call first" in event.lines


def test_a_traceback_cut_off_is_told_at_the_end() -> None:
    assert events("Traceback (most recent call last):\n  File x") == [
        Event(
            "ERROR",
            "Traceback (most recent call last):",
            "Traceback (most recent call last):\n  File x",
        )
    ]


def test_an_event_without_end_is_told_in_parts() -> None:
    found = events("Traceback (most recent call last):\n" + "  x\n" * 2000)
    assert len(found) > 1
    assert sum(len(each.lines.split("\n")) for each in found if each.lines) <= 2001


def test_a_new_traceback_ends_the_one_before() -> None:
    start = "Traceback (most recent call last):\n  File x\n"
    found = events(f"{start}{start}ValueError: last")
    assert [each.message for each in found] == [
        "Traceback (most recent call last):",
        "ValueError: last",
    ]


def test_our_own_line_of_json_is_never_taken_into_a_traceback() -> None:
    found = events('Traceback (most recent call last):\n  File x\n{"time": "t"}')
    assert found[-1] == Event("INFO", '{"time": "t"}')

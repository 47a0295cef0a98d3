"""Whatever ends a program, a thread or a finalizer leaves one line that says why."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.support.oneshot import LAYER

SET_UP = "import logging, threading, warnings; from boot import logline; logline.configure('x')\n"


def told(program: str) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        [sys.executable, "-c", SET_UP + program],
        env={"PYTHONPATH": str(LAYER), "LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize(
    ("program", "level", "status"),
    [
        ("1 / 0", "CRITICAL", 1),
        ("t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", "ERROR", 0),
        ("class C:\n def __del__(self): 1 / 0\nC()", "ERROR", 0),
    ],
)
def test_an_exception_is_one_line_with_its_traceback(program: str, level: str, status: int) -> None:
    ended, (line,), stderr = told(program)
    assert (ended, line["level"], stderr) == (status, level, "")
    assert line["message"].endswith("ZeroDivisionError: division by zero")
    assert line["traceback"].startswith("Traceback")


def test_a_warning_is_one_line() -> None:
    _, (line,), stderr = told("warnings.warn('old ways', UserWarning)")
    assert (line["level"], stderr) == ("WARNING", "")
    assert "UserWarning: old ways" in line["message"]


def test_the_end_by_ctrl_c_or_exit_is_nothing_to_tell() -> None:
    assert told("raise SystemExit(3)")[:2] == (3, [])
    assert told("raise KeyboardInterrupt")[1] == []


def test_a_crash_below_python_leaves_the_stack() -> None:
    status, lines, stderr = told("import os; os.kill(os.getpid(), 11)")
    assert (status, lines) == (-signal.SIGSEGV, [])
    assert stderr.startswith("Fatal Python error: Segmentation fault")


def test_a_hook_that_is_there_already_stays() -> None:
    _, (line,), _ = told(
        "import sys; sys.excepthook = lambda *_: logging.info('theirs')\n"
        "logline.configure('x')\n1 / 0"
    )
    assert line["message"] == "theirs"

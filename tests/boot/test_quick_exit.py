"""A process that ends quickly ends as ever for whoever looks: its status, its words, its atexit."""

import os
import subprocess
import sys

import pytest

from tests.support.native_boot import LAYER

# Imported first; then what registers, and an object that says when it is taken apart.
ENDS = """
from boot import quick_exit
import atexit, sys
class Told:
    def __del__(self):
        print("taken apart")
told = Told()
told.itself = told
atexit.register(print, "called at exit")
print("said", end=" ")
{end}
"""


def run(end: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ENDS.format(end=end)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("status", [0, 1, 80])
def test_the_status_the_words_and_what_was_registered_are_kept(status: int) -> None:
    done = run(f"sys.exit(quick_exit.expect({status}))")
    assert (done.returncode, done.stdout) == (status, "said called at exit\n")


def test_what_nobody_expected_ends_as_python_does() -> None:
    done = run("sys.exit(3)")
    assert (done.returncode, done.stdout) == (3, "said called at exit\ntaken apart\n")


def test_an_output_that_nobody_reads_does_not_change_the_status() -> None:
    done = run("import os; os.close(1); sys.exit(quick_exit.expect(0))")
    assert done.returncode == 0

"""make test's run of pytest, on small suites of its own."""

import os
import sys
from pathlib import Path

import pytest

from scripts import suite
from scripts.steps import FAILED, OK, SKIPPED, Outcome

ONCE = """
def test_once():
    from pathlib import Path
    seen = Path("seen")
    was_there = seen.exists()
    seen.touch()
    assert was_there
"""
ALWAYS = "def test_{}():\n    assert False\n"
FINE = "def test_fine():\n    pass\n"
LEFT_OUT = "import pytest\n@pytest.mark.skip(reason='not here')\ndef test_left_out():\n    pass\n"


def run(folder: Path, text: str) -> Outcome:
    """Run the suite that is one file."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    only_xdist = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
    return suite.run(folder, {**os.environ, **only_xdist, "PATH": programs})


def test_what_fails_beside_others_and_passes_alone_is_named_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(tmp_path, ONCE + FINE)
    assert (outcome.state, outcome.note) == (
        OK,
        "1 failed, 1 passed; passed alone: test_it.py::test_once",
    )
    said = "warning: failed beside other tests, passed alone: test_it.py::test_once"
    assert said in capsys.readouterr().out


def test_what_fails_again_fails(tmp_path: Path) -> None:
    outcome = run(tmp_path, ONCE + ALWAYS.format("always") + FINE)
    assert (outcome.state, outcome.note) == (FAILED, "2 failed, 1 passed")


def test_many_failures_are_not_tried_again(tmp_path: Path) -> None:
    outcome = run(tmp_path, ONCE + "".join(map(ALWAYS.format, "abc")))
    assert (outcome.state, outcome.note) == (FAILED, "4 failed")
    assert (tmp_path / "seen").exists()


def test_a_suite_that_cannot_be_read_fails(tmp_path: Path) -> None:
    assert run(tmp_path, "import nothing_of_that_name\n").state == FAILED


def test_what_is_skipped_is_told(tmp_path: Path) -> None:
    outcome = run(tmp_path, LEFT_OUT + FINE)
    assert (outcome.state, outcome.note) == (SKIPPED, "1 passed, 1 skipped")

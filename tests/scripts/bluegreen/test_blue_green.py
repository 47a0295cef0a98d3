"""The command line: what is wrong has its status and is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bluegreen.outcome import HANDED_ON, Outcome, of_container
from scripts.checkout import ROOT


def word(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "scripts.blue_green", *words],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [(), ("explode",), ("deploy", "--nonsense"), ("rollback", "x")])
def test_a_bad_command_line_is_64(words: tuple[str, ...]) -> None:
    done = word(*words)
    assert done.returncode == Outcome.USAGE
    assert "usage:" in done.stderr


def test_a_deploy_needs_an_image(tmp_path: Path) -> None:
    path = tmp_path / "blue-green.ini"
    path.write_text("[proxy]\nurl = http://127.0.0.1:80\nkind = nginx\n")
    done = word("--config", str(path), "deploy", IMAGE="")
    assert done.returncode == Outcome.USAGE
    assert "make deploy IMAGE=" in done.stderr


def test_without_settings_it_is_78_and_says_what_to_copy(tmp_path: Path) -> None:
    done = word("status", BLUE_GREEN_CONFIG=str(tmp_path / "none.ini"))
    assert done.returncode == Outcome.CONFIG
    assert "none.ini" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_container_s_own_end_is_handed_on() -> None:
    for status in HANDED_ON:
        assert of_container(status) == status
    assert of_container(1) == of_container(137) == of_container(0) == Outcome.NOT_DEPLOYED


def test_every_status_is_documented() -> None:
    page = (ROOT / "docs/blue-green.md").read_text()
    for outcome in Outcome:
        assert f"| {outcome.value} |" in page, outcome

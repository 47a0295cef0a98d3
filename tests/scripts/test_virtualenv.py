import sys
from pathlib import Path

import pytest

from scripts import debian, virtualenv
from scripts.console import Failure
from scripts.virtualenv import STAMP, Virtualenv


def test_it_is_current_until_a_lock_changes(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("one")
    venv = Virtualenv(tmp_path, (lock,))
    assert not venv.is_current()
    (tmp_path / STAMP).write_text(venv.digest())
    assert venv.is_current()
    lock.write_text("two")
    assert not venv.is_current()


def test_it_is_made_from_its_locks_and_a_bad_lock_is_no_traceback(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("")
    venv = Virtualenv(tmp_path / "venv", (lock,))
    venv.ensure()
    assert venv.is_current()
    assert Path(venv.python).exists()
    lock.write_text("./nothing-here.whl --hash=sha256:00\n")
    with pytest.raises(Failure, match="pip"):
        venv.ensure()
    assert not venv.is_current()


def test_without_a_python_new_enough_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtualenv, "_candidates", lambda: iter(["/nonexistent/python"]))
    monkeypatch.setattr(debian, "why_not_installable", lambda: "this is neither Debian nor Ubuntu")
    with pytest.raises(Failure, match=r"Python 3\.11 or newer"):
        virtualenv.ensure_python()


def test_this_python_is_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtualenv, "_candidates", lambda: iter(["/nonexistent", sys.executable]))
    assert virtualenv.find_python() == sys.executable

"""State, history and lock: durable, readable after any crash, one holder."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from scripts.bluegreen.history import History, now
from scripts.bluegreen.lock import Lock
from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.state import Operation, Release, State, StateFile
from tests.support.wait import wait_until

RELEASE = Release("shop:1", "sha256:1", "f00", "1.0")
OPERATION = Operation("1", "deploy", "green", "blue", RELEASE, now(), "start")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "new/folder")
    file.prepare()
    assert file.load() == State()
    state = State("blue", {"blue": RELEASE}, OPERATION.at("wait"))
    file.save(state)
    assert file.load() == state


def test_a_crash_while_writing_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = StateFile(tmp_path)
    file.save(State("blue"))

    def crash(_descriptor: int) -> None:
        raise OSError("power")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="power"):
        file.save(State("green"))
    assert file.load() == State("blue")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_state_nobody_can_read_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    file = StateFile(tmp_path)
    file.path.write_text(text)
    with pytest.raises(Stopped, match="move it away") as failure:
        file.load()
    assert failure.value.status == Outcome.CONFIG
    assert file.path.read_text() == text


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Stopped, match="state to a folder of yours"):
        StateFile(tmp_path / "file/folder").prepare()


def test_history_is_read_past_a_line_cut_short(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.entries() == []
    history.append(OPERATION, "done")
    with history.path.open("ab") as file:
        file.write(b'{"id": "2", "wo\n')
    history.append(OPERATION, "failed", "why\nand more")
    entries = history.entries()
    assert [entry["outcome"] for entry in entries] == ["done"], "the same operation ends once"
    history.append(Operation("3", "rollback", "blue", None, RELEASE, now(), ""), "failed", "why\nx")
    assert history.entries()[-1]["reason"] == "why"


def _hold(folder: Path) -> None:
    with Lock(folder).held("deploy"):
        signal.pause()


def test_one_holds_the_lock_and_is_named_and_a_dead_one_does_not(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert lock.holder() is None
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_hold, args=(tmp_path,))
    process.start()
    try:
        wait_until(lambda: lock.holder() == process.pid, 30, "the lock taken")
        with (
            pytest.raises(Stopped, match=rf"deploy, process {process.pid};") as failure,
            lock.held("rollback"),
        ):
            pass
        assert failure.value.status == Outcome.TRY_AGAIN
    finally:
        process.kill()
        process.join()
    with lock.held("rollback"):
        assert lock.holder() == os.getpid()
    assert lock.holder() is None

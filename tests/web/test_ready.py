"""When web says READY=1."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.web_unit import WebUnit
from web.slots import Slots, Stage, lowest_free

Start = Callable[..., WebUnit]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A directory; the tiny app starts in a worker when its pid, or `all`, is a file in it."""
    gate = tmp_path / "gate"
    gate.mkdir()
    return gate


def test_web_is_ready_when_all_workers_serve_and_not_before(start_web: Start, gate: Path) -> None:
    web = start_web(TINY_GATE=str(gate))
    web.settled(lambda: len(web.worker_pids()) == 2, 20, "two workers forked")
    (gate / str(min(web.worker_pids()))).touch()
    web.settled(
        lambda: web.notify.heard("STATUS=1 of 2 workers serve"), 20, "the first worker serves"
    )
    assert not web.ready()
    (gate / "all").touch()
    web.wait_ready()
    assert web.get("/") in {(200, str(pid)) for pid in web.worker_pids()}


def test_a_worker_killed_while_starting_does_not_count(start_web: Start, gate: Path) -> None:
    web = start_web(TINY_GATE=str(gate))
    web.settled(lambda: len(web.worker_pids()) == 2, 20, "two workers forked")
    first, second = sorted(web.worker_pids())
    (gate / str(first)).touch()
    web.settled(
        lambda: web.notify.heard("STATUS=1 of 2 workers serve"), 20, "the first worker serves"
    )
    os.kill(second, signal.SIGKILL)
    web.settled(lambda: web.worker_pids() - {first, second}, 20, "a worker in place of the killed")
    assert not web.ready()
    (gate / "all").touch()
    web.wait_ready()


def test_a_single_worker_is_enough_where_one_is_asked_for(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    assert "STATUS=1 of 1 workers serve" in web.notify.lines


def test_messages_come_from_the_units_process_group(web: WebUnit) -> None:
    assert web.notify.groups == {web.process.pid}


def test_workers_feed_the_watchdog_where_there_is_one(start_web: Start) -> None:
    web = start_web(WATCHDOG_USEC="30000000")
    web.wait_ready()
    web.settled(lambda: web.notify.heard("WATCHDOG=1"), 10, "the watchdog is fed")


def test_the_unit_ends_when_workers_keep_dying_before_they_serve(
    start_web: Start, new_app: Callable[[str], dict[str, str]]
) -> None:
    web = start_web(**new_app("import os\nos.kill(os.getpid(), 9)\n"), WEB_CONCURRENCY="1")
    assert web.wait(60) == 3
    assert "5 workers in a row ended before they served" in web.log
    assert not web.ready()


def test_slots_are_shared_between_processes() -> None:
    slots = Slots()
    child = os.fork()
    if not child:
        slots.put(3, Stage.SERVING)
        os._exit(0)
    os.waitpid(child, 0)
    assert slots.serving() == 1
    assert slots.leave(3) is Stage.SERVING
    assert slots.serving() == 0


@pytest.mark.parametrize(
    ("taken", "lowest"), [(set(), 0), ({0}, 1), ({1}, 0), ({0, 1, 3}, 2), ({2, 1, 0}, 3)]
)
def test_the_lowest_free_slot_is_given(taken: set[int], lowest: int) -> None:
    assert lowest_free(taken) == lowest

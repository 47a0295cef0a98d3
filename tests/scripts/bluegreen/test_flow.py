"""Killed between any two of its acts, a word leaves a slot that answers; the next one ends it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.bluegreen import boot, config, flow, overview, switch, words
from scripts.bluegreen.host import Host
from scripts.bluegreen.outcome import Outcome, Stopped
from tests.support.bluegreen.world import PROXY, Killed, World, quick

OLDEST, OLD, NEW = "release-1", "release-2", "release-3"
MOST_ACTS = 200
Word = Callable[[Host], None]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "LOOK_SECONDS", 0)
    monkeypatch.setattr(switch, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(switch, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(boot, "POLL_SECONDS", 0)
    # To be durable is for crashes of the host, which none of these tests has.
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], World]:
    """A function that returns a world where OLD is live in green and OLDEST kept in blue."""
    path = tmp_path / "blue-green.ini"
    path.write_text(
        f"[service]\nstate = state\n[proxy]\nkind = nginx\nurl = http://127.0.0.1:{PROXY}\n"
    )
    world = World(quick(config.load(path)))
    folder = world.config.service.state
    folder.mkdir()
    deploy(OLDEST)(world.host())
    deploy(OLD)(world.host())
    assert_all_is_well(world, OLD)
    files = {file: file.read_bytes() for file in folder.iterdir()}

    def again() -> World:
        for file, content in files.items():
            file.write_bytes(content)
        return replace(world, containers=deepcopy(world.containers))

    return again


def deploy(image: str) -> Word:
    return lambda host: words.deploy(host, image, stop_start=False, dry_run=False)


def rollback(host: Host) -> None:
    words.rollback(host, dry_run=False)


def assert_all_is_well(world: World, *builds: str) -> None:
    """Fail unless one slot is live, answers with one of these builds, and nothing is left over."""
    serving = world.serving()
    assert serving is not None
    assert serving.image in builds
    assert serving.restart == "unless-stopped"
    assert world.live is not None
    assert world.running() == [world.name(world.live)]
    assert not [name for name in world.containers if name.endswith("-previous")]
    host = world.host()
    state = host.state
    assert overview.tell_status(overview.status(host)).endswith("all is well")
    assert state.operation is None
    assert state.live == world.live
    assert state.slots[world.live].build == serving.image


def kill(world: World, word: Word, at: int) -> bool:
    """Run a word that is killed at an act; tell whether it lived that long to be."""
    try:
        word(world.host(at))
    except Killed:
        return True
    return False


@pytest.mark.parametrize("word", [deploy(NEW), rollback], ids=["deploy", "rollback"])
@pytest.mark.parametrize("after", ["again", "abort", "another"])
def test_killed_anywhere_a_slot_answers_and_the_next_word_ends_it(
    make: Callable[[], World], word: Word, after: str
) -> None:
    wanted = NEW if word is not rollback else OLDEST
    ways: dict[str, tuple[Word, tuple[str, ...]]] = {
        "again": (word, (wanted, OLD) if word is rollback else (wanted,)),
        "abort": (words.abort, (wanted, OLD)),
        "another": (deploy("release-4"), ("release-4",)),
    }
    next_word, builds = ways[after]
    for act in range(1, MOST_ACTS):
        world = make()
        if not kill(world, word, act):
            assert act > 20
            return
        assert world.serving() is not None, f"nobody answers at act {act}"
        next_word(world.host())
        assert_all_is_well(world, *builds)
    pytest.fail("it never came to its end")


def test_killed_twice_a_slot_answers_and_the_third_word_ends_it(make: Callable[[], World]) -> None:
    for first in range(1, MOST_ACTS, 4):
        for second in range(1, MOST_ACTS, 5):
            world = make()
            if not kill(world, deploy(NEW), first):
                assert first > 20
                return
            if not kill(world, words.abort if second % 2 else deploy(NEW), second):
                break
            assert world.serving() is not None, (first, second)
            deploy(NEW)(world.host())
            assert_all_is_well(world, NEW)
    pytest.fail("it never came to its end")


def test_killed_while_it_undoes_a_failure_the_next_word_goes_on(make: Callable[[], World]) -> None:
    for act in range(1, MOST_ACTS):
        world = make()
        world.broken = {NEW}
        with pytest.raises((Killed, Stopped)) as end:
            deploy(NEW)(world.host(act))
        assert world.serving() is not None
        if isinstance(end.value, Stopped):
            assert end.value.status == 78
            assert_all_is_well(world, OLD)
            rollback(world.host())
            assert_all_is_well(world, OLDEST)
            return
        words.abort(world.host())
        assert_all_is_well(world, OLD)
    pytest.fail("it never came to its end")


def test_a_proxy_that_does_not_switch_is_noticed_and_told_to_go_back(
    make: Callable[[], World],
) -> None:
    world = make()
    world.deaf = True
    with pytest.raises(Stopped, match="switched back: green is live, as before") as failure:
        deploy(NEW)(world.host())
    assert failure.value.status == Outcome.SWITCHED_BACK
    assert "should say build release-3 in blue" in str(failure.value)
    assert_all_is_well(world, OLD)
    outcome = world.host().history.entries()[-1]["outcome"]
    assert outcome == "switched back"


def test_the_status_tells_what_was_interrupted_and_what_is_wrong(
    make: Callable[[], World],
) -> None:
    world = make()
    assert kill(world, deploy(NEW), 12)
    told = overview.tell_status(overview.status(world.host()))
    assert f"interrupted: deploy of {NEW} to blue, step" in told
    assert told.endswith("NOT as it should be")


def test_a_proxy_that_forgot_is_told_again(make: Callable[[], World]) -> None:
    world = make()
    world.live = None
    assert "live: none" in overview.tell_status(overview.status(world.host()))
    words.abort(world.host())
    assert_all_is_well(world, OLD)


def test_a_switch_by_hand_is_believed(make: Callable[[], World]) -> None:
    world = make()
    world.containers[world.name("blue")].running = True
    world.live = "blue"
    deploy(NEW)(world.host())
    assert world.live == "green"
    assert_all_is_well(world, NEW)


def test_a_dry_run_of_either_word_does_nothing(make: Callable[[], World]) -> None:
    world = make()
    before = str(world.containers)
    words.deploy(world.host(1), NEW, stop_start=False, dry_run=True)
    words.rollback(world.host(1), dry_run=True)
    assert str(world.containers) == before


def test_the_first_deploy_that_fails_leaves_no_slot_live(make: Callable[[], World]) -> None:
    world = make()
    empty = World(world.config, broken={NEW})
    (world.config.service.state / "state.json").unlink()
    with pytest.raises(Stopped) as failure:
        deploy(NEW)(empty.host())
    assert failure.value.status == 78
    assert empty.live is None
    assert empty.running() == []
    deploy(OLD)(empty.host())
    assert_all_is_well(empty, OLD)

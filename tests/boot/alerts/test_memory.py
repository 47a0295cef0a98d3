"""What was told is remembered over restarts, and for the cool-down only."""

from pathlib import Path

from boot.alerts.memory import FILE, Memory


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_same_is_told_again_only_after_the_cool_down(tmp_path: Path) -> None:
    clock = Clock()
    memory = Memory(tmp_path / FILE, 60, clock)
    assert memory.may_tell("disk")
    assert not memory.may_tell("disk")
    assert memory.may_tell("other")
    clock.now += 60
    assert memory.may_tell("disk")


def test_a_restart_knows_what_was_told_and_what_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    before = Memory(tmp_path / FILE, 60, clock)
    before.may_tell("fallback")
    before.begin("fallback", told=True)
    after = Memory(tmp_path / FILE, 60, clock)
    assert not after.may_tell("fallback")
    assert after.was_told("fallback")
    after.end("fallback")
    assert not Memory(tmp_path / FILE, 60, clock).is_open("fallback")


def test_a_clock_set_back_does_not_silence_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    memory = Memory(tmp_path / FILE, 60, clock)
    memory.may_tell("disk")
    clock.now -= 900
    assert memory.may_tell("disk")


def test_what_could_not_be_told_may_be_told_at_once(tmp_path: Path) -> None:
    memory = Memory(tmp_path / FILE, 60, Clock())
    memory.may_tell("end")
    memory.forget("end")
    assert memory.may_tell("end")


def test_a_broken_file_or_no_place_for_one_is_no_hindrance(tmp_path: Path) -> None:
    for text in ("", "[]", '{"told": 1}', '{"told": {"a": "x"}, "open": {}}'):
        (tmp_path / FILE).write_text(text)
        assert Memory(tmp_path / FILE, 60, Clock()).may_tell("disk")
    nowhere = Memory(tmp_path / "missing" / FILE, 60, Clock())
    assert nowhere.may_tell("disk")
    assert not nowhere.may_tell("disk")


def test_the_file_stays_small(tmp_path: Path) -> None:
    memory = Memory(tmp_path / FILE, 60, Clock())
    for number in range(500):
        memory.may_tell(f"key-{number}")
    assert (tmp_path / FILE).stat().st_size < 10_000
    assert not memory.may_tell("key-499")

"""Timers on a clock of our own."""

import pytest

from boot.timers import STOOD_STILL_SECONDS, TIDY_LEAST, Timers


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timers(clock: Clock) -> Timers:
    return Timers(clock)


def test_actions_run_in_the_order_of_their_time_and_not_before_it(
    timers: Timers, clock: Clock
) -> None:
    done: list[str] = []
    timers.after(2, lambda: done.append("late"))
    timers.after(1, lambda: done.append("early"))
    timers.run()
    assert done == []
    assert timers.wait() == 1
    clock.now += 2
    timers.run()
    assert done == ["early", "late"]
    assert timers.wait() is None


def test_a_cancelled_action_does_not_run_nor_is_it_waited_for(timers: Timers, clock: Clock) -> None:
    done: list[str] = []
    timers.after(1, lambda: done.append("cancelled")).cancel()
    timers.after(5, lambda: done.append("kept"))
    assert timers.wait() == 5
    clock.now += 5
    timers.run()
    assert done == ["kept"]


def test_an_action_may_set_and_cancel_others(timers: Timers, clock: Clock) -> None:
    done: list[str] = []
    later = timers.after(2, lambda: done.append("cancelled"))

    def first() -> None:
        later.cancel()
        timers.after(0, lambda: done.append("at once"))

    timers.after(1, first)
    clock.now += 2
    timers.run()
    assert done == ["at once"]


def test_a_timer_set_again_and_again_takes_no_more_room(timers: Timers) -> None:
    for _ in range(10_000):
        timers.after(60, lambda: None).cancel()
    assert len(timers._heap) <= TIDY_LEAST
    kept = [timers.after(60, lambda: None) for _ in range(1000)]
    assert len(timers._heap) >= len(kept)


def test_after_a_standstill_everything_waits_as_long_as_it_had_left(
    timers: Timers, clock: Clock
) -> None:
    done: list[str] = []
    timers.after(5, lambda: done.append("watchdog"))
    timers.after(9, lambda: done.append("deadline"))
    clock.now += 60
    timers.run()
    assert done == []
    assert timers.wait() == STOOD_STILL_SECONDS
    clock.now += STOOD_STILL_SECONDS
    timers.run()
    assert done == ["watchdog"]
    assert timers.wait() == 4

"""Waiting has one deadline, grows its delays, and stops at once where waiting cannot help."""

import time
from collections.abc import Callable

import pytest

from boot.database.outcome import POLICIES, Outcome, Verdict
from boot.database.waiting import (
    LONGEST_DELAY,
    STEADY_SECONDS,
    Nature,
    Retry,
    Waited,
    backoff,
    wait,
)


class World:
    """A clock that only sleeping and attempts move."""

    def __init__(self, chance: float = 1.0) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.limits: list[float] = []
        self.retries: list[Retry] = []
        self.chance = chance

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def wait(self, verdicts: Callable[[int], Verdict], seconds: float, cost: float = 0.0) -> Waited:
        def attempt(limit: float) -> Outcome:
            self.limits.append(limit)
            self.now += cost
            return Outcome(verdicts(len(self.limits)), "")

        nature = Nature(lambda: self.now, self.sleep, lambda: self.chance)
        return wait(attempt, seconds, self.retries.append, nature=nature)


def test_delays_double_up_to_a_limit_and_end_at_the_deadline() -> None:
    world = World()
    waited = world.wait(lambda _: Verdict.REFUSED, 30)
    assert world.slept[:5] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])
    assert max(world.slept) == LONGEST_DELAY
    assert waited.elapsed == pytest.approx(30)
    assert waited.attempts == len(world.slept) + 1


def test_the_last_attempt_is_made_at_the_deadline() -> None:
    world = World()
    waited = world.wait(lambda _: Verdict.OK if world.now >= 130 else Verdict.REFUSED, 30)
    assert waited.outcome.verdict is Verdict.OK


def test_each_attempt_may_take_what_is_left_and_at_least_a_second() -> None:
    world = World()
    world.wait(lambda _: Verdict.TIMED_OUT, 10, cost=3)
    assert world.limits[0] == 10
    assert world.limits == sorted(world.limits, reverse=True)
    assert min(world.limits) == 1
    assert world.now <= 100 + 10 + 3


def test_jitter_takes_any_part_of_a_delay() -> None:
    assert backoff(4, lambda: 0.5) == pytest.approx(0.8)
    assert 0 < backoff(4, lambda: 0.0) < 0.1


@pytest.mark.parametrize("verdict", [v for v in Verdict if not POLICIES[v].retry])
def test_what_waiting_cannot_cure_ends_it_at_once(verdict: Verdict) -> None:
    waited = World().wait(lambda _: verdict, 30)
    assert (waited.attempts, waited.elapsed) == (1, 0)


@pytest.mark.parametrize("verdict", [v for v in Verdict if POLICIES[v].retry])
def test_what_waiting_may_cure_is_tried_until_it_is_cured(verdict: Verdict) -> None:
    world = World()
    waited = world.wait(lambda count: Verdict.OK if count >= 4 else verdict, 30)
    assert waited.outcome.verdict is Verdict.OK
    assert {verdict, Verdict.OK} <= waited.seen
    numbers = [retry.attempt for retry in world.retries]
    assert numbers == list(range(1, waited.attempts))


@pytest.mark.parametrize("verdict", [v for v in Verdict if POLICIES[v].unreachable])
def test_a_server_that_comes_back_is_asked_once_more_a_second_later(verdict: Verdict) -> None:
    world = World()
    waited = world.wait(lambda count: Verdict.OK if count >= 4 else verdict, 30)
    assert waited.attempts == 5
    assert waited.seen == {verdict, Verdict.UNSTEADY, Verdict.OK}
    assert world.slept[-1] == STEADY_SECONDS


@pytest.mark.parametrize("verdict", [Verdict.STARTING, Verdict.TOO_MANY, Verdict.NO_PRIMARY])
def test_a_server_that_answered_all_along_is_believed_at_once(verdict: Verdict) -> None:
    assert World().wait(lambda count: Verdict.OK if count == 2 else verdict, 30).attempts == 2


def test_a_server_that_is_up_is_believed_at_once() -> None:
    assert World().wait(lambda _: Verdict.OK, 30).attempts == 1


def test_a_flapping_server_is_not_decided_on_one_lucky_answer() -> None:
    """Up for a second, down for a second (facts C21), and a budget that ends while it is down."""
    world = World()
    waited = world.wait(
        lambda _: Verdict.OK if int(world.now) % 2 else Verdict.REFUSED, 30, cost=0.01
    )
    assert waited.outcome.verdict is Verdict.REFUSED
    assert Verdict.UNSTEADY in waited.seen
    assert Verdict.OK not in waited.seen


def test_a_good_answer_at_the_deadline_is_believed() -> None:
    world = World()
    waited = world.wait(lambda _: Verdict.OK if world.now >= 130 else Verdict.REFUSED, 30)
    assert waited.outcome.verdict is Verdict.OK
    assert waited.elapsed == pytest.approx(30)


def test_a_wall_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> float:
        raise AssertionError("the wall clock was asked")

    monkeypatch.setattr(time, "time", asked)
    assert World().wait(lambda _: Verdict.REFUSED, 30).elapsed == pytest.approx(30)
    assert Nature().clock is time.monotonic


def test_without_time_there_is_one_attempt() -> None:
    assert World().wait(lambda _: Verdict.REFUSED, 0).attempts == 1


def test_every_verdict_has_a_policy_with_advice() -> None:
    assert POLICIES.keys() == set(Verdict)
    for verdict, policy in POLICIES.items():
        assert policy.advice or verdict is Verdict.OK
        assert not policy.unreachable or policy.retry

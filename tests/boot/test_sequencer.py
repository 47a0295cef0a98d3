"""The sequencer's waits, on a clock of our own; how it treats real programs: test_pid1_*.py."""

import signal

import pytest

from boot.budget import derive
from boot.ends import End, Outcome
from boot.report import Report, State
from boot.run import RESTART_DELAY_MOST, RETRY_DELAY_MOST, doubled
from boot.sequencer import Policy, Sequencer
from boot.timers import Timers
from boot.units import Kind, Ready, RestartBudget, Unit


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Programs:
    """Programs that do nothing: it notes what is asked, and a test tells what became of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.values: dict[str, str] = {}

    def start(self, name: str) -> int | None:
        self.asked.append(("start", name))
        return len(self.asked)

    def stop(self, name: str) -> None:
        self.asked.append(("stop", name))

    def signal(self, name: str, number: int) -> None:
        self.asked.append(("signal", name, number))

    def stop_all(self) -> None:
        self.asked.append(("stop all",))

    def kill_all(self) -> None:
        self.asked.append(("kill all",))

    def draining(self, *, on: bool) -> None:
        self.asked.append(("draining", on))

    def is_draining(self) -> bool:
        said = [asked[1] for asked in self.asked if asked[0] == "draining"]
        return bool(said and said[-1])

    def value(self, _: str, variable: str) -> str:
        return self.values.get(variable, "")

    def exports(self, name: str) -> list[str]:
        self.asked.append(("exports", name))
        return []

    def last_words(self, name: str) -> str:
        self.asked.append(("last words", name))
        return ""


class Story:
    """A sequencer over programs that do nothing, and a hand on its clock."""

    def __init__(self, *units: Unit, total: float = 9, drain: float = 0) -> None:
        self.clock = Clock()
        self.programs = Programs()
        self.timers = Timers(self.clock)
        self.report = Report(units, {}, self.clock)
        policy = Policy(derive(total, drain))
        self.sequencer = Sequencer(units, self.programs, self.report, self.timers, policy)

    def begin(self) -> None:
        """Start the boot, every program coming up at once."""
        self.sequencer.begin()
        for name in self.report.entries:
            self.started(name)

    def started(self, name: str) -> None:
        """Tell that a program was started, as the daemon does."""
        self.sequencer.starting(name)
        self.sequencer.running(name, 1)

    def passes(self, seconds: float) -> None:
        """Let time pass, doing what is due on the way."""
        until = self.clock.now + seconds
        while (wait := self.timers.wait()) is not None and self.clock.now + wait <= until:
            self.clock.now += wait
            self.timers.run()
        self.clock.now = until

    def phase(self) -> str:
        """Return where the container is in its life."""
        return self.report.phase.value

    def asked(self, *what: object) -> int:
        """Return how often something was asked of the daemon."""
        return self.programs.asked.count(what)


def service(watchdog: float = 0) -> Unit:
    budget = RestartBudget(2, 60)
    return Unit("web", Kind.LONGRUN, ready=Ready.STARTED, restarts=budget, watchdog=watchdog)


def crash(story: Story) -> None:
    story.sequencer.ended("web", End(1), asked=False)
    story.passes(RESTART_DELAY_MOST)
    if story.sequencer.outcome is None:
        story.started("web")


def test_restarts_longer_ago_than_the_budget_s_window_are_forgotten() -> None:
    story = Story(service())
    story.begin()
    for _ in range(10):
        story.passes(40)
        crash(story)
    assert story.sequencer.outcome is None
    assert story.report.entries["web"].restarts == 10


def test_restarts_within_the_window_use_the_budget_up() -> None:
    story = Story(service())
    story.begin()
    for _ in range(3):
        crash(story)
    assert story.sequencer.outcome is not None
    assert story.sequencer.outcome.cause == "exited with 1, after 2 restarts within 60 s"


@pytest.mark.parametrize("times", [0, 1, 5, 100, 10**6])
def test_waits_double_up_to_a_most_however_often(times: int) -> None:
    assert doubled(0.5, times, RETRY_DELAY_MOST) == min(0.5 * 2 ** min(times, 20), RETRY_DELAY_MOST)


def test_a_watchdog_that_is_fed_in_time_never_bites() -> None:
    story = Story(service(watchdog=5))
    story.begin()
    for _ in range(20):
        story.passes(4)
        story.sequencer.notified("web", {"WATCHDOG": "1"})
    assert not story.asked("signal", "web", signal.SIGABRT)


def test_a_hung_unit_that_outlives_its_abort_is_killed() -> None:
    story = Story(service(watchdog=5))
    story.begin()
    story.passes(5)
    assert story.asked("signal", "web", signal.SIGABRT) == 1
    assert not story.asked("signal", "web", signal.SIGKILL)
    story.passes(2)
    assert story.asked("signal", "web", signal.SIGKILL) == 1


def test_more_time_counts_from_when_it_is_asked_for() -> None:
    story = Story(Unit("web", Kind.LONGRUN, ready=Ready.NOTIFY, timeout=10))
    story.begin()
    story.passes(9)
    story.sequencer.notified("web", {"EXTEND_TIMEOUT_USEC": "20000000"})
    story.passes(19)
    assert not story.asked("stop", "web")
    story.passes(1)
    assert story.asked("stop", "web") == 1


def test_units_run_on_for_the_drain_delay_and_then_stop() -> None:
    story = Story(service(), total=30, drain=10)
    story.begin()
    story.sequencer.stop_requested(signal.SIGTERM)
    story.passes(9.9)
    assert story.asked("draining", True) == 1
    assert not story.asked("stop all")
    story.passes(0.1)
    assert story.asked("stop all") == 1


def test_a_boot_that_is_not_complete_is_not_drained() -> None:
    story = Story(Unit("step", Kind.ONESHOT), total=30, drain=10)
    story.begin()
    story.sequencer.stop_requested(signal.SIGTERM)
    story.passes(0)
    assert story.asked("stop all") == 1


def test_what_is_still_there_when_the_budget_is_used_up_is_killed() -> None:
    story = Story(service(), total=9)
    story.begin()
    story.sequencer.stop_requested(signal.SIGTERM)
    story.passes(8.6)
    assert not story.asked("kill all")
    story.passes(0.4)
    assert story.asked("kill all") == 1


def test_nothing_is_started_once_the_container_stops() -> None:
    story = Story(Unit("step", Kind.ONESHOT), Unit("next", Kind.ONESHOT, ("step",)))
    story.sequencer.begin()
    story.started("step")
    story.sequencer.stop_requested(signal.SIGTERM)
    story.sequencer.ended("step", End(0), asked=False)
    assert not story.asked("start", "next")
    assert story.report.entries["next"].state is State.SKIPPED


def test_a_service_that_waits_to_be_restarted_is_not_when_the_container_stops() -> None:
    story = Story(service())
    story.begin()
    story.sequencer.ended("web", End(1), asked=False)
    story.sequencer.stop_requested(signal.SIGTERM)
    story.passes(8)
    assert story.asked("start", "web") == 1
    assert story.report.entries["web"].state is State.STOPPED


STEP = Unit("step", Kind.ONESHOT)
ON_IT = Unit("web", Kind.LONGRUN, ("step",), ready=Ready.STARTED)
BESIDE = Unit("metrics", Kind.LONGRUN, ready=Ready.STARTED)
LAST = Unit("cleaner", Kind.LONGRUN, ("web",), ready=Ready.STARTED)


def booted(*units: Unit, drain: float = 0) -> Story:
    story = Story(*units, drain=drain)
    story.sequencer.begin()
    story.started("step")
    story.sequencer.ended("step", End(0), asked=False)
    for name in story.report.entries.keys() - {"step"}:
        story.started(name)
    assert story.phase() == "ready"
    return story


def test_a_rerun_stops_what_stands_on_the_step_last_first_and_nothing_else() -> None:
    story = booted(BESIDE, STEP, ON_IT, LAST)
    assert story.sequencer.rerun("step") == ""
    story.passes(0)
    assert (story.asked("stop", "cleaner"), story.asked("stop", "web")) == (1, 0)
    story.sequencer.ended("cleaner", End(0), asked=True)
    assert story.asked("stop", "web") == 1
    assert story.asked("start", "step") == 1
    story.sequencer.ended("web", End(0), asked=True)
    assert story.asked("start", "step") == 2
    assert not story.asked("stop", "metrics")


def test_a_rerun_is_over_when_all_is_ready_again() -> None:
    story = booted(STEP, ON_IT)
    story.sequencer.rerun("step")
    story.passes(0)
    story.sequencer.ended("web", End(0), asked=True)
    story.started("step")
    story.sequencer.ended("step", End(0), asked=False)
    assert story.phase() == "rerunning"
    assert story.asked("start", "web") == 2
    story.started("web")
    assert story.phase() == "ready"
    assert not story.programs.is_draining()


def test_a_rerun_drains_before_it_stops_anything() -> None:
    story = booted(STEP, ON_IT, drain=2)
    story.sequencer.rerun("step")
    assert story.programs.is_draining()
    story.passes(1.9)
    assert not story.asked("stop", "web")
    story.passes(0.1)
    assert story.asked("stop", "web") == 1


def test_a_rerun_leaves_a_drain_that_somebody_asked_for() -> None:
    story = booted(STEP)
    story.sequencer.drain()
    story.sequencer.rerun("step")
    story.passes(0)
    story.started("step")
    story.sequencer.ended("step", End(0), asked=False)
    assert story.phase() == "ready"
    assert story.programs.is_draining()


def test_a_step_that_fails_in_a_rerun_ends_the_container_as_in_the_boot() -> None:
    story = booted(STEP, ON_IT)
    story.sequencer.rerun("step")
    story.passes(0)
    story.sequencer.ended("web", End(0), asked=True)
    story.started("step")
    story.sequencer.ended("step", End(76), asked=False)
    assert story.sequencer.outcome == Outcome(76, "exited with 76", "step")


@pytest.mark.parametrize("status", [69, 75])
def test_a_failure_that_may_pass_begins_a_rerun_once_more_three_times(status: int) -> None:
    second = Unit("second", Kind.ONESHOT, ("step",))
    story = Story(STEP, second, Unit("web", Kind.LONGRUN, ("second",), ready=Ready.STARTED))
    story.sequencer.begin()
    for name in ("step", "second"):
        story.started(name)
        story.sequencer.ended(name, End(0), asked=False)
    story.started("web")
    story.sequencer.rerun("step")
    story.passes(0)
    story.sequencer.ended("web", End(0), asked=True)
    for times in range(2, 6):
        assert story.sequencer.outcome is None
        assert story.asked("start", "step") == times
        story.started("step")
        story.sequencer.ended("step", End(0), asked=False)
        story.started("second")
        story.sequencer.ended("second", End(status), asked=False)
        story.passes(1)
    assert story.sequencer.outcome == Outcome(status, f"exited with {status}", "second")
    assert story.asked("start", "web") == 1


def test_a_stop_in_the_middle_of_a_rerun_starts_nothing_more() -> None:
    story = booted(STEP, ON_IT, drain=2)
    story.sequencer.rerun("step")
    story.sequencer.stop_requested(signal.SIGTERM)
    story.passes(2)
    assert not story.asked("stop", "web")
    story.sequencer.ended("web", End(0), asked=True)
    assert story.asked("start", "step") == 1
    assert story.sequencer.outcome == Outcome(0, "asked to by SIGTERM")


@pytest.mark.parametrize(
    ("name", "why"),
    [("web", "web is no oneshot of the boot"), ("ghost", "ghost is no oneshot of the boot")],
)
def test_only_a_oneshot_of_the_boot_can_be_run_again(name: str, why: str) -> None:
    assert booted(STEP, ON_IT).sequencer.rerun(name) == why


def test_a_rerun_waits_for_nobody_it_is_refused_while_another_is_under_way() -> None:
    story = booted(STEP, ON_IT)
    story.sequencer.rerun("step")
    assert story.sequencer.rerun("step") == "the container is rerunning"


def test_a_rerun_is_refused_while_what_stands_on_the_step_is_being_restarted() -> None:
    story = booted(STEP, ON_IT)
    story.sequencer.ended("web", End(1), asked=False)
    assert story.sequencer.rerun("step") == "web is restarting"


CONDITIONAL = Unit("helper", Kind.LONGRUN, ("step",), ready=Ready.STARTED, condition="NEEDED")
AFTER_IT = Unit("web", Kind.LONGRUN, ("helper",), ready=Ready.STARTED)


@pytest.mark.parametrize("value", ["", "0"])
def test_a_unit_whose_condition_does_not_hold_is_passed_over_as_if_done(value: str) -> None:
    story = Story(STEP, CONDITIONAL, AFTER_IT)
    story.programs.values["NEEDED"] = value
    story.sequencer.begin()
    story.started("step")
    story.sequencer.ended("step", End(0), asked=False)
    assert not story.asked("start", "helper")
    assert story.report.entries["helper"].result == "NEEDED is not set"
    assert story.asked("start", "web") == 1


def test_a_condition_is_looked_at_anew_in_a_rerun() -> None:
    story = Story(STEP, CONDITIONAL)
    story.sequencer.begin()
    story.started("step")
    story.sequencer.ended("step", End(0), asked=False)
    assert story.report.entries["helper"].state is State.SKIPPED
    story.programs.values["NEEDED"] = "1"
    story.sequencer.rerun("step")
    story.passes(0)
    story.started("step")
    story.sequencer.ended("step", End(0), asked=False)
    assert story.asked("start", "helper") == 1

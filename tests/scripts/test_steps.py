import os

from scripts import steps
from scripts.console import Failure
from scripts.steps import ABSENT, FAILED, OK, SKIPPED, Outcome


def fail() -> None:
    raise Failure("no network\nand a second line")


def test_a_command_that_fails_is_a_step_that_failed() -> None:
    assert steps.run_command("x", ("false",), dict(os.environ)).state == FAILED
    assert steps.run_command("x", ("true",), dict(os.environ)).state == OK


def test_a_failure_is_told_in_one_line() -> None:
    outcome = steps.run_function("x", fail)
    assert (outcome.state, outcome.note) == (FAILED, "no network")


def test_what_is_skipped_fails_only_where_nothing_may_be_skipped() -> None:
    outcomes = [Outcome("a", OK), Outcome("b", SKIPPED), Outcome("c", ABSENT)]
    assert not steps.has_failed(outcomes, may_skip=True)
    assert steps.has_failed(outcomes, may_skip=False)
    assert not steps.has_failed([Outcome("c", ABSENT)], may_skip=False)


def test_the_summary_has_a_line_for_each_step() -> None:
    text = steps.summary([Outcome("lint", OK, 1.25), Outcome("tests", FAILED, 60, "1 failed")])
    assert text.splitlines()[2:] == [
        "  lint   ok           1.2 s",
        "  tests  failed      60.0 s  1 failed",
    ]

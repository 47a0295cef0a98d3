"""Try again until it works, cannot work, or the deadline passes."""

import time
from collections.abc import Callable
from typing import NamedTuple

from boot.database.deadline import Deadline
from boot.database.outcome import POLICIES, Outcome, Verdict

FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0
SHORTEST_DELAY = 0.02
LEAST_ATTEMPT_SECONDS = 1.0
STEADY_SECONDS = 1.0


class Waited(NamedTuple):
    """How the waiting went. `seen` are the classes of all attempts; `elapsed` is in seconds."""

    outcome: Outcome
    attempts: int
    elapsed: float
    seen: frozenset[Verdict]


class Retry(NamedTuple):
    """One attempt that will be followed by another in `delay` seconds."""

    attempt: int
    outcome: Outcome
    delay: float


class Nature(NamedTuple):
    """What waiting takes from the world: the time, sleep, and chance (0 to 1)."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] | None = None


def wait(
    attempt: Callable[[float], Outcome],
    seconds: float,
    report: Callable[[Retry], None],
    *,
    nature: Nature | None = None,
) -> Waited:
    """Call `attempt` with the seconds it may take until its outcome is not worth a retry.

    Delays double from FIRST_DELAY with full jitter
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), clamped to what is
    left of `seconds`; the last attempt is made at the deadline, and each gets at least a second.
    A server that answers after nobody did is asked once more a second later: it may be flapping.
    """
    clock, sleep, random = nature or Nature()
    started, deadline = clock(), Deadline(seconds, clock)
    seen: list[Verdict] = []
    while True:
        outcome = attempt(max(deadline.remaining(), LEAST_ATTEMPT_SECONDS))
        if deadline.remaining() > 0 and _lucky(outcome, seen):
            outcome = Outcome(Verdict.UNSTEADY, "it answers now; asked once more")
        seen.append(outcome.verdict)
        count = len(seen)
        if not outcome.policy.retry or deadline.remaining() <= 0:
            return Waited(outcome, count, clock() - started, frozenset(seen))
        steadying = outcome.verdict is Verdict.UNSTEADY
        delay = STEADY_SECONDS if steadying else backoff(count, random or _random())
        delay = min(delay, deadline.remaining())
        report(Retry(count, outcome, delay))
        sleep(delay)


def _lucky(outcome: Outcome, before: list[Verdict]) -> bool:
    """Tell whether it is the first good answer after one that did not come."""
    return (
        outcome.verdict is Verdict.OK
        and any(POLICIES[verdict].unreachable for verdict in before)
        and before[-1] is not Verdict.UNSTEADY
    )


def backoff(attempt: int, random: Callable[[], float]) -> float:
    """Return the seconds to wait after attempt number `attempt`, counted from 1."""
    ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt, 10))
    return max(SHORTEST_DELAY, ceiling * random())


def _random() -> Callable[[], float]:
    from random import random  # noqa: PLC0415  # 5 ms that a database which is up need not cost

    return random

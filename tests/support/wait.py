"""Wait for a condition instead of sleeping. Imports nothing of ours."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


def wait_until(
    predicate: Callable[[], T], timeout: float, what: str, poll: float = POLL_SECONDS
) -> T:
    """Return the first truthy answer of `predicate`.

    `timeout` is in seconds, and so is `poll`, the pause between two looks; raises AssertionError
    naming `what` when the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(poll)

"""SIGTERM and Ctrl-C end a word in good order: what it began is undone, undisturbed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from scripts.bluegreen.outcome import Interrupted

ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


def install() -> None:
    """Have each of them raise Interrupted where the program is."""
    for number in ASKED:
        signal.signal(number, _interrupt)


@contextmanager
def deferred() -> Iterator[None]:
    """Let none of them disturb what is done inside; what came meanwhile is forgotten."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ASKED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

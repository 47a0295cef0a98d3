"""What a person at the terminal reads: steps, progress, a failure without a traceback."""

from __future__ import annotations

import sys
import time
from typing import Callable, NoReturn

PREFIX = "edgepaas: "


class Failure(Exception):  # noqa: N818 (what the person meets, not a bug)
    """Something the person can mend; its text says what is wrong and what to do."""


def say(text: str) -> None:
    """Print one step, at once."""
    print(PREFIX + text, flush=True)


class Progress:
    """A line that changes in place on a terminal, and a line per change elsewhere."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._last = ""
        self._in_place = sys.stdout.isatty()

    def show(self, text: str) -> None:
        """Show `text` and the seconds gone by; off a terminal only what is new."""
        elapsed = time.monotonic() - self._started
        if self._in_place:
            print(f"\r\033[K{PREFIX}{text} ({elapsed:.1f} s)", end="", flush=True)
        elif text != self._last:
            say(f"{text} ({elapsed:.1f} s)")
        self._last = text

    def done(self) -> None:
        """End the line that changes in place."""
        if self._in_place and self._last:
            print("\r\033[K", end="", flush=True)
        self._last = ""


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of `main`; a Failure is one message and status 1."""
    try:
        status = main()
    except Failure as failure:
        print(f"{PREFIX}error: {failure}", file=sys.stderr, flush=True)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)

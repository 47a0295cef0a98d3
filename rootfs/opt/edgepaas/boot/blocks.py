"""Lines that belong together: a traceback, or the stacks of a crash, is one event.

Imports nothing of ours. For programs that do not log by themselves, and for what the interpreter
writes when it can no longer (faulthandler).
"""

from typing import NamedTuple

LINES_MOST = 500
TRACEBACK = "Traceback (most recent call last):"
GROUP = "  + Exception Group Traceback"
CRASH = "Fatal Python error: "
OF_A_CRASH = (" ", "Python runtime state", "Current thread", "Thread 0x", "Stack (most", "<")
LAST_OF_A_CRASH = "Extension modules:"


class Event(NamedTuple):
    """One event: its level, its line, and the lines that belong to it, "" where there are none."""

    level: str
    message: str
    lines: str = ""


class Block:
    """The event under way on one channel of a unit."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def feed(self, line: str) -> list[Event]:
        """Return the events that `line` completes, often itself."""
        if not self._lines:
            if line.startswith((TRACEBACK, GROUP, CRASH)):
                self._lines.append(line)
                return []
            return [Event("INFO", line)]
        if len(self._lines) >= LINES_MOST or not self._belongs(line):
            return [*self.end(), *self.feed(line)]
        self._lines.append(line)
        return self.end() if self._is_last(line) else []

    def end(self) -> list[Event]:
        """Return what was under way."""
        lines, self._lines = self._lines, []
        if not lines:
            return []
        if lines[0].startswith(CRASH):
            return [Event("CRITICAL", lines[0], "\n".join(lines[1:]))]
        last = next((each for each in reversed(lines) if each[:1] not in {" ", "\t"}), lines[-1])
        return [Event("ERROR", last.strip(), "\n".join(lines))]

    def _belongs(self, line: str) -> bool:
        first = self._lines[0]
        if first.startswith(CRASH):
            return line.startswith((*OF_A_CRASH, LAST_OF_A_CRASH))
        # The line that names the exception is the first that is not indented.
        return line[:1] in {" ", "\t"} or (
            first.startswith(TRACEBACK) and not line.startswith("{") and line != TRACEBACK
        )

    def _is_last(self, line: str) -> bool:
        if self._lines[0].startswith(CRASH):
            return line.startswith(LAST_OF_A_CRASH)
        return line[:1] not in {" ", "\t"}

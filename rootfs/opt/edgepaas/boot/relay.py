"""The relay: what the units print becomes lines of the container's log."""

import json
import logging
from collections.abc import Callable, Iterable

from boot.blocks import Block, Event
from boot.logline import Formatter, coloured, is_final, render
from boot.sink import Sink

LINE_BYTES = 2 * 1024 * 1024
WORDS_MOST = 300
ERROR_MARKS = ('"level": "ERROR"', '"level": "CRITICAL"', " ERROR ", " CRITICAL ")


class Channel:
    """One output channel of one unit: bytes in, whole lines out."""

    def __init__(self, most: int = LINE_BYTES) -> None:
        self.most = most
        self.block = Block()
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Return the lines completed by `data`; a line too long for memory is cut in pieces."""
        self._rest += data
        if b"\n" not in data and len(self._rest) < self.most:
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        while len(rest) >= self.most:
            lines.append(rest[: self.most])
            rest = rest[self.most :]
        self._rest = bytearray(rest)
        return [_decode(line) for line in lines]

    def end(self) -> list[str]:
        """Return what is left without a newline."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [_decode(rest)] if rest else []


def _decode(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "backslashreplace")


class Relay:
    """Everything that goes to the log goes through here. `mask` hides secrets in a line.

    `colour` is for a person at a terminal.
    """

    def __init__(
        self, sink: Sink, mask: Callable[[str], str], form: str, *, colour: bool = False
    ) -> None:
        self.sink = sink
        self.mask = mask
        self.form = form
        self.colour = colour
        self._channels: dict[tuple[str, str], Channel] = {}
        self._errors: dict[str, str] = {}
        self._lines: dict[str, str] = {}
        self._reported = 0

    def feed(self, unit: str, channel: str, data: bytes) -> None:
        """Take bytes a unit wrote to `stdout` or `stderr`."""
        source = self._channels.setdefault((unit, channel), Channel())
        for line in source.feed(data):
            self._line(unit, channel, line, source.block)

    def begin(self, unit: str) -> None:
        """Forget what an earlier run of the unit said."""
        self._errors.pop(unit, None)
        self._lines.pop(unit, None)

    def end(self, unit: str) -> None:
        """Write what a unit that ended left without a newline."""
        for channel in ("stdout", "stderr"):
            source = self._channels.pop((unit, channel), Channel())
            for line in source.end():
                self._line(unit, channel, line, source.block)
            self._write_all(unit, channel, source.block.end())

    def write(self, line: str) -> None:
        """Write a finished line; how many were dropped is said once the reader is back."""
        line = self.mask(line)
        self.sink.write(coloured(line) if self.colour else line)
        self._say_dropped()

    def flush(self) -> None:
        """Write what the reader of stdout takes now."""
        self.sink.flush()
        self._say_dropped()

    def _say_dropped(self) -> None:
        if self.sink.dropped > self._reported and not self.sink.pending:
            lost = self.sink.dropped - self._reported
            self._reported = self.sink.dropped
            note = f"{lost} log lines were dropped: the reader of stdout had stopped reading"
            self.sink.write(render("WARNING", "pid1", note, form=self.form))

    def last_words(self, unit: str) -> str:
        """Return the last error a unit logged, else its last line; at most 300 characters."""
        line = self._errors.get(unit) or self._lines.get(unit, "")
        return self.mask(_message(line))[:WORDS_MOST]

    def _line(self, unit: str, channel: str, line: str, block: Block) -> None:
        if not line.strip():
            return
        final = is_final(line)
        if final:
            self._write_all(unit, channel, block.end())
        if final or (self.form == "text" and line.startswith("  ") and not block):
            self._remember(unit, line)
            self.write(line)
            return
        self._write_all(unit, channel, block.feed(line))

    def _write_all(self, unit: str, channel: str, events: Iterable[Event]) -> None:
        """Write what a unit printed, each event wrapped as one line of ours."""
        for event in events:
            line = self._wrapped(unit, channel, event)
            self._remember(unit, line if event.lines else event.message)
            self.write(line)

    def _wrapped(self, unit: str, channel: str, event: Event) -> str:
        level, message, lines = event
        if self.form == "text":
            return render(level, unit, f"{message}\n{lines}" if lines else message, form="text")
        fields = {"stream": "stderr"} if channel == "stderr" else {}
        if lines:
            fields["traceback"] = lines
        return render(level, unit, message, fields, form=self.form)

    def _remember(self, unit: str, line: str) -> None:
        if any(mark in line[:120] for mark in ERROR_MARKS):
            self._errors[unit] = line
        elif not line.startswith(" "):
            self._lines[unit] = line


def _message(line: str) -> str:
    if line.startswith("{"):
        try:
            return str(json.loads(line).get("message", line))
        except ValueError:
            return line
    return line.split(": ", 1)[-1] if is_final(line) else line


class RelayHandler(logging.Handler):
    """Sends PID 1's own logging through the relay."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self.relay = relay
        self.setFormatter(Formatter("pid1"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.relay.write(self.format(record))

"""How a log line looks, in JSON and in text, and how a process comes to write such lines."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from boot import uncaught

if TYPE_CHECKING:
    from datetime import tzinfo

STDOUT = 1
JSON_PREFIX = '{"time": "'
# Not compiled here: only PID 1 looks for them, and each program would pay for it.
JSON_FINAL = r'\{"time": "[^"]{20,40}", "level": "[A-Z]+", "program": "[^"]+"'
TEXT_FINAL = (
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S+) (DEBUG|INFO|WARNING|ERROR|CRITICAL) ([\w.-]+): "
)
COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


@cache
def zone(name: str) -> "tzinfo | None":
    """Return the time zone of that name; None (the system's) where it is unknown."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - 5 ms of every start that UTC need not pay

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def timestamp(seconds: float) -> str:
    """Return `seconds` since the epoch as ISO 8601 with milliseconds and offset, in `TZ`."""
    name = os.environ.get("TZ") or "UTC"
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    if name == "UTC":
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        return f"{clock}.{micros // 1000:03d}+00:00"
    from datetime import datetime  # noqa: PLC0415 - 2 ms that UTC need not pay either

    moment = datetime.fromtimestamp(whole, zone(name)).replace(microsecond=micros)
    aware = moment if moment.tzinfo else moment.astimezone()
    return aware.isoformat(timespec="milliseconds")


def context() -> dict[str, str]:
    """Return the fields every line carries: boot id and, where set, the slot."""
    names = {"boot": "EDGEPAAS_BOOT_ID", "slot": "SLOT"}
    return {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}


def render(  # noqa: PLR0913 - a line has these parts
    level: str,
    program: str,
    message: str,
    fields: Mapping[str, Any] | None = None,
    *,
    seconds: float | None = None,
    form: str | None = None,
) -> str:
    """Return one finished line without its newline.

    `form` is "json" or "text", by default LOG_FORMAT (json where that is neither); `seconds` since
    the epoch defaults to now.
    """
    when = timestamp(time.time() if seconds is None else seconds)
    if (form or os.environ.get("LOG_FORMAT")) != "text":
        line = {"time": when, "level": level, "program": program, "message": message}
        return json.dumps({**line, **context(), **(fields or {})}, default=str, ensure_ascii=False)
    tail = "".join(f" {key}={value}" for key, value in (fields or {}).items())
    return f"{when} {level} {program}: {printable(message + tail)}".replace("\n", "\n  ")


def is_final(line: str) -> bool:
    """Tell whether a child already wrote the line in its final form, and whole."""
    if line.startswith(JSON_PREFIX):
        return line.endswith("}") and re.match(JSON_FINAL, line) is not None
    return re.match(TEXT_FINAL, line) is not None


def coloured(line: str) -> str:
    """Return a line of text for a terminal: its time dim, its level in a colour."""
    found = re.match(TEXT_FINAL, line)
    if not found:
        return line
    when, level, program = found.groups()
    rest = line[found.end() :]
    return (
        f"\x1b[2m{when}\x1b[0m \x1b[{COLOURS[level]}m{level}\x1b[0m \x1b[1m{program}\x1b[0m: {rest}"
    )


def wants_colour(fd: int) -> bool:
    """Tell whether whoever reads `fd` is a person at a terminal who takes colours.

    NO_COLOR=1 is how one says no.
    """
    return (
        os.environ.get("LOG_FORMAT") == "text" and not os.environ.get("NO_COLOR") and os.isatty(fd)
    )


def printable(text: str) -> str:
    """Return a text that can do nothing to a terminal: control characters are escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text
    )


class Formatter(logging.Formatter):
    """Format a logging record as one line of ours; `mask` hides secrets in it.

    `extra={"fields": {...}}` adds fields, and so does an attribute `context` of the record, which
    an application may set for all records of a request. A traceback becomes the field `traceback`
    in JSON and indented lines in text.
    """

    def __init__(self, program: str, mask: Callable[[str], str] = str) -> None:
        super().__init__()
        self.program = program
        self.mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one finished line."""
        fields = {
            **(getattr(record, "context", None) or {}),
            **(getattr(record, "fields", None) or {}),
        }
        message = record.getMessage().rstrip("\n")
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        form = os.environ.get("LOG_FORMAT") or "json"
        if form == "text" and "traceback" in fields:
            message = f"{message}\n{fields.pop('traceback')}"
        line = render(
            record.levelname, self.program, message, fields, seconds=record.created, form=form
        )
        return self.mask(line)


class TerminalFormatter(Formatter):
    """The same in colours, for a program that a person runs at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one finished line in colours."""
        return coloured(super().format(record))


def configure(program: str, mask: Callable[[str], str] = str) -> None:
    """Send all logging of this process to stdout as finished lines of `program`.

    Warnings and what nobody caught are logged too. The level is LOG_LEVEL (default info); an
    unknown name means info. `mask` hides secrets, where no PID 1 of ours does that on the way.
    """
    handler = logging.StreamHandler(sys.stdout)
    terminal = wants_colour(STDOUT)
    form = TerminalFormatter if terminal else Formatter
    handler.setFormatter(form(program, mask))
    logging.captureWarnings(capture=True)
    uncaught.install()
    level = logging.getLevelNamesMapping().get((os.environ.get("LOG_LEVEL") or "info").upper())
    logging.basicConfig(level=level or logging.INFO, handlers=[handler], force=True)

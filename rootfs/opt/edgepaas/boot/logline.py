"""How a log line looks, in JSON and in text. Imports nothing of ours."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

JSON_PREFIX = '{"time": "'
TEXT_FINAL = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.-]+: "
)


@cache
def zone(name: str) -> tzinfo | None:
    """Return the time zone of that name; None (the system's) where it is unknown."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - 5 ms of every start that UTC need not pay

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def timestamp(seconds: float) -> str:
    """Return `seconds` since the epoch as ISO 8601 with milliseconds and offset, in `TZ`."""
    moment = datetime.fromtimestamp(seconds, zone(os.environ.get("TZ") or "UTC"))
    return (
        moment.astimezone().isoformat(timespec="milliseconds")
        if moment.tzinfo is None
        else (moment.isoformat(timespec="milliseconds"))
    )


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
    return f"{when} {level} {program}: {message}{tail}".replace("\n", "\n  ")


def is_final(line: str) -> bool:
    """Tell whether a child already wrote the line in its final form."""
    return line.startswith(JSON_PREFIX) or TEXT_FINAL.match(line) is not None


class Formatter(logging.Formatter):
    """Format a logging record as one line of ours.

    `extra={"fields": {...}}` adds fields; a traceback becomes the field `traceback`
    in JSON and indented lines in text.
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one finished line."""
        fields = dict(getattr(record, "fields", None) or {})
        message = record.getMessage()
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        form = os.environ.get("LOG_FORMAT") or "json"
        if form == "text" and "traceback" in fields:
            message = f"{message}\n{fields.pop('traceback')}"
        return render(
            record.levelname, self.program, message, fields, seconds=record.created, form=form
        )


def configure(program: str) -> None:
    """Send all logging of this process to stdout as finished lines of `program`.

    The level is LOG_LEVEL (default info); an unknown name means info.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter(program))
    logging.captureWarnings(capture=True)
    level = logging.getLevelNamesMapping().get((os.environ.get("LOG_LEVEL") or "info").upper())
    logging.basicConfig(level=level or logging.INFO, handlers=[handler], force=True)

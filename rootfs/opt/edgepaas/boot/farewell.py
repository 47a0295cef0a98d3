"""The last word: which unit, what status, why, and what to do, as a log line and as exit.json."""

import logging
import time
from contextlib import suppress
from pathlib import Path

from boot.ends import Outcome
from boot.exit_status import ExitStatus, explain
from boot.logline import timestamp
from boot.report import replace_json

log = logging.getLogger(__name__)

NOTHING_WRONG = frozenset({int(ExitStatus.OK), 130, 131, 143})


def say(outcome: Outcome, run_dir: Path) -> None:
    """Write exit.json where that is possible, and the last line of the log."""
    meaning, advice = explain(outcome.status)
    status = int(outcome.status)
    fields = {
        "unit": outcome.unit,
        "status": status,
        "cause": outcome.cause,
        "meaning": meaning,
        "advice": advice,
    }
    with suppress(OSError):
        replace_json(run_dir / "exit.json", {**fields, "time": timestamp(time.time())})
    who = f"{outcome.unit} " if outcome.unit else ""
    level = logging.INFO if status in NOTHING_WRONG else logging.ERROR
    log.log(
        level,
        "exit status %d (%s): %s%s. %s",
        status,
        meaning,
        who,
        outcome.cause.rstrip("."),
        advice,
    )

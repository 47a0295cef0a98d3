"""The last alert of a container: PID 1 tells why it ends, if that can be done in time."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from boot.contract import Contract
from boot.ends import Outcome
from boot.exit_status import ExitStatus, explain
from boot.farewell import NOTHING_WRONG

SECONDS_LEAST = 0.5
ASKED_FOR = frozenset({*NOTHING_WRONG, int(ExitStatus.CUT)})
NAMES = {
    ExitStatus.CRASHED: "crash loop or failed start",
    ExitStatus.SCHEMA: "migration failed",
}

log = logging.getLogger(__name__)


def send(outcome: Outcome, contract: Contract, environ: Mapping[str, str] = os.environ) -> None:
    """Send why the container ends, unless it was asked to, or said the same lately.

    Waits no longer than the stop budget lasts. Never raises.
    """
    urls = contract.lenient(environ, "EDGEPAAS_ALERT_URLS")
    if not urls or outcome.status in ASKED_FOR:
        return
    try:
        _send(outcome, contract, environ, urls.split(","))
    except Exception:
        log.exception("alert not sent")


def _send(
    outcome: Outcome, contract: Contract, environ: Mapping[str, str], urls: list[str]
) -> None:
    # Nothing of this is imported where there is nothing to send.
    from boot.alerts.alert import Alert, Kind  # noqa: PLC0415
    from boot.alerts.delivery import Delivery  # noqa: PLC0415
    from boot.alerts.memory import FILE, Memory  # noqa: PLC0415
    from boot.alerts.watch import failure_key  # noqa: PLC0415

    status = int(outcome.status)
    meaning, advice = explain(status)
    name = NAMES.get(ExitStatus(status), meaning) if status in NAMES else meaning
    key = failure_key(outcome.unit or f"container-{status}")
    place = Path(contract.lenient(environ, "EDGEPAAS_DATA_DIR")) / FILE
    memory = Memory(place, float(contract.lenient(environ, "EDGEPAAS_ALERT_COOLDOWN")))
    what = f"{name}: the container ended with status {status}"
    left = outcome.left
    if left is None:
        left = float(contract.lenient(environ, "EDGEPAAS_STOP_TIMEOUT"))
    if left < SECONDS_LEAST:
        log.error("alert not sent: %s (the stop budget is used up)", what)
        return
    if not memory.may_tell(key):
        log.info("alert not sent again: the same was told within %g s", memory.cooldown)
        return
    who = f"{outcome.unit} " if outcome.unit else ""
    alert = Alert(key, Kind.FAILURE, what, f"{who}{outcome.cause}\n{meaning}; {advice}.")
    results = Delivery(alert, urls, left).wait()
    for result in results:
        if result.sent:
            log.info("alert sent to %s: %s", result.to, what)
        else:
            log.error("alert not sent to %s: %s (%s)", result.to, what, result.why)
    if not any(result.sent for result in results):
        memory.forget(key)

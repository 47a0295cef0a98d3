"""Does the application answer that it can serve?"""

import json
from collections.abc import Iterator
from typing import Any

from boot.doctor import processes
from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad, blocking, ok, warn
from boot.doctor.inquiry import Reply, Silence, SilenceError, get
from boot.doctor.words import one_line

SUBJECT = "app"
UNIT = "web"
PATH = "/health/ready"
SECONDS = 2.0
SERVES = 200
NOT_FOUND = 404
NOT_STARTED = frozenset({"waiting", "skipped"})


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield what the app answers on its own port; nothing before it is started."""
    if not evidence.alive or evidence.unit(UNIT).get("state") in NOT_STARTED:
        return
    address = evidence.address("EDGEPAAS_BIND", "PORT")
    if address is None:
        return
    try:
        reply = get(address, PATH, SECONDS)
    except SilenceError as silence:
        yield blocking(_silent(silence, evidence))
        return
    yield _answered(reply)


def _answered(reply: Reply) -> Finding:
    if reply.status == SERVES:
        return ok(SUBJECT, f"{PATH} answers {SERVES} after {reply.seconds * 1000:.0f} ms")
    if reply.status == NOT_FOUND:
        advice = f"give the application a route {PATH} (docs/own-app.md)"
        return blocking(bad(SUBJECT, f"{PATH} answers {NOT_FOUND}: it has no such route", advice))
    wrong = failing_checks(reply)
    line = f"{PATH} answers {reply.status}"
    if wrong == ["draining"]:
        return warn(SUBJECT, f"{line}, because it drains")
    reasons = "; ".join(each for each in wrong if each != "draining")
    advice = _advice(reasons) if reasons else "its own lines say more: `docker logs CONTAINER`"
    return blocking(bad(SUBJECT, f"{line}: {reasons}" if reasons else line, advice))


def failing_checks(reply: Reply) -> list[str]:
    """Return the checks the app's answer says have failed, with its words."""
    try:
        checks: Any = json.loads(reply.body)["checks"]
        return [
            one_line(f"{name}: {check['detail']}") if name != "draining" else name
            for name, check in checks.items()
            if not check["ok"]
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []


def _advice(reasons: str) -> str:
    if reasons.startswith("schema"):
        return "bring the schema to this image's revision: `docker run IMAGE migrate`"
    return "see the finding about the database"


def _silent(silence: SilenceError, evidence: Evidence) -> Finding:
    unit = evidence.unit(UNIT)
    if silence.kind is Silence.HUNG:
        seconds = evidence.value("EDGEPAAS_WEB_TIMEOUT")
        states = processes.states(unit.get("pid"))
        advice = (
            "its workers are frozen: `kill -CONT` them, or restart the container"
            if "stopped" in states
            else f"its workers are busy or hung; one is replaced after {seconds} s without a sign "
            "of life (EDGEPAAS_WEB_TIMEOUT)"
        )
        line = f"{silence} ({states})" if states else str(silence)
        return bad(SUBJECT, line, advice)
    line = f"{silence}; {UNIT} is {unit['state']}" if unit else str(silence)
    return bad(SUBJECT, line, "see that PORT and EDGEPAAS_BIND are what the application listens on")

"""Does the management server answer, which the health check and the probes ask?"""

import json
from collections.abc import Iterator

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad, blocking, ok, warn
from boot.doctor.inquiry import SilenceError, get

SUBJECT = "sidecar"
UNIT = "metrics"
PATH = "/readyz"
SECONDS = 3.0
READY = 200


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield what the sidecar says about readiness."""
    unit = evidence.unit(UNIT)
    address = evidence.address("EDGEPAAS_METRICS_BIND", "EDGEPAAS_METRICS_PORT")
    if not evidence.alive or not unit or address is None:
        return
    try:
        reply = get(address, PATH, SECONDS)
    except SilenceError as silence:
        line = f"{silence}, and the health check asks there; {UNIT} is {unit['state']}"
        advice = "see its lines in `docker logs CONTAINER`, then `supervisorctl restart metrics`"
        yield blocking(bad(SUBJECT, line, advice))
        return
    if reply.status == READY:
        yield ok(SUBJECT, f"{PATH} answers {READY}")
    else:
        yield blocking(warn(SUBJECT, f"{PATH} answers {reply.status}: {_reason(reply.body)}"))


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, LookupError, TypeError):
        return "no reason given"

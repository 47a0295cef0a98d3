"""Does anything run here, and does PID 1 answer?"""

from collections.abc import Iterator

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad, blocking, ok, warn
from boot.verbs import control

SUBJECT = "PID 1"
HOW_TO_ASK = (
    "to look into a running container: `docker exec CONTAINER edgepaas doctor`; "
    "to start one: `docker run IMAGE` without a verb"
)
AS_ITS_USER = "run this as the container's own user: `docker exec` without --user"
FROZEN = "it is stopped (SIGSTOP, `docker pause`) or starved of CPU; else restart the container"
KILLED = (
    "look for an out-of-memory kill: `docker inspect --format '{{.State.OOMKilled}}' CONTAINER`"
)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield whether PID 1 answers, and where nothing runs how the last boot ended."""
    trouble = evidence.trouble
    if trouble is None:
        yield ok(SUBJECT, "answers")
    elif isinstance(trouble, control.NotAllowedError):
        yield warn(SUBJECT, f"cannot be asked: {trouble}", AS_ITS_USER)
    elif evidence.alive:
        yield blocking(bad(SUBJECT, str(trouble), FROZEN))
    else:
        yield blocking(_dead(evidence))


def _dead(evidence: Evidence) -> Finding:
    end = evidence.end
    if end:
        who = f"{end.get('unit')} " if end.get("unit") else ""
        status = f"exit status {end.get('status')} ({end.get('meaning')})"
        line = f"nothing runs here; the last boot ended with {status}: {who}{end.get('cause')}"
        return bad(SUBJECT, line, str(end.get("advice", "")))
    if evidence.report:
        line = f"nothing runs here; the last boot was killed while {evidence.report.get('phase')}"
        return bad(SUBJECT, line, KILLED)
    return bad(SUBJECT, f"nothing runs here: {evidence.run_dir} holds no boot", HOW_TO_ASK)
